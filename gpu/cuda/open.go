//go:build cuda

package cuda

import (
	_ "embed"
	"fmt"

	"gorgonia.org/cu"

	"mdfa/gpu/cuda/kernels"
	"mdfa/gpu/internal/state"
)

//go:embed kernels.ptx
var ptx string

// oldestCapability is the compute capability that the kernels are compiled for: 7.0, Volta.
const oldestCapability = 70

const (
	mib = 1 << 20
	// usualChunk is what the arena takes from the driver at a time.
	usualChunk = 64 * mib
	// usualProductMemory is what NVIDIA recommends for cuBLAS on Hopper; older ones need less.
	usualProductMemory = 32 * mib
	usualPatchBytes    = 256 * mib
	// blocksPerMultiprocessor is the grid of elementwise kernels: eight blocks of 256
	// threads are all that a multiprocessor holds.
	blocksPerMultiprocessor = 8
)

// Open starts a GPU of the driver that was chosen before (package driver). It takes the
// device's primary context, as CUDA's runtime library does, and cuBLAS with it: a context
// of its own would cost some hundred MiB more, and its creation is one of the few calls
// that have changed from one CUDA to the next.
func Open(o Options) (*Device, error) {
	if o.Kind == "" {
		o.Kind = "cuda"
	}
	d := &Device{
		options:  o,
		exec:     newExecutor(),
		programs: map[*program]struct{}{},
		state:    state.New[*buffer, *program](),
	}
	if err := d.exec.do(func() error { return operation("open", d.open()) }); err != nil {
		d.exec.stop()
		return nil, err
	}
	return d, nil
}

// open builds the device up. On the executor.
func (d *Device) open() error {
	if err := d.find(); err != nil {
		return err
	}
	context, err := d.gpu.RetainPrimaryCtx()
	if err != nil {
		return d.failure("cuDevicePrimaryCtxRetain", err)
	}
	// The context is set, not pushed: a gorgonia Ctx would bring a goroutine of its own,
	// and panics on some errors.
	err = d.failure("cuCtxSetCurrent", cu.SetCurrentContext(context))
	for _, next := range []func() error{d.loadKernels, d.openStream, d.openMemory, d.openBLAS} {
		if err == nil {
			err = next()
		}
	}
	if err != nil {
		_ = d.teardown() // what went wrong first says more
		return err
	}
	return nil
}

// find looks the device up and refuses one that the kernels cannot run on.
func (d *Device) find() error {
	count, err := cu.NumDevices()
	if err != nil {
		return d.failure("cuDeviceGetCount", err)
	}
	if d.options.Ordinal < 0 || d.options.Ordinal >= count {
		return fmt.Errorf("there is no GPU %d: the driver shows %d, counted from 0", d.options.Ordinal, count)
	}
	if d.gpu, err = cu.GetDevice(d.options.Ordinal); err != nil {
		return d.failure("cuDeviceGet", err)
	}
	if d.about, err = describeDevice(d.options.Ordinal, d.gpu); err != nil {
		return d.failure("cuDeviceGetAttribute", err)
	}
	if d.about.capability() < oldestCapability {
		return fmt.Errorf("%s has compute capability %d.%d: 7.0 (Volta) or newer is needed", d.about.Name, d.about.Major, d.about.Minor)
	}
	d.maxBlocks = blocksPerMultiprocessor * d.about.Multiprocessors
	return nil
}

// loadKernels hands the PTX to the driver, which compiles it for the device.
func (d *Device) loadKernels() error {
	var err error
	if d.module, err = cu.LoadData(ptx); err != nil {
		code, _ := resultOf(err)
		switch code {
		case unsupportedPTXVersion, invalidPTX, noBinaryForGPU:
			return fmt.Errorf("the driver cannot read the kernels, CUDA 12.0 (driver 525) or newer is needed: %w",
				d.failure("cuModuleLoadData", err))
		}
		return d.failure("cuModuleLoadData", err)
	}
	for k := range kernels.NumKernels {
		if d.queue.functions[k], err = d.module.Function(k.String()); err != nil {
			return d.failure("cuModuleGetFunction "+k.String(), err)
		}
	}
	return nil
}

// openStream makes the stream that everything goes through except the copies of feeds and
// what a recorded step puts beside it.
func (d *Device) openStream() error {
	d.queue.sync, d.queue.fail = d.options.Sync, d.failure
	return d.queue.lane.open(d)
}

func (d *Device) openMemory() error {
	d.patchBytes = int(d.options.WorkspaceBytes)
	if d.patchBytes <= 0 {
		d.patchBytes = int(d.share(usualPatchBytes, 8))
	}
	d.arena = newArena(deviceMemory{d}, d.share(usualChunk, 64))
	return d.failure("cuMemHostAlloc", d.staging.open())
}

// share is the usual number of bytes, or a part of a small device's memory.
func (d *Device) share(usual uint64, part int64) uint64 {
	return min(usual, roundUp(uint64(d.about.MemoryTotal/part), blockAlign))
}

func (d *Device) openBLAS() error { return d.queue.lane.openBLAS(d) }
