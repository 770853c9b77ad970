// Package capi puts a software GPU, a [softgpu.Machine], behind the C functions of the CUDA driver and cuBLAS, so that
// the same Go, cgo, C and PTX run on it as on a GPU. It is built with the tag cuda, on linux/amd64 and linux/arm64, and
// chosen with [Install].
//
// Each C function is a Go function, exported to C under the name of the symbol with emu_ before it. It converts the
// arguments, calls a method of the machine and converts the results. No rule of CUDA is decided here, except that null
// pointers are refused, because a Go method cannot take one. Most of these functions are generated from
// functions.txt, a table of one line for each (package gen); those that need more than a conversion are written by
// hand. table.c checks each against the prototype in gpu/cuda/include when it is compiled.
//
// To add a C function, add a line to functions.txt, or export it from a hand-written file, and run
// `go generate ./softgpu/capi`.
//
// The software GPU has the functions that this project and gorgonia.org/cu's own tests call, and their neighbours in
// gorgonia.org/cu that a program needs beside them. Package driver answers "not supported" for every other one
// (textures, managed memory, peer copies, graphs that are not captured, most of cuBLAS) and remembers its name.
package capi
