"""Read the files in a run's folder."""

from __future__ import annotations

import functools
import json
import os
import pathlib
from typing import Any

import numpy as np
import pandas as pd
from safetensors import safe_open

from ._network import Network


class Run:
    """A run's folder. Files are read on first use and kept; load a running run again to see what it has added.

    >>> run = load("testdata/earlier/results/mnist/mdfa")
    >>> run.settings["model"], run.settings["lr"], run.settings["convnet"], run.settings["batch_size"]
    ('mdfa', 0.01, True, 64)
    >>> run.alignment.groupby("layer").angle_bp.first().round(2).to_dict()
    {0: 80.76, 1: 0.0}
    """

    def __init__(self, folder: str | os.PathLike[str]):
        self.folder = pathlib.Path(folder)
        try:
            self.record: dict[str, Any] = json.loads((self.folder / "run.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise FileNotFoundError(f"{folder} has no run.json: expected the folder of a run, such as results/mnist/mdfa-dense-c10-s0-…") from None

    def __repr__(self) -> str:
        accuracy = self.result.get("test_accuracy")
        tested = "" if accuracy is None or pd.isna(accuracy) else f", test accuracy {accuracy:.2%}"
        return f"Run({str(self.folder)!r}: {self.settings['model']} on {self.settings['dataset']}, {self.status}{tested})"

    @functools.cached_property
    def settings(self) -> dict[str, Any]:
        """The settings by the names of their flags; numbers and truth values are converted."""
        return {name: value_of(text) for name, text in self.record["flags"].items()}

    @property
    def status(self) -> str:
        """complete, interrupted or failed; unfinished while the run trains, or if it was killed."""
        return str(self.result.get("status", "unfinished"))

    @functools.cached_property
    def result(self) -> dict[str, Any]:
        """The row of result.csv, empty until the run has ended."""
        table = self._table("result.csv")
        return {} if table.empty else {str(name): value for name, value in table.iloc[-1].items()}

    @functools.cached_property
    def history(self) -> pd.DataFrame:
        """A row for each epoch."""
        return self._table("epochs.csv")

    @functools.cached_property
    def alignment(self) -> pd.DataFrame:
        """A row for each layer at each measured step; empty without -alignment."""
        return self._table("alignment.csv")

    @functools.cached_property
    def confusion(self) -> pd.DataFrame:
        """How many images of each class were classified as each class; empty without a report."""
        return self._table("confusion.csv")

    def weights(self, which: str = "best") -> dict[str, np.ndarray]:
        """Return the weights of the best epoch or, with "last", the latest ones, by the layers' names.

        >>> {name: array.shape for name, array in load("testdata/earlier/results/mnist/mdfa").weights().items()}
        {'layers.0.bias': (4,), 'layers.0.weight': (7, 7, 1, 4), 'layers.1.bias': (10,), 'layers.1.weight': (64, 10)}
        """
        with self._open(which) as file:
            return {name: file.get_tensor(name) for name in sorted(file.keys()) if name.startswith("layers.")}

    def network(self, which: str = "best") -> Network:
        """Return the network with the weights of the best epoch or, with "last", the latest ones."""
        with self._open(which) as file:
            facts = json.loads(file.metadata()["checkpoint"])
        return Network(facts["network"], self.weights(which), facts["data"].get("class_names") or [str(label) for label in facts["data"]["class_order"]])

    def _open(self, which: str) -> Any:
        if which not in ("best", "last"):
            raise ValueError(f"{which!r}: expected best or last")
        path = self.folder / "checkpoints" / f"{which}.safetensors"
        if not path.exists():
            raise FileNotFoundError(f"{path} is missing: expected a run that has ended an epoch, without -checkpoint_every -1")
        return safe_open(path, framework="numpy")

    def _table(self, name: str) -> pd.DataFrame:
        try:
            return pd.read_csv(self.folder / name)
        except (FileNotFoundError, pd.errors.EmptyDataError):
            return pd.DataFrame()


def load(folder: str | os.PathLike[str]) -> Run:
    """Return the run of a folder."""
    return Run(folder)


def runs(folder: str | os.PathLike[str] = "results") -> pd.DataFrame:
    """Return a table of all runs below a folder: a row for each, with its folder, status, settings and result.

    >>> table = runs("testdata/earlier/results")
    >>> table[["model", "status", "test_accuracy"]].round(3)
      model    status  test_accuracy
    0  mdfa  complete          0.433
    """
    rows = []
    for path in sorted(pathlib.Path(folder).rglob("run.json")):
        run = load(path.parent)
        rows.append({"folder": str(run.folder), "status": run.status, **run.settings, **run.result})
    return pd.DataFrame(rows)


def value_of(text: str) -> Any:
    """Return the value that a setting's text stands for.

    >>> [value_of(text) for text in ("true", "64", "1e-4", "mdfa", "")]
    [True, 64, 0.0001, 'mdfa', '']
    """
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text
