"""Start mdfa's runs and read them.

>>> import mdfa
>>> run = mdfa.load("testdata/earlier/results/mnist/mdfa")
>>> run
Run('testdata/earlier/results/mnist/mdfa': mdfa on mnist, complete, test accuracy 43.33%)
>>> run.history[["epoch", "valid_accuracy"]]
   epoch  valid_accuracy
0      1        0.250000
1      2        0.433333
"""

from ._network import Network
from ._program import Failed, program, sweep, train
from ._run import Run, load, runs

__all__ = ["Failed", "Network", "Run", "load", "program", "runs", "sweep", "train"]
