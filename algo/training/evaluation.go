package training

import (
	"context"

	"mdfa/algo"
	"mdfa/algo/feed"
	"mdfa/algo/owned"
	"mdfa/gpu"
)

// evaluation scores all of a set, on the device or from a stream: full batches, and one of the examples that are left.
type evaluation struct {
	learner *algo.Learner
	name    string
	set     feed.Examples
	batch   int
	cursor  gpu.Buffer    // int32 [2], of a set on the device: the batch, and a zero for the rest
	stream  *feed.Stream  // nil for a set on the device; another evaluation may use it too, at another time
	full    []gpu.Program // by slot, or one for a set on the device; none if the set is smaller than a batch
	rest    gpu.Program   // nil if no example is left
}

// newEvaluation records the scoring of a set, which goes through the stream if it is streamed.
func newEvaluation(ctx context.Context, o *owned.List, l *algo.Learner, name string, set feed.Examples, stream *feed.Stream) (*evaluation, error) {
	n := l.Config().EvalBatch
	e := &evaluation{learner: l, name: name, set: set, batch: n}
	batches, left := set.Len()/n, set.Len()%n
	record := func(n int, data, labels, cursor, counters gpu.Span) gpu.Program {
		return o.Record(func() error { return l.Step(n).Evaluate(data, labels, cursor, counters) })
	}
	if set.Streamed() {
		e.stream = stream
		fromSlot := func(slot, n int) gpu.Program {
			data, labels := stream.Part(slot, n)
			return record(n, data, labels, stream.Cursor(), gpu.Span{})
		}
		for slot := range min(batches, feed.Slots) {
			e.full = append(e.full, fromSlot(slot, n))
		}
		if left > 0 {
			e.rest = fromSlot(batches%feed.Slots, left)
		}
		return e, o.Err()
	}
	s, err := feed.NewSet(ctx, o, name, set, l.Network().Input.Size())
	if err != nil {
		return nil, err
	}
	e.cursor = o.Alloc("an evaluation's cursor", gpu.Int32, 2)
	if o.Err() != nil {
		return nil, o.Err()
	}
	if batches > 0 {
		data, labels := s.Part(0, set.Len())
		cursor := gpu.All(e.cursor).Slice(0, 1)
		e.full = []gpu.Program{record(n, data, labels, cursor, cursor)}
	}
	if left > 0 {
		data, labels := s.Part(batches*n, left)
		cursor := gpu.All(e.cursor).Slice(1, 1)
		e.rest = record(left, data, labels, cursor, cursor)
	}
	return e, o.Err()
}

// run scores the set with the current weights, or stops when ctx ends. It overwrites the learner's metrics. Where
// yield is not nil it gets, to keep, the logits [n, logits] of each batch, whose first example is number first.
func (e *evaluation) run(ctx context.Context, yield func(first int, logits []float32) error) (algo.Metrics, error) {
	if err := e.begin(); err != nil {
		return algo.Metrics{}, err
	}
	defer e.stop()
	for first := 0; first < e.set.Len(); first += e.batch {
		if err := ctx.Err(); err != nil {
			return algo.Metrics{}, err
		}
		n := min(e.batch, e.set.Len()-first)
		if err := e.score(ctx, n); err != nil {
			return algo.Metrics{}, err
		}
		if yield == nil {
			continue
		}
		logits, err := e.learner.Logits(n)
		if err != nil {
			return algo.Metrics{}, err
		}
		if err := yield(first, logits); err != nil {
			return algo.Metrics{}, err
		}
	}
	return e.learner.Metrics()
}

// begin starts with the first batch.
func (e *evaluation) begin() error {
	if err := e.learner.ResetMetrics(); err != nil {
		return err
	}
	if e.stream == nil {
		return e.learner.Device().Zero(gpu.All(e.cursor))
	}
	return e.stream.Begin(e.name, e.set, nil, e.batch)
}

// score scores the next batch, of n examples.
func (e *evaluation) score(ctx context.Context, n int) error {
	switch {
	case e.stream != nil:
		_, err := e.stream.Run(ctx, e.full, e.rest)
		return err
	case n < e.batch:
		return e.rest.Run()
	}
	return e.full[0].Run()
}

// stop ends the goroutines that read images.
func (e *evaluation) stop() {
	if e != nil && e.stream != nil {
		e.stream.Stop()
	}
}
