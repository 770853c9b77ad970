"""Loads exported weights into PyTorch.

run_torch.py PIXELS NET OUT [NET OUT ...]: PIXELS are bytes [n, height, width, channels], each
NET is what export -format safetensors wrote. Each OUT gets the logits as float32.
"""

import json
import sys

import torch
from safetensors import safe_open
from torch import nn


class Net(nn.Module):
    def __init__(self, path):
        super().__init__()
        with safe_open(path, "pt") as file:
            self.spec = json.loads(file.metadata()["network"])
            self.names = json.loads(file.metadata()["class_names"])  # output i is names[i]
            w = {name: file.get_tensor(name) for name in file.keys()}
        name = self.spec["activation"]
        self.f = (lambda a: a.clamp(-1, 1)) if name == "pl" else getattr(torch, name)
        self.layers = nn.ModuleList()
        for i in range(len(w) // 2):
            weight, bias = w[f"layers.{i}.weight"], w[f"layers.{i}.bias"]
            if weight.dim() == 4:  # [k, k, in, out] -> [out, in, k, k]
                weight, spec = weight.permute(3, 2, 0, 1), self.spec["layers"][i]
                layer = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2], spec["stride"], spec.get("pad", 0))
            else:  # [in, out] -> [out, in]
                weight = weight.T
                layer = nn.Linear(weight.shape[1], weight.shape[0])
            layer.load_state_dict({"weight": weight, "bias": bias})
            self.layers.append(layer)

    def forward(self, x):  # [n, height, width, channels], pixels / 255
        if n := self.spec.get("normalization"):
            x = (x - torch.tensor(n["mean"])) / torch.tensor([d or 1 for d in n["deviation"]])
        for layer, spec in zip(self.layers, self.spec["layers"]):
            if isinstance(layer, nn.Conv2d):
                x = self.f(layer(x.permute(0, 3, 1, 2)))
                if "pool" in spec:
                    kind, kernel, stride = spec["pool"].split(":")
                    pool = {"max": nn.functional.max_pool2d, "avg": nn.functional.avg_pool2d}[kind]
                    x = pool(x, int(kernel), int(stride))
                x = x.permute(0, 2, 3, 1)
            else:
                x = self.f(layer(x.flatten(1)))
        return self.layers[-1](x.flatten(1))


def read(path, kind):
    with open(path, "rb") as file:
        return torch.frombuffer(bytearray(file.read()), dtype=kind)


if __name__ == "__main__":
    pixels, *jobs = sys.argv[1:]
    images = read(pixels, torch.uint8)
    for path, out in zip(jobs[::2], jobs[1::2]):
        net = Net(path)
        with torch.no_grad():
            logits = net(images.reshape(-1, *net.spec["input"]).float() / 255)
        logits.numpy().tofile(out)
