// Package driver finds NVIDIA's driver and cuBLAS at run time and routes every C call to them, or to another
// provider such as the software GPU. With it a binary that uses gorgonia.org/cu and gorgonia.org/cu/blas is built
// without a CUDA toolkit, starts on any machine and chooses the device there.
//
// # How it works
//
// gorgonia.org/cu calls some 330 C functions of libcuda and libcublas and expects the linker to find them there.
// This package defines each of these symbols itself, as a trampoline of one jump through a slot in a table
// (trampolines_linux_*.S). The program chooses while it runs where the slots point:
//
//   - At first, at stubs. cuInit answers CUDA_SUCCESS, because gorgonia.org/cu calls it from a package init and ends
//     the process otherwise; everything else answers CUDA_ERROR_NOT_FOUND or CUBLAS_STATUS_NOT_INITIALIZED.
//   - After [OpenNVIDIA], at the functions of libcuda.so.1 and libcublas.so, opened with dlopen.
//   - After [Install], at the functions that were handed in.
//
// A symbol that the chosen provider lacks answers CUDA_ERROR_NOT_SUPPORTED or CUBLAS_STATUS_NOT_SUPPORTED, and
// [LastMissing] names it.
//
// The list of symbols is the list of prototypes in the project's headers, gpu/cuda/include. To route one more,
// declare it there and run go generate: symbols_gen.h follows, and the trampolines with it.
//
// # How it is built
//
// The build tag is cuda, on linux/amd64 and linux/arm64. Two flags point gorgonia.org/cu to this project instead of
// a toolkit; `make cuda` sets them:
//
//	CGO_CFLAGS="-O2 -g -I<repository>/gpu/cuda/include"
//	CGO_LDFLAGS="-L<repository>/gpu/cuda/driver/lib"
//
// Flags of the environment stand before those of a package, so these headers win over a toolkit's, and the two
// archives in lib win over its libraries. The archives are empty: they only answer -lcuda and -lcublas. The symbols
// come from this package's objects, which the linker takes whole, in any order. When cgo tries out
// gorgonia.org/cu alone it finds the symbols undefined; it notes that (dynimportfail) and leaves the package to the
// final link, which is done by the C compiler and has everything. So no linker has to ignore undefined symbols, and a
// symbol that is really missing still fails the build.
//
// The symbols are hidden, that is not exported from the binary. Otherwise cuBLAS could find our trampolines in place
// of NVIDIA's functions.
package driver
