"""Makes the pictures of this folder and what Pillow makes of them.

    pip install pillow==13.0.0 && python make.py

Each case is NAME.<ext> and NAME.want.png: the centre square, resized by Pillow's
BICUBIC without its reducing shortcut, upright and RGB.
"""
import math
import os
import subprocess

from PIL import Image, ImageOps

SIZE = 24


def picture(width, height):
    """Smooth colours with edges of brightness, so that a wrong filter or a shift shows.

    Edges of pure colour are left out: there decoders differ by how they enlarge the
    colour planes, which are stored at half the size.
    """
    im = Image.new("RGB", (width, height))
    for y in range(height):
        for x in range(width):
            light = 0.45 if (x // 16 + y // 12) % 2 else 1.0
            r = 127 + 90 * math.sin(x / 19.0 + y / 23.0)
            g = 40 + 180 * y / height
            b = 30 + 200 * x / width
            im.putpixel((x, y), (int(light * r), int(light * g), int(light * b)))
    return im


def expect(name, ext):
    im = ImageOps.exif_transpose(Image.open(f"{name}.{ext}")).convert("RGB")
    side = min(im.size)
    left, top = (im.width - side) // 2, (im.height - side) // 2
    im = im.crop((left, top, left + side, top + side))
    im.resize((SIZE, SIZE), Image.Resampling.BICUBIC, reducing_gap=None).save(f"{name}.want.png")


def jpeg(name, im, **options):
    im.save(f"{name}.jpg", quality=92, **options)
    expect(name, "jpg")


wide = picture(101, 60)
jpeg("wide", wide)
jpeg("tall", picture(58, 97))
jpeg("full-chroma", wide, subsampling=0)
jpeg("progressive", wide, progressive=True)
jpeg("grey", wide.convert("L"))
jpeg("cmyk", wide.convert("CMYK"))
jpeg("small", picture(17, 11), subsampling=0)
jpeg("exact", picture(31, 24), subsampling=0)
for value in range(1, 9):
    exif = Image.Exif()
    exif[0x0112] = value
    jpeg(f"orientation-{value}", picture(61, 40), exif=exif)

# The same samples, declared to be YCCK: Adobe's segment says so in its last byte.
data = bytearray(open("cmyk.jpg", "rb").read())
at = data.index(b"Adobe") + 11
assert data[at] == 0
data[at] = 2
open("ycck.jpg", "wb").write(data)
expect("ycck", "jpg")

# A PNG under the name of a JPEG, as in ImageNet.
with open("png-inside.jpg", "wb") as f:
    wide.save(f, format="PNG")
expect("png-inside", "jpg")
wide.quantize(16).save("palette.png")
expect("palette", "png")
alpha = Image.new("L", wide.size)
for y in range(wide.height):
    for x in range(wide.width):
        alpha.putpixel((x, y), min(255, 3 * x))
clear = wide.copy()
clear.putalpha(alpha)
clear.save("transparent.png")
expect("transparent", "png")
wide.convert("L").save("grey-png.png")
expect("grey-png", "png")
wide.convert("1").save("bits.png")
expect("bits", "png")

# An orientation in a PNG.
exif = Image.Exif()
exif[0x0112] = 6
picture(61, 40).save("png-orientation.png", exif=exif)
expect("png-orientation", "png")

# Restart markers, after so many rows of MCUs or so many of them; jpegtran is libjpeg-turbo's.
SCANS = {
    "planes": "0; 1; 2;",
    # first coefficients alone as well, and refined
    "refined": "0: 0-0, 0, 1; 1,2: 0-0, 0, 1; 0: 0-0, 1, 0; 1,2: 0-0, 1, 0; 0: 1-9, 0, 2; 0: 10-63, 0, 2; "
    "1: 1-63, 0, 1; 2: 1-63, 0, 1; 0: 1-63, 2, 1; 1: 1-63, 1, 0; 2: 1-63, 1, 0; 0: 1-63, 1, 0;",
}


def restarts(name, source, *options, scans=None):
    if scans:
        with open("scans.txt", "w") as f:
            f.write(SCANS[scans])
        options += ("-scans", "scans.txt")
    subprocess.run(["jpegtran", *options, "-outfile", f"{name}.jpg", f"{source}.jpg"], check=True)
    expect(name, "jpg")


wide.save("wide-422.jpg", quality=92, subsampling=1)
restarts("restarts-progressive", "wide", "-progressive", "-restart", "1")
restarts("restarts-often", "tall", "-progressive", "-restart", "1B")
restarts("restarts-422", "wide-422", "-progressive", "-restart", "5B")
restarts("restarts-planes", "wide", "-restart", "1", scans="planes")
restarts("restarts-refined", "wide", "-restart", "2B", scans="refined")
restarts("restarts-turned", "orientation-6", "-copy", "all", "-progressive", "-restart", "1")
os.remove("wide-422.jpg")
os.remove("scans.txt")
