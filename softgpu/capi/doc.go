// Package capi puts a software GPU, an [softgpu.Machine], behind the C functions of the CUDA driver and cuBLAS that this
// program calls, so that the same Go, cgo, C and PTX run on it as on a GPU. It is built with the tag cuda, on
// linux/amd64 and linux/arm64, and chosen with Install.
//
// Each C function is a Go function, exported to C under the name of the symbol with emu_ before it, that converts
// its arguments, calls the method of the same name and converts the answer: no rule of CUDA is decided here, but for
// null pointers, which a Go method cannot be handed. table.c checks each against the prototype of gpu/cuda/include
// when it is compiled; to add one, export it and name it in symbols.h.
//
// What the software GPU lacks (textures, surfaces, managed memory, peer copies, most of cuBLAS) is not in the table.
// Package driver answers for it with "not supported" and remembers the name.
package capi
