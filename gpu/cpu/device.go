// Package cpu is the reference device: the same operations as a GPU's, in plain Go
// loops plus one BLAS. Results do not depend on the number of processors, because work
// is cut into parts by the shapes alone and every sum over parts has a fixed order.
package cpu

import (
	"errors"
	"fmt"
	"runtime"

	"mdfa/gpu"
	"mdfa/gpu/cpu/blas"
	"mdfa/gpu/cpu/vec"
)

// Device runs operations at once, in the calling goroutine and the workers of its pool.
type Device struct {
	blas *blas.Library
	pool *pool

	scratch   [][]float32 // one per worker, as long as the neediest operation so far asked for
	buffers   map[*buffer]struct{}
	feeds     map[*feed]struct{}
	recording *program
	closed    bool
}

var _ gpu.Device = (*Device)(nil)

// Open starts a device with one worker for each processor that Go may use, on the BLAS
// that [blas.Find] finds, or on gonum where it fails. A program that has to tell its user
// of the failure calls both itself.
func Open() *Device {
	library, err := blas.Find()
	if err != nil {
		library = blas.Gonum()
	}
	return OpenWith(library)
}

// OpenWith starts a device on a given BLAS.
func OpenWith(library *blas.Library) *Device {
	workers := runtime.GOMAXPROCS(0)
	return &Device{
		blas:    library,
		pool:    newPool(workers),
		scratch: make([][]float32, workers),
		buffers: map[*buffer]struct{}{},
		feeds:   map[*feed]struct{}{},
	}
}

// Info describes threads, SIMD and BLAS.
func (d *Device) Info() gpu.Info {
	free, total := systemMemory()
	threads := "threads"
	if d.pool.workers == 1 {
		threads = "thread"
	}
	return gpu.Info{
		Kind:       "cpu",
		Name:       "cpu",
		Detail:     fmt.Sprintf("%d %s, %s, %s", d.pool.workers, threads, vec.SIMD(), d.blas.Name()),
		MemoryFree: free, MemoryTotal: total,
	}
}

// Close frees all buffers and stops the workers.
func (d *Device) Close() error {
	if d.closed {
		return fmt.Errorf("gpu: close: %w", gpu.ErrClosed)
	}
	d.closed = true
	for f := range d.feeds {
		f.slots.End(gpu.ErrClosed)
	}
	for b := range d.buffers {
		b.release()
	}
	d.pool.close()
	return nil
}

// Sync has nothing to wait for: operations are done when they return.
func (d *Device) Sync() error { return d.ready("sync") }

// ready refuses calls on a closed device, and those that cannot be recorded.
func (d *Device) ready(op string) error {
	if d.closed {
		return fmt.Errorf("gpu: %s: %w", op, gpu.ErrClosed)
	}
	if d.recording != nil {
		return fmt.Errorf("gpu: %s: %w", op, gpu.ErrRecording)
	}
	return nil
}

// phase is a piece of an operation whose parts may run side by side. The phases of an
// operation follow each other.
type phase struct {
	parts int
	work  func(part, worker int)
}

// serial is a phase of one part.
func serial(work func()) phase {
	return phase{1, func(int, int) { work() }}
}

// submit runs an operation, or adds it to the recording. Check is the result of the
// operation's shape check, uses are the spans whose buffers it touches; both are
// looked at before build, which turns the arguments into phases.
func (d *Device) submit(op string, check error, uses []gpu.Span, build func() []phase) error {
	if d.closed {
		return fmt.Errorf("gpu: %s: %w", op, gpu.ErrClosed)
	}
	if check != nil {
		return check
	}
	for _, s := range uses {
		if err := d.owns(op, s); err != nil {
			return err
		}
	}
	phases := build()
	if d.recording != nil {
		d.recording.add(uses, phases)
		return nil
	}
	d.run(phases)
	return nil
}

func (d *Device) run(phases []phase) {
	for i := range phases {
		d.pool.run(phases[i].parts, phases[i].work)
	}
}

// reserve makes sure that every worker's scratch memory holds n floats. Operations
// take it at run time, as it may move when a later one asks for more.
func (d *Device) reserve(n int) {
	for w := range d.scratch {
		if len(d.scratch[w]) < n {
			d.scratch[w] = alignedFloats(n)
		}
	}
}

// program is a list of phases and the buffers they touch.
type program struct {
	device  *Device
	phases  []phase
	buffers []*buffer
	known   map[*buffer]struct{}
	freed   bool
}

func (p *program) add(uses []gpu.Span, phases []phase) {
	for _, s := range uses {
		b, ok := s.Buf.(*buffer)
		if _, seen := p.known[b]; ok && !seen {
			p.known[b] = struct{}{}
			p.buffers = append(p.buffers, b)
		}
	}
	p.phases = append(p.phases, phases...)
}

// Record collects the operations of step.
func (d *Device) Record(step func() error) (gpu.Program, error) {
	if err := d.ready("record"); err != nil {
		return nil, err
	}
	p := &program{device: d, known: map[*buffer]struct{}{}}
	d.recording = p
	defer func() { d.recording = nil }()
	if err := step(); err != nil {
		return nil, err
	}
	return p, nil
}

// Run repeats the recorded operations. It allocates nothing.
func (p *program) Run() error {
	switch {
	case p.device.closed:
		return fmt.Errorf("gpu: run: %w", gpu.ErrClosed)
	case p.device.recording != nil:
		return fmt.Errorf("gpu: run: %w", gpu.ErrRecording)
	case p.freed:
		return errFreedProgram
	}
	for _, b := range p.buffers {
		if b.freed {
			return errFreedBuffer
		}
	}
	p.device.run(p.phases)
	return nil
}

var (
	errFreedProgram = fmt.Errorf("gpu: run: the program was freed: %w", gpu.ErrRecording)
	errFreedBuffer  = fmt.Errorf("gpu: run: a buffer of the program was freed: %w", gpu.ErrBuffer)
)

// Free forgets the recorded operations.
func (p *program) Free() error {
	if p.freed {
		return errors.New("gpu: free: the program was freed before")
	}
	p.freed, p.phases, p.buffers = true, nil, nil
	return nil
}
