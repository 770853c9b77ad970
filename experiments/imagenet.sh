#!/bin/sh
# ImageNet, from two classes to a hundred, convolutional. It needs the prepared images: docs/imagenet.md.
set -eu
cd "$(dirname "$0")/.."
exec ./bin/sweep -dataset imagenet -convnet -model bp,fa,dfa,mdfa -classes 2,5,10,20,50,100 -seed 0-9 -max_epochs 100 -out results/experiments/imagenet "$@"
