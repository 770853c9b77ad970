//go:build cuda

#include "fake.h"

#include <stddef.h>

int fake_inits;
uint64_t fake_launched[9];
float fake_low, fake_high;

CUresult fake_init(unsigned int flags) {
	fake_inits++;
	return flags == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult fake_failing_init(unsigned int flags) { return flags == 0 ? CUDA_ERROR_NO_DEVICE : CUDA_ERROR_INVALID_VALUE; }

CUresult fake_device_count(int *count) {
	*count = FAKE_DEVICES;
	return CUDA_SUCCESS;
}

CUresult fake_launch(CUfunction function, unsigned int grid_x, unsigned int grid_y, unsigned int grid_z,
    unsigned int block_x, unsigned int block_y, unsigned int block_z, unsigned int shared_bytes, CUstream stream,
    void **params, void **extra) {
	uint64_t *argument = params[0];
	uint64_t seen[] = {grid_x, grid_y, grid_z, block_x, block_y, block_z, shared_bytes, *argument, extra == NULL};
	for (int i = 0; i < 9; i++) {
		fake_launched[i] = seen[i];
	}
	return function == NULL && stream == NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

CUresult fake_clamp(CUtexref tex, float min, float max) {
	fake_low = min;
	fake_high = max;
	return tex == NULL ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

static int context;

cublasStatus_t fake_create(cublasHandle_t *h) {
	*h = (cublasHandle_t)&context;
	return CUBLAS_STATUS_SUCCESS;
}

// A plain column-major product that takes no transposes.
cublasStatus_t fake_sgemm(cublasHandle_t h, cublasOperation_t transa, cublasOperation_t transb, int m, int n, int k,
    const float *alpha, const float *a, int lda, const float *b, int ldb, const float *beta, float *c, int ldc) {
	if (h != (cublasHandle_t)&context || transa != CUBLAS_OP_N || transb != CUBLAS_OP_N) {
		return CUBLAS_STATUS_INVALID_VALUE;
	}
	for (int j = 0; j < n; j++) {
		for (int i = 0; i < m; i++) {
			float sum = 0;
			for (int l = 0; l < k; l++) {
				sum += a[i + l * lda] * b[l + j * ldb];
			}
			c[i + j * ldc] = *alpha * sum + *beta * c[i + j * ldc];
		}
	}
	return CUBLAS_STATUS_SUCCESS;
}

// Every routed symbol by its index. A stub that answers for an absent function reads no argument, so one type does
// for all of them.
typedef int (*any)(void *, void *, void *, void *, void *, void *);

static const any symbols[] = {
#define SYMBOL(index, name) (any)name,
#include "../../symbols_gen.h"
#undef SYMBOL
};

int fake_call(int index) { return symbols[index](NULL, NULL, NULL, NULL, NULL, NULL); }
