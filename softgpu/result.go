package softgpu

import "fmt"

// Result is the answer of a driver call: CUresult (CUDA driver API, "Data types used by
// CUDA driver").
type Result int32

// The answers that the machine gives.
const (
	Success                       Result = 0
	ErrorInvalidValue             Result = 1
	ErrorOutOfMemory              Result = 2
	ErrorNotInitialized           Result = 3
	ErrorInvalidDevice            Result = 101
	ErrorInvalidImage             Result = 200
	ErrorInvalidContext           Result = 201
	ErrorNoBinaryForGPU           Result = 209
	ErrorUnsupportedLimit         Result = 215
	ErrorInvalidPTX               Result = 218
	ErrorUnsupportedPTXVersion    Result = 222
	ErrorFileNotFound             Result = 301
	ErrorInvalidHandle            Result = 400
	ErrorIllegalState             Result = 401
	ErrorNotFound                 Result = 500
	ErrorNotReady                 Result = 600
	ErrorIllegalAddress           Result = 700
	ErrorLaunchOutOfResources     Result = 701
	ErrorLaunchTimeout            Result = 702
	ErrorContextIsDestroyed       Result = 709
	ErrorHostMemoryRegistered     Result = 712
	ErrorIllegalInstruction       Result = 715
	ErrorMisalignedAddress        Result = 716
	ErrorInvalidAddressSpace      Result = 717
	ErrorLaunchFailed             Result = 719
	ErrorNotSupported             Result = 801
	ErrorStreamCaptureUnsupported Result = 900
	ErrorStreamCaptureInvalidated Result = 901
	ErrorStreamCaptureMerge       Result = 902
	ErrorStreamCaptureUnmatched   Result = 903
	ErrorStreamCaptureUnjoined    Result = 904
	ErrorStreamCaptureIsolation   Result = 905
	ErrorStreamCaptureImplicit    Result = 906
	ErrorCapturedEvent            Result = 907
	ErrorStreamCaptureWrongThread Result = 908
	ErrorUnknown                  Result = 999
)

var results = map[Result][2]string{
	Success:                       {"CUDA_SUCCESS", "no error"},
	ErrorInvalidValue:             {"CUDA_ERROR_INVALID_VALUE", "an argument is out of its range"},
	ErrorOutOfMemory:              {"CUDA_ERROR_OUT_OF_MEMORY", "the memory does not suffice"},
	ErrorNotInitialized:           {"CUDA_ERROR_NOT_INITIALIZED", "cuInit has not been called"},
	ErrorInvalidDevice:            {"CUDA_ERROR_INVALID_DEVICE", "no such device"},
	ErrorInvalidImage:             {"CUDA_ERROR_INVALID_IMAGE", "the module is no PTX"},
	ErrorInvalidContext:           {"CUDA_ERROR_INVALID_CONTEXT", "no context is current on this thread, or it is no context"},
	ErrorNoBinaryForGPU:           {"CUDA_ERROR_NO_BINARY_FOR_GPU", "the module is for another architecture"},
	ErrorUnsupportedLimit:         {"CUDA_ERROR_UNSUPPORTED_LIMIT", "the limit is not known"},
	ErrorInvalidPTX:               {"CUDA_ERROR_INVALID_PTX", "the PTX does not compile"},
	ErrorUnsupportedPTXVersion:    {"CUDA_ERROR_UNSUPPORTED_PTX_VERSION", "the PTX is newer than the driver"},
	ErrorFileNotFound:             {"CUDA_ERROR_FILE_NOT_FOUND", "the file is not there"},
	ErrorInvalidHandle:            {"CUDA_ERROR_INVALID_HANDLE", "the handle names nothing in this context"},
	ErrorIllegalState:             {"CUDA_ERROR_ILLEGAL_STATE", "not possible in the object's present state"},
	ErrorNotFound:                 {"CUDA_ERROR_NOT_FOUND", "no such name"},
	ErrorNotReady:                 {"CUDA_ERROR_NOT_READY", "the work has not finished"},
	ErrorIllegalAddress:           {"CUDA_ERROR_ILLEGAL_ADDRESS", "an access to memory that is not there"},
	ErrorLaunchOutOfResources:     {"CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "the block needs more than the device has"},
	ErrorLaunchTimeout:            {"CUDA_ERROR_LAUNCH_TIMEOUT", "the kernel did not end"},
	ErrorContextIsDestroyed:       {"CUDA_ERROR_CONTEXT_IS_DESTROYED", "the current context has been destroyed"},
	ErrorHostMemoryRegistered:     {"CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED", "the host memory is pinned already"},
	ErrorIllegalInstruction:       {"CUDA_ERROR_ILLEGAL_INSTRUCTION", "an instruction that cannot run"},
	ErrorMisalignedAddress:        {"CUDA_ERROR_MISALIGNED_ADDRESS", "an access to a misaligned address"},
	ErrorInvalidAddressSpace:      {"CUDA_ERROR_INVALID_ADDRESS_SPACE", "an address in the wrong space"},
	ErrorLaunchFailed:             {"CUDA_ERROR_LAUNCH_FAILED", "the kernel failed"},
	ErrorNotSupported:             {"CUDA_ERROR_NOT_SUPPORTED", "the software GPU does not do this"},
	ErrorStreamCaptureUnsupported: {"CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "not possible while a stream is being captured"},
	ErrorStreamCaptureInvalidated: {"CUDA_ERROR_STREAM_CAPTURE_INVALIDATED", "an earlier error has ended the capture"},
	ErrorStreamCaptureMerge:       {"CUDA_ERROR_STREAM_CAPTURE_MERGE", "two captures would become one"},
	ErrorStreamCaptureUnmatched:   {"CUDA_ERROR_STREAM_CAPTURE_UNMATCHED", "the capture began in another stream"},
	ErrorStreamCaptureUnjoined:    {"CUDA_ERROR_STREAM_CAPTURE_UNJOINED", "a forked stream was not joined"},
	ErrorStreamCaptureIsolation:   {"CUDA_ERROR_STREAM_CAPTURE_ISOLATION", "the capture depends on work outside it"},
	ErrorStreamCaptureImplicit:    {"CUDA_ERROR_STREAM_CAPTURE_IMPLICIT", "the default stream waits for the captured one"},
	ErrorCapturedEvent:            {"CUDA_ERROR_CAPTURED_EVENT", "the event was recorded in a capture"},
	ErrorStreamCaptureWrongThread: {"CUDA_ERROR_STREAM_CAPTURE_WRONG_THREAD", "the capture began on another thread"},
	ErrorUnknown:                  {"CUDA_ERROR_UNKNOWN", "the device does not answer"},
}

// String is the name of the answer in cuda.h.
func (r Result) String() string {
	if name, ok := ErrorName(r); ok {
		return name
	}
	return fmt.Sprintf("CUresult(%d)", int32(r))
}

// ErrorName is cuGetErrorName.
func ErrorName(r Result) (string, bool) { text, ok := results[r]; return text[0], ok }

// ErrorString is cuGetErrorString.
func ErrorString(r Result) (string, bool) { text, ok := results[r]; return text[1], ok }

// Status is the answer of a cuBLAS call: cublasStatus_t.
type Status int32

// The answers of cuBLAS that the machine gives.
const (
	BlasSuccess         Status = 0
	BlasNotInitialized  Status = 1
	BlasAllocFailed     Status = 3
	BlasInvalidValue    Status = 7
	BlasExecutionFailed Status = 13
	BlasInternalError   Status = 14
	BlasNotSupported    Status = 15
)
