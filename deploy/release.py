"""Builds a release: an archive and a wheel for each system, their SHA-256 sums, and a list of the components of each (SBOM).

    python3 deploy/release.py FOLDER [-wheel] [-only linux-amd64]...
    python3 deploy/release.py -check FOLDER [...]         # builds again elsewhere, and fails if a byte differs
    python3 deploy/release.py -program bin/mdfa FOLDER    # a wheel for this machine, of a program that is already built

Everything is built from the commit that is checked out, in a clone, so that neither this folder's path nor uncommitted changes
affect it. Only -program packs the working tree as it is. zig compiles the C parts, against glibc 2.28. make release and make wheel
call this; ZIG names zig's program.
"""

import argparse
import base64
import gzip
import hashlib
import io
import json
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
SBOM_TOOL = "github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0"
EPOCH = (1980, 1, 1, 0, 0, 0)  # time of the files in a wheel; zip has no earlier one

# For each system: zig's name of it, "" for a build without C; the wheel's platform tag; and pip's, for the OpenBLAS in the archive.
# macOS has a BLAS of its own.
SYSTEMS = {
    "linux-amd64": ("x86_64-linux-gnu.2.28", "manylinux_2_28_x86_64", "manylinux_2_28_x86_64"),
    "linux-arm64": ("aarch64-linux-gnu.2.28", "manylinux_2_28_aarch64", "manylinux_2_28_aarch64"),
    "darwin-arm64": ("", "macosx_11_0_arm64", ""),
}


def run(*command, **options):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout.strip()


class Release:
    """Releases of one commit, built in a folder that is removed later."""

    def __init__(self, scratch, out, systems, built):
        self.out, self.systems, self.scratch, self.built = out, systems, scratch, built
        out.mkdir(parents=True, exist_ok=True)
        self.source = ROOT if built else scratch / "source"
        self.version = re.search(r'Number = "(.*)"', (ROOT / "internal/version/version.go").read_text())[1]
        if built:
            return
        run("git", "clone", "-q", "--no-hardlinks", str(ROOT), str(self.source))
        self.commit = run("git", "rev-parse", "HEAD", cwd=ROOT)
        run("git", "checkout", "-q", "--detach", self.commit, cwd=self.source)
        self.time = int(run("git", "log", "-1", "--format=%ct", cwd=self.source))
        self.commands = sorted(path.name for path in (self.source / "cmd").iterdir() if path.name not in ("mdfa", "internal"))

    def environment(self, system):
        """Returns the variables and the flags of a build for a system."""
        goos, goarch = system.split("-")
        target = SYSTEMS[system][0]
        return os.environ | {
            "GOOS": goos, "GOARCH": goarch, "GOFLAGS": "", "GOWORK": "off", "GOEXPERIMENT": "simd" if goarch == "amd64" else "",
            "CGO_ENABLED": "1" if target else "0",
            "CC": str(self.source / "deploy/zigcc.sh"), "ZIG_TARGET": target,
            "CGO_CFLAGS": f"-O2 -g0 -I{self.source}/gpu/cuda/include", "CGO_LDFLAGS": f"-L{self.source}/gpu/cuda/driver/lib",
        }, ["-tags", "cuda"] if target else []

    def program(self, system):
        """Builds the program for a system, and returns its path."""
        if self.built:
            return self.built
        path = self.scratch / system / "mdfa"
        if not path.exists():
            env, tags = self.environment(system)
            # Go's own build ID depends on the path of CC.
            run("go", "build", "-trimpath", "-buildvcs=true", "-ldflags", f"-s -w -buildid={self.commit}", *tags, "-o", str(path), "./cmd/mdfa",
                cwd=self.source, env=env)
        return path

    def licenses(self, system):
        """Returns the licences of the program's parts, by their paths: ours, Go's and those of the modules."""
        env, tags = self.environment(system)
        modules = run("go", "list", "-deps", *tags, "-f", "{{with .Module}}{{.Path}}\t{{.Dir}}{{end}}", "./cmd/mdfa", cwd=self.source, env=env)
        folders = {"": str(self.source), "go": run("go", "env", "GOROOT")} | dict(line.split("\t") for line in modules.splitlines() if line)
        folders.pop("mdfa")
        found = {}
        for module, folder in folders.items():
            for path in pathlib.Path(folder).iterdir():
                if re.match("(LICEN[CS]E|COPYING|NOTICE|PATENTS)", path.name) and path.is_file():
                    found[str(pathlib.PurePosixPath("licenses", module, path.name))] = path.read_bytes()
        return dict(sorted(found.items()))

    def openblas(self, system):
        """Fetches OpenBLAS for a system, and returns its files."""
        name = SYSTEMS[system][2]
        if not name:
            return {}
        folder = self.scratch / "openblas" / system
        run(sys.executable, "-m", "pip", "download", "--disable-pip-version-check", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes",
            "--platform", name, "-d", str(folder), "-r", str(self.source / "wheels/openblas.txt"))
        [wheel] = folder.glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            library = "scipy_openblas32/lib/libscipy_openblas.so"
            licenses = [name for name in archive.namelist() if re.search(r"dist-info/.*LICENSE", name)]
            return {"lib/libopenblas.so": archive.read(library),
                    **{f"licenses/openblas/{pathlib.Path(name).name}": archive.read(name) for name in licenses}}

    def archive(self, system):
        """Writes the archive: bin/mdfa with its links, lib/libopenblas.so, README.md and the licences."""
        name = f"mdfa-{self.version}-{system}"
        files = {"bin/mdfa": self.program(system).read_bytes(), **self.openblas(system)}
        files |= {"README.md": (self.source / "README.md").read_bytes(), **self.licenses(system)}
        links = {f"bin/{command}": "mdfa" for command in self.commands}
        with open(self.out / f"{name}.tar.gz", "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed, \
                tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
            for path in sorted([*files, *links]):
                entry = tarfile.TarInfo(f"{name}/{path}")
                entry.mtime, entry.mode = self.time, 0o755 if path.startswith("bin/") else 0o644
                if path in links:
                    entry.type, entry.linkname = tarfile.SYMTYPE, links[path]
                    tar.addfile(entry)
                else:
                    entry.size = len(files[path])
                    tar.addfile(entry, io.BytesIO(files[path]))

    def wheel(self, system):
        """Writes the wheel: the program, which pip puts on the PATH, and the Python package."""
        info, tag = f"mdfa-{self.version}.dist-info", f"py3-none-{SYSTEMS[system][1]}"
        package = self.source / "python"
        files = {path.relative_to(package).as_posix(): path.read_bytes() for path in sorted(package.glob("mdfa/*")) if path.is_file()}
        files[f"mdfa-{self.version}.data/scripts/mdfa"] = self.program(system).read_bytes()
        files[f"{info}/METADATA"] = (package / "METADATA").read_text().replace("@VERSION@", self.version).encode()
        files[f"{info}/WHEEL"] = f"Wheel-Version: 1.0\nGenerator: deploy/release.py\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
        files |= {f"{info}/{name}": data for name, data in self.licenses(system).items()}
        record = [f"{name},sha256={base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b'=').decode()},{len(data)}"
                  for name, data in files.items()]
        files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
        with zipfile.ZipFile(self.out / f"mdfa-{self.version}-{tag}.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
            for name, data in files.items():
                entry = zipfile.ZipInfo(name, EPOCH)
                entry.external_attr = (0o100755 if "/scripts/" in name else 0o100644) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                wheel.writestr(entry, data)

    def sbom(self, system):
        """Writes the list of the archive's components, in CycloneDX's form: the modules of the program, and OpenBLAS."""
        path = self.out / f"mdfa-{self.version}-{system}.cdx.json"
        run("go", "run", SBOM_TOOL, "bin", "-json", "-noserial", "-output", str(path), "-version", self.version, str(self.program(system)),
            env=os.environ | {"GOFLAGS": "", "GOEXPERIMENT": ""})
        bom = json.loads(path.read_text())
        bom["metadata"].pop("timestamp", None)  # this and the tool's own sums differ between two builds
        for tool in bom["metadata"]["tools"]:
            tool.pop("hashes", None)
        if SYSTEMS[system][2]:
            name, version = (self.source / "wheels/openblas.in").read_text().split()[-1].split("==")
            bom["components"].append({"type": "library", "name": name, "version": version, "purl": f"pkg:pypi/{name}@{version}"})
        path.write_text(json.dumps(bom, indent=2) + "\n")

    def build(self, wheels_only):
        for system in self.systems:
            self.wheel(system)
            if not wheels_only:
                self.archive(system)
                self.sbom(system)
        if not wheels_only:
            sums = sums_of(self.out)
            sums.pop("SHA256SUMS", None)
            (self.out / "SHA256SUMS").write_text("".join(f"{value}  {name}\n" for name, value in sorted(sums.items())))


def sums_of(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("-wheel", action="store_true", help="build wheels alone")
    parser.add_argument("-check", action="store_true", help="compare FOLDER with what a second build gives")
    parser.add_argument("-program", type=pathlib.Path, metavar="FILE", help="pack this program into a wheel")
    parser.add_argument("-only", action="append", choices=SYSTEMS, help="build for this system alone")
    options = parser.parse_args()
    if options.program:
        options.wheel, options.only = True, [f"linux-{'arm64' if platform.machine() == 'aarch64' else 'amd64'}"]
    elif run("git", "status", "--porcelain", cwd=ROOT):
        print("release.py: what is not committed has no part in the release", file=sys.stderr)
    with tempfile.TemporaryDirectory(prefix="mdfa-release-") as scratch:
        scratch = pathlib.Path(scratch)
        out = options.out
        if options.check:
            out = scratch / "again"
            os.environ["GOCACHE"] = str(scratch / "go-build")  # nothing of the first build is taken
        elif out.exists():
            shutil.rmtree(out)
        Release(scratch, out, options.only or list(SYSTEMS), options.program).build(options.wheel)
        if options.check:
            first, again = sums_of(options.out), sums_of(out)
            if options.only:
                again.pop("SHA256SUMS", None)  # it lists every system
            if differing := [name for name in sorted(again) if first.get(name) != again[name]]:
                sys.exit(f"release.py: two builds differ in {', '.join(differing)}: the same commit and tools must give the same bytes")
        for path in sorted(out.iterdir()):
            print(f"{path.stat().st_size / 1e6:6.1f} MB  {options.out / path.name}" + ("  the same bytes again" if options.check else ""))


main()
