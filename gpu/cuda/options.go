//go:build cuda

package cuda

// Options say which GPU to open and how.
type Options struct {
	Ordinal int    // which GPU, as [Devices] counts them
	Kind    string // for gpu.Info: "cuda", which is the default, or "emu"
	// Detail follows the architecture in gpu.Info, such as the versions of driver and
	// cuBLAS; "" stands for the CUDA version of the driver.
	Detail string
	// Sync waits after every kernel and product, so that an error names the one that
	// failed. Recorded programs then issue their operations again instead of a graph.
	Sync bool
	// TF32 lets products round their factors to 10 bits of mantissa, for tensor cores.
	TF32 bool
	// WorkspaceBytes limits the patches that a convolution lays out at once; one image's
	// patches are always possible. It also limits the further memory of a recorded step:
	// patches that are kept for the gradients, and the workspace of its other streams.
	// 0 stands for 256 MiB, or an eighth of a small device.
	WorkspaceBytes int64
	// Streams is the largest number of streams for the independent operations of a recorded
	// step. 0 stands for 4; 1 keeps all of them in one. Sums over ranks have one more.
	Streams int
	// Group makes the device one of several ranks.
	Group Group
	// Checker is the software GPU; nil on hardware.
	Checker Checker
}

// Checker is the part of a software GPU that CUDA does not have.
type Checker interface {
	// Pool forbids all of an allocation, until AllowRange allows parts of it.
	Pool(addr, size uint64)
	// AllowRange allows a part of a pool; tag names it in reports. Release forbids it again.
	// Both take effect at once, not in the order of a stream.
	AllowRange(addr, size uint64, tag string)
	Release(addr uint64)
	// Explain returns the reason of the last failed call, or nil if it knows none.
	Explain() error
	// Traffic returns the counts since the machine started, by kernel; products are "sgemm".
	Traffic() map[string]Traffic
}

// Traffic sums up all launches of a kernel.
type Traffic struct {
	Launches                       int
	BytesRead, BytesWritten, FLOPs uint64
}
