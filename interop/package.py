"""Compares the Python package's networks, in numpy and in PyTorch, with the program.

package.py RUN ...: MDFA_PROGRAM names the program, PYTHONPATH the package.
"""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile

import mdfa
import numpy as np
import torch

TOLERANCE = 1e-5  # as in main_test.go

images = np.random.default_rng(0).integers(0, 256, (40, 28, 28, 1), dtype=np.uint8)
with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / "images-idx3-ubyte"
    path.write_bytes(struct.pack(">4i", 0x803, *images.shape[:3]) + images.tobytes())
    for folder in sys.argv[1:]:
        run = mdfa.load(folder)
        net = run.network()
        text = subprocess.run([mdfa.program(), "predict", folder, path, "-json", "-logits", "-device", "cpu"],
                              check=True, capture_output=True, text=True).stdout
        predicted = [json.loads(line) for line in text.splitlines()]
        predicted = [image for image in predicted if "logits" in image]
        want = np.array([image["logits"] for image in predicted])
        with torch.no_grad():
            of_torch = net.torch()(torch.from_numpy(images).float() / 255).numpy()
        for name, got in (("numpy", net(images)), ("torch", of_torch)):
            difference = np.abs(got - want) / np.maximum(np.abs(want), 1)
            assert got.shape == want.shape and difference.max() < TOLERANCE, f"{run}, {name}: {difference.max()}"
        assert net.predict(images) == [image["predictions"][0]["name"] for image in predicted], run
        print(run, net)
