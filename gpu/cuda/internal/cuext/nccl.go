//go:build cuda

package cuext

// #include <string.h>
// #include "nccl.h"
//
// static int unique_id(char *id) { return ncclGetUniqueId((ncclUniqueId *)id); }
// static int init_rank(uintptr_t *comm, int ranks, const char *id, int rank) {
//	ncclUniqueId by_value;
//	memcpy(&by_value, id, sizeof by_value);
//	return ncclCommInitRank((ncclComm_t *)comm, ranks, by_value, rank);
// }
// static int all_reduce(uintptr_t comm, uintptr_t at, size_t n, uintptr_t stream) {
//	return ncclAllReduce((void *)at, (void *)at, n, ncclFloat32, ncclSum, (ncclComm_t)comm, (CUstream)stream);
// }
// static int async_error(uintptr_t comm, int *error) {
//	ncclResult_t result = ncclSuccess;
//	int answer = ncclCommGetAsyncError((ncclComm_t)comm, &result);
//	*error = result;
//	return answer;
// }
// static int abort_comm(uintptr_t comm) { return ncclCommAbort((ncclComm_t)comm); }
// static int destroy_comm(uintptr_t comm) { return ncclCommDestroy((ncclComm_t)comm); }
// static const char *last_error(uintptr_t comm) { return ncclGetLastError((ncclComm_t)comm); }
import "C"

import (
	"fmt"
	"unsafe"

	"gorgonia.org/cu"
)

// CommResult is an answer of NCCL, an ncclResult_t. As an error it has NCCL's own name, and its words where it has some.
type CommResult struct {
	code  C.int
	words string
}

var commNames = map[C.int]string{
	C.ncclUnhandledCudaError: "ncclUnhandledCudaError",
	C.ncclSystemError:        "ncclSystemError",
	C.ncclInternalError:      "ncclInternalError",
	C.ncclInvalidArgument:    "ncclInvalidArgument",
	C.ncclInvalidUsage:       "ncclInvalidUsage",
	C.ncclRemoteError:        "ncclRemoteError",
	C.ncclInProgress:         "ncclInProgress",
}

func (r CommResult) Error() string {
	name, known := commNames[r.code]
	if !known {
		name = fmt.Sprintf("NCCL error %d", int(r.code))
	}
	if r.words != "" {
		name += ": " + r.words
	}
	return name
}

func commAnswered(comm Communicator, code C.int) error {
	if code == C.ncclSuccess {
		return nil
	}
	r := CommResult{code: code}
	if words := C.last_error(C.uintptr_t(comm)); words != nil {
		r.words = C.GoString(words)
	}
	return r
}

// UniqueID names a communicator to all its ranks: an ncclUniqueId.
type UniqueID [C.NCCL_UNIQUE_ID_BYTES]byte

func (id *UniqueID) chars() *C.char { return (*C.char)(unsafe.Pointer(&id[0])) }

// NewUniqueID makes one, and the place where the ranks meet.
func NewUniqueID() (UniqueID, error) {
	var id UniqueID
	err := commAnswered(0, C.unique_id(id.chars()))
	return id, err
}

// Communicator is an ncclComm_t, or 0.
type Communicator uintptr

// InitRank returns when all ranks have called it.
func InitRank(ranks int, id UniqueID, rank int) (Communicator, error) {
	var comm C.uintptr_t
	err := commAnswered(0, C.init_rank(&comm, C.int(ranks), id.chars(), C.int(rank)))
	return Communicator(comm), err
}

// AllReduce adds up n floats over all ranks, in place.
func (c Communicator) AllReduce(at uint64, n int, s cu.Stream) error {
	return commAnswered(c, C.all_reduce(C.uintptr_t(c), C.uintptr_t(at), C.size_t(n), streamHandle(s)))
}

// AsyncError returns the failure of a sum that has begun, if there was one.
func (c Communicator) AsyncError() error {
	var failure C.int
	if err := commAnswered(c, C.async_error(C.uintptr_t(c), &failure)); err != nil {
		return err
	}
	if failure == C.ncclInProgress {
		return nil
	}
	return commAnswered(c, failure)
}

// Abort ends the communicator and its sums, whatever they wait for.
func (c Communicator) Abort() error { return commAnswered(0, C.abort_comm(C.uintptr_t(c))) }

// Destroy ends the communicator after its sums.
func (c Communicator) Destroy() error { return commAnswered(0, C.destroy_comm(C.uintptr_t(c))) }
