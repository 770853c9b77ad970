package algo

import (
	"context"
	"fmt"

	"mdfa/gpu"
)

// Examples are images with their labels on the host.
type Examples struct {
	Images []uint8 // [n, height, width, channels]
	Labels []int32 // [n], from 0 on
}

// Len is the number of examples.
func (e Examples) Len() int { return len(e.Labels) }

// pixelScale turns bytes into inputs.
const pixelScale = 1.0 / 255

// set is Examples on the device.
type set struct {
	images, labels gpu.Buffer
	n              int
}

func newSet(dev gpu.Device, e Examples) (*set, error) {
	s := &set{n: e.Len()}
	var err error
	if s.images, err = gpu.NewBuffer(dev, e.Images); err != nil {
		return nil, fmt.Errorf("memory for %d images: %w", s.n, err)
	}
	if s.labels, err = gpu.NewBuffer(dev, e.Labels); err != nil {
		return nil, fmt.Errorf("memory for %d labels: %w", s.n, err)
	}
	return s, nil
}

// part is a run of a set's examples.
func (s *set) part(from, n, features int) (data, labels gpu.Span) {
	return gpu.All(s.images).Slice(from*features, n*features), gpu.All(s.labels).Slice(from, n)
}

// gather brings batch number cursor of data to x and y.
func (l *Learner) gather(n int, data, labels, order, cursor gpu.Span) error {
	features := l.net.Input.Size()
	return l.dev.Gather(gpu.GatherArgs{
		X: gpu.All(l.x).Slice(0, n*features).Mat(n, features), Y: gpu.All(l.y).Slice(0, n),
		Data: data, Labels: labels, Order: order, Cursor: cursor, Scale: pixelScale,
	})
}

// recordTraining records one step: the next batch in order, and everything after.
func (l *Learner) recordTraining(s *set, order gpu.Buffer) (gpu.Program, error) {
	data, labels := s.part(0, s.n, l.net.Input.Size())
	return l.dev.Record(func() error {
		if err := l.gather(l.cfg.Batch, data, labels, gpu.All(order), gpu.All(l.counter).Slice(0, 1)); err != nil {
			return err
		}
		return l.train()
	})
}

// evaluation scores a whole set: full batches, and one of what is left.
type evaluation struct {
	learner *Learner
	full    gpu.Program // nil if the set is smaller than a batch
	batches int
	rest    gpu.Program // nil if nothing is left
	cursor  gpu.Buffer  // int32 [2]: the batch, and a zero for the rest
}

func (l *Learner) newEvaluation(s *set) (*evaluation, error) {
	n := l.cfg.EvalBatch
	e := &evaluation{learner: l, batches: s.n / n}
	var err error
	if e.cursor, err = l.dev.Alloc(gpu.Int32, 2); err != nil {
		return nil, err
	}
	if e.batches > 0 {
		if e.full, err = e.record(s, 0, s.n, n, 0); err != nil {
			return nil, err
		}
	}
	if left := s.n % n; left > 0 {
		if e.rest, err = e.record(s, s.n-left, left, left, 1); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// record records the scoring of batches of n out of length examples from one on; the
// cursor's element which counts them.
func (e *evaluation) record(s *set, from, length, n, which int) (gpu.Program, error) {
	l := e.learner
	data, labels := s.part(from, length, l.net.Input.Size())
	cursor := gpu.All(e.cursor).Slice(which, 1)
	return l.dev.Record(func() error {
		if err := l.gather(n, data, labels, gpu.Span{}, cursor); err != nil {
			return err
		}
		if err := l.forward(n); err != nil {
			return err
		}
		return l.score(n, false, cursor)
	})
}

// run scores the set with the current weights, or stops when ctx does. The learner's
// metrics are overwritten.
func (e *evaluation) run(ctx context.Context) (Metrics, error) {
	l := e.learner
	if err := l.dev.Zero(gpu.All(e.cursor)); err != nil {
		return Metrics{}, err
	}
	if err := l.ResetMetrics(); err != nil {
		return Metrics{}, err
	}
	for range e.batches {
		if err := ctx.Err(); err != nil {
			return Metrics{}, err
		}
		if err := e.full.Run(); err != nil {
			return Metrics{}, err
		}
	}
	if e.rest != nil {
		if err := e.rest.Run(); err != nil {
			return Metrics{}, err
		}
	}
	return l.Metrics()
}
