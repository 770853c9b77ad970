/*
 * The part of cuBLAS that this project calls: gorgonia.org/cu/blas and what the engine adds to it (streams, math
 * mode, workspace, batches, mixed precision). Written for the project, checked against NVIDIA's headers of
 * cuBLAS 11.11 and 12.9 by `make headers-check`, and the list of cuBLAS symbols that gpu/cuda/driver routes.
 *
 * Matrices are column-major. alpha, beta and scalar results lie where the pointer mode says. h is the handle;
 * the other names are those of the BLAS standard.
 */
#ifndef MDFA_CUBLAS_V2_H
#define MDFA_CUBLAS_V2_H

#include "cuda.h"

typedef struct cublasContext *cublasHandle_t;

/* Complex numbers, aligned as one unit. */
typedef struct {
	float x;
	float y;
} __attribute__((aligned(8))) cuComplex;

typedef struct {
	double x;
	double y;
} __attribute__((aligned(16))) cuDoubleComplex;

/* Element types of the Ex calls. */
typedef enum cudaDataType_t {
	CUDA_R_16F  = 2,
	CUDA_R_16BF = 14,
	CUDA_R_32F  = 0,
	CUDA_R_64F  = 1,
	CUDA_R_8I   = 3,
	CUDA_R_32I  = 10,
} cudaDataType;

/* What cublasGetProperty can be asked; it needs neither a handle nor a driver. */
typedef enum libraryPropertyType_t {
	MAJOR_VERSION = 0,
	MINOR_VERSION = 1,
	PATCH_LEVEL   = 2,
} libraryPropertyType;

/* What every cuBLAS call answers. */
typedef enum {
	CUBLAS_STATUS_SUCCESS          = 0,
	CUBLAS_STATUS_NOT_INITIALIZED  = 1,
	CUBLAS_STATUS_ALLOC_FAILED     = 3,
	CUBLAS_STATUS_INVALID_VALUE    = 7,
	CUBLAS_STATUS_ARCH_MISMATCH    = 8,
	CUBLAS_STATUS_MAPPING_ERROR    = 11,
	CUBLAS_STATUS_EXECUTION_FAILED = 13,
	CUBLAS_STATUS_INTERNAL_ERROR   = 14,
	CUBLAS_STATUS_NOT_SUPPORTED    = 15,
	CUBLAS_STATUS_LICENSE_ERROR    = 16,
} cublasStatus_t;

/* Which triangle of a symmetric or triangular matrix is stored. */
typedef enum {
	CUBLAS_FILL_MODE_LOWER = 0,
	CUBLAS_FILL_MODE_UPPER = 1,
	CUBLAS_FILL_MODE_FULL  = 2,
} cublasFillMode_t;

/* Whether a diagonal is all ones and not read. */
typedef enum {
	CUBLAS_DIAG_NON_UNIT = 0,
	CUBLAS_DIAG_UNIT     = 1,
} cublasDiagType_t;

/* On which side the structured matrix stands. */
typedef enum {
	CUBLAS_SIDE_LEFT  = 0,
	CUBLAS_SIDE_RIGHT = 1,
} cublasSideMode_t;

/* How a matrix is read: as it is, transposed, or conjugate-transposed. */
typedef enum {
	CUBLAS_OP_N = 0,
	CUBLAS_OP_T = 1,
	CUBLAS_OP_C = 2,
} cublasOperation_t;

/* Whether alpha, beta and scalar results lie in host or device memory. */
typedef enum {
	CUBLAS_POINTER_MODE_HOST   = 0,
	CUBLAS_POINTER_MODE_DEVICE = 1,
} cublasPointerMode_t;

/* Whether faster kernels with an unfixed order of summation are allowed. */
typedef enum {
	CUBLAS_ATOMICS_NOT_ALLOWED = 0,
	CUBLAS_ATOMICS_ALLOWED     = 1,
} cublasAtomicsMode_t;

/* The choice of kernel is left to the library. */
typedef enum {
	CUBLAS_GEMM_DEFAULT           = -1,
	CUBLAS_GEMM_DEFAULT_TENSOR_OP = 99,
} cublasGemmAlgo_t;

/* Which reduced-precision arithmetic a float32 call may use. */
typedef enum {
	CUBLAS_DEFAULT_MATH                              = 0,
	CUBLAS_TENSOR_OP_MATH                            = 1,
	CUBLAS_PEDANTIC_MATH                             = 2,
	CUBLAS_TF32_TENSOR_OP_MATH                       = 3,
	CUBLAS_MATH_DISALLOW_REDUCED_PRECISION_REDUCTION = 16,
} cublasMath_t;

/* The arithmetic of the Ex calls. */
typedef enum {
	CUBLAS_COMPUTE_16F           = 64,
	CUBLAS_COMPUTE_32F           = 68,
	CUBLAS_COMPUTE_32F_PEDANTIC  = 69,
	CUBLAS_COMPUTE_32F_FAST_16F  = 74,
	CUBLAS_COMPUTE_32F_FAST_16BF = 75,
	CUBLAS_COMPUTE_32F_FAST_TF32 = 77,
	CUBLAS_COMPUTE_64F           = 70,
	CUBLAS_COMPUTE_32I           = 72,
} cublasComputeType_t;

/* The names that source code uses, and the symbols behind them. */
#define cublasCaxpy          cublasCaxpy_v2
#define cublasCcopy          cublasCcopy_v2
#define cublasCdotc          cublasCdotc_v2
#define cublasCdotu          cublasCdotu_v2
#define cublasCgbmv          cublasCgbmv_v2
#define cublasCgemm          cublasCgemm_v2
#define cublasCgemv          cublasCgemv_v2
#define cublasCgerc          cublasCgerc_v2
#define cublasCgeru          cublasCgeru_v2
#define cublasChbmv          cublasChbmv_v2
#define cublasChemm          cublasChemm_v2
#define cublasChemv          cublasChemv_v2
#define cublasCher           cublasCher_v2
#define cublasCher2          cublasCher2_v2
#define cublasCher2k         cublasCher2k_v2
#define cublasCherk          cublasCherk_v2
#define cublasChpmv          cublasChpmv_v2
#define cublasChpr           cublasChpr_v2
#define cublasChpr2          cublasChpr2_v2
#define cublasCreate         cublasCreate_v2
#define cublasCrot           cublasCrot_v2
#define cublasCscal          cublasCscal_v2
#define cublasCsscal         cublasCsscal_v2
#define cublasCswap          cublasCswap_v2
#define cublasCsymm          cublasCsymm_v2
#define cublasCsymv          cublasCsymv_v2
#define cublasCsyr           cublasCsyr_v2
#define cublasCsyr2          cublasCsyr2_v2
#define cublasCsyr2k         cublasCsyr2k_v2
#define cublasCsyrk          cublasCsyrk_v2
#define cublasCtbmv          cublasCtbmv_v2
#define cublasCtbsv          cublasCtbsv_v2
#define cublasCtpmv          cublasCtpmv_v2
#define cublasCtpsv          cublasCtpsv_v2
#define cublasCtrmv          cublasCtrmv_v2
#define cublasCtrsm          cublasCtrsm_v2
#define cublasCtrsv          cublasCtrsv_v2
#define cublasDasum          cublasDasum_v2
#define cublasDaxpy          cublasDaxpy_v2
#define cublasDcopy          cublasDcopy_v2
#define cublasDdot           cublasDdot_v2
#define cublasDestroy        cublasDestroy_v2
#define cublasDgbmv          cublasDgbmv_v2
#define cublasDgemm          cublasDgemm_v2
#define cublasDgemv          cublasDgemv_v2
#define cublasDger           cublasDger_v2
#define cublasDnrm2          cublasDnrm2_v2
#define cublasDrot           cublasDrot_v2
#define cublasDrotg          cublasDrotg_v2
#define cublasDrotm          cublasDrotm_v2
#define cublasDrotmg         cublasDrotmg_v2
#define cublasDsbmv          cublasDsbmv_v2
#define cublasDscal          cublasDscal_v2
#define cublasDspmv          cublasDspmv_v2
#define cublasDspr           cublasDspr_v2
#define cublasDspr2          cublasDspr2_v2
#define cublasDswap          cublasDswap_v2
#define cublasDsymm          cublasDsymm_v2
#define cublasDsymv          cublasDsymv_v2
#define cublasDsyr           cublasDsyr_v2
#define cublasDsyr2          cublasDsyr2_v2
#define cublasDsyr2k         cublasDsyr2k_v2
#define cublasDsyrk          cublasDsyrk_v2
#define cublasDtbmv          cublasDtbmv_v2
#define cublasDtbsv          cublasDtbsv_v2
#define cublasDtpmv          cublasDtpmv_v2
#define cublasDtpsv          cublasDtpsv_v2
#define cublasDtrmv          cublasDtrmv_v2
#define cublasDtrsm          cublasDtrsm_v2
#define cublasDtrsv          cublasDtrsv_v2
#define cublasDzasum         cublasDzasum_v2
#define cublasDznrm2         cublasDznrm2_v2
#define cublasGetPointerMode cublasGetPointerMode_v2
#define cublasGetStream      cublasGetStream_v2
#define cublasGetVersion     cublasGetVersion_v2
#define cublasIcamax         cublasIcamax_v2
#define cublasIcamin         cublasIcamin_v2
#define cublasIdamax         cublasIdamax_v2
#define cublasIdamin         cublasIdamin_v2
#define cublasIsamax         cublasIsamax_v2
#define cublasIsamin         cublasIsamin_v2
#define cublasIzamax         cublasIzamax_v2
#define cublasIzamin         cublasIzamin_v2
#define cublasSasum          cublasSasum_v2
#define cublasSaxpy          cublasSaxpy_v2
#define cublasScasum         cublasScasum_v2
#define cublasScnrm2         cublasScnrm2_v2
#define cublasScopy          cublasScopy_v2
#define cublasSdot           cublasSdot_v2
#define cublasSetPointerMode cublasSetPointerMode_v2
#define cublasSetStream      cublasSetStream_v2
#define cublasSetWorkspace   cublasSetWorkspace_v2
#define cublasSgbmv          cublasSgbmv_v2
#define cublasSgemm          cublasSgemm_v2
#define cublasSgemv          cublasSgemv_v2
#define cublasSger           cublasSger_v2
#define cublasSnrm2          cublasSnrm2_v2
#define cublasSrot           cublasSrot_v2
#define cublasSrotg          cublasSrotg_v2
#define cublasSrotm          cublasSrotm_v2
#define cublasSrotmg         cublasSrotmg_v2
#define cublasSsbmv          cublasSsbmv_v2
#define cublasSscal          cublasSscal_v2
#define cublasSspmv          cublasSspmv_v2
#define cublasSspr           cublasSspr_v2
#define cublasSspr2          cublasSspr2_v2
#define cublasSswap          cublasSswap_v2
#define cublasSsymm          cublasSsymm_v2
#define cublasSsymv          cublasSsymv_v2
#define cublasSsyr           cublasSsyr_v2
#define cublasSsyr2          cublasSsyr2_v2
#define cublasSsyr2k         cublasSsyr2k_v2
#define cublasSsyrk          cublasSsyrk_v2
#define cublasStbmv          cublasStbmv_v2
#define cublasStbsv          cublasStbsv_v2
#define cublasStpmv          cublasStpmv_v2
#define cublasStpsv          cublasStpsv_v2
#define cublasStrmv          cublasStrmv_v2
#define cublasStrsm          cublasStrsm_v2
#define cublasStrsv          cublasStrsv_v2
#define cublasZaxpy          cublasZaxpy_v2
#define cublasZcopy          cublasZcopy_v2
#define cublasZdotc          cublasZdotc_v2
#define cublasZdotu          cublasZdotu_v2
#define cublasZdscal         cublasZdscal_v2
#define cublasZgbmv          cublasZgbmv_v2
#define cublasZgemm          cublasZgemm_v2
#define cublasZgemv          cublasZgemv_v2
#define cublasZgerc          cublasZgerc_v2
#define cublasZgeru          cublasZgeru_v2
#define cublasZhbmv          cublasZhbmv_v2
#define cublasZhemm          cublasZhemm_v2
#define cublasZhemv          cublasZhemv_v2
#define cublasZher           cublasZher_v2
#define cublasZher2          cublasZher2_v2
#define cublasZher2k         cublasZher2k_v2
#define cublasZherk          cublasZherk_v2
#define cublasZhpmv          cublasZhpmv_v2
#define cublasZhpr           cublasZhpr_v2
#define cublasZhpr2          cublasZhpr2_v2
#define cublasZrot           cublasZrot_v2
#define cublasZscal          cublasZscal_v2
#define cublasZswap          cublasZswap_v2
#define cublasZsymm          cublasZsymm_v2
#define cublasZsymv          cublasZsymv_v2
#define cublasZsyr           cublasZsyr_v2
#define cublasZsyr2          cublasZsyr2_v2
#define cublasZsyr2k         cublasZsyr2k_v2
#define cublasZsyrk          cublasZsyrk_v2
#define cublasZtbmv          cublasZtbmv_v2
#define cublasZtbsv          cublasZtbsv_v2
#define cublasZtpmv          cublasZtpmv_v2
#define cublasZtpsv          cublasZtpsv_v2
#define cublasZtrmv          cublasZtrmv_v2
#define cublasZtrsm          cublasZtrsm_v2
#define cublasZtrsv          cublasZtrsv_v2

/* The handle and its settings. */
cublasStatus_t cublasCreate_v2(cublasHandle_t *handle);
cublasStatus_t cublasDestroy_v2(cublasHandle_t h);
cublasStatus_t cublasGetAtomicsMode(cublasHandle_t h, cublasAtomicsMode_t *mode);
cublasStatus_t cublasGetMathMode(cublasHandle_t h, cublasMath_t *mode);
cublasStatus_t cublasGetPointerMode_v2(cublasHandle_t h, cublasPointerMode_t *mode);
cublasStatus_t cublasGetProperty(libraryPropertyType type, int *value);
cublasStatus_t cublasGetStream_v2(cublasHandle_t h, CUstream *stream);
cublasStatus_t cublasGetVersion_v2(cublasHandle_t h, int *version);
cublasStatus_t cublasSetAtomicsMode(cublasHandle_t h, cublasAtomicsMode_t mode);
cublasStatus_t cublasSetMathMode(cublasHandle_t h, cublasMath_t mode);
cublasStatus_t cublasSetPointerMode_v2(cublasHandle_t h, cublasPointerMode_t mode);
cublasStatus_t cublasSetStream_v2(cublasHandle_t h, CUstream stream);
cublasStatus_t cublasSetWorkspace_v2(cublasHandle_t h, void *workspace, size_t bytes);

/* Level 1: vector and vector. */
cublasStatus_t cublasCaxpy_v2(cublasHandle_t h, int n, const cuComplex *alpha, const cuComplex *x, int incx,
    cuComplex *y, int incy);
cublasStatus_t cublasCcopy_v2(cublasHandle_t h, int n, const cuComplex *x, int incx, cuComplex *y, int incy);
cublasStatus_t cublasCdotc_v2(cublasHandle_t h, int n, const cuComplex *x, int incx, const cuComplex *y, int incy,
    cuComplex *result);
cublasStatus_t cublasCdotu_v2(cublasHandle_t h, int n, const cuComplex *x, int incx, const cuComplex *y, int incy,
    cuComplex *result);
cublasStatus_t cublasCrot_v2(cublasHandle_t h, int n, cuComplex *x, int incx, cuComplex *y, int incy,
    const float *c, const cuComplex *s);
cublasStatus_t cublasCscal_v2(cublasHandle_t h, int n, const cuComplex *alpha, cuComplex *x, int incx);
cublasStatus_t cublasCsscal_v2(cublasHandle_t h, int n, const float *alpha, cuComplex *x, int incx);
cublasStatus_t cublasCswap_v2(cublasHandle_t h, int n, cuComplex *x, int incx, cuComplex *y, int incy);
cublasStatus_t cublasDasum_v2(cublasHandle_t h, int n, const double *x, int incx, double *result);
cublasStatus_t cublasDaxpy_v2(cublasHandle_t h, int n, const double *alpha, const double *x, int incx, double *y,
    int incy);
cublasStatus_t cublasDcopy_v2(cublasHandle_t h, int n, const double *x, int incx, double *y, int incy);
cublasStatus_t cublasDdot_v2(cublasHandle_t h, int n, const double *x, int incx, const double *y, int incy,
    double *result);
cublasStatus_t cublasDnrm2_v2(cublasHandle_t h, int n, const double *x, int incx, double *result);
cublasStatus_t cublasDrot_v2(cublasHandle_t h, int n, double *x, int incx, double *y, int incy, const double *c,
    const double *s);
cublasStatus_t cublasDrotg_v2(cublasHandle_t h, double *a, double *b, double *c, double *s);
cublasStatus_t cublasDrotm_v2(cublasHandle_t h, int n, double *x, int incx, double *y, int incy,
    const double *param);
cublasStatus_t cublasDrotmg_v2(cublasHandle_t h, double *d1, double *d2, double *x1, const double *y1,
    double *param);
cublasStatus_t cublasDscal_v2(cublasHandle_t h, int n, const double *alpha, double *x, int incx);
cublasStatus_t cublasDswap_v2(cublasHandle_t h, int n, double *x, int incx, double *y, int incy);
cublasStatus_t cublasDzasum_v2(cublasHandle_t h, int n, const cuDoubleComplex *x, int incx, double *result);
cublasStatus_t cublasDznrm2_v2(cublasHandle_t h, int n, const cuDoubleComplex *x, int incx, double *result);
cublasStatus_t cublasIcamax_v2(cublasHandle_t h, int n, const cuComplex *x, int incx, int *result);
cublasStatus_t cublasIcamin_v2(cublasHandle_t h, int n, const cuComplex *x, int incx, int *result);
cublasStatus_t cublasIdamax_v2(cublasHandle_t h, int n, const double *x, int incx, int *result);
cublasStatus_t cublasIdamin_v2(cublasHandle_t h, int n, const double *x, int incx, int *result);
cublasStatus_t cublasIsamax_v2(cublasHandle_t h, int n, const float *x, int incx, int *result);
cublasStatus_t cublasIsamin_v2(cublasHandle_t h, int n, const float *x, int incx, int *result);
cublasStatus_t cublasIzamax_v2(cublasHandle_t h, int n, const cuDoubleComplex *x, int incx, int *result);
cublasStatus_t cublasIzamin_v2(cublasHandle_t h, int n, const cuDoubleComplex *x, int incx, int *result);
cublasStatus_t cublasSasum_v2(cublasHandle_t h, int n, const float *x, int incx, float *result);
cublasStatus_t cublasSaxpy_v2(cublasHandle_t h, int n, const float *alpha, const float *x, int incx, float *y,
    int incy);
cublasStatus_t cublasScasum_v2(cublasHandle_t h, int n, const cuComplex *x, int incx, float *result);
cublasStatus_t cublasScnrm2_v2(cublasHandle_t h, int n, const cuComplex *x, int incx, float *result);
cublasStatus_t cublasScopy_v2(cublasHandle_t h, int n, const float *x, int incx, float *y, int incy);
cublasStatus_t cublasSdot_v2(cublasHandle_t h, int n, const float *x, int incx, const float *y, int incy,
    float *result);
cublasStatus_t cublasSnrm2_v2(cublasHandle_t h, int n, const float *x, int incx, float *result);
cublasStatus_t cublasSrot_v2(cublasHandle_t h, int n, float *x, int incx, float *y, int incy, const float *c,
    const float *s);
cublasStatus_t cublasSrotg_v2(cublasHandle_t h, float *a, float *b, float *c, float *s);
cublasStatus_t cublasSrotm_v2(cublasHandle_t h, int n, float *x, int incx, float *y, int incy, const float *param);
cublasStatus_t cublasSrotmg_v2(cublasHandle_t h, float *d1, float *d2, float *x1, const float *y1, float *param);
cublasStatus_t cublasSscal_v2(cublasHandle_t h, int n, const float *alpha, float *x, int incx);
cublasStatus_t cublasSswap_v2(cublasHandle_t h, int n, float *x, int incx, float *y, int incy);
cublasStatus_t cublasZaxpy_v2(cublasHandle_t h, int n, const cuDoubleComplex *alpha, const cuDoubleComplex *x,
    int incx, cuDoubleComplex *y, int incy);
cublasStatus_t cublasZcopy_v2(cublasHandle_t h, int n, const cuDoubleComplex *x, int incx, cuDoubleComplex *y,
    int incy);
cublasStatus_t cublasZdotc_v2(cublasHandle_t h, int n, const cuDoubleComplex *x, int incx, const cuDoubleComplex *y,
    int incy, cuDoubleComplex *result);
cublasStatus_t cublasZdotu_v2(cublasHandle_t h, int n, const cuDoubleComplex *x, int incx, const cuDoubleComplex *y,
    int incy, cuDoubleComplex *result);
cublasStatus_t cublasZdscal_v2(cublasHandle_t h, int n, const double *alpha, cuDoubleComplex *x, int incx);
cublasStatus_t cublasZrot_v2(cublasHandle_t h, int n, cuDoubleComplex *x, int incx, cuDoubleComplex *y, int incy,
    const double *c, const cuDoubleComplex *s);
cublasStatus_t cublasZscal_v2(cublasHandle_t h, int n, const cuDoubleComplex *alpha, cuDoubleComplex *x, int incx);
cublasStatus_t cublasZswap_v2(cublasHandle_t h, int n, cuDoubleComplex *x, int incx, cuDoubleComplex *y, int incy);

/* Level 2: matrix and vector. */
cublasStatus_t cublasCgbmv_v2(cublasHandle_t h, cublasOperation_t trans, int m, int n, int kl, int ku,
    const cuComplex *alpha, const cuComplex *a, int lda, const cuComplex *x, int incx, const cuComplex *beta,
    cuComplex *y, int incy);
cublasStatus_t cublasCgemv_v2(cublasHandle_t h, cublasOperation_t trans, int m, int n, const cuComplex *alpha,
    const cuComplex *a, int lda, const cuComplex *x, int incx, const cuComplex *beta, cuComplex *y, int incy);
cublasStatus_t cublasCgerc_v2(cublasHandle_t h, int m, int n, const cuComplex *alpha, const cuComplex *x, int incx,
    const cuComplex *y, int incy, cuComplex *a, int lda);
cublasStatus_t cublasCgeru_v2(cublasHandle_t h, int m, int n, const cuComplex *alpha, const cuComplex *x, int incx,
    const cuComplex *y, int incy, cuComplex *a, int lda);
cublasStatus_t cublasChbmv_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, int k, const cuComplex *alpha,
    const cuComplex *a, int lda, const cuComplex *x, int incx, const cuComplex *beta, cuComplex *y, int incy);
cublasStatus_t cublasChemv_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const cuComplex *alpha,
    const cuComplex *a, int lda, const cuComplex *x, int incx, const cuComplex *beta, cuComplex *y, int incy);
cublasStatus_t cublasCher2_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const cuComplex *alpha,
    const cuComplex *x, int incx, const cuComplex *y, int incy, cuComplex *a, int lda);
cublasStatus_t cublasCher_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const float *alpha, const cuComplex *x,
    int incx, cuComplex *a, int lda);
cublasStatus_t cublasChpmv_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const cuComplex *alpha,
    const cuComplex *ap, const cuComplex *x, int incx, const cuComplex *beta, cuComplex *y, int incy);
cublasStatus_t cublasChpr2_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const cuComplex *alpha,
    const cuComplex *x, int incx, const cuComplex *y, int incy, cuComplex *ap);
cublasStatus_t cublasChpr_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const float *alpha, const cuComplex *x,
    int incx, cuComplex *ap);
cublasStatus_t cublasCsymv_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const cuComplex *alpha,
    const cuComplex *a, int lda, const cuComplex *x, int incx, const cuComplex *beta, cuComplex *y, int incy);
cublasStatus_t cublasCsyr2_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const cuComplex *alpha,
    const cuComplex *x, int incx, const cuComplex *y, int incy, cuComplex *a, int lda);
cublasStatus_t cublasCsyr_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const cuComplex *alpha,
    const cuComplex *x, int incx, cuComplex *a, int lda);
cublasStatus_t cublasCtbmv_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans,
    cublasDiagType_t diag, int n, int k, const cuComplex *a, int lda, cuComplex *x, int incx);
cublasStatus_t cublasCtbsv_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans,
    cublasDiagType_t diag, int n, int k, const cuComplex *a, int lda, cuComplex *x, int incx);
cublasStatus_t cublasCtpmv_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans,
    cublasDiagType_t diag, int n, const cuComplex *ap, cuComplex *x, int incx);
cublasStatus_t cublasCtpsv_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans,
    cublasDiagType_t diag, int n, const cuComplex *ap, cuComplex *x, int incx);
cublasStatus_t cublasCtrmv_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans,
    cublasDiagType_t diag, int n, const cuComplex *a, int lda, cuComplex *x, int incx);
cublasStatus_t cublasCtrsv_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans,
    cublasDiagType_t diag, int n, const cuComplex *a, int lda, cuComplex *x, int incx);
cublasStatus_t cublasDgbmv_v2(cublasHandle_t h, cublasOperation_t trans, int m, int n, int kl, int ku,
    const double *alpha, const double *a, int lda, const double *x, int incx, const double *beta, double *y,
    int incy);
cublasStatus_t cublasDgemv_v2(cublasHandle_t h, cublasOperation_t trans, int m, int n, const double *alpha,
    const double *a, int lda, const double *x, int incx, const double *beta, double *y, int incy);
cublasStatus_t cublasDger_v2(cublasHandle_t h, int m, int n, const double *alpha, const double *x, int incx,
    const double *y, int incy, double *a, int lda);
cublasStatus_t cublasDsbmv_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, int k, const double *alpha,
    const double *a, int lda, const double *x, int incx, const double *beta, double *y, int incy);
cublasStatus_t cublasDspmv_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const double *alpha, const double *ap,
    const double *x, int incx, const double *beta, double *y, int incy);
cublasStatus_t cublasDspr2_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const double *alpha, const double *x,
    int incx, const double *y, int incy, double *ap);
cublasStatus_t cublasDspr_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const double *alpha, const double *x,
    int incx, double *ap);
cublasStatus_t cublasDsymv_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const double *alpha, const double *a,
    int lda, const double *x, int incx, const double *beta, double *y, int incy);
cublasStatus_t cublasDsyr2_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const double *alpha, const double *x,
    int incx, const double *y, int incy, double *a, int lda);
cublasStatus_t cublasDsyr_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const double *alpha, const double *x,
    int incx, double *a, int lda);
cublasStatus_t cublasDtbmv_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans,
    cublasDiagType_t diag, int n, int k, const double *a, int lda, double *x, int incx);
cublasStatus_t cublasDtbsv_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans,
    cublasDiagType_t diag, int n, int k, const double *a, int lda, double *x, int incx);
cublasStatus_t cublasDtpmv_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans,
    cublasDiagType_t diag, int n, const double *ap, double *x, int incx);
cublasStatus_t cublasDtpsv_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans,
    cublasDiagType_t diag, int n, const double *ap, double *x, int incx);
cublasStatus_t cublasDtrmv_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans,
    cublasDiagType_t diag, int n, const double *a, int lda, double *x, int incx);
cublasStatus_t cublasDtrsv_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans,
    cublasDiagType_t diag, int n, const double *a, int lda, double *x, int incx);
cublasStatus_t cublasSgbmv_v2(cublasHandle_t h, cublasOperation_t trans, int m, int n, int kl, int ku,
    const float *alpha, const float *a, int lda, const float *x, int incx, const float *beta, float *y, int incy);
cublasStatus_t cublasSgemv_v2(cublasHandle_t h, cublasOperation_t trans, int m, int n, const float *alpha,
    const float *a, int lda, const float *x, int incx, const float *beta, float *y, int incy);
cublasStatus_t cublasSger_v2(cublasHandle_t h, int m, int n, const float *alpha, const float *x, int incx,
    const float *y, int incy, float *a, int lda);
cublasStatus_t cublasSsbmv_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, int k, const float *alpha,
    const float *a, int lda, const float *x, int incx, const float *beta, float *y, int incy);
cublasStatus_t cublasSspmv_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const float *alpha, const float *ap,
    const float *x, int incx, const float *beta, float *y, int incy);
cublasStatus_t cublasSspr2_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const float *alpha, const float *x,
    int incx, const float *y, int incy, float *ap);
cublasStatus_t cublasSspr_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const float *alpha, const float *x,
    int incx, float *ap);
cublasStatus_t cublasSsymv_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const float *alpha, const float *a,
    int lda, const float *x, int incx, const float *beta, float *y, int incy);
cublasStatus_t cublasSsyr2_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const float *alpha, const float *x,
    int incx, const float *y, int incy, float *a, int lda);
cublasStatus_t cublasSsyr_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const float *alpha, const float *x,
    int incx, float *a, int lda);
cublasStatus_t cublasStbmv_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans,
    cublasDiagType_t diag, int n, int k, const float *a, int lda, float *x, int incx);
cublasStatus_t cublasStbsv_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans,
    cublasDiagType_t diag, int n, int k, const float *a, int lda, float *x, int incx);
cublasStatus_t cublasStpmv_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans,
    cublasDiagType_t diag, int n, const float *ap, float *x, int incx);
cublasStatus_t cublasStpsv_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans,
    cublasDiagType_t diag, int n, const float *ap, float *x, int incx);
cublasStatus_t cublasStrmv_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans,
    cublasDiagType_t diag, int n, const float *a, int lda, float *x, int incx);
cublasStatus_t cublasStrsv_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans,
    cublasDiagType_t diag, int n, const float *a, int lda, float *x, int incx);
cublasStatus_t cublasZgbmv_v2(cublasHandle_t h, cublasOperation_t trans, int m, int n, int kl, int ku,
    const cuDoubleComplex *alpha, const cuDoubleComplex *a, int lda, const cuDoubleComplex *x, int incx,
    const cuDoubleComplex *beta, cuDoubleComplex *y, int incy);
cublasStatus_t cublasZgemv_v2(cublasHandle_t h, cublasOperation_t trans, int m, int n, const cuDoubleComplex *alpha,
    const cuDoubleComplex *a, int lda, const cuDoubleComplex *x, int incx, const cuDoubleComplex *beta,
    cuDoubleComplex *y, int incy);
cublasStatus_t cublasZgerc_v2(cublasHandle_t h, int m, int n, const cuDoubleComplex *alpha,
    const cuDoubleComplex *x, int incx, const cuDoubleComplex *y, int incy, cuDoubleComplex *a, int lda);
cublasStatus_t cublasZgeru_v2(cublasHandle_t h, int m, int n, const cuDoubleComplex *alpha,
    const cuDoubleComplex *x, int incx, const cuDoubleComplex *y, int incy, cuDoubleComplex *a, int lda);
cublasStatus_t cublasZhbmv_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, int k, const cuDoubleComplex *alpha,
    const cuDoubleComplex *a, int lda, const cuDoubleComplex *x, int incx, const cuDoubleComplex *beta,
    cuDoubleComplex *y, int incy);
cublasStatus_t cublasZhemv_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const cuDoubleComplex *alpha,
    const cuDoubleComplex *a, int lda, const cuDoubleComplex *x, int incx, const cuDoubleComplex *beta,
    cuDoubleComplex *y, int incy);
cublasStatus_t cublasZher2_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const cuDoubleComplex *alpha,
    const cuDoubleComplex *x, int incx, const cuDoubleComplex *y, int incy, cuDoubleComplex *a, int lda);
cublasStatus_t cublasZher_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const double *alpha,
    const cuDoubleComplex *x, int incx, cuDoubleComplex *a, int lda);
cublasStatus_t cublasZhpmv_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const cuDoubleComplex *alpha,
    const cuDoubleComplex *ap, const cuDoubleComplex *x, int incx, const cuDoubleComplex *beta, cuDoubleComplex *y,
    int incy);
cublasStatus_t cublasZhpr2_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const cuDoubleComplex *alpha,
    const cuDoubleComplex *x, int incx, const cuDoubleComplex *y, int incy, cuDoubleComplex *ap);
cublasStatus_t cublasZhpr_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const double *alpha,
    const cuDoubleComplex *x, int incx, cuDoubleComplex *ap);
cublasStatus_t cublasZsymv_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const cuDoubleComplex *alpha,
    const cuDoubleComplex *a, int lda, const cuDoubleComplex *x, int incx, const cuDoubleComplex *beta,
    cuDoubleComplex *y, int incy);
cublasStatus_t cublasZsyr2_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const cuDoubleComplex *alpha,
    const cuDoubleComplex *x, int incx, const cuDoubleComplex *y, int incy, cuDoubleComplex *a, int lda);
cublasStatus_t cublasZsyr_v2(cublasHandle_t h, cublasFillMode_t uplo, int n, const cuDoubleComplex *alpha,
    const cuDoubleComplex *x, int incx, cuDoubleComplex *a, int lda);
cublasStatus_t cublasZtbmv_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans,
    cublasDiagType_t diag, int n, int k, const cuDoubleComplex *a, int lda, cuDoubleComplex *x, int incx);
cublasStatus_t cublasZtbsv_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans,
    cublasDiagType_t diag, int n, int k, const cuDoubleComplex *a, int lda, cuDoubleComplex *x, int incx);
cublasStatus_t cublasZtpmv_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans,
    cublasDiagType_t diag, int n, const cuDoubleComplex *ap, cuDoubleComplex *x, int incx);
cublasStatus_t cublasZtpsv_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans,
    cublasDiagType_t diag, int n, const cuDoubleComplex *ap, cuDoubleComplex *x, int incx);
cublasStatus_t cublasZtrmv_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans,
    cublasDiagType_t diag, int n, const cuDoubleComplex *a, int lda, cuDoubleComplex *x, int incx);
cublasStatus_t cublasZtrsv_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans,
    cublasDiagType_t diag, int n, const cuDoubleComplex *a, int lda, cuDoubleComplex *x, int incx);

/* Level 3: matrix and matrix. */
cublasStatus_t cublasCgemm3m(cublasHandle_t h, cublasOperation_t transa, cublasOperation_t transb, int m, int n,
    int k, const cuComplex *alpha, const cuComplex *a, int lda, const cuComplex *b, int ldb, const cuComplex *beta,
    cuComplex *c, int ldc);
cublasStatus_t cublasCgemm_v2(cublasHandle_t h, cublasOperation_t transa, cublasOperation_t transb, int m, int n,
    int k, const cuComplex *alpha, const cuComplex *a, int lda, const cuComplex *b, int ldb, const cuComplex *beta,
    cuComplex *c, int ldc);
cublasStatus_t cublasChemm_v2(cublasHandle_t h, cublasSideMode_t side, cublasFillMode_t uplo, int m, int n,
    const cuComplex *alpha, const cuComplex *a, int lda, const cuComplex *b, int ldb, const cuComplex *beta,
    cuComplex *c, int ldc);
cublasStatus_t cublasCher2k_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans, int n, int k,
    const cuComplex *alpha, const cuComplex *a, int lda, const cuComplex *b, int ldb, const float *beta,
    cuComplex *c, int ldc);
cublasStatus_t cublasCherk_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans, int n, int k,
    const float *alpha, const cuComplex *a, int lda, const float *beta, cuComplex *c, int ldc);
cublasStatus_t cublasCsymm_v2(cublasHandle_t h, cublasSideMode_t side, cublasFillMode_t uplo, int m, int n,
    const cuComplex *alpha, const cuComplex *a, int lda, const cuComplex *b, int ldb, const cuComplex *beta,
    cuComplex *c, int ldc);
cublasStatus_t cublasCsyr2k_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans, int n, int k,
    const cuComplex *alpha, const cuComplex *a, int lda, const cuComplex *b, int ldb, const cuComplex *beta,
    cuComplex *c, int ldc);
cublasStatus_t cublasCsyrk_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans, int n, int k,
    const cuComplex *alpha, const cuComplex *a, int lda, const cuComplex *beta, cuComplex *c, int ldc);
cublasStatus_t cublasCtrsm_v2(cublasHandle_t h, cublasSideMode_t side, cublasFillMode_t uplo,
    cublasOperation_t trans, cublasDiagType_t diag, int m, int n, const cuComplex *alpha, const cuComplex *a,
    int lda, cuComplex *b, int ldb);
cublasStatus_t cublasDgemm_v2(cublasHandle_t h, cublasOperation_t transa, cublasOperation_t transb, int m, int n,
    int k, const double *alpha, const double *a, int lda, const double *b, int ldb, const double *beta, double *c,
    int ldc);
cublasStatus_t cublasDsymm_v2(cublasHandle_t h, cublasSideMode_t side, cublasFillMode_t uplo, int m, int n,
    const double *alpha, const double *a, int lda, const double *b, int ldb, const double *beta, double *c,
    int ldc);
cublasStatus_t cublasDsyr2k_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans, int n, int k,
    const double *alpha, const double *a, int lda, const double *b, int ldb, const double *beta, double *c,
    int ldc);
cublasStatus_t cublasDsyrk_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans, int n, int k,
    const double *alpha, const double *a, int lda, const double *beta, double *c, int ldc);
cublasStatus_t cublasDtrsm_v2(cublasHandle_t h, cublasSideMode_t side, cublasFillMode_t uplo,
    cublasOperation_t trans, cublasDiagType_t diag, int m, int n, const double *alpha, const double *a, int lda,
    double *b, int ldb);
cublasStatus_t cublasSgemm_v2(cublasHandle_t h, cublasOperation_t transa, cublasOperation_t transb, int m, int n,
    int k, const float *alpha, const float *a, int lda, const float *b, int ldb, const float *beta, float *c,
    int ldc);
cublasStatus_t cublasSsymm_v2(cublasHandle_t h, cublasSideMode_t side, cublasFillMode_t uplo, int m, int n,
    const float *alpha, const float *a, int lda, const float *b, int ldb, const float *beta, float *c, int ldc);
cublasStatus_t cublasSsyr2k_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans, int n, int k,
    const float *alpha, const float *a, int lda, const float *b, int ldb, const float *beta, float *c, int ldc);
cublasStatus_t cublasSsyrk_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans, int n, int k,
    const float *alpha, const float *a, int lda, const float *beta, float *c, int ldc);
cublasStatus_t cublasStrsm_v2(cublasHandle_t h, cublasSideMode_t side, cublasFillMode_t uplo,
    cublasOperation_t trans, cublasDiagType_t diag, int m, int n, const float *alpha, const float *a, int lda,
    float *b, int ldb);
cublasStatus_t cublasZgemm3m(cublasHandle_t h, cublasOperation_t transa, cublasOperation_t transb, int m, int n,
    int k, const cuDoubleComplex *alpha, const cuDoubleComplex *a, int lda, const cuDoubleComplex *b, int ldb,
    const cuDoubleComplex *beta, cuDoubleComplex *c, int ldc);
cublasStatus_t cublasZgemm_v2(cublasHandle_t h, cublasOperation_t transa, cublasOperation_t transb, int m, int n,
    int k, const cuDoubleComplex *alpha, const cuDoubleComplex *a, int lda, const cuDoubleComplex *b, int ldb,
    const cuDoubleComplex *beta, cuDoubleComplex *c, int ldc);
cublasStatus_t cublasZhemm_v2(cublasHandle_t h, cublasSideMode_t side, cublasFillMode_t uplo, int m, int n,
    const cuDoubleComplex *alpha, const cuDoubleComplex *a, int lda, const cuDoubleComplex *b, int ldb,
    const cuDoubleComplex *beta, cuDoubleComplex *c, int ldc);
cublasStatus_t cublasZher2k_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans, int n, int k,
    const cuDoubleComplex *alpha, const cuDoubleComplex *a, int lda, const cuDoubleComplex *b, int ldb,
    const double *beta, cuDoubleComplex *c, int ldc);
cublasStatus_t cublasZherk_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans, int n, int k,
    const double *alpha, const cuDoubleComplex *a, int lda, const double *beta, cuDoubleComplex *c, int ldc);
cublasStatus_t cublasZsymm_v2(cublasHandle_t h, cublasSideMode_t side, cublasFillMode_t uplo, int m, int n,
    const cuDoubleComplex *alpha, const cuDoubleComplex *a, int lda, const cuDoubleComplex *b, int ldb,
    const cuDoubleComplex *beta, cuDoubleComplex *c, int ldc);
cublasStatus_t cublasZsyr2k_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans, int n, int k,
    const cuDoubleComplex *alpha, const cuDoubleComplex *a, int lda, const cuDoubleComplex *b, int ldb,
    const cuDoubleComplex *beta, cuDoubleComplex *c, int ldc);
cublasStatus_t cublasZsyrk_v2(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans, int n, int k,
    const cuDoubleComplex *alpha, const cuDoubleComplex *a, int lda, const cuDoubleComplex *beta,
    cuDoubleComplex *c, int ldc);
cublasStatus_t cublasZtrsm_v2(cublasHandle_t h, cublasSideMode_t side, cublasFillMode_t uplo,
    cublasOperation_t trans, cublasDiagType_t diag, int m, int n, const cuDoubleComplex *alpha,
    const cuDoubleComplex *a, int lda, cuDoubleComplex *b, int ldb);

/* Batches and mixed precision. */
cublasStatus_t cublasGemmEx(cublasHandle_t h, cublasOperation_t transa, cublasOperation_t transb, int m, int n,
    int k, const void *alpha, const void *a, cudaDataType a_type, int lda, const void *b, cudaDataType b_type,
    int ldb, const void *beta, void *c, cudaDataType c_type, int ldc, cublasComputeType_t compute,
    cublasGemmAlgo_t algo);
cublasStatus_t cublasGemmStridedBatchedEx(cublasHandle_t h, cublasOperation_t transa, cublasOperation_t transb,
    int m, int n, int k, const void *alpha, const void *a, cudaDataType a_type, int lda, long long stride_a,
    const void *b, cudaDataType b_type, int ldb, long long stride_b, const void *beta, void *c, cudaDataType c_type,
    int ldc, long long stride_c, int batch, cublasComputeType_t compute, cublasGemmAlgo_t algo);
cublasStatus_t cublasSgemmBatched(cublasHandle_t h, cublasOperation_t transa, cublasOperation_t transb, int m,
    int n, int k, const float *alpha, const float *const a[], int lda, const float *const b[], int ldb,
    const float *beta, float *const c[], int ldc, int batch);
cublasStatus_t cublasSgemmStridedBatched(cublasHandle_t h, cublasOperation_t transa, cublasOperation_t transb,
    int m, int n, int k, const float *alpha, const float *a, int lda, long long stride_a, const float *b, int ldb,
    long long stride_b, const float *beta, float *c, int ldc, long long stride_c, int batch);

/* Beyond BLAS: sums and scalings of matrices, packed storage. */
cublasStatus_t cublasCdgmm(cublasHandle_t h, cublasSideMode_t mode, int m, int n, const cuComplex *a, int lda,
    const cuComplex *x, int incx, cuComplex *c, int ldc);
cublasStatus_t cublasCgeam(cublasHandle_t h, cublasOperation_t transa, cublasOperation_t transb, int m, int n,
    const cuComplex *alpha, const cuComplex *a, int lda, const cuComplex *beta, const cuComplex *b, int ldb,
    cuComplex *c, int ldc);
cublasStatus_t cublasCherkx(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans, int n, int k,
    const cuComplex *alpha, const cuComplex *a, int lda, const cuComplex *b, int ldb, const float *beta,
    cuComplex *c, int ldc);
cublasStatus_t cublasCsyrkx(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans, int n, int k,
    const cuComplex *alpha, const cuComplex *a, int lda, const cuComplex *b, int ldb, const cuComplex *beta,
    cuComplex *c, int ldc);
cublasStatus_t cublasCtpttr(cublasHandle_t h, cublasFillMode_t uplo, int n, const cuComplex *ap, cuComplex *a,
    int lda);
cublasStatus_t cublasCtrttp(cublasHandle_t h, cublasFillMode_t uplo, int n, const cuComplex *a, int lda,
    cuComplex *ap);
cublasStatus_t cublasDdgmm(cublasHandle_t h, cublasSideMode_t mode, int m, int n, const double *a, int lda,
    const double *x, int incx, double *c, int ldc);
cublasStatus_t cublasDgeam(cublasHandle_t h, cublasOperation_t transa, cublasOperation_t transb, int m, int n,
    const double *alpha, const double *a, int lda, const double *beta, const double *b, int ldb, double *c,
    int ldc);
cublasStatus_t cublasDsyrkx(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans, int n, int k,
    const double *alpha, const double *a, int lda, const double *b, int ldb, const double *beta, double *c,
    int ldc);
cublasStatus_t cublasDtpttr(cublasHandle_t h, cublasFillMode_t uplo, int n, const double *ap, double *a, int lda);
cublasStatus_t cublasDtrttp(cublasHandle_t h, cublasFillMode_t uplo, int n, const double *a, int lda, double *ap);
cublasStatus_t cublasSdgmm(cublasHandle_t h, cublasSideMode_t mode, int m, int n, const float *a, int lda,
    const float *x, int incx, float *c, int ldc);
cublasStatus_t cublasSgeam(cublasHandle_t h, cublasOperation_t transa, cublasOperation_t transb, int m, int n,
    const float *alpha, const float *a, int lda, const float *beta, const float *b, int ldb, float *c, int ldc);
cublasStatus_t cublasSsyrkx(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans, int n, int k,
    const float *alpha, const float *a, int lda, const float *b, int ldb, const float *beta, float *c, int ldc);
cublasStatus_t cublasStpttr(cublasHandle_t h, cublasFillMode_t uplo, int n, const float *ap, float *a, int lda);
cublasStatus_t cublasStrttp(cublasHandle_t h, cublasFillMode_t uplo, int n, const float *a, int lda, float *ap);
cublasStatus_t cublasZdgmm(cublasHandle_t h, cublasSideMode_t mode, int m, int n, const cuDoubleComplex *a, int lda,
    const cuDoubleComplex *x, int incx, cuDoubleComplex *c, int ldc);
cublasStatus_t cublasZgeam(cublasHandle_t h, cublasOperation_t transa, cublasOperation_t transb, int m, int n,
    const cuDoubleComplex *alpha, const cuDoubleComplex *a, int lda, const cuDoubleComplex *beta,
    const cuDoubleComplex *b, int ldb, cuDoubleComplex *c, int ldc);
cublasStatus_t cublasZherkx(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans, int n, int k,
    const cuDoubleComplex *alpha, const cuDoubleComplex *a, int lda, const cuDoubleComplex *b, int ldb,
    const double *beta, cuDoubleComplex *c, int ldc);
cublasStatus_t cublasZsyrkx(cublasHandle_t h, cublasFillMode_t uplo, cublasOperation_t trans, int n, int k,
    const cuDoubleComplex *alpha, const cuDoubleComplex *a, int lda, const cuDoubleComplex *b, int ldb,
    const cuDoubleComplex *beta, cuDoubleComplex *c, int ldc);
cublasStatus_t cublasZtpttr(cublasHandle_t h, cublasFillMode_t uplo, int n, const cuDoubleComplex *ap,
    cuDoubleComplex *a, int lda);
cublasStatus_t cublasZtrttp(cublasHandle_t h, cublasFillMode_t uplo, int n, const cuDoubleComplex *a, int lda,
    cuDoubleComplex *ap);

#endif
