package kernels

import (
	"fmt"
	"math"

	"mdfa/gpu"
)

//go:generate go run ./gen

// DevicePtr is an address in device memory.
type DevicePtr uint64

// Kernel is one entry point of kernels.ptx.
type Kernel int

// entry describes a kernel for the wrappers.
type entry struct {
	name    string
	threads uint32
}

// String returns the kernel's name in the PTX, which the loaded module has.
func (k Kernel) String() string {
	if k < 0 || k >= NumKernels {
		return fmt.Sprintf("Kernel(%d)", int(k))
	}
	return entries[k].name
}

// MaxThreads returns the most threads of a block that the kernel was compiled for.
func (k Kernel) MaxThreads() int { return int(entries[k].threads) }

// Shape is the shape of a launch: blocks, threads of a block, bytes of dynamic shared
// memory. A shape with a zero dimension launches nothing.
type Shape struct {
	Grid, Block [3]uint32
	Shared      uint32
}

// empty reports whether there is nothing to launch.
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
// bytes. gorgonia.org/cu's Function.Launch takes them as they are: one
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
		return fmt.Errorf("%v: %d threads a block, compiled for at most %d", kernel, threads, entries[kernel].threads)
	}
	if err := k.Launcher.Launch(kernel, s, words); err != nil {
		return fmt.Errorf("%v: %w", kernel, err)
	}
	return nil
}

// biasKernels and optimizerKernels are found by name: a row of package gpu's tables needs its
// kernel in kernels.cu and nothing here.
var (
	biasKernels      = named("bias_", gpu.Activation.String, gpu.NumActivations)
	optimizerKernels = named("", gpu.Optimizer.String, gpu.NumOptimizers)
)

// named returns the kernel of each row; NumKernels if there is none, which a test excludes.
func named[T ~uint8](prefix string, name func(T) string, rows int) []Kernel {
	list := make([]Kernel, rows)
	for i := range list {
		for list[i] < NumKernels && entries[list[i]].name != prefix+name(T(i)) {
			list[i]++
		}
	}
	return list
}

// Bias launches the kernel bias_* of an activation. sums holds the products; it is h if the
// activation keeps no preactivations.
func (k Kernels) Bias(act gpu.Activation, shape Shape, sums, h, b DevicePtr, rows, cols, width int32) error {
	words := []uint64{uint64(sums), uint64(h), uint64(b), intWord(rows), intWord(cols), intWord(width)}
	if !act.NeedsPre() {
		words = words[1:]
	}
	return k.launch(biasKernels[act], shape, words)
}

// Optimize launches the kernel of an optimizer. The arenas are the weights, the gradients and
// the states. Of the spans of a the length of Factors is used, and its clamped range lies within n.
func (k Kernels) Optimize(a gpu.OptimizeArgs, shape Shape, arenas []DevicePtr, step, factors, batch DevicePtr, n, width int32) error {
	var words []uint64
	for _, arena := range arenas {
		words = append(words, uint64(arena))
	}
	if a.Kind.Counts() {
		words = append(words, uint64(step))
	}
	words = append(words, uint64(factors), uint64(batch), intWord(int32(a.Factors.Len)))
	words = append(words, intWord(n), floatWord(a.LR), floatWord(a.L2), floatWord(a.Decay))
	if a.Kind == gpu.Momentum {
		nesterov := int32(0)
		if a.Nesterov {
			nesterov = 1
		}
		words = append(words, floatWord(a.Momentum), intWord(nesterov))
	}
	words = append(words, intWord(int32(a.ClampFrom)), intWord(int32(a.ClampTo)), floatWord(a.Floor), intWord(width))
	return k.launch(optimizerKernels[a.Kind], shape, words)
}

func intWord(v int32) uint64 { return uint64(uint32(v)) }

func floatWord(v float32) uint64 { return uint64(math.Float32bits(v)) }
