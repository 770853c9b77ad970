// The C that the Go files of this package need besides CUDA's headers.
#ifndef MDFA_EMU_CAPI_H
#define MDFA_EMU_CAPI_H

#include <stdint.h>
#include <stdlib.h>

#include "cublas_v2.h"
#include "cuda.h"
#include "nccl.h"

// Go has no const, so each constant type that a prototype points at needs a name.
typedef const char const_char;
typedef const char *const_string;
typedef const float const_float;
typedef const void *const_pointer;
typedef const CUDA_ARRAY_DESCRIPTOR const_CUDA_ARRAY_DESCRIPTOR;
typedef const CUDA_ARRAY3D_DESCRIPTOR const_CUDA_ARRAY3D_DESCRIPTOR;

#pragma GCC visibility push(hidden)

// A number that names the calling thread: the same in each call, and of no other thread, even after this one ends.
uint64_t emu_thread(void);

// The exported functions, and the symbol that each implements.
int emu_symbols(void);
const char *emu_symbol_name(int index);
uintptr_t emu_symbol_address(int index);

// Pinned memory: whole pages, which it shares with nothing else.
void *emu_pages(size_t bytes);

#pragma GCC visibility pop

#endif
