"""Computes the gradients of exported weights in PyTorch.

grad_torch.py PIXELS LABELS NET OUT [NET OUT ...]: PIXELS are bytes [n, height, width, channels], LABELS
int32 [n], each NET is what export -format safetensors wrote. Each OUT gets the gradient of the mean
cross-entropy, as float32 in the order and shapes of the layers' tensors in NET.
"""

import sys

import torch

from run_torch import Net, read

pixels, labels, *jobs = sys.argv[1:]
for path, out in zip(jobs[::2], jobs[1::2]):
    net = Net(path)
    x = read(pixels, torch.uint8).reshape(-1, *net.spec["input"]).float() / 255
    torch.nn.functional.cross_entropy(net(x), read(labels, torch.int32).long()).backward()
    with open(out, "wb") as file:
        for layer in net.layers:
            weight = layer.weight.grad
            weight = weight.permute(2, 3, 1, 0) if weight.dim() == 4 else weight.T
            file.write(weight.contiguous().numpy().tobytes() + layer.bias.grad.numpy().tobytes())
