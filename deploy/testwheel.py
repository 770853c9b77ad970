"""Tests an installed wheel as a user has it, with the Python of its environment. PATH must have neither go nor a
C compiler. make test-wheel calls it in the root of the repository, whose pages it reads."""

import doctest
import importlib
import os
import pathlib
import shutil
import subprocess
import tempfile

import mdfa
import nbclient
import nbformat
import numpy as np

ROOT = pathlib.Path.cwd()


def run(*words, code=0):
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == code, f"{words}: exit code {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout


for tool in ("go", "gcc", "cc"):
    assert shutil.which(tool) is None, f"{tool} is on the PATH: the test would not see that the wheel needs it"
assert ROOT not in pathlib.Path(mdfa.__file__).parents or ".cache" in mdfa.__file__, "the package must be the installed one"

for name in ("mdfa", "mdfa._program", "mdfa._run", "mdfa._network"):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted and not result.failed, f"{name}: {result}"

with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    version = run("mdfa", "-version")
    assert "OpenBLAS" in version, f"the wheel's OpenBLAS is not found: {version}"
    # MNIST comes from the network, without the go command.
    run("mdfa", "train", "-model", "mdfa", "-layers", "50", "-lr", "0.001", "-max_epochs", "1", "-device", "cpu", "-quiet")
    table = mdfa.runs()
    assert len(table) == 1 and table.test_accuracy[0] > 0.8, table
    trained = mdfa.load(table.folder[0])
    assert f"{trained.result['test_accuracy']:.2%}" in run("mdfa", "predict", str(trained.folder), "-split", "test", "-show", "none")
    run("mdfa", "report", str(trained.folder))
    assert (trained.folder / "report.html").exists()
    assert run("python", "-m", "mdfa", "-version") == version

    events = []
    second = mdfa.train(model="bp", layers=[16], max_steps=20, device="cpu", report=False, on_event=events.append, progress=False)
    assert second.status == "complete" and second.settings["layers"] == 16 and len(second.history) == 1, second
    assert events[0]["event"] == "start" and events[-1]["event"] == "outcome"
    again = mdfa.train(model="bp", layers=[16], max_steps=20, device="cpu", report=False, resume="auto", progress=False)
    assert again.folder.resolve() == second.folder.resolve()
    swept = mdfa.sweep(model=["bp", "mdfa"], layers=[16], max_steps=10, device="cpu", report=False, out="grid", progress=False)
    assert sorted(one.settings["model"] for one in swept) == ["bp", "mdfa"]
    try:
        mdfa.train(modell="bp", progress=False)
        raise AssertionError("a flag that does not exist was taken")
    except mdfa.Failed as error:
        assert error.exit_code == 2 and "did you mean -model?" in str(error), error
    def stop(event):
        if event["event"] == "epoch":
            raise KeyboardInterrupt

    try:
        mdfa.train(model="mdfa", layers=[16], max_epochs=50, device="cpu", report=False, out="cut", on_event=stop, progress=False)
        raise AssertionError("the interrupt had no effect")
    except KeyboardInterrupt:
        pass
    [cut] = mdfa.runs("cut").folder
    assert mdfa.load(cut).status == "interrupted", mdfa.load(cut)
    resumed = mdfa.train(resume=cut, max_epochs=4, progress=False)
    assert resumed.status == "complete" and resumed.folder.resolve() == pathlib.Path(cut).resolve(), resumed

    assert set(trained.weights()) == {f"layers.{i}.{part}" for i in (0, 1) for part in ("weight", "bias")}
    images = np.random.default_rng(0).integers(0, 256, (3, 28, 28, 1), dtype=np.uint8)
    assert len(trained.network().predict(images)) == 3

    if "emu" in version.splitlines()[1]:
        emulated = mdfa.train(model="mdfa", layers=[16], max_steps=5, device="emu", report=False, out="emulated", progress=False)
        assert emulated.record["device"]["kind"] == "emu", emulated.record["device"]

    notebook = nbformat.read(ROOT / "docs/notebook.ipynb", nbformat.NO_CONVERT)
    nbclient.NotebookClient(notebook, timeout=600).execute()
print("the wheel works: train, predict, report, Python, notebook")
