package feed

import (
	"context"
	"encoding/binary"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"mdfa/algo"
)

// The parts of a batch in host memory: images [n, features], labels [n].
const (
	imagePart = iota
	labelPart
)

// hostMemory is where batches are assembled: a gpu.Feed, or a heap.
type hostMemory interface {
	Acquire(slot int) error
	Fill(slot int, write func(host [][]byte)) error
}

// heap is host memory that no device reads, by slot and part. A slot must be read only after its batch was waited
// for.
type heap [][][]byte

func newHeap(slots, rows, features int) heap {
	h := make(heap, slots)
	for i := range h {
		h[i] = [][]byte{imagePart: make([]byte, rows*features), labelPart: make([]byte, rows*labelBytes)}
	}
	return h
}

func (h heap) Acquire(int) error { return nil }

func (h heap) Fill(slot int, write func(host [][]byte)) error {
	write(h[slot])
	return nil
}

const (
	labelBytes = 4
	// jobBytes is the size of the piece that a worker reads at a time: large enough that handing out the work
	// costs nothing, and small enough that all workers share the batch that is needed next.
	jobBytes = 64 << 10
)

// prefetcher assembles batches ahead of their use. Batch b lies in slot b modulo the number of slots. Its methods
// are for one goroutine, which owns the device. Its workers only fill memory; they live from begin to the last
// batch, the first error, or stop.
type prefetcher struct {
	memory  hostMemory
	slots   []assembly
	workers int

	name     string // of the set, for errors
	examples Examples
	features int
	order    []int32 // rows of the examples; nil: all in their own order
	rows     int     // how many there are in all batches
	batch    int     // rows of a batch; the last may have fewer

	assigned int // batches given to the workers
	given    int // batches given to the caller
	err      error
	jobs     chan job // nil: no workers
	quit     atomic.Bool
	running  sync.WaitGroup
}

// assembly is the state of the batch that a slot gets.
type assembly struct {
	left  atomic.Int32  // jobs that are not done
	ready chan struct{} // gets a token when all are done; holds one
	mutex sync.Mutex
	err   error // of the first row that failed
	row   int   // that failed, in the batch
}

// job is a few rows of a batch.
type job struct{ batch, from, n int }

// assembled is a batch that is ready.
type assembled struct {
	slot, n int
	wait    time.Duration // how long next waited for the workers
}

// newPrefetcher has at least two slots.
func newPrefetcher(memory hostMemory, slots, workers int) *prefetcher {
	p := &prefetcher{memory: memory, slots: make([]assembly, slots), workers: workers}
	for i := range p.slots {
		p.slots[i].ready = make(chan struct{}, 1)
	}
	return p
}

// begin starts with the first batch. Errors name the examples by name.
func (p *prefetcher) begin(name string, e Examples, features int, order []int32, batch int) error {
	p.stop()
	p.name, p.examples, p.features, p.order, p.batch = name, e, features, order, batch
	p.rows = len(order)
	if order == nil {
		p.rows = e.Len()
	}
	p.assigned, p.given, p.err = 0, 0, nil
	p.quit.Store(false)
	perJob := p.perJob()
	p.jobs = make(chan job, len(p.slots)*((batch+perJob-1)/perJob))
	for range p.workers {
		p.running.Go(p.work)
	}
	for range min(len(p.slots), p.batches()) {
		if err := p.assign(); err != nil {
			p.fail(err)
			return err
		}
	}
	return nil
}

func (p *prefetcher) batches() int { return (p.rows + p.batch - 1) / p.batch }

// length returns the number of rows of a batch.
func (p *prefetcher) length(batch int) int { return min(p.batch, p.rows-batch*p.batch) }

func (p *prefetcher) perJob() int { return max(1, jobBytes/p.features) }

// assign hands the next batch to the workers. Its slot's memory must be free or about to be.
func (p *prefetcher) assign() error {
	batch := p.assigned
	slot := batch % len(p.slots)
	if err := p.memory.Acquire(slot); err != nil {
		return err
	}
	n, perJob := p.length(batch), p.perJob()
	a := &p.slots[slot]
	a.err = nil
	a.left.Store(int32((n + perJob - 1) / perJob))
	p.assigned++
	for from := 0; from < n; from += perJob {
		p.jobs <- job{batch, from, min(perJob, n-from)} // there is room for all slots' jobs
	}
	return nil
}

// next waits for the next batch, which stays in its slot until sent is called. After an error there are no more
// batches, unless it is the error of ctx, which changes nothing.
func (p *prefetcher) next(ctx context.Context) (assembled, error) {
	switch {
	case p.err != nil:
		return assembled{}, p.err
	case p.jobs == nil:
		return assembled{}, fmt.Errorf("all batches were taken: an epoch has to begin: %w", algo.ErrConfig)
	}
	got := assembled{slot: p.given % len(p.slots), n: p.length(p.given)}
	a := &p.slots[got.slot]
	select {
	case <-a.ready:
	default:
		start := time.Now()
		select {
		case <-a.ready:
			got.wait = time.Since(start)
		case <-ctx.Done():
			return assembled{}, ctx.Err()
		}
	}
	if a.err != nil {
		p.fail(a.err)
		return assembled{}, a.err
	}
	p.given++
	return got, nil
}

// sent tells the prefetcher that the batch of the last next is on its way to the device. The slot of the batch
// before it is assembled anew: its copy is likely to be done, so that the caller seldom waits for the device here.
func (p *prefetcher) sent() error {
	if p.given == p.batches() {
		p.stop()
		return nil
	}
	const behind = 2 // the batch before the one that was sent
	if p.assigned < p.batches() && p.assigned-len(p.slots) <= p.given-behind {
		if err := p.assign(); err != nil {
			p.fail(err)
			return err
		}
	}
	return nil
}

func (p *prefetcher) fail(err error) {
	p.stop()
	p.err = err
}

// stop ends the workers, each after the image that it is reading, and forgets the batches that they have
// assembled.
func (p *prefetcher) stop() {
	if p.jobs == nil {
		return
	}
	p.quit.Store(true)
	close(p.jobs)
	p.running.Wait()
	p.jobs = nil
	for i := range p.slots {
		select {
		case <-p.slots[i].ready:
		default:
		}
	}
}

// work does the jobs of a worker.
func (p *prefetcher) work() {
	var j job
	var row int
	var err error
	write := func(host [][]byte) { row, err = p.assemble(j, host) }
	for j = range p.jobs {
		if !p.quit.Load() {
			row, err = j.from, nil
			if refused := p.memory.Fill(j.batch%len(p.slots), write); refused != nil {
				err = refused
			}
			if err != nil {
				p.slots[j.batch%len(p.slots)].fail(row, err)
			}
		}
		if a := &p.slots[j.batch%len(p.slots)]; a.left.Add(-1) == 0 {
			a.ready <- struct{}{}
		}
	}
}

// assemble reads the rows of a job, or up to the one that fails.
func (p *prefetcher) assemble(j job, host [][]byte) (row int, err error) {
	for row := j.from; row < j.from+j.n && !p.quit.Load(); row++ {
		image := j.batch*p.batch + row
		if p.order != nil {
			image = int(p.order[image])
		}
		to := host[imagePart][row*p.features : (row+1)*p.features : (row+1)*p.features]
		if err := p.examples.Source.Image(image, to); err != nil {
			return row, fmt.Errorf("%s image %d: %w", p.name, image, err)
		}
		binary.NativeEndian.PutUint32(host[labelPart][row*labelBytes:], uint32(p.examples.Labels[image]))
	}
	return 0, nil
}

// fail keeps the failure of the first row, whichever worker comes first.
func (a *assembly) fail(row int, err error) {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	if a.err == nil || row < a.row {
		a.row, a.err = row, err
	}
}
