package kernels

import (
	"fmt"
	"math"
)

//go:generate go run ./gen

// DevicePtr is an address in device memory.
type DevicePtr uint64

// Kernel is one entry point of kernels.ptx.
type Kernel int

// entry is what the wrappers know of a kernel.
type entry struct {
	name    string
	threads uint32
}

// String is the kernel's name in the PTX, to be looked up in the loaded module.
func (k Kernel) String() string {
	if k < 0 || k >= NumKernels {
		return fmt.Sprintf("Kernel(%d)", int(k))
	}
	return entries[k].name
}

// MaxThreads is the most threads of a block that the kernel was compiled for.
func (k Kernel) MaxThreads() int { return int(entries[k].threads) }

// Shape is the shape of a launch: blocks, threads of a block, bytes of dynamic shared
// memory. A shape with a zero dimension launches nothing.
type Shape struct {
	Grid, Block [3]uint32
	Shared      uint32
}

// empty says whether there is nothing to launch.
func (s Shape) empty() bool {
	for i := range s.Grid {
		if s.Grid[i] == 0 || s.Block[i] == 0 {
			return true
		}
	}
	return false
}

// Launcher puts one kernel into a stream.
//
// words are the parameters in 8-byte slots, the value of a smaller one in the low
// bytes. They hold for gorgonia.org/cu's Function.Launch as they are: one
// unsafe.Pointer(&words[i]) for each slot. A kernel that takes a struct takes nothing
// else, and its words are the struct's memory: that Launch copies 8 bytes per pointer
// into one contiguous block, where the driver finds the whole struct behind the first
// pointer and ignores the others. The words are the launcher's only until it returns.
type Launcher interface {
	Launch(k Kernel, s Shape, words []uint64) error
}

// Kernels launches the kernels through a Launcher, one typed method for each.
type Kernels struct{ Launcher Launcher }

func (k Kernels) launch(kernel Kernel, s Shape, words []uint64) error {
	if s.empty() {
		return nil
	}
	threads := uint64(s.Block[0]) * uint64(s.Block[1]) * uint64(s.Block[2])
	if threads > uint64(entries[kernel].threads) {
		return fmt.Errorf("kernels: %v: %d threads a block, compiled for at most %d", kernel, threads, entries[kernel].threads)
	}
	if err := k.Launcher.Launch(kernel, s, words); err != nil {
		return fmt.Errorf("kernels: %v: %w", kernel, err)
	}
	return nil
}

func intWord(v int32) uint64 { return uint64(uint32(v)) }

func floatWord(v float32) uint64 { return uint64(math.Float32bits(v)) }
