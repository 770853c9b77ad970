// The declarations that the trampolines, driver.c and the Go files share. Tables have one entry for each symbol, in the
// order of symbols_gen.h; Go writes them atomically. Everything is hidden from other libraries.
#ifndef MDFA_DRIVER_H
#define MDFA_DRIVER_H

#include <stdint.h>

enum {
	MDFA_SYMBOLS = 0
#define SYMBOL(index, name) + 1
#include "symbols_gen.h"
#undef SYMBOL
};

#pragma GCC visibility push(hidden)

// The names of the symbols, as C declares them.
extern const char *const mdfa_names[MDFA_SYMBOLS];

// The address that each trampoline jumps to: a provider's function or, when the program starts, the absent stub.
extern uint64_t mdfa_slots[MDFA_SYMBOLS];

// Whether a provider has been chosen, and the index of the symbol that was last called although the provider lacks
// it, or -1.
extern int mdfa_chosen;
extern int mdfa_missing;

// The answer of a symbol without a provider: before a provider is chosen CUDA_SUCCESS for cuInit and "not found" or
// "not initialized" for the rest; afterwards "not supported", and mdfa_missing is set. Of NCCL it is an internal error,
// or no text.
intptr_t mdfa_absent(int index);

// The file that a library of dlopen came from, or "".
const char *mdfa_path(uintptr_t library);

#pragma GCC visibility pop

#endif
