// Package cpu is the reference device: the operations of package gpu in plain Go loops and
// calls of one BLAS. Results do not depend on the number of processors, because the shapes
// alone cut work into parts, and every sum over parts has a fixed order.
package cpu

import (
	"cmp"
	"fmt"
	"runtime"

	"mdfa/gpu"
	"mdfa/gpu/cpu/blas"
	"mdfa/gpu/cpu/vec"
	"mdfa/gpu/internal/state"
)

// Device runs operations at once, in the calling goroutine and the workers of its pool. Only sums over ranks run in the
// background.
type Device struct {
	state *state.Device[*buffer, *program]
	blas  *blas.Library
	pool  *pool

	scratch [][]float32 // one for each worker, as long as the largest request so far
	sums    *sums       // over ranks; nil without other ranks
}

var _ gpu.Device = (*Device)(nil)

// Open starts a device with one worker for each processor that Go may use, on the BLAS
// that [blas.Find] finds, or on gonum if it fails. A program that reports the failure to its
// user calls blas.Find and [OpenWith] itself.
func Open() *Device {
	library, err := blas.Find()
	if err != nil {
		library = blas.Gonum()
	}
	return OpenWith(Options{BLAS: library})
}

// Options are the options of a device.
type Options struct {
	BLAS    *blas.Library
	Workers int // goroutines that compute; 0: one for each processor that Go may use

	// AllReduce adds x up over all ranks, in place, and returns when x holds the sum; nil if there are no others. It is
	// called by one goroutine at a time, in the order of the operations, while other goroutines compute. It must
	// return, with an error, where a rank is lost: Sync, Download and Close wait for it.
	AllReduce func(x []float32) error
}

// OpenWith starts a device with the options.
func OpenWith(o Options) *Device {
	workers := cmp.Or(o.Workers, runtime.GOMAXPROCS(0))
	return &Device{
		blas:    o.BLAS,
		pool:    newPool(workers),
		scratch: make([][]float32, workers),
		state:   state.New[*buffer, *program](),
		sums:    newSums(o.AllReduce),
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
	if err := d.state.Close(); err != nil {
		return err
	}
	d.sums.close()
	for _, b := range d.state.Buffers {
		b.release()
	}
	d.pool.close()
	return nil
}

// Sync waits for sums over ranks. Other operations have run when they return.
func (d *Device) Sync() error {
	if err := d.state.Ready("sync"); err != nil {
		return err
	}
	return d.drain("sync")
}

// phase is a piece of an operation whose parts may run concurrently. The phases of an
// operation run one after the other.
type phase struct {
	parts int
	work  func(part, worker int)
}

// serial returns a phase of one part.
func serial(work func()) phase {
	return phase{1, func(int, int) { work() }}
}

// submit runs an operation, or adds it to the recording. Check is the result of the
// operation's shape check, uses are the spans whose buffers it touches; submit checks
// both before it calls build, which turns the arguments into phases.
func (d *Device) submit(op string, check error, uses []gpu.Span, build func() []phase) error {
	if err := d.state.Accept(op, check, uses...); err != nil {
		return err
	}
	phases := build()
	if d.sums != nil {
		phases = append([]phase{d.sums.wait(uses)}, phases...)
	}
	if p := d.state.Recording; p != nil {
		p.Use(uses)
		p.phases = append(p.phases, phases...)
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

// reserve makes every worker's scratch memory hold at least n floats. Operations must read
// d.scratch when they run: a later request may reallocate it.
func (d *Device) reserve(n int) {
	for w := range d.scratch {
		if len(d.scratch[w]) < n {
			d.scratch[w] = alignedFloats(n)
		}
	}
}

// program is a list of phases and the buffers they touch.
type program struct {
	state.Program[*buffer]
	device *Device
	phases []phase
}

// Record collects the operations of step.
func (d *Device) Record(step func() error) (gpu.Program, error) {
	p := &program{device: d}
	if err := d.state.Record(p, step); err != nil {
		return nil, err
	}
	return p, nil
}

// Run repeats the recorded operations. It allocates nothing.
func (p *program) Run() error {
	if err := p.device.state.Ready("run"); err != nil {
		return err
	}
	if err := p.CheckRun(); err != nil {
		return err
	}
	p.device.run(p.phases)
	return nil
}

// Free forgets the recorded operations.
func (p *program) Free() error {
	p.phases = nil
	return p.End()
}
