//go:build cuda

// Package cuext extends gorgonia.org/cu v0.9.6 and its blas package: the calls that they
// lack, CUDA's own names for errors, and the thread that makes all calls. The calls go
// through the trampolines of package driver. Handles cross as integers, because the handles
// of the software GPU are not pointers, and Go must not hold them as such.
package cuext

// #cgo CFLAGS: -I${SRCDIR}/../../include
// #include "cublas_v2.h"
// #include "cuda.h"
//
// static int host_alloc(void **p, size_t n) { return cuMemHostAlloc(p, n, 0); }
// static int begin_capture(uintptr_t stream) {
//	return cuStreamBeginCapture((CUstream)stream, CU_STREAM_CAPTURE_MODE_THREAD_LOCAL);
// }
// static int end_capture(uintptr_t stream, uintptr_t *graph) {
//	return cuStreamEndCapture((CUstream)stream, (CUgraph *)graph);
// }
// static int instantiate(uintptr_t *exec, uintptr_t graph) {
//	return cuGraphInstantiateWithFlags((CUgraphExec *)exec, (CUgraph)graph, 0);
// }
// static int destroy_graph(uintptr_t graph) { return cuGraphDestroy((CUgraph)graph); }
// static int launch_graph(uintptr_t exec, uintptr_t stream) {
//	return cuGraphLaunch((CUgraphExec)exec, (CUstream)stream);
// }
// static int destroy_exec(uintptr_t exec) { return cuGraphExecDestroy((CUgraphExec)exec); }
// static int blas_stream(uintptr_t h, uintptr_t stream) {
//	return cublasSetStream((cublasHandle_t)h, (CUstream)stream);
// }
// static int blas_math(uintptr_t h, int mode) { return cublasSetMathMode((cublasHandle_t)h, mode); }
// static int blas_workspace(uintptr_t h, uintptr_t address, size_t n) {
//	return cublasSetWorkspace((cublasHandle_t)h, (void *)address, n);
// }
import "C"

import (
	"errors"
	"fmt"
	"reflect"
	"unsafe"

	"gorgonia.org/cu"
	cublas "gorgonia.org/cu/blas"
)

// Result is an answer of the driver, a CUresult. As an error it has CUDA's own name.
type Result int

// The answers that are handled one by one.
const (
	NoBinaryForGPU        Result = C.CUDA_ERROR_NO_BINARY_FOR_GPU
	InvalidPTX            Result = C.CUDA_ERROR_INVALID_PTX
	UnsupportedPTXVersion Result = C.CUDA_ERROR_UNSUPPORTED_PTX_VERSION

	notReady     Result = C.CUDA_ERROR_NOT_READY
	outOfMemory  Result = C.CUDA_ERROR_OUT_OF_MEMORY
	notSupported Result = C.CUDA_ERROR_NOT_SUPPORTED
)

// fatal holds the answers after which a context accepts no other call (CUDA driver API,
// "CUresult": "The context cannot be used", "… leaves the process in an inconsistent
// state"), or after which the device is gone.
var fatal = map[Result]bool{
	C.CUDA_ERROR_DEINITIALIZED:         true,
	C.CUDA_ERROR_DEVICE_UNAVAILABLE:    true,
	C.CUDA_ERROR_ECC_UNCORRECTABLE:     true,
	C.CUDA_ERROR_NVLINK_UNCORRECTABLE:  true,
	C.CUDA_ERROR_ILLEGAL_ADDRESS:       true,
	C.CUDA_ERROR_LAUNCH_TIMEOUT:        true,
	C.CUDA_ERROR_CONTEXT_IS_DESTROYED:  true,
	C.CUDA_ERROR_ASSERT:                true,
	C.CUDA_ERROR_HARDWARE_STACK_ERROR:  true,
	C.CUDA_ERROR_ILLEGAL_INSTRUCTION:   true,
	C.CUDA_ERROR_MISALIGNED_ADDRESS:    true,
	C.CUDA_ERROR_INVALID_ADDRESS_SPACE: true,
	C.CUDA_ERROR_INVALID_PC:            true,
	C.CUDA_ERROR_LAUNCH_FAILED:         true,
	C.CUDA_ERROR_EXTERNAL_DEVICE:       true,
	C.CUDA_ERROR_UNKNOWN:               true,
}

// String returns CUDA's own name, CUDA_ERROR_OUT_OF_MEMORY. The driver is asked, since
// gorgonia.org/cu has other names, and no names for errors newer than CUDA 10.
func (r Result) String() string {
	var name *C.char
	if C.cuGetErrorName(C.CUresult(r), &name) != C.CUDA_SUCCESS || name == nil {
		return fmt.Sprintf("CUDA error %d", int(r))
	}
	return C.GoString(name)
}

func (r Result) Error() string { return r.String() }

// ResultOf returns the driver's answer behind an error of this package or of
// gorgonia.org/cu, whose type for it is not exported.
func ResultOf(err error) (Result, bool) {
	var r Result
	if errors.As(err, &r) {
		return r, true
	}
	v := reflect.ValueOf(err)
	if v.Kind() != reflect.Int || v.Type().PkgPath() != reflect.TypeFor[cu.Device]().PkgPath() {
		return 0, false
	}
	return Result(v.Int()), true
}

// IsNotReady reports whether an error is the answer to a query of work that has not ended.
func IsNotReady(err error) bool {
	code, known := ResultOf(err)
	return known && code == notReady
}

func answered(code C.int) error {
	if code == C.CUDA_SUCCESS {
		return nil
	}
	return Result(code)
}

// statusNames holds cuBLAS's own names of its answers.
var statusNames = map[cublas.Status]string{
	C.CUBLAS_STATUS_NOT_INITIALIZED:  "CUBLAS_STATUS_NOT_INITIALIZED",
	C.CUBLAS_STATUS_ALLOC_FAILED:     "CUBLAS_STATUS_ALLOC_FAILED",
	C.CUBLAS_STATUS_INVALID_VALUE:    "CUBLAS_STATUS_INVALID_VALUE",
	C.CUBLAS_STATUS_ARCH_MISMATCH:    "CUBLAS_STATUS_ARCH_MISMATCH",
	C.CUBLAS_STATUS_MAPPING_ERROR:    "CUBLAS_STATUS_MAPPING_ERROR",
	C.CUBLAS_STATUS_EXECUTION_FAILED: "CUBLAS_STATUS_EXECUTION_FAILED",
	C.CUBLAS_STATUS_INTERNAL_ERROR:   "CUBLAS_STATUS_INTERNAL_ERROR",
	C.CUBLAS_STATUS_NOT_SUPPORTED:    "CUBLAS_STATUS_NOT_SUPPORTED",
	C.CUBLAS_STATUS_LICENSE_ERROR:    "CUBLAS_STATUS_LICENSE_ERROR",
}

// HostAlloc returns n bytes of pinned host memory; cu.MemFreeHost frees them.
func HostAlloc(n int) (unsafe.Pointer, error) {
	var p unsafe.Pointer
	err := answered(C.host_alloc(&p, C.size_t(n)))
	return p, err
}

// streamHandle returns the stream as an integer.
func streamHandle(s cu.Stream) C.uintptr_t { return C.uintptr_t(uintptr(unsafe.Pointer(s.C()))) }

// BeginCapture makes the stream collect work instead of running it. The mode is
// thread-local: calls of other threads cannot spoil the capture.
func BeginCapture(s cu.Stream) error { return answered(C.begin_capture(streamHandle(s))) }

// Capture is a CUgraph, or 0.
type Capture uintptr

// EndCapture ends the capture and returns the collected work.
func EndCapture(s cu.Stream) (Capture, error) {
	var graph C.uintptr_t
	err := answered(C.end_capture(streamHandle(s), &graph))
	return Capture(graph), err
}

// Instantiate makes an executable graph.
func (c Capture) Instantiate() (Graph, error) {
	var exec C.uintptr_t
	err := answered(C.instantiate(&exec, C.uintptr_t(c)))
	return Graph(exec), err
}

// Destroy frees the capture. Graphs made from it stay.
func (c Capture) Destroy() error { return answered(C.destroy_graph(C.uintptr_t(c))) }

// Graph is a CUgraphExec, or 0.
type Graph uintptr

// Launch puts the graph into a stream.
func (g Graph) Launch(s cu.Stream) error {
	return answered(C.launch_graph(C.uintptr_t(g), streamHandle(s)))
}

// Destroy frees the graph.
func (g Graph) Destroy() error { return answered(C.destroy_exec(C.uintptr_t(g))) }

// blasHandle returns the cublasHandle_t inside gorgonia's type, which does not export it.
func blasHandle(b *cublas.Standard) C.uintptr_t {
	return C.uintptr_t(reflect.ValueOf(b).Elem().FieldByName("h").Pointer())
}

// SetUpBLAS gives cuBLAS its stream, its workspace and its arithmetic. The order
// matters: cublasSetStream takes an earlier workspace away.
func SetUpBLAS(b *cublas.Standard, s cu.Stream, workspace uint64, bytes int64, tf32 bool) error {
	// The default is plain float32, although tensor cores are there: CUBLAS_DEFAULT_MATH
	// allows no reduced precision to a float32 product.
	mode := C.int(C.CUBLAS_DEFAULT_MATH)
	if tf32 {
		mode = C.CUBLAS_TF32_TENSOR_OP_MATH
	}
	h := blasHandle(b)
	for _, status := range []C.int{
		C.blas_stream(h, streamHandle(s)),
		C.blas_workspace(h, C.uintptr_t(workspace), C.size_t(bytes)),
		C.blas_math(h, mode),
	} {
		if status != C.CUBLAS_STATUS_SUCCESS {
			return cublas.Status(status)
		}
	}
	return nil
}
