#!/bin/sh
# MNIST, from two classes to all ten, fully connected and convolutional.
set -eu
cd "$(dirname "$0")/.."
exec ./bin/sweep -dataset mnist -convnet=false,true -model bp,fa,dfa,mdfa -classes 2,3,5,10 -seed 0-9 -max_epochs 100 -out results/experiments/mnist "$@"
