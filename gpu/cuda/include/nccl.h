/*
 * The part of NCCL that this project calls: a sum over ranks. Written for the project, checked against NVIDIA's headers
 * of NCCL 2.21 to 2.31 by `make headers-check`, and the list of NCCL symbols that gpu/cuda/driver routes.
 */
#ifndef MDFA_NCCL_H
#define MDFA_NCCL_H

#include <stddef.h>

#include "cuda.h"

#define NCCL_UNIQUE_ID_BYTES 128

typedef struct ncclComm *ncclComm_t;

/* Names a communicator to all its ranks. */
typedef struct {
	char internal[128];
} ncclUniqueId;

/* What every NCCL call answers, except those that answer with a text. */
typedef enum {
	ncclSuccess            = 0,
	ncclUnhandledCudaError = 1,
	ncclSystemError        = 2,
	ncclInternalError      = 3,
	ncclInvalidArgument    = 4,
	ncclInvalidUsage       = 5,
	ncclRemoteError        = 6,
	ncclInProgress         = 7,
} ncclResult_t;

typedef enum {
	ncclSum  = 0,
	ncclProd = 1,
	ncclMax  = 2,
	ncclMin  = 3,
	ncclAvg  = 4,
} ncclRedOp_t;

typedef enum {
	ncclInt8     = 0,
	ncclUint8    = 1,
	ncclInt32    = 2,
	ncclUint32   = 3,
	ncclInt64    = 4,
	ncclUint64   = 5,
	ncclFloat16  = 6,
	ncclFloat32  = 7,
	ncclFloat64  = 8,
	ncclBfloat16 = 9,
} ncclDataType_t;

ncclResult_t ncclGetVersion(int *version);
ncclResult_t ncclGetUniqueId(ncclUniqueId *id);
ncclResult_t ncclCommInitRank(ncclComm_t *comm, int ranks, ncclUniqueId id, int rank);
ncclResult_t ncclCommDestroy(ncclComm_t comm);
ncclResult_t ncclCommAbort(ncclComm_t comm);
ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t *error);
ncclResult_t ncclAllReduce(const void *send, void *receive, size_t count, ncclDataType_t datatype, ncclRedOp_t operation, ncclComm_t comm, CUstream stream);

const char *ncclGetLastError(ncclComm_t comm);

#endif
