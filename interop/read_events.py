"""Prints what TensorBoard finds in a folder of event files, as JSON.

The first reader keeps the values as they were written; the second is the one under
TensorBoard's own pages, which converts them as it reads.
"""

import json
import struct
import sys

from tensorboard.backend.event_processing import event_accumulator, plugin_event_accumulator

everything = {kind: 0 for kind in ("scalars", "histograms", "images", "tensors")}
written = event_accumulator.EventAccumulator(sys.argv[1], size_guidance=everything).Reload()
shown = plugin_event_accumulator.EventAccumulator(sys.argv[1], size_guidance=everything).Reload()


def histogram(e):
    h = e.histogram_value
    return {"step": e.step, "min": h.min, "max": h.max, "num": h.num, "sum": h.sum, "counts": list(h.bucket)}


def image(e):
    png = e.encoded_image_string
    assert png.startswith(b"\x89PNG\r\n\x1a\n"), "no PNG"
    size = struct.unpack(">II", png[16:24])
    return {"step": e.step, "width": e.width, "height": e.height, "real": size}


tags = written.Tags()
print(json.dumps({
    "scalars": {tag: [{"step": e.step, "value": e.value} for e in written.Scalars(tag)] for tag in tags["scalars"]},
    "histograms": {tag: [histogram(e) for e in written.Histograms(tag)] for tag in tags["histograms"]},
    "images": {tag: [image(e) for e in written.Images(tag)] for tag in tags["images"]},
    "texts": {tag: [e.tensor_proto.string_val[0].decode() for e in written.Tensors(tag)] for tag in tags["tensors"]},
    "plugins": {name: sorted(shown.PluginTagToContent(name)) for name in sorted(shown.ActivePlugins())},
    "steps_shown": {tag: [e.step for e in shown.Tensors(tag)] for tag in shown.Tags()["tensors"]},
}))
