"""Prints what is in a safetensors file, as JSON: its metadata, and of each tensor the shape,
the type and the sum of its elements."""

import json
import sys

import numpy as np
from safetensors import safe_open

with safe_open(sys.argv[1], "np") as file:
    tensors = {}
    for name in file.keys():
        t = file.get_tensor(name)
        tensors[name] = {"shape": t.shape, "type": str(t.dtype), "sum": float(t.astype(np.float64).sum())}
    print(json.dumps({"metadata": file.metadata(), "tensors": tensors}))
