package algo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// InMemory hands out images that are in memory, one after the other with so many
// features each, as a source: to stream them in place of keeping them on the device.
func InMemory(images []uint8, features int) ImageSource { return memorySource{images, features} }

// memorySource hands out images that are in memory.
type memorySource struct {
	images   []uint8
	features int
}

func (m memorySource) Image(i int, dst []uint8) error {
	copy(dst, m.images[i*m.features:(i+1)*m.features])
	return nil
}

// AssembleBatches reads as many shuffled batches as a streamed run would, on so many
// goroutines and without a device, and returns how many images come in a second. Features
// is the size of an image in bytes; small sets are read again and again.
func AssembleBatches(ctx context.Context, e Examples, features, batch, batches, workers int) (imagesPerSecond float64, err error) {
	if err := e.check("example", features); err != nil {
		return 0, err
	}
	if e.Len() == 0 || batch < 1 || batches < 1 || workers < 1 {
		return 0, fmt.Errorf("%d batches of %d of %d images on %d goroutines: at least 1 of each is needed: %w",
			batches, batch, e.Len(), workers, ErrConfig)
	}
	if e.Source == nil {
		e.Source = memorySource{e.Images, features}
	}
	rng := rand.New(rand.NewPCG(0, 0))
	order := make([]int32, batch*batches)
	for i := range order {
		order[i] = rng.Int32N(int32(e.Len()))
	}
	p := newPrefetcher(newHeap(streamSlots, batch, features), streamSlots, workers)
	defer p.stop()
	start := time.Now()
	if err := p.begin("example", e, features, order, batch); err != nil {
		return 0, err
	}
	for range batches {
		if _, err := p.next(ctx); err != nil {
			return 0, err
		}
		if err := p.sent(); err != nil {
			return 0, err
		}
	}
	return float64(len(order)) / time.Since(start).Seconds(), nil
}
