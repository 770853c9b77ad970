"""Start the program."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Union

from ._run import Run, load, runs

Value = Union[str, int, float, bool, os.PathLike[str], Sequence[Union[str, int, float]]]


class Failed(RuntimeError):
    """The program ended with an error; the text is its sentence, and exit_code is 1, 2 (wrong usage) or 130 (interrupted)."""

    def __init__(self, sentence: str, exit_code: int):
        super().__init__(sentence)
        self.exit_code = exit_code


def program() -> str:
    """Return the path of the program: $MDFA_PROGRAM, or the one that this package was installed with, or one on the PATH."""
    if named := os.environ.get("MDFA_PROGRAM"):
        return named
    for folder in (sysconfig.get_path("scripts"), os.path.dirname(sys.executable), pathlib.Path.home() / ".local/bin"):
        path = pathlib.Path(folder) / "mdfa"
        if os.access(path, os.X_OK):
            return str(path)
    if found := shutil.which("mdfa"):
        return found
    raise FileNotFoundError("the program mdfa was not found beside this Python or on the PATH: name it in MDFA_PROGRAM")


def arguments(flags: dict[str, Value]) -> list[str]:
    """Return flags as the words of a command line.

    >>> arguments({"model": "mdfa", "layers": [400, 400], "convnet": True, "report": False, "lr": 1e-4})
    ['-model', 'mdfa', '-layers', '400,400', '-convnet', '-report=false', '-lr', '0.0001']
    """
    words: list[str] = []
    for name, value in flags.items():
        if value is True:
            words.append(f"-{name}")
        elif value is False:
            words.append(f"-{name}=false")
        elif isinstance(value, (str, int, float, os.PathLike)):
            words += [f"-{name}", os.fspath(value) if isinstance(value, os.PathLike) else str(value)]
        else:
            words += [f"-{name}", ",".join(str(item) for item in value)]
    return words


def train(*, progress: bool | None = None, on_event: Callable[[dict[str, Any]], object] | None = None, **flags: Value) -> Run:
    """Train a network and return its run. The flags are those of `mdfa train`, as in train(model="mdfa", convnet=True, max_epochs=3).

    A switch is True or False, and a list stands for values with commas. With progress a line shows how the run goes; the default is to
    show it in a notebook and on a terminal. on_event gets each event of `mdfa train -log json` as it happens (docs/output.md lists them).
    An interrupt saves the run, which train(resume=folder) resumes.
    """
    folder = ""
    with Line(progress) as line, Process("train", *arguments(flags), "-log", "json") as process:
        for event in process.events():
            line.show(event)
            if on_event is not None:
                on_event(event)
            folder = event.get("folder", folder)
            # With resume="auto" and a run that is complete there is no other event.
            if event["event"] == "note" and " is complete: " in event["text"]:
                folder = folder or event["text"].partition(" is complete: ")[0]
    return load(folder)


def sweep(*, progress: bool | None = None, **flags: Value) -> list[Run]:
    """Train a run for each combination of values and return all runs of the sweep's folder, `out`.

    The flags are those of `mdfa sweep`, as in sweep(model=["bp", "mdfa"], seed="0-4", out="results/rules"). The same call, repeated, skips
    the runs that are complete and resumes those that were cut off.
    """
    with Line(progress) as line, Process("sweep", *arguments(flags)) as process:
        for text in process.lines():
            line.print(text)
    return [load(folder) for folder in runs(str(flags.get("out", "results"))).get("folder", [])]


class Process:
    """The program while it runs, in a session of its own, so that an interrupt reaches it once."""

    def __init__(self, *words: str):
        self.child = subprocess.Popen([program(), *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                      encoding="utf-8", errors="replace", start_new_session=True)

    def lines(self) -> Iterator[str]:
        assert self.child.stdout is not None
        for text in self.child.stdout:
            yield text.rstrip("\n")

    def events(self) -> Iterator[dict[str, Any]]:
        for text in self.lines():
            yield json.loads(text)

    def __enter__(self) -> Process:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Wait for the program's end. After an exception, first interrupt it, so that it saves the run."""
        if kind is not None:
            self.child.send_signal(signal.SIGINT)
        errors = self.child.communicate()[1]
        if kind is None and self.child.returncode != 0:
            raise Failed(errors.strip() or "the program was killed", self.child.returncode)


class Line:
    """One line that shows how a run goes, or nothing."""

    def __init__(self, wanted: bool | None):
        self.wanted = wanted if wanted is not None else "ipykernel" in sys.modules or sys.stdout.isatty()
        self.live = ""

    def show(self, event: dict[str, Any]) -> None:
        if text := describe(event):
            self.write(text)

    def write(self, text: str) -> None:
        if self.wanted:
            print("\r" + text.ljust(len(self.live)), end="", flush=True)
            self.live = text

    def print(self, text: str) -> None:
        if self.wanted:
            print(text, flush=True)

    def __enter__(self) -> Line:
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            print(flush=True)


def describe(event: dict[str, Any]) -> str:
    """Describe an event in a line, or return "" if it needs none.

    >>> describe({"event": "epoch", "epoch": 2, "epochs": 3, "train_loss": 0.38, "valid_accuracy": 0.9114, "images_per_second": 7189.2})
    'epoch 2/3  loss 0.3800  valid 91.14%  7,189 images/s'
    >>> describe({"event": "progress", "epoch": 2, "step": 300, "steps": 797, "loss": None, "images_per_second": 7189.2, "seconds_left": 61})
    'epoch 2  step 300/797  7,189 images/s  61 s left'
    >>> describe({"event": "outcome", "status": "complete", "epochs": 3, "best_epoch": 3, "test_accuracy": 0.9355})
    'complete after 3 epochs  test 93.55%'
    """
    def part(name: str, form: str) -> str:
        return form.format(event[name]) if event.get(name) is not None else ""

    speed = part("images_per_second", "  {:,.0f} images/s")
    if event["event"] == "epoch":
        return "epoch {epoch}/{epochs}".format(**event) + part("train_loss", "  loss {:.4f}") + part("valid_accuracy", "  valid {:.2%}") + speed
    if event["event"] == "progress":
        return "epoch {epoch}  step {step}/{steps}".format(**event) + part("loss", "  loss {:.4f}") + speed + part("seconds_left", "  {:.0f} s left")
    if event["event"] == "outcome":
        return "{status} after {epochs} epochs".format(**event) + part("test_accuracy", "  test {:.2%}")
    return ""
