package algo

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"mdfa/gpu"
)

// streamSlots are the batches of a stream that are assembled, copied or computed on at the
// same time: one is computed on, one is on its way, and two are ready or being read.
const streamSlots = 4

// stream brings batches of images that are not on the device to it.
type stream struct {
	feed     gpu.Feed
	zero     gpu.Buffer // int32 [1]: the cursor of a slot, which has one batch
	prefetch *prefetcher
	features int
}

// newStream has slots for batches of up to rows examples.
func (t *Trainer) newStream(rows int) (*stream, error) {
	features := t.learner.net.Input.Size()
	feed, err := t.learner.dev.NewFeed(streamSlots,
		gpu.FeedPart{Type: gpu.Uint8, Len: rows * features}, gpu.FeedPart{Type: gpu.Int32, Len: rows})
	if err != nil {
		return nil, fmt.Errorf("memory for %d batches of %d images: %w", streamSlots, rows, err)
	}
	t.owned = append(t.owned, feed)
	s := &stream{feed: feed, features: features, prefetch: newPrefetcher(feed, streamSlots, runtime.GOMAXPROCS(0))}
	t.streams = append(t.streams, s)
	s.zero, err = t.alloc(gpu.Int32, 1)
	return s, err
}

// part is the first n examples of a slot.
func (s *stream) part(slot, n int) (data, labels gpu.Span) {
	buffers := s.feed.Buffers(slot)
	return gpu.All(buffers[imagePart]).Slice(0, n*s.features), gpu.All(buffers[labelPart]).Slice(0, n)
}

// begin starts reading: see [prefetcher.begin].
func (s *stream) begin(what string, e Examples, order []int32, batch int) error {
	return s.prefetch.begin(what, e, s.features, order, batch)
}

// run brings the next batch to the device and runs its program there. It returns how long
// the batch was waited for.
func (s *stream) run(ctx context.Context, program func(assembled) gpu.Program) (time.Duration, error) {
	got, err := s.prefetch.next(ctx)
	if err != nil {
		return 0, err
	}
	if err := s.feed.Send(got.slot); err != nil {
		return got.wait, err
	}
	if err := s.feed.Run(got.slot, program(got)); err != nil {
		return got.wait, err
	}
	return got.wait, s.prefetch.sent()
}

func (s *stream) stop() { s.prefetch.stop() }

// training is where the steps of an epoch get their batches from.
type training interface {
	// begin starts an epoch: its batches are the examples of order, in this order. The first
	// done of them are over, as the learner's counter says too.
	begin(order []int32, done int) error
	// step runs the next step, or the one that measures the alignment as well, and returns
	// how long it waited for images.
	step(ctx context.Context, measured bool) (time.Duration, error)
	// stop ends what goes on between steps.
	stop()
}

// residentTraining has all examples on the device: one program makes every step.
type residentTraining struct {
	dev     gpu.Device
	order   gpu.Buffer // int32
	program gpu.Program

	measured gpu.Program // the step that measures; nil unless that is asked for
}

func (t *Trainer) newResidentTraining(s *set) (*residentTraining, error) {
	l := t.learner
	order, err := t.alloc(gpu.Int32, t.Steps()*l.cfg.Batch)
	if err != nil {
		return nil, err
	}
	r := &residentTraining{dev: l.dev, order: order}
	data, labels := s.part(0, s.n, l.net.Input.Size())
	r.program, r.measured, err = t.recordSteps(func() error {
		return l.gather(l.cfg.Batch, data, labels, gpu.All(order), gpu.All(l.counter).Slice(0, 1))
	})
	return r, err
}

// recordSteps records a training step on the batch that gather brings, and where the
// alignment is asked for the step that measures it.
func (t *Trainer) recordSteps(gather func() error) (plain, measured gpu.Program, err error) {
	with := func(train func() error) (gpu.Program, error) {
		return t.record(func() error {
			if err := gather(); err != nil {
				return err
			}
			return train()
		})
	}
	if plain, err = with(func() error { return t.learner.train(nil) }); err != nil || t.alignment == nil {
		return plain, nil, err
	}
	measured, err = with(t.alignment.train)
	return plain, measured, err
}

func (r *residentTraining) begin(order []int32, _ int) error {
	return gpu.Upload(r.dev, r.order, 0, order)
}

func (r *residentTraining) step(_ context.Context, measured bool) (time.Duration, error) {
	if measured {
		return 0, r.measured.Run()
	}
	return 0, r.program.Run()
}

func (r *residentTraining) stop() {}

// streamedTraining has the examples elsewhere: a program for each slot of a stream.
type streamedTraining struct {
	stream   *stream
	set      Examples
	batch    int
	programs []gpu.Program
	choose   func(assembled) gpu.Program

	measured      []gpu.Program // the steps that measure, by slot; each is nil unless that is asked for
	chooseMeasure func(assembled) gpu.Program
}

func (t *Trainer) newStreamedTraining(set Examples) (*streamedTraining, error) {
	l := t.learner
	n := l.cfg.Batch
	s, err := t.newStream(n)
	if err != nil {
		return nil, err
	}
	r := &streamedTraining{stream: s, set: set, batch: n}
	r.choose = func(got assembled) gpu.Program { return r.programs[got.slot] }
	r.chooseMeasure = func(got assembled) gpu.Program { return r.measured[got.slot] }
	for slot := range streamSlots {
		data, labels := s.part(slot, n)
		plain, measured, err := t.recordSteps(func() error { return l.gather(n, data, labels, gpu.Span{}, gpu.All(s.zero)) })
		if err != nil {
			return nil, err
		}
		r.programs, r.measured = append(r.programs, plain), append(r.measured, measured)
	}
	return r, nil
}

func (r *streamedTraining) begin(order []int32, done int) error {
	return r.stream.begin(trainingSet, r.set, order[done*r.batch:], r.batch)
}

func (r *streamedTraining) step(ctx context.Context, measured bool) (time.Duration, error) {
	if measured {
		return r.stream.run(ctx, r.chooseMeasure)
	}
	return r.stream.run(ctx, r.choose)
}

func (r *streamedTraining) stop() { r.stream.stop() }
