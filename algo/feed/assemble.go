package feed

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"time"

	"mdfa/algo"
)

// Each reads examples in their order on all processors, without a device, and hands their images to use batch by
// batch: first is the number of the batch's first example. The images are overwritten when use has returned. It ends with the
// first error, also of use, or when ctx ends. Errors name the examples by name.
func Each(ctx context.Context, name string, e Examples, features, batch int, use func(first int, images []byte) error) error {
	const slots = 3 // batches in memory: one is used while the next are read
	return assemble(ctx, name, e, features, nil, batch, slots, runtime.GOMAXPROCS(0), use)
}

// assemble does as Each, in the given order unless it is nil.
func assemble(ctx context.Context, name string, e Examples, features int, order []int32, batch, slots, workers int, use func(first int, images []byte) error) error {
	rows := len(order)
	if order == nil {
		rows = e.Len()
	}
	batch = min(batch, rows)
	if batch == 0 {
		return nil
	}
	memory := newHeap(slots, batch, features)
	p := newPrefetcher(memory, slots, workers)
	defer p.stop()
	if err := p.begin(name, e.fromSource(features), features, order, batch); err != nil {
		return err
	}
	for first := 0; first < rows; {
		if err := ctx.Err(); err != nil {
			return err
		}
		got, err := p.next(ctx)
		if err != nil {
			return err
		}
		if err := use(first, memory[got.slot][imagePart][:got.n*features]); err != nil {
			return err
		}
		if err := p.sent(); err != nil {
			return err
		}
		first += got.n
	}
	return nil
}

// AssembleBatches reads shuffled batches as a streamed run does, with workers goroutines and without a device, and
// returns the images per second. features is the size of an image in bytes. Small sets are read several times.
func AssembleBatches(ctx context.Context, e Examples, features, batch, batches, workers int) (imagesPerSecond float64, err error) {
	if err := e.Check("example", features); err != nil {
		return 0, err
	}
	if e.Len() == 0 || batch < 1 || batches < 1 || workers < 1 {
		return 0, fmt.Errorf("%d batches of %d of %d images on %d goroutines: at least 1 of each is needed: %w",
			batches, batch, e.Len(), workers, algo.ErrConfig)
	}
	rng := rand.New(rand.NewPCG(0, 0))
	order := make([]int32, batch*batches)
	for i := range order {
		order[i] = rng.Int32N(int32(e.Len()))
	}
	start := time.Now()
	if err := assemble(ctx, "example", e, features, order, batch, Slots, workers, func(int, []byte) error { return nil }); err != nil {
		return 0, err
	}
	return float64(len(order)) / time.Since(start).Seconds(), nil
}
