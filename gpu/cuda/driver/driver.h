// What the trampolines, driver.c and the Go files share. Tables have one entry for each symbol, in the order of
// symbols_gen.h. Everything is hidden from other libraries.
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

// Where each trampoline jumps, and what it may point at besides a provider's function.
extern void *mdfa_slots[MDFA_SYMBOLS];
extern void *const mdfa_absent_stubs[MDFA_SYMBOLS];
extern void *const mdfa_counted_stubs[MDFA_SYMBOLS];

// While calls are counted: how often each symbol was called, and where the call goes then.
extern uint64_t mdfa_counts[MDFA_SYMBOLS];
extern void *mdfa_targets[MDFA_SYMBOLS];

// The answer of a symbol that nobody provides: before a library is chosen CUDA_SUCCESS for cuInit and "not found"
// or "not initialized" for the rest; afterwards "not supported", and the symbol is remembered.
int mdfa_absent(int index);

// The name of the symbol at index, as C declares it.
const char *mdfa_name(int index);

// Points the symbol at index to function, or back to its absent stub where function is null; through the counter
// if counted is not 0.
void mdfa_route(int index, void *function, int counted);

// Tells mdfa_absent whether a library has been chosen, and forgets what was remembered.
void mdfa_set_chosen(int chosen);

// The index of the symbol that was last called although the chosen library lacks it, or -1.
int mdfa_last_missing(void);

uint64_t mdfa_count(int index);
void mdfa_clear_counts(void);

// dlopen with all symbols bound at once and kept out of the global scope. On failure null, and the loader's words
// in reason.
void *mdfa_open(const char *path, char *reason, int size);

void mdfa_close(void *library);

// The file that an opened library came from, or null.
const char *mdfa_path(void *library);

// dlsym, or null.
void *mdfa_find(void *library, const char *name);

// Calls of functions that are not routed yet.
int mdfa_call_uint(void *function, unsigned int argument);
int mdfa_call_int_pointer(void *function, int *result);
int mdfa_call_int_int_pointer(void *function, int argument, int *result);
int mdfa_call_int_string_pointer(void *function, int argument, const char **result);
int mdfa_call_pointer_int(void *function, int *result, int argument);
int mdfa_call_pointer_int_int(void *function, int *result, int first, int second);

// Creates and destroys a cuBLAS handle in the primary context of a device, and returns the first answer that is not 0.
// The calling thread has no current context afterwards.
int mdfa_try_handle(void *retain, void *set_current, void *release, void *create, void *destroy, int device);

#pragma GCC visibility pop

#endif
