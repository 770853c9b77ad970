package algo

import (
	"context"
	"fmt"
	"runtime"

	"mdfa/gpu"
	"mdfa/model"
)

// ImageSource hands out images that are too many for memory.
type ImageSource interface {
	// Image copies image i, [height, width, channels], to dst. Many goroutines call it at
	// the same time.
	Image(i int, dst []uint8) error
}

// Examples are images with their labels on the host. The images are in memory or come
// from a source: exactly one of Images and Source is set, unless there are no examples.
type Examples struct {
	Images []uint8     // [n, height, width, channels]
	Source ImageSource // image i belongs to label i
	Labels []int32     // [n], from 0 on
	// Resident brings the images of a Source to the device once, to stay there as Images
	// do. Otherwise they are streamed: read anew each time that they are needed, and
	// brought to the device in batches while it computes. The results are the same bits.
	Resident bool
}

// Len is the number of examples.
func (e Examples) Len() int { return len(e.Labels) }

// streamed says whether the images are read each time that they are needed.
func (e Examples) streamed() bool { return e.Source != nil && !e.Resident }

// check refuses examples without images, or with too many kinds of them. What names them.
func (e Examples) check(what string, features int) error {
	switch {
	case e.Len() == 0:
		return nil
	case e.Source == nil && e.Images == nil, e.Source != nil && e.Images != nil:
		return fmt.Errorf("the %s images are to come from memory or from a source, one of both: %w", what, ErrConfig)
	case e.Source == nil && len(e.Images) != e.Len()*features:
		return fmt.Errorf("%d bytes of %s images for %d labels, %d for each are needed: %w",
			len(e.Images), what, e.Len(), features, ErrConfig)
	}
	return nil
}

// ImageBytes is about how much device memory the images and labels of a run take:
// resident ones all, streamed ones what is on its way. On a GPU the latter lies in pinned
// host memory once more.
func (c Config) ImageBytes(net *model.Network, data Data) uint64 {
	perExample := uint64(net.Input.Size()) + uint64(gpu.Int32.Size())
	scored := c.EvalBatch
	if scored == 0 {
		scored = evalBatch(net, c.Batch)
	}
	evaluated := 0 // examples of the largest streamed batch
	var sum uint64
	if data.Train.streamed() {
		sum += uint64(streamSlots*c.Batch) * perExample
	} else {
		sum += uint64(data.Train.Len()) * (perExample + uint64(gpu.Int32.Size())) // with the order
	}
	for _, e := range []Examples{data.Valid, data.Test} {
		if e.streamed() {
			evaluated = max(evaluated, min(e.Len(), scored))
		} else {
			sum += uint64(e.Len()) * perExample
		}
	}
	return sum + uint64(streamSlots*evaluated)*perExample
}

// pixelScale turns bytes into inputs.
const pixelScale = 1.0 / 255

// set is Examples on the device, to stay.
type set struct {
	images, labels gpu.Buffer
	n              int
}

// newSet brings examples to the device. What names them in errors.
func (t *Trainer) newSet(ctx context.Context, what string, e Examples) (*set, error) {
	s := &set{n: e.Len()}
	features := t.learner.net.Input.Size()
	var err error
	if s.images, err = t.alloc(gpu.Uint8, s.n*features); err != nil {
		return nil, fmt.Errorf("memory for %d images: %w", s.n, err)
	}
	if s.labels, err = t.alloc(gpu.Int32, s.n); err != nil {
		return nil, fmt.Errorf("memory for %d labels: %w", s.n, err)
	}
	if err := gpu.Upload(t.learner.dev, s.labels, 0, e.Labels); err != nil {
		return nil, err
	}
	if e.Source == nil {
		return s, gpu.Upload(t.learner.dev, s.images, 0, e.Images)
	}
	return s, s.load(ctx, t.learner.dev, what, e, features)
}

const (
	// loadBytes is how much of a source is read before it is brought to the device.
	loadBytes = 16 << 20
	// loadSlots lets the next pieces be read meanwhile.
	loadSlots = 3
)

// load reads all images of a source and brings them to the device, piece by piece.
func (s *set) load(ctx context.Context, dev gpu.Device, what string, e Examples, features int) error {
	rows := min(s.n, max(1, loadBytes/features))
	memory := newHeap(loadSlots, rows, features)
	p := newPrefetcher(memory, loadSlots, runtime.GOMAXPROCS(0))
	defer p.stop()
	if err := p.begin(what, e, features, nil, rows); err != nil {
		return err
	}
	for from := 0; from < s.n; {
		got, err := p.next(ctx)
		if err != nil {
			return err
		}
		if err := dev.Upload(s.images, from*features, memory[got.slot][imagePart][:got.n*features]); err != nil {
			return err
		}
		if err := p.sent(); err != nil {
			return err
		}
		from += got.n
	}
	return nil
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
