//go:build cuda

#define _GNU_SOURCE
#include "driver.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>

#include "cublas_v2.h"
#include "cuda.h"
#include "nccl.h"

int mdfa_chosen;
int mdfa_missing = -1;

const char *const mdfa_names[MDFA_SYMBOLS] = {
#define SYMBOL(index, name) [index] = #name,
#include "symbols_gen.h"
#undef SYMBOL
};

intptr_t mdfa_absent(int index) {
	int cublas = strncmp(mdfa_names[index], "cublas", 6) == 0;
	int nccl = strncmp(mdfa_names[index], "nccl", 4) == 0;
	int chosen = __atomic_load_n(&mdfa_chosen, __ATOMIC_ACQUIRE);
	if (chosen) {
		__atomic_store_n(&mdfa_missing, index, __ATOMIC_RELAXED);
	}
	if (nccl) { // it has no answer for "not supported", and one function answers with a text
		return strcmp(mdfa_names[index], "ncclGetLastError") == 0 ? 0 : ncclInternalError;
	}
	if (chosen) {
		return cublas ? CUBLAS_STATUS_NOT_SUPPORTED : CUDA_ERROR_NOT_SUPPORTED;
	}
	if (cublas) {
		return CUBLAS_STATUS_NOT_INITIALIZED;
	}
	// gorgonia.org/cu calls cuInit from a package init and ends the process if it fails. The library that is
	// chosen later gets its own cuInit then.
	return strcmp(mdfa_names[index], "cuInit") == 0 ? CUDA_SUCCESS : CUDA_ERROR_NOT_FOUND;
}

const char *mdfa_path(uintptr_t library) {
	struct link_map *map;
	return dlinfo((void *)library, RTLD_DI_LINKMAP, &map) == 0 ? map->l_name : "";
}
