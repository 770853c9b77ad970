"""Draws docs/architecture.svg: the packages, and an arrow for each import between them that go list finds.

make docs runs it. An arrow that others imply (cmd imports gpu through run and algo) is left out.
"""
import os
import pathlib
import re
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
BOXES = {  # name: left, top, width, text below it, style; a package belongs to the longest name that it begins with
    "cmd": (30, 24, 860, "train · sweep · predict · inspect · report · export · bench · imagenet-prep, joined in mdfa", "box"),
    "run": (30, 114, 420, "a run: settings, folder, checkpoints, sweeps, statistics", "box"),
    "ranks": (480, 114, 190, "processes as one group", "box"),
    "loaders": (700, 114, 190, "data sets, class subsets", "box"),
    "algo": (30, 214, 420, "learning rules and the step · feed · measure · training", "box"),
    "model": (30, 314, 420, "layers, parameters, initial values", "box"),
    "gpu": (30, 414, 420, "the device contract: memory, operations, programs", "key"),
    "gpu/devicetest": (640, 414, 250, "conformance of every device", "box"),
    "gpu/cpu": (30, 524, 200, "OpenBLAS, or gonum", "box"),
    "gpu/cuda": (250, 524, 200, "our kernels, cuBLAS, NCCL", "box"),
    "gpu/cuda/driver": (250, 624, 200, "a table behind every C call", "box"),
    "softgpu": (480, 624, 410, "a software GPU: runs the PTX, finds races and stray accesses", "box"),
}
# What only tests and generators use, and the few lines that open the device of gpu/cuda on the software GPU.
ASIDE = r"/gen$|/ptxtool$|/include/|/mutants$|/emulated$|/internal/"
HEIGHT, ROOM = 56, 704
ROUTES = {  # around other boxes
    ("run", "loaders"): "M430 114 V97 H795 V112",
    ("run", "gpu/cpu"): "M30 142 H14 V552 H28",
    ("run", "gpu/cuda"): "M450 156 H466 V552 H452",
    ("run", "softgpu"): "M430 170 V192 H560 V622",
    ("softgpu", "gpu/cuda/driver"): "M480 652 H452",
}
IMPLEMENTS = {("gpu/cpu", "gpu"): "implements", ("gpu/cuda", "gpu"): "implements", ("gpu/devicetest", "gpu"): "tests"}


def box_of(package):
    path = package.removeprefix("mdfa/")
    return max((b for b in BOXES if path == b or path.startswith(b + "/")), key=len, default=None)


def imports():
    """Pairs of boxes, the first of which imports the second in a build of the programs."""
    done = subprocess.run(["go", "list", "-tags", "cuda", "-f", '{{.ImportPath}} {{join .Imports " "}}', "./..."], cwd=HERE.parent,
                          env=os.environ | {"CGO_ENABLED": "1"}, capture_output=True, text=True, check=True)
    edges = set()
    for line in done.stdout.splitlines():
        package, *imported = line.split()
        if re.search(ASIDE, package):
            continue
        for other in imported:
            pair = box_of(package), box_of(other)
            if other.startswith("mdfa/") and not re.search(ASIDE, other) and None not in pair and pair[0] != pair[1]:
                edges.add(pair)
    return edges


def reduced(edges):
    """The edges that no longer way replaces."""
    def reaches(a, b, without):
        return any(x == a and (y == b or reaches(y, b, without)) for x, y in edges if (x, y) != without)
    return {e for e in edges if not reaches(*e, e)}


def arrow(a, b):
    (left, top, width, *_), (left2, top2, width2, *_) = BOXES[a], BOXES[b]
    if (a, b) in ROUTES:
        return ROUTES[a, b]
    if top == top2:  # beside each other
        y = top + HEIGHT // 2
        return f"M{left} {y} H{left2 + width2 + 2}" if left > left2 else f"M{left + width} {y} H{left2 - 2}"
    x = (max(left, left2) + min(left + width, left2 + width2)) // 2  # the middle of what lies above each other
    return f"M{x} {top + HEIGHT} V{top2 - 2}" if top < top2 else f"M{x} {top} V{top2 + HEIGHT + 2}"


def main():
    out = [f'''<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 920 {ROOM}" font-family="system-ui, sans-serif" role="img" aria-label="The packages and their imports, from the programs down to the devices">
<style>
.box{{fill:#fff;stroke:#57606a;stroke-width:1.5}}.key{{fill:#ddf4ff;stroke:#0969da;stroke-width:2}}
.t{{font-size:16px;font-weight:600;fill:#1f2328;text-anchor:middle}}.s{{font-size:12.5px;fill:#57606a;text-anchor:middle}}.w{{font-size:12px;fill:#0969da}}
.f{{stroke:#57606a;stroke-width:1.6;fill:none;marker-end:url(#g)}}.i{{stroke:#0969da;stroke-width:1.6;fill:none;stroke-dasharray:5 3;marker-end:url(#b)}}
</style><defs>
<marker id="g" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#57606a"/></marker>
<marker id="b" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 8 4 0 8z" fill="#0969da"/></marker>
</defs><rect width="920" height="{ROOM}" fill="#f6f8fa" rx="8"/>''']
    for name, (left, top, width, text, style) in BOXES.items():
        x = left + width / 2
        out.append(f'<rect class="{style}" x="{left}" y="{top}" width="{width}" height="{HEIGHT}" rx="6"/>')
        out.append(f'<text class="t" x="{x}" y="{top + 24}">{name}</text><text class="s" x="{x}" y="{top + 43}">{text}</text>')
    for a, b in sorted(reduced(imports())):
        out.append(f'<path class="{"i" if (a, b) in IMPLEMENTS else "f"}" d="{arrow(a, b)}"/>')
    for (a, b), word in IMPLEMENTS.items():
        left, top, width, *_ = BOXES[a]
        x, y = (left + width // 2 + 8, top - 24) if BOXES[b][1] != top else (left - 60, top + 20)
        out.append(f'<text class="w" x="{x}" y="{y}">{word}</text>')
    (HERE / "architecture.svg").write_text("\n".join([*out, "</svg>", ""]))


main()
