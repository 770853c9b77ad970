"""A trained network as a module of PyTorch."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

from ._network import Network

ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid, "pl": lambda a: a.clamp(-1, 1), "linear": lambda a: a}
POOLINGS: dict[str, Callable[..., torch.Tensor]] = {"max": nn.functional.max_pool2d, "avg": nn.functional.avg_pool2d}


class Module(nn.Module):
    """A trained network, whose layers are nn.Conv2d and nn.Linear."""

    def __init__(self, net: Network):
        super().__init__()
        self.spec, self.classes, self.layers = net.spec, net.classes, nn.ModuleList()
        for index, spec in enumerate([*net.spec["layers"], {"kind": "dense"}]):
            weight, bias = (torch.from_numpy(np.array(array)) for array in net.layer(index))
            if spec["kind"] == "conv":  # [k, k, in, out] -> [out, in, k, k]
                weight = weight.permute(3, 2, 0, 1)
                layer: nn.Module = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2], spec["stride"], spec.get("pad", 0))
            else:  # [in, out] -> [out, in]
                weight = weight.T
                layer = nn.Linear(weight.shape[1], weight.shape[0])
            layer.load_state_dict({"weight": weight, "bias": bias})
            self.layers.append(layer)

    def forward(self, x: torch.Tensor) -> torch.Tensor:  # [n, height, width, channels]
        if n := self.spec.get("normalization"):
            x = (x - x.new_tensor(n["mean"])) / x.new_tensor([d or 1 for d in n["deviation"]])
        f = ACTIVATIONS[self.spec["activation"]]
        for layer, spec in zip(self.layers, self.spec["layers"]):
            if spec["kind"] == "conv":
                x = f(layer(x.permute(0, 3, 1, 2)))
                if "pool" in spec:
                    kind, kernel, stride = spec["pool"].split(":")
                    x = POOLINGS[kind](x, int(kernel), int(stride))
                x = x.permute(0, 2, 3, 1)
            else:
                x = f(layer(x.flatten(1)))
        logits: torch.Tensor = self.layers[-1](x.flatten(1))
        return logits
