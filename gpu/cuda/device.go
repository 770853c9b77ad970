//go:build cuda

package cuda

import (
	"cmp"
	"fmt"
	"slices"

	"gorgonia.org/cu"

	"mdfa/gpu"
	"mdfa/gpu/internal/state"
)

// Options say which GPU to open and how.
type Options struct {
	Ordinal int    // which GPU, as [Devices] counts them
	Kind    string // for gpu.Info: "cuda", which is the default, or "emu"
	// Detail is what gpu.Info says after the architecture, such as the versions of driver
	// and cuBLAS; "" for the CUDA version that the driver speaks.
	Detail string
	// Sync waits after every kernel and product, so that an error names the one that
	// failed. Recorded programs then issue their operations again instead of a graph.
	Sync bool
	// TF32 lets products round their factors to 10 bits of mantissa, for tensor cores.
	TF32 bool
	// WorkspaceBytes limits the patches that a convolution lays out at once; one image's
	// patches are always possible. It also limits what a recorded step takes beyond that:
	// patches that are kept for the gradients, and the workspace of its other streams.
	// 0 stands for 256 MiB, or an eighth of a small device.
	WorkspaceBytes int64
	// Streams is how many streams the independent operations of a recorded step are spread
	// over at most. 0 stands for 4; 1 keeps all of them in one.
	Streams int
	// Checker is what a software GPU can do beyond CUDA; nil on hardware.
	Checker Checker
}

// Checker is what a software GPU knows beyond CUDA.
type Checker interface {
	// Pool forbids all of an allocation, until parts of it are carved.
	Pool(addr, size uint64)
	// Carve allows a part of a pool; tag names it in reports. Release forbids it again.
	// Both take effect at once, not in the order of a stream.
	Carve(addr, size uint64, tag string)
	Release(addr uint64)
	// Explain says why the last call that failed did; nil if nothing is known.
	Explain() error
	// Traffic is what was counted since the machine started, by kernel; products are "sgemm".
	Traffic() map[string]Traffic
}

// Traffic is what all launches of a kernel did.
type Traffic struct {
	Launches                       int
	BytesRead, BytesWritten, FLOPs uint64
}

// Device is a GPU. Package gpu has the contract.
type Device struct {
	state   *state.Device[*buffer, *program]
	options Options
	exec    *executor
	gpu     cu.Device
	about   Description
	module  cu.Module
	queue   queue
	copies  cu.Stream // in which feeds copy; made with the first of them
	arena   *arena
	staging staging

	side       []*lane    // beside the queue's, for recorded steps that fork
	workspace  *workspace // of operations outside programs; nil: none yet
	patchBytes int        // limit of a convolution's patches, and of those that a program keeps
	maxBlocks  int        // of an elementwise kernel

	programs map[*program]struct{}
}

var _ gpu.Device = (*Device)(nil)

// Info describes the GPU. MemoryFree includes what the device holds and has not handed out.
func (d *Device) Info() gpu.Info {
	detail := d.options.Detail
	if detail == "" {
		detail = fmt.Sprintf("CUDA %d.%d driver", d.about.DriverVersion/1000, d.about.DriverVersion%1000/10)
	}
	info := gpu.Info{
		Kind:   d.options.Kind,
		Name:   d.about.Name,
		Detail: fmt.Sprintf("sm_%d%d, %s", d.about.Major, d.about.Minor, detail),
		PCI:    d.about.PCI,
	}
	if d.state.Closed() || d.state.Lost != nil {
		info.MemoryTotal = d.about.MemoryTotal
		return info
	}
	// A failure to ask leaves zeros, which stand for unknown.
	_ = d.exec.do(func() error {
		info.MemoryFree, info.MemoryTotal = d.memory()
		return nil
	})
	return info
}

// memory is how many bytes can be allocated, and how many there are; zeros if unknown.
// On the executor.
func (d *Device) memory() (free, total int64) {
	free, total, err := cu.MemInfo()
	if err != nil {
		return 0, 0
	}
	return free + int64(d.arena.unused()), total
}

// Sync waits for the stream, and for what feeds copy. What failed since the last call
// that waited comes out here.
func (d *Device) Sync() error {
	if err := d.state.Ready("sync"); err != nil {
		return err
	}
	return d.exec.do(d.synchronize)
}

func (d *Device) synchronize() error { return d.fail("sync", d.drain()) }

// drain waits for both streams. On the executor.
func (d *Device) drain() error {
	err := d.failure("cuStreamSynchronize", d.queue.stream.Synchronize())
	if d.copies != (cu.Stream{}) {
		err = cmp.Or(err, d.failure("cuStreamSynchronize", d.copies.Synchronize()))
	}
	return err
}

// submit runs an operation, or adds it to the recording. Check is the result of the
// operation's shape check; it and the buffers that the operation touches are looked at
// before build, which turns the arguments into what to issue.
func (d *Device) submit(name string, check error, uses touched, build func(b *builder) func(q *queue)) error {
	spans := slices.Concat(uses.reads, uses.writes)
	if err := d.state.Accept(name, check, spans); err != nil {
		return err
	}
	b := builder{op: op{name: name, reads: extents(uses.reads), writes: extents(uses.writes)}}
	b.issue = build(&b)
	if b.err != nil {
		return b.err
	}
	if p := d.state.Recording; p != nil {
		p.Use(spans)
		p.ops = append(p.ops, b.op)
		return nil
	}
	return d.exec.do(func() error { return d.direct(b.op) })
}

// direct issues one operation with the device's own workspace.
func (d *Device) direct(o op) error {
	if err := d.provideWorkspace(o.layOut(0)); err != nil {
		return d.fail(o.name, err)
	}
	return d.run(o, d.workspace)
}

// run issues one operation.
func (d *Device) run(o op, w *workspace) error {
	if w != nil {
		d.queue.workspace = w.addr
	}
	o.issue(&d.queue)
	return d.fail(o.name, d.queue.take())
}

// Close waits for the streams, frees everything and returns the first error. On a lost
// device the driver's answers say nothing new and are not looked at.
func (d *Device) Close() error {
	if err := d.state.Close(); err != nil {
		return err
	}
	for b := range d.state.Buffers {
		b.Remove()
	}
	for p := range d.programs {
		_ = p.End() // it was not freed: the device has forgotten those
	}
	err := d.exec.do(func() error {
		lost := d.state.Lost != nil
		err := d.teardown()
		if lost {
			return nil
		}
		return d.fail("close", err)
	})
	d.exec.stop()
	return err
}

// teardown gives back whatever was opened, the last thing first; it serves Open, too,
// where opening broke off.
func (d *Device) teardown() error {
	var first error
	step := func(call string, do func() error) {
		if err := d.failure(call, do()); err != nil && first == nil {
			first = err
		}
	}
	if d.queue.stream != (cu.Stream{}) {
		step("cuStreamSynchronize", d.queue.stream.Synchronize)
	}
	if d.copies != (cu.Stream{}) {
		step("cuStreamSynchronize", d.copies.Synchronize)
	}
	for f := range d.state.Feeds {
		step("feed", f.Copier().(*copier).close)
	}
	for p := range d.programs {
		step("cuGraphExecDestroy", p.destroyGraph)
	}
	lanes := append(slices.Clone(d.side), &d.queue.lane)
	for _, l := range lanes {
		step("cublasDestroy", l.closeBLAS)
	}
	if d.module != (cu.Module{}) {
		step("cuModuleUnload", d.module.Unload)
	}
	step("pinned memory", d.staging.close)
	if d.arena != nil {
		step("cuMemFree", d.arena.close)
	}
	for _, l := range lanes {
		step("cuStreamDestroy", l.close)
	}
	if d.copies != (cu.Stream{}) {
		step("cuStreamDestroy", d.copies.Destroy)
	}
	step("cuCtxSetCurrent", func() error { return cu.SetCurrentContext(cu.CUContext{}) })
	step("cuDevicePrimaryCtxRelease", d.gpu.ReleasePrimaryCtx)
	d.programs, d.workspace, d.side = nil, nil, nil
	return first
}

// deviceMemory is the driver as a source of chunks, which a Checker then watches.
type deviceMemory struct{ device *Device }

func (m deviceMemory) alloc(n uint64) (uint64, error) {
	addr, err := cu.MemAlloc(int64(n))
	if err != nil {
		return 0, m.device.failure("cuMemAlloc", err)
	}
	if c := m.device.options.Checker; c != nil {
		c.Pool(uint64(addr), n)
	}
	return uint64(addr), nil
}

// free waits for the stream first: operations on what was freed may wait in it still.
func (m deviceMemory) free(addr uint64) error {
	waited := m.device.failure("cuStreamSynchronize", m.device.queue.stream.Synchronize())
	freed := m.device.failure("cuMemFree", cu.MemFree(cu.DevicePtr(addr)))
	return cmp.Or(waited, freed)
}
