package gpu

// KernelProfile is the cost of one kernel in a step of a program, over all its launches.
// Counts are per step.
type KernelProfile struct {
	Kernel   string // its name; "sgemm" for matrix products, "memset" and "copy"
	Launches int
	// FloorRead and FloorWritten are the least bytes of memory traffic of the same launches:
	// every input read once, every output written once.
	FloorRead, FloorWritten int64
	// Read and Written are the measured bytes; 0 where nothing measures them.
	Read, Written int64
	// FLOPs counts additions and multiplications; a division, root, exponential or
	// logarithm counts as one. The device measures them if it can; otherwise the shapes give them.
	FLOPs int64
	// Seconds on the device; 0 on a software GPU, whose time means nothing.
	Seconds float64
}

// Profile is the cost of a program's step by kernel, in the order of their first launch,
// and the device's limits.
type Profile struct {
	Kernels            []KernelProfile
	PeakBytesPerSecond float64 // of device memory, 0 if unknown
	PeakFLOPS          float64 // of float32 multiply-adds, each counted as two; 0 if unknown
	Steps              int     // how many steps were run and averaged
}

// Profiler is implemented by programs that can measure their step. Profile runs the
// program `steps` times, with all its effects, and waits for the end; fewer than 1 is
// ErrShape.
type Profiler interface {
	Profile(steps int) (Profile, error)
}
