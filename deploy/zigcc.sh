#!/bin/sh
# Runs zig's C compiler for the system that ZIG_TARGET names, as CC of a Go build. It drops the system folders that gorgonia.org/cu
# names: this machine's headers and libraries may be for another release or another processor.
for argument; do
  shift
  case $argument in
    -I/usr/* | -L/usr/* | -I/opt/* | -L/opt/*) ;;
    *) set -- "$@" "$argument" ;;
  esac
done
exec "$ZIG" cc -target "$ZIG_TARGET" "$@"
