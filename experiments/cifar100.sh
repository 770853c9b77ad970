#!/bin/sh
# CIFAR-100, from two classes to all hundred: the range in which direct feedback falls behind.
set -eu
cd "$(dirname "$0")/.."
exec ./bin/sweep -dataset cifar100 -convnet=false,true -model bp,fa,dfa,mdfa -classes 2,5,10,20,50,100 -seed 0-9 -max_epochs 100 -out results/experiments/cifar100 "$@"
