// C functions that the tests call CUDA through, with handles as integers.
#ifndef MDFA_CALL_H
#define MDFA_CALL_H

#include <stdint.h>

#include "cublas_v2.h"
#include "cuda.h"

enum { CALLS = 128 };

// Calls everything that has an output or needs a string with null in its place. Returns how many calls that were.
int call_nulls(const char **names, int *results);

int call_begin(uintptr_t stream, int mode);
int call_end(uintptr_t stream, uintptr_t *graph);
int call_status(uintptr_t stream, int *status);
int call_exchange(int *mode);

int call_graph(uintptr_t *graph);
int call_destroy(uintptr_t graph);
int call_clone(uintptr_t *clone, uintptr_t graph);
int call_memset_node(uintptr_t *node, uintptr_t graph, uintptr_t after, CUdeviceptr dst, unsigned value, size_t n);
int call_memcpy_node(uintptr_t *node, uintptr_t graph, uintptr_t after, CUdeviceptr dst, CUdeviceptr src, size_t n, size_t rows);
int call_upload_node(uintptr_t *node, uintptr_t graph, uintptr_t after, CUdeviceptr dst, void *src, size_t n);
int call_kernel_node(uintptr_t *node, uintptr_t graph, uintptr_t after, uintptr_t function, void **params, uintptr_t ctx);
int call_host_node(uintptr_t *node, uintptr_t graph, uintptr_t after, int *counter);
int call_empty_node(uintptr_t *node, uintptr_t graph, const uintptr_t *after, size_t n);
int call_child_node(uintptr_t *node, uintptr_t graph, uintptr_t after, uintptr_t child);
int call_depend(uintptr_t graph, uintptr_t from, uintptr_t to);
int call_nodes(uintptr_t graph, uintptr_t *nodes, size_t *n);
int call_edges(uintptr_t graph, uintptr_t *from, uintptr_t *to, size_t *n);
int call_type(uintptr_t node, int *type);
int call_drop(uintptr_t node);
int call_instantiate(uintptr_t *exec, uintptr_t graph);
int call_upload(uintptr_t exec, uintptr_t stream);
int call_run(uintptr_t exec, uintptr_t stream);
int call_end_exec(uintptr_t exec);

int call_launch(uintptr_t function, unsigned threads, uintptr_t stream, void **params, void **extra);
int call_launch_block(uintptr_t function, unsigned threads, void *block, size_t size);
int call_launch_endless(uintptr_t function);

int call_host_alloc(void **host, size_t n, unsigned flags);
int call_alloc_host(void **host, size_t n);

int call_name(int code, const char **text);
int call_words(int code, const char **text);
int call_device_name(char *name, int length);
int call_pci(char *id, int length);
int call_function_attribute(uintptr_t function, int attribute, int *value);
int call_set_function_attribute(uintptr_t function, int attribute, int value);
int call_occupancy(uintptr_t function, int threads, int *blocks, int *with_flags);

int call_link_create(uintptr_t *state, float *milliseconds, char *log, size_t *log_bytes);
int call_load(uintptr_t *module, const char *image, float *milliseconds, char *log, size_t *log_bytes);

// One value of everything that a cuBLAS handle can be set to and asked for.
struct call_modes {
	int math, pointers, atomics, version;
	uintptr_t stream;
};
int call_blas(uintptr_t *h);
int call_blas_destroy(uintptr_t h);
int call_set_modes(uintptr_t h, struct call_modes modes, CUdeviceptr workspace, size_t bytes);
int call_get_modes(uintptr_t h, struct call_modes *modes);
int call_sgemm(uintptr_t h, int m, int n, int k, const float *alpha, CUdeviceptr a, CUdeviceptr b, const float *beta,
    CUdeviceptr c, int batch);

#endif
