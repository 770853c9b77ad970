//go:build cuda

package cuda

import (
	_ "embed"
	"fmt"

	"gorgonia.org/cu"

	"mdfa/gpu/cuda/internal/arena"
	"mdfa/gpu/cuda/internal/cuext"
	"mdfa/gpu/cuda/kernels"
)

//go:embed kernels.ptx
var ptx string

// oldestCapability is the compute capability that the kernels are compiled for: 7.0, Volta.
const oldestCapability = 70

const (
	// usualChunk is the number of bytes that the arena takes from the driver at a time.
	usualChunk = 64 * mib
	// usualProductMemory is NVIDIA's recommendation for cuBLAS on Hopper; older GPUs need less.
	usualProductMemory = 32 * mib
	usualPatchBytes    = 256 * mib
	// blocksPerMultiprocessor is the grid of elementwise kernels: a multiprocessor holds at
	// most eight blocks of 256 threads.
	blocksPerMultiprocessor = 8
)

// openContext takes the device's primary context, as CUDA's runtime library does, and cuBLAS
// with it: its own context would cost some hundred MiB more, and its creation is one of
// the few calls that have changed from one CUDA to the next. Lost gets the error after which
// the context is unusable.
func openContext(o Options, lost *error) (*context, error) {
	c := &context{caller: caller{o.Checker, lost, newRanks(o.Group)}, options: o, exec: cuext.NewExecutor()}
	if err := c.exec.Do(func() error { return named("open", c.open()) }); err != nil {
		c.exec.Stop()
		return nil, err
	}
	return c, nil
}

// open builds the context up.
func (c *context) open() error {
	if err := c.find(); err != nil {
		return err
	}
	primary, err := c.gpu.RetainPrimaryCtx()
	if err != nil {
		return c.failure("cuDevicePrimaryCtxRetain", err)
	}
	// The context is set, not pushed: a gorgonia Ctx would bring its own goroutine,
	// and panics on some errors.
	err = c.failure("cuCtxSetCurrent", cu.SetCurrentContext(primary))
	for _, next := range []func() error{c.loadKernels, c.openStream, c.openMemory, c.openBLAS, c.openRanks} {
		if err == nil {
			err = next()
		}
	}
	if err != nil {
		_ = c.close() // the first error says more
		return err
	}
	return nil
}

// find looks the device up and refuses one that the kernels cannot run on.
func (c *context) find() error {
	count, err := cu.NumDevices()
	if err != nil {
		return c.failure("cuDeviceGetCount", err)
	}
	if c.options.Ordinal < 0 || c.options.Ordinal >= count {
		return fmt.Errorf("there is no GPU %d: the driver shows %d, counted from 0", c.options.Ordinal, count)
	}
	if c.gpu, err = cu.GetDevice(c.options.Ordinal); err != nil {
		return c.failure("cuDeviceGet", err)
	}
	if c.about, err = describeDevice(c.options.Ordinal, c.gpu); err != nil {
		return c.failure("cuDeviceGetAttribute", err)
	}
	if c.about.capability() < oldestCapability {
		return fmt.Errorf("%s has compute capability %d.%d: 7.0 (Volta) or newer is needed", c.about.Name, c.about.Major, c.about.Minor)
	}
	c.maxBlocks = blocksPerMultiprocessor * c.about.Multiprocessors
	return nil
}

// loadKernels hands the PTX to the driver, which compiles it for the device.
func (c *context) loadKernels() error {
	var err error
	if c.module, err = cu.LoadData(ptx); err != nil {
		code, _ := cuext.ResultOf(err)
		switch code {
		case cuext.UnsupportedPTXVersion, cuext.InvalidPTX, cuext.NoBinaryForGPU:
			return fmt.Errorf("the driver cannot read the kernels, CUDA 12.0 (driver 525) or newer is needed: %w",
				c.failure("cuModuleLoadData", err))
		}
		return c.failure("cuModuleLoadData", err)
	}
	for k := range kernels.NumKernels {
		if c.queue.functions[k], err = c.module.Function(k.String()); err != nil {
			return c.failure("cuModuleGetFunction "+k.String(), err)
		}
	}
	return nil
}

// openStream makes the stream for all work but the copies of feeds and the side streams of
// recorded steps.
func (c *context) openStream() error {
	c.queue.caller, c.queue.sync = c.caller, c.options.Sync
	return c.queue.blasStream.open(c.caller)
}

func (c *context) openMemory() error {
	c.patchBytes = int(c.options.WorkspaceBytes)
	if c.patchBytes <= 0 {
		c.patchBytes = int(c.share(usualPatchBytes, 8))
	}
	c.memory = newMemory(c.caller, c.queue.stream, c.share(usualChunk, 64))
	return c.failure("cuMemHostAlloc", c.staging.open())
}

func (c *context) openBLAS() error {
	c.blasBytes = c.share(usualProductMemory, 256)
	return c.queue.openBLAS(c.memory, c.blasBytes, c.options.TF32)
}

// share returns the usual number of bytes, or a part of a small device's memory.
func (c *context) share(usual uint64, part int64) uint64 {
	return min(usual, arena.RoundUp(uint64(c.about.MemoryTotal/part), arena.Align))
}
