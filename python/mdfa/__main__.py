"""Run the program: python -m mdfa train … is mdfa train …"""

import os
import sys

from ._program import program

path = program()
os.execv(path, [path, *sys.argv[1:]])
