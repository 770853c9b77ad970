package training

import (
	"context"
	"time"

	"mdfa/algo"
	"mdfa/algo/feed"
	"mdfa/algo/measure"
	"mdfa/algo/owned"
	"mdfa/gpu"
)

// steps makes the training steps of an epoch, from a set on the device or a stream.
type steps struct {
	device gpu.Device
	set    feed.Examples
	batch  int          // examples of this rank in each
	order  gpu.Buffer   // int32: the epoch's examples, of a set on the device
	stream *feed.Stream // nil for a set on the device
	// The recorded step, by slot of the stream, or one for a set on the device; and the step that measures the
	// alignment as well, nil unless that is asked for.
	plain, measured []gpu.Program
}

// newSteps records the steps on a training set, and where aligner is not nil those that measure.
func newSteps(ctx context.Context, o *owned.List, l *algo.Learner, aligner *measure.Aligner, set feed.Examples) (*steps, error) {
	n, features := l.Config().LocalBatch(), l.Network().Input.Size()
	t := &steps{device: o.Device, set: set, batch: n}
	record := func(data, labels, order, cursor gpu.Span) {
		with := func(train func() error) gpu.Program {
			return o.Record(func() error {
				if err := l.Gather(data, labels, order, cursor); err != nil {
					return err
				}
				return train()
			})
		}
		t.plain = append(t.plain, with(func() error { return l.Train(nil) }))
		if aligner != nil {
			t.measured = append(t.measured, with(aligner.Train))
		}
	}
	if !set.Streamed() {
		s, err := feed.NewSet(ctx, o, trainingSet, set, features)
		if err != nil {
			return nil, err
		}
		t.order = o.Alloc("the order of an epoch", gpu.Int32, l.Config().StepsPerEpoch(set.Len())*n)
		if o.Err() == nil {
			data, labels := s.Part(0, set.Len())
			record(data, labels, gpu.All(t.order), l.Batches())
		}
		return t, o.Err()
	}
	t.stream = feed.NewStream(o, n, features)
	if o.Err() == nil {
		for slot := range feed.Slots {
			data, labels := t.stream.Part(slot, n)
			record(data, labels, gpu.Span{}, t.stream.Cursor())
		}
	}
	return t, o.Err()
}

// begin starts an epoch: its batches are the examples of order, in this order. Its first done batches are over, as
// the learner's counter says too.
func (t *steps) begin(order []int32, done int) error {
	if t.stream == nil {
		return gpu.Upload(t.device, t.order, 0, order)
	}
	return t.stream.Begin(trainingSet, t.set, order[done*t.batch:], t.batch)
}

// step runs the next step, measured or not, and returns how long it waited for images.
func (t *steps) step(ctx context.Context, measured bool) (time.Duration, error) {
	programs := t.plain
	if measured {
		programs = t.measured
	}
	if t.stream == nil {
		return 0, programs[0].Run()
	}
	return t.stream.Run(ctx, programs, nil)
}

// stop ends the goroutines that read images.
func (t *steps) stop() {
	if t != nil && t.stream != nil {
		t.stream.Stop()
	}
}
