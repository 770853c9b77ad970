package feed

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"mdfa/algo/owned"
	"mdfa/gpu"
)

// Slots is the number of batches of a stream that are assembled, copied or computed on at the same time: one is
// computed on, one is on its way, and two are ready or being read.
const Slots = 4

// Stream brings batches of images that are not on the device to it. Must be stopped before its memory is freed.
type Stream struct {
	feed     gpu.Feed
	zero     gpu.Buffer // int32 [1]
	prefetch *prefetcher
	features int
	batch    int // examples of a full batch
}

// NewStream has slots for batches of up to rows examples, in memory that o owns; o says whether that failed.
func NewStream(o *owned.List, rows, features int) *Stream {
	s := &Stream{features: features}
	s.feed = o.Feed(fmt.Sprintf("%d batches of %d images", Slots, rows), Slots,
		gpu.FeedPart{Type: gpu.Uint8, Len: rows * features}, gpu.FeedPart{Type: gpu.Int32, Len: rows})
	s.zero = o.Alloc("a stream's cursor", gpu.Int32, 1)
	s.prefetch = newPrefetcher(s.feed, Slots, runtime.GOMAXPROCS(0))
	return s
}

// Part returns the first n examples of a slot.
func (s *Stream) Part(slot, n int) (data, labels gpu.Span) {
	buffers := s.feed.Buffers(slot)
	return gpu.All(buffers[imagePart]).Slice(0, n*s.features), gpu.All(buffers[labelPart]).Slice(0, n)
}

// Cursor returns the number of the batch in a slot, int32 [1]: always 0.
func (s *Stream) Cursor() gpu.Span { return gpu.All(s.zero) }

// Begin starts reading batches of the examples, in their order or in the given one, where it is not nil. Errors
// name the examples by name.
func (s *Stream) Begin(name string, e Examples, order []int32, batch int) error {
	s.batch = batch
	return s.prefetch.begin(name, e, s.features, order, batch)
}

// Run brings the next batch to the device and runs a program there: that of its slot, or rest on the last batch if it
// is not full. It returns how long it waited for the images.
func (s *Stream) Run(ctx context.Context, full []gpu.Program, rest gpu.Program) (time.Duration, error) {
	got, err := s.prefetch.next(ctx)
	if err != nil {
		return 0, err
	}
	if err := s.feed.Send(got.slot); err != nil {
		return got.wait, err
	}
	program := rest
	if got.n == s.batch {
		program = full[got.slot]
	}
	if err := s.feed.Run(got.slot, program); err != nil {
		return got.wait, err
	}
	return got.wait, s.prefetch.sent()
}

// Stop ends the goroutines that read. Begin starts others.
func (s *Stream) Stop() { s.prefetch.stop() }
