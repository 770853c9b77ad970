package vm

import "strings"

// Check says whether the device can run a launch: nil, a *LimitError, or what else is
// wrong with it. Launch checks by itself; a driver answers before the launch is queued.
func (k *Kernel) Check(c Launch) error { return k.checkLaunch(&c) }

// TooManyResources says that a launch fails because its blocks need more registers or
// threads than the kernel was compiled for, which a driver tells apart from arguments
// that no launch may have.
func (e *LimitError) TooManyResources() bool {
	return strings.HasPrefix(e.Resource, "registers") || strings.HasPrefix(e.Resource, "threads per block by")
}
