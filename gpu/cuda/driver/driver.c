//go:build cuda

#define _GNU_SOURCE
#include "driver.h"

#include <dlfcn.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

#include "cublas_v2.h"
#include "cuda.h"

uint64_t mdfa_counts[MDFA_SYMBOLS];
void *mdfa_targets[MDFA_SYMBOLS];

static const char *const names[MDFA_SYMBOLS] = {
#define SYMBOL(index, name) [index] = #name,
#include "symbols_gen.h"
#undef SYMBOL
};

static int chosen;
static int last_missing = -1;

const char *mdfa_name(int index) { return names[index]; }

int mdfa_absent(int index) {
	int cublas = strncmp(names[index], "cublas", 6) == 0;
	if (__atomic_load_n(&chosen, __ATOMIC_ACQUIRE)) {
		__atomic_store_n(&last_missing, index, __ATOMIC_RELAXED);
		return cublas ? CUBLAS_STATUS_NOT_SUPPORTED : CUDA_ERROR_NOT_SUPPORTED;
	}
	if (cublas) {
		return CUBLAS_STATUS_NOT_INITIALIZED;
	}
	// gorgonia.org/cu calls cuInit from a package init and ends the process if it fails. The library that is
	// chosen later gets its own cuInit then.
	return strcmp(names[index], "cuInit") == 0 ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

void mdfa_route(int index, void *function, int counted) {
	void *target = function ? function : mdfa_absent_stubs[index];
	// In this order, so that a counted call on another thread never finds an old target.
	__atomic_store_n(&mdfa_targets[index], target, __ATOMIC_RELEASE);
	__atomic_store_n(&mdfa_slots[index], counted ? mdfa_counted_stubs[index] : target, __ATOMIC_RELEASE);
}

void mdfa_set_chosen(int value) {
	__atomic_store_n(&last_missing, -1, __ATOMIC_RELAXED);
	__atomic_store_n(&chosen, value, __ATOMIC_RELEASE);
}

int mdfa_last_missing(void) { return __atomic_load_n(&last_missing, __ATOMIC_RELAXED); }

uint64_t mdfa_count(int index) { return __atomic_load_n(&mdfa_counts[index], __ATOMIC_RELAXED); }

void mdfa_clear_counts(void) {
	for (int i = 0; i < MDFA_SYMBOLS; i++) {
		__atomic_store_n(&mdfa_counts[i], 0, __ATOMIC_RELAXED);
	}
}

void *mdfa_open(const char *path, char *reason, int size) {
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (library == NULL) {
		snprintf(reason, size, "%s", dlerror());
	}
	return library;
}

void mdfa_close(void *library) { dlclose(library); }

const char *mdfa_path(void *library) {
	struct link_map *map;
	return dlinfo(library, RTLD_DI_LINKMAP, &map) == 0 ? map->l_name : NULL;
}

void *mdfa_find(void *library, const char *name) { return dlsym(library, name); }

int mdfa_call_uint(void *function, unsigned int argument) { return ((int (*)(unsigned int))function)(argument); }

int mdfa_call_int_pointer(void *function, int *result) { return ((int (*)(int *))function)(result); }

int mdfa_call_int_int_pointer(void *function, int argument, int *result) {
	return ((int (*)(int, int *))function)(argument, result);
}

int mdfa_call_int_string_pointer(void *function, int argument, const char **result) {
	return ((int (*)(int, const char **))function)(argument, result);
}

int mdfa_call_pointer_int(void *function, int *result, int argument) {
	return ((int (*)(int *, int))function)(result, argument);
}

int mdfa_call_pointer_int_int(void *function, int *result, int first, int second) {
	return ((int (*)(int *, int, int))function)(result, first, second);
}

int mdfa_try_handle(void *retain, void *set_current, void *release, void *create, void *destroy, int device) {
	void *context, *handle;
	int answer = ((int (*)(void **, int))retain)(&context, device);
	if (answer != 0) {
		return answer;
	}
	answer = ((int (*)(void *))set_current)(context);
	if (answer == 0) {
		answer = ((int (*)(void **))create)(&handle);
	}
	if (answer == 0) {
		answer = ((int (*)(void *))destroy)(handle);
	}
	((int (*)(void *))set_current)(NULL);
	((int (*)(int))release)(device);
	return answer;
}
