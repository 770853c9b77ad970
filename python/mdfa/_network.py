"""Trained networks, in numpy and in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

ACTIVATIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "tanh": np.tanh,
    "relu": lambda a: np.maximum(a, 0),
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "pl": lambda a: np.clip(a, -1, 1),
    "linear": lambda a: a,
}


class Network:
    """A trained network: call it with images [n, height, width, channels], bytes or numbers from 0 to 1, for the logits.

    classes has the name of each output. With two classes there is one logit, which is positive for the second.

    >>> import mdfa
    >>> net = mdfa.load("testdata/earlier/results/mnist/mdfa").network()
    >>> net
    Network(28x28x1, conv 4 7/7, dense 10, tanh)
    >>> images = np.zeros((2, 28, 28, 1), np.uint8)
    >>> net(images).shape, net.probabilities(images).sum(1).round(3).tolist(), net.predict(images)
    ((2, 10), [1.0, 1.0], ['4', '4'])
    """

    def __init__(self, spec: dict[str, Any], weights: dict[str, np.ndarray], classes: list[str]):
        self.spec, self.weights, self.classes = spec, weights, classes

    def __repr__(self) -> str:
        parts = ["x".join(str(size) for size in self.spec["input"])]
        for layer in self.spec["layers"]:
            parts.append(f"conv {layer['filters']} {layer['kernel']}/{layer['stride']}" if layer["kind"] == "conv" else f"dense {layer['units']}")
        return f"Network({', '.join(parts)}, dense {self.layer(len(self.spec['layers']))[1].size}, {self.spec['activation']})"

    def layer(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return a layer's weights and biases."""
        return self.weights[f"layers.{index}.weight"], self.weights[f"layers.{index}.bias"]

    def __call__(self, images: np.ndarray) -> np.ndarray:
        x = self.prepare(images)
        f = ACTIVATIONS[self.spec["activation"]]
        for index, spec in enumerate(self.spec["layers"]):
            weight, bias = self.layer(index)
            if spec["kind"] == "conv":
                pad = spec.get("pad", 0)
                x = np.pad(x, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
                # [n, h, w, c, k, k] times [k, k, c, out]
                x = f(np.tensordot(windows(x, spec["kernel"], spec["stride"]), weight, axes=((4, 5, 3), (0, 1, 2))) + bias)
                if "pool" in spec:
                    kind, kernel, stride = spec["pool"].split(":")
                    x = windows(x, int(kernel), int(stride))
                    x = x.max((4, 5)) if kind == "max" else x.mean((4, 5))
            else:
                x = f(x.reshape(len(x), -1) @ weight + bias)
        weight, bias = self.layer(len(self.spec["layers"]))
        logits: np.ndarray = x.reshape(len(x), -1) @ weight + bias
        return logits

    def prepare(self, images: np.ndarray) -> np.ndarray:
        """Return images as the first layer reads them: float32, and with -normalize standardized."""
        x = np.asarray(images)
        if x.shape[1:] != tuple(self.spec["input"]):
            raise ValueError(f"images of shape {x.shape}: expected [n, {', '.join(str(size) for size in self.spec['input'])}]")
        x = x.astype(np.float32) / 255 if x.dtype == np.uint8 else x.astype(np.float32)
        if n := self.spec.get("normalization"):
            x = (x - np.array(n["mean"], np.float32)) / np.array([d or 1 for d in n["deviation"]], np.float32)
        return x

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Return the probability of each class, [n, classes]."""
        logits = self(images)
        if logits.shape[1] == 1:
            logits = np.concatenate([np.zeros_like(logits), logits], 1)
        e = np.exp(logits - logits.max(1, keepdims=True))
        shares: np.ndarray = e / e.sum(1, keepdims=True)
        return shares

    def predict(self, images: np.ndarray) -> list[str]:
        """Return the name of each image's most likely class."""
        return [self.classes[i] for i in self.probabilities(images).argmax(1)]

    def torch(self) -> Any:
        """Return the network as a torch.nn.Module. It reads float32 images of the same shape, with pixels from 0 to 1."""
        from ._torch import Module

        return Module(self)


def windows(x: np.ndarray, kernel: int, stride: int) -> np.ndarray:
    """Return the windows of images [n, height, width, channels], as [n, rows, columns, channels, kernel, kernel].

    >>> windows(np.zeros((2, 5, 7, 3)), 3, 2).shape
    (2, 2, 3, 3, 3, 3)
    """
    return np.lib.stride_tricks.sliding_window_view(x, (kernel, kernel), axis=(1, 2))[:, ::stride, ::stride]
