package gpu

// KernelProfile is what one kernel costs in a step of a program, all its launches
// together. Counts are per step.
type KernelProfile struct {
	Kernel   string // its name; "sgemm" for matrix products, "memset" and "copy"
	Launches int
	// FloorRead and FloorWritten are bytes of memory traffic that no implementation of
	// the same launches can do without: every input read once, every output written once.
	FloorRead, FloorWritten int64
	// Read and Written are the bytes that were measured; 0 where nothing measures them.
	Read, Written int64
	// FLOPs counts additions and multiplications; a division, root, exponential or
	// logarithm is one. Measured where the device can, else counted from the shapes.
	FLOPs int64
	// Seconds on the device; 0 where time means nothing, as on a software GPU.
	Seconds float64
}

// Profile is where the work of a program's step goes, the kernels in the order of
// their first launch, with the device's limits beside it.
type Profile struct {
	Kernels            []KernelProfile
	PeakBytesPerSecond float64 // of device memory, 0 if unknown
	PeakFLOPS          float64 // of float32 multiply-adds, each counted as two; 0 if unknown
	Steps              int     // how many steps were run and averaged
}

// Profiler is implemented by programs that can say what their step costs. Profile runs
// the program steps times, with all its effects, and waits for the end; steps below 1
// are ErrShape.
type Profiler interface {
	Profile(steps int) (Profile, error)
}
