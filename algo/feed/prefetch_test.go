package feed

import (
	"context"
	"encoding/binary"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/internal/testimages"
)

// coded are n examples of coded images.
func coded(n int) Examples { return Examples{Source: testimages.Coded, Labels: testimages.Labels(n)} }

// TestBatchesAreWholeWhateverTheSizes assembles batches of images from far below to above
// the size of a job, with more and fewer workers than there are rows.
func TestBatchesAreWholeWhateverTheSizes(t *testing.T) {
	for _, c := range []struct{ features, batch, rows, slots, workers int }{
		{3, 1, 1, 2, 1}, {3, 5, 23, 2, 3}, {3, 5, 25, 4, 16}, {3, 64, 64, 3, 2},
		{jobBytes / 2, 5, 23, 4, 4}, {jobBytes, 3, 8, 2, 8}, {jobBytes + 1, 4, 13, 4, 3},
	} {
		for _, slow := range []bool{false, true} {
			t.Run(fmt.Sprintf("%+v slow %v", c, slow), func(t *testing.T) {
				e := coded(c.rows)
				if slow {
					e.Source = testimages.Slow{Source: e.Source, Most: 300 * time.Microsecond}
				}
				order := make([]int32, c.rows)
				for i := range order {
					order[i] = int32(c.rows - 1 - i)
				}
				memory := newHeap(c.slots, c.batch, c.features)
				p := newPrefetcher(memory, c.slots, c.workers)
				before := runtime.NumGoroutine()
				for round := range 2 {
					require.NoError(t, p.begin("coded", e, c.features, order, c.batch))
					want := make([]uint8, c.features)
					row := 0
					for row < c.rows {
						got, err := p.next(context.Background())
						require.NoError(t, err)
						require.Equal(t, min(c.batch, c.rows-row), got.n)
						for i := range got.n {
							require.NoError(t, testimages.Coded(int(order[row]), want))
							images := memory[got.slot][imagePart]
							require.Equal(t, want, images[i*c.features:(i+1)*c.features], "round %d, row %d", round, row)
							label := binary.NativeEndian.Uint32(memory[got.slot][labelPart][4*i:])
							require.Equal(t, testimages.Label(int(order[row])), int32(label))
							row++
						}
						require.NoError(t, p.sent())
					}
					_, err := p.next(context.Background())
					require.ErrorIs(t, err, algo.ErrConfig, "after the last batch")
					testimages.RequireGoroutines(t, before)
				}
			})
		}
	}
}

// TestFirstUnreadableRowIsNamed lets the workers of one batch fail in another order.
func TestFirstUnreadableRowIsNamed(t *testing.T) {
	const n, workers = 8, 8
	var others sync.WaitGroup
	others.Add(n - 3)
	e := Examples{Labels: make([]int32, n), Source: testimages.Func(func(i int, _ []uint8) error {
		switch {
		case i < 2:
			return nil
		case i > 2:
			defer others.Done()
		default:
			others.Wait() // the first to fail is the last to say so
		}
		return testimages.ErrUnreadable
	})}
	p := newPrefetcher(newHeap(2, n, jobBytes), 2, workers)
	require.NoError(t, p.begin("coded", e, jobBytes, nil, n))
	_, err := p.next(context.Background())
	require.EqualError(t, err, "coded image 2: unreadable")
	_, err = p.next(context.Background())
	require.ErrorIs(t, err, testimages.ErrUnreadable)
}

func TestAssembleBatchesMeasuresASource(t *testing.T) {
	const features = 81
	images := Examples{Images: make([]uint8, 50*features), Labels: make([]int32, 50)}
	for name, e := range map[string]Examples{"source": coded(50), "memory": images} {
		rate, err := AssembleBatches(context.Background(), e, features, 16, 10, 3)
		require.NoError(t, err, name)
		assert.Positive(t, rate, name)
	}
	slow := coded(50)
	slow.Source = testimages.Func(func(int, []uint8) error { time.Sleep(time.Millisecond); return nil })
	rate, err := AssembleBatches(context.Background(), slow, jobBytes, 4, 5, 2)
	require.NoError(t, err)
	assert.LessOrEqual(t, rate, 2000.0, "two goroutines that take at least a millisecond for an image")

	slow.Source = testimages.Func(func(int, []uint8) error { return testimages.ErrUnreadable })
	_, err = AssembleBatches(context.Background(), slow, features, 4, 5, 2)
	require.ErrorIs(t, err, testimages.ErrUnreadable)
	ctx, stop := context.WithCancel(context.Background())
	slow.Source = testimages.Func(func(int, []uint8) error { stop(); time.Sleep(20 * time.Millisecond); return nil })
	_, err = AssembleBatches(ctx, slow, features, 4, 5, 2)
	require.ErrorIs(t, err, context.Canceled)
	for name, bad := range map[string]func() (float64, error){
		"no images":  func() (float64, error) { return AssembleBatches(ctx, Examples{}, 1, 1, 1, 1) },
		"no workers": func() (float64, error) { return AssembleBatches(ctx, images, features, 1, 1, 0) },
		"no batch":   func() (float64, error) { return AssembleBatches(ctx, images, features, 0, 1, 1) },
		"wrong size": func() (float64, error) { return AssembleBatches(ctx, images, features+1, 1, 1, 1) },
	} {
		_, err := bad()
		assert.ErrorIs(t, err, algo.ErrConfig, name)
	}
}
