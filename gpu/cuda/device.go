//go:build cuda

package cuda

import (
	"errors"
	"fmt"

	"mdfa/gpu"
	"mdfa/gpu/cuda/kernels"
	"mdfa/gpu/internal/state"
)

// Device is a GPU. Package gpu has the contract.
type Device struct {
	state    *deviceState
	context  *context
	programs map[*program]struct{}
}

var _ gpu.Device = (*Device)(nil)

// Open starts a GPU of the driver that was chosen before (package driver).
func Open(o Options) (*Device, error) {
	if o.Kind == "" {
		o.Kind = "cuda"
	}
	d := &Device{state: state.New[*buffer, *program](), programs: map[*program]struct{}{}}
	var err error
	if d.context, err = openContext(o, &d.state.Lost); err != nil {
		return nil, err
	}
	return d, nil
}

// Info describes the GPU. MemoryFree includes idle memory that the device has reserved.
func (d *Device) Info() gpu.Info {
	o, about := d.context.options, d.context.about
	detail := o.Detail
	if detail == "" {
		detail = fmt.Sprintf("CUDA %d.%d driver", about.DriverVersion/1000, about.DriverVersion%1000/10)
	}
	info := gpu.Info{
		Kind:   o.Kind,
		Name:   about.Name,
		Detail: fmt.Sprintf("sm_%d%d, %s", about.Major, about.Minor, detail),
		PCI:    about.PCI,
	}
	if d.state.Closed() || d.state.Lost != nil {
		info.MemoryTotal = about.MemoryTotal
		return info
	}
	// A failure to ask leaves zeros, which stand for unknown.
	_ = d.context.exec.Do(func() error {
		info.MemoryFree, info.MemoryTotal = d.context.memory.available()
		return nil
	})
	return info
}

// Alloc returns zeroed memory, or ErrOutOfMemory.
func (d *Device) Alloc(t gpu.DType, n int) (gpu.Buffer, error) {
	if err := d.state.CheckAlloc(t, n); err != nil {
		return nil, err
	}
	b := &buffer{}
	b.release = func() error { return d.release(b) }
	if err := d.context.exec.Do(func() error { return d.reserve(b, t, n) }); err != nil {
		return nil, err
	}
	d.state.Add(b, t, n)
	return b, nil
}

// reserve takes the memory of a buffer from the arena and clears it. It runs on the executor.
func (d *Device) reserve(b *buffer, t gpu.DType, n int) error {
	c := d.context
	tooLarge := func() error {
		free, _ := c.memory.available()
		return fmt.Errorf("alloc %d elements of %s, %.1f MiB, %.1f MiB are free: %w",
			n, t, float64(n)*float64(t.Size())/mib, float64(free)/mib, gpu.ErrOutOfMemory)
	}
	if n > state.MaxBytes/t.Size() {
		return tooLarge()
	}
	bytes := n * t.Size()
	// An empty buffer gets its own address, since 0 is the missing argument of a kernel.
	addr, err := c.memory.reserve(max(bytes, 1), fmt.Sprintf("%s[%d]", t, n))
	if errors.Is(err, gpu.ErrOutOfMemory) {
		return tooLarge()
	}
	if err != nil {
		return c.fail("alloc", err)
	}
	b.addr = addr
	c.queue.zero(kernels.DevicePtr(addr), bytes)
	if err := c.queue.take(); err != nil {
		_ = c.memory.release(addr) // the first error says more
		return c.fail("alloc", err)
	}
	return nil
}

// release gives the memory of a buffer back to the arena, unless the device is lost.
func (d *Device) release(b *buffer) error {
	if d.state.Lost != nil {
		return nil
	}
	return d.context.do("free", func() error { return d.context.memory.release(b.addr) })
}

// Upload copies src through pinned memory. It waits for the device only where both
// slots still wait to be copied, so that src can be reused at once. With other ranks it waits always.
func (d *Device) Upload(dst gpu.Buffer, off int, src []byte) error {
	b, err := d.state.Transfer("upload", dst, off, len(src))
	if err != nil {
		return err
	}
	c := d.context
	return c.do("upload", func() error {
		if err := c.settle(); err != nil {
			return err
		}
		return c.failure("host to device", c.staging.upload(c.queue.stream, b.addr+uint64(off), src))
	})
}

// Download copies a buffer through pinned memory, and waits for it.
func (d *Device) Download(dst []byte, src gpu.Buffer, off int) error {
	b, err := d.state.Transfer("download", src, off, len(dst))
	if err != nil {
		return err
	}
	c := d.context
	return c.do("download", func() error {
		if err := c.settle(); err != nil {
			return err
		}
		return c.failure("device to host", c.staging.download(c.queue.stream, dst, b.addr+uint64(off)))
	})
}

// Sync waits for the stream, and for the copies of feeds. It returns the first failure since
// the last call that waited.
func (d *Device) Sync() error {
	if err := d.state.Ready("sync"); err != nil {
		return err
	}
	return d.context.do("sync", d.context.drain)
}

// submit runs an operation, or adds it to the recording. Check is the result of the
// operation's shape check. Build turns the arguments into the function that issues the
// operation; it is called if the shapes are right.
func (d *Device) submit(name string, check error, build func(b *builder) func(q *queue)) error {
	if err := d.state.Accept(name, check); err != nil {
		return err
	}
	b := builder{
		op: op{name: name}, limits: d.context.limits,
		accept: func(s gpu.Span) error { return d.state.Accept(name, nil, s) },
	}
	b.issue = build(&b)
	if b.err != nil {
		return b.err
	}
	if p := d.state.Recording; p != nil {
		p.Use(b.spans)
		p.step.ops = append(p.step.ops, b.op)
		return nil
	}
	return d.context.exec.Do(func() error { return d.context.direct(b.op) })
}

// Record collects the operations of step, then captures them into a graph. Step itself
// runs without capturing, so that it may fail anywhere and leave nothing behind.
func (d *Device) Record(step func() error) (gpu.Program, error) {
	p := d.newProgram()
	if err := d.state.Record(p, step); err != nil {
		return nil, err
	}
	if err := d.context.exec.Do(p.prepare); err != nil {
		return nil, err
	}
	d.programs[p] = struct{}{}
	return p, nil
}

func (d *Device) newProgram() *program {
	p := &program{context: d.context, device: d.state}
	p.forget = func() { delete(d.programs, p) }
	return p
}

// NewFeed takes pinned memory from the driver and buffers from the arena.
func (d *Device) NewFeed(slots int, parts ...gpu.FeedPart) (gpu.Feed, error) {
	f, err := d.state.NewFeed(slots, parts, d.Alloc, &copier{context: d.context})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Close waits for the streams, frees everything and returns the first error. On a lost
// device the driver's answers say nothing new and are ignored.
func (d *Device) Close() error {
	if err := d.state.Close(); err != nil {
		return err
	}
	for b := range d.state.Buffers {
		b.Remove()
	}
	var users []closing
	for f := range d.state.Feeds {
		users = append(users, closing{"feed", f.Copier().(*copier).close})
	}
	for p := range d.programs {
		_ = p.End() // it cannot fail: programs that were freed are not listed
		users = append(users, closing{"cuGraphExecDestroy", p.destroyGraph})
	}
	c := d.context
	err := c.exec.Do(func() error {
		lost := d.state.Lost != nil
		err := c.close(users...)
		if lost {
			return nil
		}
		return c.fail("close", err)
	})
	c.exec.Stop()
	d.programs = nil
	return err
}
