"""Times PyTorch on the CPU, training one of bench's networks.

Arguments: network, batch, and a mode of BioTorch's (github.com/jsalbert/biotorch), or nothing for PyTorch's own
backpropagation. For each line on standard input, a number of seconds, it trains for that long and prints the seconds of
the median step. BioTorch runs eagerly, as its users run it; of PyTorch's own it is the better of eager and compiled.
"""
import contextlib
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

SIDE_CHANNELS = {"mnist": (28, 1), "cifar": (32, 3)}
HIDDEN = {"mnist": (200, 200), "cifar": (1024, 1024)}
FILTERS = ((96, 5, 2), (96, 3, 2), (96, 3, 1))


def network(name):
    data, kind = name.split("-")
    side, channels = SIDE_CHANNELS[data]
    if kind == "fc":
        layers, width = [nn.Flatten()], side * side * channels
        for units in HIDDEN[data]:
            layers += [nn.Linear(width, units), nn.Tanh()]
            width = units
    else:
        layers, size, width = [], side, channels
        for filters, kernel, stride in FILTERS:
            layers += [nn.Conv2d(width, filters, kernel, stride), nn.Tanh()]
            size, width = (size - kernel) // stride + 1, filters
        layers.append(nn.Flatten())
        width *= size * size
    return nn.Sequential(*layers, nn.Linear(width, 10)), (channels, side, side)


@torch.no_grad()
def rmsprop(params, squares, lr=1e-4):
    """TensorFlow's form: the accumulator starts at one, epsilon sits inside the root."""
    grads = [p.grad for p in params]
    torch._foreach_mul_(squares, 0.9)
    torch._foreach_addcmul_(squares, grads, grads, 0.1)
    roots = torch._foreach_add(squares, 1e-10)
    torch._foreach_sqrt_(roots)
    torch._foreach_addcdiv_(params, grads, roots, -lr)


def trainer(name, batch, mode, compiled=False):
    """Returns a function that does step i, once it has warmed up."""
    net, shape = network(name)
    if mode:
        from biotorch.module.biomodule import BioModule
        with contextlib.redirect_stdout(sys.stderr):
            net = BioModule(net, mode=mode, output_dim=10)
    params = [p for p in net.parameters() if p.requires_grad]
    squares = [torch.ones_like(p) for p in params]
    x, y = torch.rand(64 * batch, *shape), torch.randint(0, 10, (64 * batch,))
    if mode == "dfa":  # its forward pass takes the error to the layers
        loss = lambda a, b: F.cross_entropy(net(a, b, F.cross_entropy), b)
    else:
        loss = lambda a, b: F.cross_entropy(net(a), b)
    if compiled:
        loss = torch.compile(loss)

    def step(i):
        at = i % 64 * batch
        for p in params:
            p.grad = None
        loss(x[at:at + batch], y[at:at + batch]).backward()
        rmsprop(params, squares)

    for i in range(5):
        step(i)
    return step


def median_step(step, seconds):
    times, end, i = [], time.perf_counter() + seconds, 0
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        step(i)
        times.append(time.perf_counter() - start)
        i += 1
    return sorted(times)[len(times) // 2]


def main():
    name, batch, mode = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    torch.manual_seed(0)
    steps = [trainer(name, batch, mode)]
    if not mode:
        try:
            steps.append(trainer(name, batch, mode, compiled=True))
        except Exception as e:  # torch.compile needs a C++ compiler
            print(f"torch.compile does not work here: {e}"[:200], file=sys.stderr)
    for seconds in sys.stdin:
        print(min(median_step(step, float(seconds)) for step in steps), flush=True)


main()
