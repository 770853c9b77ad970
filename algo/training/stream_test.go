package training

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/feed"
	"mdfa/algo/internal/algotest"
	"mdfa/algo/internal/testimages"
	"mdfa/gpu"
	"mdfa/gpu/cpu"
)

func TestStreamedAndLoadedRunsHaveTheBitsOfResidentOnes(t *testing.T) {
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		for _, rule := range []*algo.Rule{algo.BP, algo.MDFA} {
			type outcome struct {
				Result  Result
				Weights []float32
			}
			run := func(change func(d *Data)) outcome {
				data := Data{Train: algotest.Bands(1, 103), Valid: algotest.Bands(2, 41), Test: algotest.Bands(3, 37)}
				change(&data)
				l, trainer := newRunOn(t, dev, algotest.Config(rule), Schedule{Epochs: 2, Seed: 4}, data)
				r, err := trainer.Run(context.Background(), &silent{})
				require.NoError(t, err)
				r = untimed(r)
				weights, err := l.Params()
				require.NoError(t, err)
				require.NoError(t, trainer.Close())
				require.NoError(t, l.Close())
				return outcome{r, weights}
			}
			want := run(func(*Data) {})
			require.Equal(t, 41.0, want.Result.Epochs[0].Valid.Count)
			for name, change := range map[string]func(*Data){
				"streamed": func(d *Data) {
					d.Train, d.Valid, d.Test = algotest.FromSource(d.Train, false), algotest.FromSource(d.Valid, false), algotest.FromSource(d.Test, false)
				},
				"loaded": func(d *Data) {
					d.Train, d.Valid, d.Test = algotest.FromSource(d.Train, true), algotest.FromSource(d.Valid, true), algotest.FromSource(d.Test, true)
				},
				"mixed": func(d *Data) {
					d.Train, d.Test = algotest.FromSource(d.Train, false), algotest.FromSource(d.Test, true)
				},
				"streamed and slow": func(d *Data) {
					d.Train.Source, d.Train.Images = testimages.Slow{Source: feed.InMemory(d.Train.Images, algotest.Features), Most: 300 * time.Microsecond}, nil
					d.Valid = algotest.FromSource(d.Valid, false)
				},
			} {
				t.Run(fmt.Sprintf("%v/%s", rule, name), func(t *testing.T) { assert.Equal(t, want, run(change)) })
			}
		}
	})
}

func TestEveryImageIsTrainedOnOnceAnEpochUnderItsLabel(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		for _, workers := range []int{1, 2, 16} {
			for name, slow := range map[string]time.Duration{"fast": 0, "slow": 200 * time.Microsecond} {
				t.Run(fmt.Sprintf("%d workers, %s", workers, name), func(t *testing.T) {
					runtime.GOMAXPROCS(workers)
					const n, epochs = 103, 2
					e := algotest.Coded(n)
					if slow > 0 {
						e.Source = testimages.Slow{Source: e.Source, Most: slow}
					}
					l, trainer := newRunOn(t, dev, algotest.Config(algo.DFA), Schedule{Epochs: epochs, Seed: 9}, Data{Train: e})
					for epoch := 1; epoch <= epochs; epoch++ {
						require.NoError(t, trainer.BeginEpoch(epoch))
						var seen []int
						for range trainer.Steps() {
							require.NoError(t, trainer.Step())
							seen = append(seen, algotest.Decode(t, l, l.Config().Batch)...)
						}
						var want []int
						for _, image := range trainer.permutation(epoch)[:n/8*8] {
							want = append(want, int(image))
						}
						require.Equal(t, want, seen, "the epoch's order")
						slices.Sort(seen)
						require.Len(t, slices.Compact(seen), n/8*8, "no image twice")
					}
					require.NoError(t, trainer.Close())
					require.NoError(t, l.Close())
				})
			}
		}
	})
}

// TestEveryImageIsScoredOnceInOrder looks at each batch of an evaluation, the partial last
// one too, on sets around the sizes of batch and ring.
func TestEveryImageIsScoredOnceInOrder(t *testing.T) {
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		const batch = 16 // algotest.Config's
		for _, n := range []int{1, 15, 16, 17, 41, 4 * batch, 4*batch + 1, 6*batch + 5} {
			l, trainer := newRunOn(t, dev, algotest.Config(algo.DFA), Schedule{Epochs: 1},
				Data{Train: algotest.Bands(1, 8), Valid: algotest.Coded(n), Test: algotest.Coded(min(n, 3))})
			var seen []int
			require.NoError(t, trainer.valid.begin())
			for len(seen) < n {
				length := min(batch, n-len(seen))
				require.NoError(t, trainer.valid.score(context.Background(), length))
				seen = append(seen, algotest.Decode(t, l, length)...)
			}
			for i, image := range seen {
				require.Equal(t, i, image)
			}
			for range 2 {
				m, err := trainer.valid.run(context.Background(), nil)
				require.NoError(t, err)
				assert.EqualValues(t, n, m.Count)
				m, err = trainer.test.run(context.Background(), nil)
				require.NoError(t, err)
				assert.EqualValues(t, min(n, 3), m.Count)
			}
			require.NoError(t, trainer.Close())
			require.NoError(t, l.Close())
		}
	})
}

func TestUnreadableImageEndsTheRunBeforeItsBatch(t *testing.T) {
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		const n = 103
		schedule := Schedule{Epochs: 3, Seed: 9}
		l, trainer := newRunOn(t, dev, algotest.Config(algo.DFA), schedule, Data{Train: algotest.Coded(n)})
		order := trainer.permutation(2)
		const step = 7 // the first that fails, with two images of which the earlier is named
		first, second := order[(step-1)*8+2], order[(step-1)*8+6]
		require.NoError(t, trainer.Close())
		require.NoError(t, l.Close())

		e := algotest.Coded(n)
		e.Source = &testimages.Broken{Source: e.Source, Images: []int{int(second), int(first)}, After: 96}
		l, trainer = newRunOn(t, dev, algotest.Config(algo.DFA), schedule, Data{Train: e})
		steps := 0
		r, err := trainer.Run(context.Background(), &silent{onStep: func(int, int) { steps++ }})
		require.ErrorIs(t, err, testimages.ErrUnreadable)
		assert.Equal(t, fmt.Sprintf("step %d of epoch 2: training image %d: unreadable", step, first), err.Error())
		assert.Equal(t, 12+step-1, steps)
		assert.Len(t, r.Epochs, 1)
		m, err := l.Metrics()
		require.NoError(t, err)
		assert.EqualValues(t, (step-1)*8, m.Count, "what was trained on")
		require.ErrorIs(t, trainer.Step(), testimages.ErrUnreadable, "there is no going on")
		require.NoError(t, trainer.BeginEpoch(1), "an epoch can begin again")
		require.NoError(t, trainer.Close())
	})
}

func TestUnreadableImageIsNamedWhereverItIs(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	broken := func(n, image int, resident bool) feed.Examples {
		e := algotest.Coded(n)
		e.Source, e.Resident = &testimages.Broken{Source: e.Source, Images: []int{image}}, resident
		return e
	}
	_, trainer := newRunOn(t, dev, algotest.Config(algo.DFA), Schedule{Epochs: 1}, Data{Train: algotest.Bands(1, 8), Valid: broken(40, 37, false)})
	_, err := trainer.Run(context.Background(), &silent{})
	require.ErrorIs(t, err, testimages.ErrUnreadable)
	assert.Equal(t, "validation of epoch 1: validation image 37: unreadable", err.Error())

	_, trainer = newRunOn(t, dev, algotest.Config(algo.DFA), Schedule{Epochs: 1}, Data{Train: algotest.Bands(1, 8), Test: broken(40, 2, false)})
	_, err = trainer.Run(context.Background(), &silent{})
	require.ErrorIs(t, err, testimages.ErrUnreadable)
	assert.Equal(t, "test: test image 2: unreadable", err.Error())

	l := algotest.Learner(t, dev, algotest.Config(algo.DFA))
	_, err = New(t.Context(), l, Data{Train: broken(40, 11, true)}, Schedule{Epochs: 1})
	require.ErrorIs(t, err, testimages.ErrUnreadable)
	assert.Equal(t, "training image 11: unreadable", err.Error())
}
