#!/bin/sh
# Fashion-MNIST, in MNIST's format: the same grid on harder images.
set -eu
cd "$(dirname "$0")/.."
exec ./bin/sweep -dataset fashion-mnist -convnet=false,true -model bp,fa,dfa,mdfa -classes 2,3,5,10 -seed 0-9 -max_epochs 100 -out results/experiments/fashion-mnist "$@"
