//go:build cuda && linux && (amd64 || arm64)

#include "capi.h"

#include "_cgo_export.h"

// Every exported function has the type of the symbol that it implements.
#define SYMBOL(name) \
	_Static_assert(__builtin_types_compatible_p(__typeof__(emu_##name), __typeof__(name)), \
	    "emu_" #name " has not the type of " #name);
#include "symbols_gen.h"
#undef SYMBOL

static const struct {
	const char *name;
	void *address;
} table[] = {
#define SYMBOL(name) {#name, (void *)emu_##name},
#include "symbols_gen.h"
#undef SYMBOL
};

int emu_symbols(void) { return sizeof table / sizeof table[0]; }

const char *emu_symbol_name(int index) { return table[index].name; }

uintptr_t emu_symbol_address(int index) { return (uintptr_t) table[index].address; }

uint64_t emu_thread(void) {
	static uint64_t last;
	static __thread uint64_t own;
	if (own == 0) {
		own = __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
	}
	return own;
}

void *emu_pages(size_t bytes) {
	const size_t page = 4096;
	if (bytes > SIZE_MAX - page) {
		return NULL;
	}
	return aligned_alloc(page, (bytes + page - 1) / page * page);
}
