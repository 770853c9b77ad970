#!/bin/sh
# zig's C compiler for the system that ZIG_TARGET names, as CC of a Go build. gorgonia.org/cu names folders of this machine's
# system, whose headers and libraries are of another release or another processor: they are left out.
for argument; do
  shift
  case $argument in
    -I/usr/* | -L/usr/* | -I/opt/* | -L/opt/*) ;;
    *) set -- "$@" "$argument" ;;
  esac
done
exec "$ZIG" cc -target "$ZIG_TARGET" "$@"
