#!/usr/bin/env bash
# Runs bench, train or sweep on this machine's GPU, with all output files in one folder:
#
#   deploy/run.sh bench FOLDER [flags of bench]    bench.json and bench.md
#   deploy/run.sh train FOLDER [flags of train]    a folder for each run; the same command
#                                                  resumes a run that was cut off
#   deploy/run.sh sweep FOLDER [flags of sweep]    a folder for each run; several machines may share FOLDER
#
# FOLDER is relative to the repository, and is created if necessary. DEVICE names another
# device than cuda, as -device does. make cublas fetches cuBLAS if the machine has none.
set -euo pipefail

if [ $# -lt 2 ]; then
  echo "usage: deploy/run.sh bench|train|sweep FOLDER [flags]" >&2
  exit 2
fi
program=$1 folder=$2
shift 2
case $program in
  bench | train | sweep) ;;
  *)
    echo "deploy/run.sh: $program: expected bench, train or sweep" >&2
    exit 2
    ;;
esac

cd "$(dirname "$0")/.."
if [ ! -x "bin/$program" ]; then
  echo "deploy/run.sh: there is no bin/$program: build it with make cuda first" >&2
  exit 2
fi
mkdir -p "$folder"

# With exec the program replaces the shell, so that a signal reaches it directly and once:
# a second one would end it in the middle of a step.
device=${DEVICE:-cuda}
case $program in
  bench) exec bin/bench -device "$device" -json "$folder/bench.json" -markdown "$folder/bench.md" "$@" ;;
  train) exec bin/train -device "$device" -out "$folder" -resume auto "$@" ;;
  sweep) exec bin/sweep -device "$device" -out "$folder" "$@" ;;
esac
