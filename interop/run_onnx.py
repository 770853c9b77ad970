"""Runs ONNX files in onnxruntime.

run_onnx.py PIXELS HEIGHT WIDTH CHANNELS NET OUT [NET OUT ...]: PIXELS are bytes [n, height,
width, channels]. Each OUT gets the logits and then the probabilities, as float32. The
metadata of each net go to standard output, as a line of JSON.
"""

import json
import sys

import numpy as np
import onnx
import onnxruntime

pixels, height, width, channels, *jobs = sys.argv[1:]
images = np.fromfile(pixels, np.uint8).reshape(-1, int(height), int(width), int(channels))
images = images.astype(np.float32) / np.float32(255)
for net, out in zip(jobs[::2], jobs[1::2]):
    onnx.checker.check_model(net, full_check=True)
    session = onnxruntime.InferenceSession(net, providers=["CPUExecutionProvider"])
    logits, probabilities = session.run(["logits", "probabilities"], {"images": images})
    with open(out, "wb") as file:
        file.write(logits.astype("<f4").tobytes())
        file.write(probabilities.astype("<f4").tobytes())
    meta = session.get_modelmeta()
    print(json.dumps({"producer": meta.producer_name, **meta.custom_metadata_map}))
