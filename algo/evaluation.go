package algo

import (
	"context"

	"mdfa/gpu"
)

// evaluation scores a whole set: full batches, and one of what is left.
type evaluation interface {
	// run scores the set with the current weights, or stops when ctx does. The learner's
	// metrics are overwritten.
	run(ctx context.Context) (Metrics, error)
	// each is run, which hands the logits of each batch to yield: those of the examples from
	// first on, [n, logits].
	each(ctx context.Context, yield yieldLogits) (Metrics, error)
}

// yieldLogits takes the logits of a batch. They are its own to keep.
type yieldLogits func(first int, logits []float32) error

// yield hands over the logits of the first n examples that were just scored, where somebody
// wants them.
func (l *Learner) yield(to yieldLogits, first, n int) error {
	if to == nil {
		return nil
	}
	logits, err := gpu.Read[float32](l.dev, gpu.All(l.logits).Slice(0, n*l.net.Logits))
	if err != nil {
		return err
	}
	return to(first, logits)
}

// residentEvaluation scores a set that lies on the device.
type residentEvaluation struct {
	learner *Learner
	full    gpu.Program // nil if the set is smaller than a batch
	batches int
	rest    gpu.Program // nil if nothing is left
	left    int         // the examples of rest
	cursor  gpu.Buffer  // int32 [2]: the batch, and a zero for the rest
}

func (t *Trainer) newResidentEvaluation(s *set) (*residentEvaluation, error) {
	n := t.learner.cfg.EvalBatch
	e := &residentEvaluation{learner: t.learner, batches: s.n / n, left: s.n % n}
	var err error
	if e.cursor, err = t.alloc(gpu.Int32, 2); err != nil {
		return nil, err
	}
	if e.batches > 0 {
		if e.full, err = e.record(t, s, 0, s.n, n, 0); err != nil {
			return nil, err
		}
	}
	if e.left > 0 {
		if e.rest, err = e.record(t, s, s.n-e.left, e.left, e.left, 1); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// record records the scoring of batches of n out of length examples from one on; the
// cursor's element which counts them.
func (e *residentEvaluation) record(t *Trainer, s *set, from, length, n, which int) (gpu.Program, error) {
	data, labels := s.part(from, length, e.learner.net.Input.Size())
	cursor := gpu.All(e.cursor).Slice(which, 1)
	return t.record(func() error { return e.learner.scoring(n, data, labels, cursor, cursor) })
}

// scoring brings batch number cursor of data to the network and scores it; the counters,
// if there are any, are raised.
func (l *Learner) scoring(n int, data, labels, cursor, counters gpu.Span) error {
	if err := l.gather(n, data, labels, gpu.Span{}, cursor); err != nil {
		return err
	}
	s := l.step(n, nil)
	if err := s.forward(); err != nil {
		return err
	}
	return s.loss(false, counters)
}

func (e *residentEvaluation) run(ctx context.Context) (Metrics, error) { return e.each(ctx, nil) }

func (e *residentEvaluation) each(ctx context.Context, yield yieldLogits) (Metrics, error) {
	l, n := e.learner, e.learner.cfg.EvalBatch
	if err := l.dev.Zero(gpu.All(e.cursor)); err != nil {
		return Metrics{}, err
	}
	if err := l.ResetMetrics(); err != nil {
		return Metrics{}, err
	}
	for batch := range e.batches {
		if err := ctx.Err(); err != nil {
			return Metrics{}, err
		}
		if err := e.full.Run(); err != nil {
			return Metrics{}, err
		}
		if err := l.yield(yield, batch*n, n); err != nil {
			return Metrics{}, err
		}
	}
	if e.rest != nil {
		if err := e.rest.Run(); err != nil {
			return Metrics{}, err
		}
		if err := l.yield(yield, e.batches*n, e.left); err != nil {
			return Metrics{}, err
		}
	}
	return l.Metrics()
}

// streamedEvaluation scores a set whose images are read each time.
type streamedEvaluation struct {
	learner *Learner
	stream  *stream // another evaluation may use it, too, at another time
	what    string
	set     Examples
	full    []gpu.Program // by slot; none if the set is smaller than a batch
	rest    gpu.Program   // of the slot that the last batch gets; nil if nothing is left
}

func (t *Trainer) newStreamedEvaluation(s *stream, what string, set Examples) (*streamedEvaluation, error) {
	l, n := t.learner, t.learner.cfg.EvalBatch
	e := &streamedEvaluation{learner: l, stream: s, what: what, set: set}
	record := func(slot, n int) (gpu.Program, error) {
		data, labels := s.part(slot, n)
		return t.record(func() error { return l.scoring(n, data, labels, gpu.All(s.zero), gpu.Span{}) })
	}
	batches, left := set.Len()/n, set.Len()%n
	for slot := range min(batches, streamSlots) {
		p, err := record(slot, n)
		if err != nil {
			return nil, err
		}
		e.full = append(e.full, p)
	}
	if left == 0 {
		return e, nil
	}
	var err error
	e.rest, err = record(batches%streamSlots, left)
	return e, err
}

func (e *streamedEvaluation) run(ctx context.Context) (Metrics, error) { return e.each(ctx, nil) }

func (e *streamedEvaluation) each(ctx context.Context, yield yieldLogits) (Metrics, error) {
	if err := e.learner.ResetMetrics(); err != nil {
		return Metrics{}, err
	}
	n := e.learner.cfg.EvalBatch
	if err := e.stream.begin(e.what, e.set, nil, n); err != nil {
		return Metrics{}, err
	}
	defer e.stream.stop()
	choose := func(got assembled) gpu.Program {
		if got.n < n {
			return e.rest
		}
		return e.full[got.slot]
	}
	for from := 0; from < e.set.Len(); from += n {
		if err := ctx.Err(); err != nil {
			return Metrics{}, err
		}
		if _, err := e.stream.run(ctx, choose); err != nil {
			return Metrics{}, err
		}
		if err := e.learner.yield(yield, from, min(n, e.set.Len()-from)); err != nil {
			return Metrics{}, err
		}
	}
	return e.learner.Metrics()
}
