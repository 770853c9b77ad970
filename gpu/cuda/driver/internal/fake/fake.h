#ifndef MDFA_FAKE_H
#define MDFA_FAKE_H

#include <stdint.h>

#include "cublas_v2.h"
#include "cuda.h"

enum { FAKE_DEVICES = 7 };

extern int fake_inits;
extern uint64_t fake_launched[9];
extern float fake_low, fake_high;

CUresult fake_init(unsigned int flags);
CUresult fake_failing_init(unsigned int flags);
CUresult fake_device_count(int *count);
CUresult fake_launch(CUfunction function, unsigned int grid_x, unsigned int grid_y, unsigned int grid_z,
    unsigned int block_x, unsigned int block_y, unsigned int block_z, unsigned int shared_bytes, CUstream stream,
    void **params, void **extra);
CUresult fake_clamp(CUtexref tex, float min, float max);
cublasStatus_t fake_create(cublasHandle_t *h);
cublasStatus_t fake_sgemm(cublasHandle_t h, cublasOperation_t transa, cublasOperation_t transb, int m, int n, int k,
    const float *alpha, const float *a, int lda, const float *b, int ldb, const float *beta, float *c, int ldc);

int fake_call(int index);

#endif
