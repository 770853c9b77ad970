package algo

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cpu"
)

const testFeatures = 81 // of the images of newRun

// slowly sleeps before each image, so that workers finish in another order than they began.
type slowly struct {
	ImageSource
	most time.Duration
}

func (s slowly) Image(i int, dst []uint8) error {
	time.Sleep(time.Duration(rand.Int64N(int64(s.most))))
	return s.ImageSource.Image(i, dst)
}

// coded plants the number of an image, and of its label, in its pixels.
type coded struct{}

func (coded) Image(i int, dst []uint8) error {
	for p := range dst {
		dst[p] = uint8(i * (p + 1))
	}
	binary.LittleEndian.PutUint16(dst, uint16(i))
	return nil
}

// codedExamples are n of them.
func codedExamples(n int) Examples {
	e := Examples{Source: coded{}, Labels: make([]int32, n)}
	for i := range e.Labels {
		e.Labels[i] = codedLabel(i)
	}
	return e
}

func codedLabel(i int) int32 { return int32(i*i+i/5) % 3 }

// decode is which images lie in the learner's input, after a look at every pixel and label.
func decode(t *testing.T, l *Learner, n int) []int {
	t.Helper()
	x, err := gpu.Read[float32](l.dev, gpu.All(l.x).Slice(0, n*testFeatures))
	require.NoError(t, err)
	y, err := gpu.Read[int32](l.dev, gpu.All(l.y).Slice(0, n))
	require.NoError(t, err)
	var seen []int
	for row := range n {
		pixels := make([]uint8, testFeatures)
		for p := range pixels {
			pixels[p] = uint8(x[row*testFeatures+p]*255 + 0.5)
		}
		image := int(binary.LittleEndian.Uint16(pixels))
		want := make([]uint8, testFeatures)
		require.NoError(t, coded{}.Image(image, want))
		require.Equal(t, want, pixels, "image %d is whole", image)
		require.Equal(t, codedLabel(image), y[row], "the label of image %d", image)
		seen = append(seen, image)
	}
	return seen
}

// from makes a source of examples that are in memory.
func from(e Examples, resident bool) Examples {
	return Examples{Source: memorySource{e.Images, testFeatures}, Labels: e.Labels, Resident: resident}
}

func TestStreamedAndLoadedRunsHaveTheBitsOfResidentOnes(t *testing.T) {
	onEachDevice(t, func(t *testing.T, dev gpu.Device) {
		for _, rule := range []*Rule{BP, MDFA} {
			type outcome struct {
				Result  Result
				Weights []float32
			}
			run := func(change func(d *Data)) outcome {
				data := Data{Train: bands(1, 103), Valid: bands(2, 41), Test: bands(3, 37)}
				change(&data)
				l, trainer := newRunOn(t, dev, smallConfig(rule), Schedule{Epochs: 2, Seed: 4}, data)
				r, err := trainer.Run(context.Background(), &silent{})
				require.NoError(t, err)
				for i := range r.Epochs {
					r.Epochs[i].Seconds, r.Epochs[i].DataWait = 0, 0
				}
				r.Seconds, r.DataWait = 0, 0
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
					d.Train, d.Valid, d.Test = from(d.Train, false), from(d.Valid, false), from(d.Test, false)
				},
				"loaded": func(d *Data) { d.Train, d.Valid, d.Test = from(d.Train, true), from(d.Valid, true), from(d.Test, true) },
				"mixed":  func(d *Data) { d.Train, d.Test = from(d.Train, false), from(d.Test, true) },
				"streamed and slow": func(d *Data) {
					d.Train.Source, d.Train.Images = slowly{memorySource{d.Train.Images, testFeatures}, 300 * time.Microsecond}, nil
					d.Valid = from(d.Valid, false)
				},
			} {
				t.Run(fmt.Sprintf("%v/%s", rule, name), func(t *testing.T) { assert.Equal(t, want, run(change)) })
			}
		}
	})
}

func TestEveryImageIsTrainedOnOnceAnEpochUnderItsLabel(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	onEachDevice(t, func(t *testing.T, dev gpu.Device) {
		for _, workers := range []int{1, 2, 16} {
			for name, slow := range map[string]time.Duration{"fast": 0, "slow": 200 * time.Microsecond} {
				t.Run(fmt.Sprintf("%d workers, %s", workers, name), func(t *testing.T) {
					runtime.GOMAXPROCS(workers)
					const n, epochs = 103, 2
					e := codedExamples(n)
					if slow > 0 {
						e.Source = slowly{e.Source, slow}
					}
					l, trainer := newRunOn(t, dev, smallConfig(DFA), Schedule{Epochs: epochs, Seed: 9}, Data{Train: e})
					for epoch := 1; epoch <= epochs; epoch++ {
						require.NoError(t, trainer.BeginEpoch(epoch))
						var seen []int
						for range trainer.Steps() {
							require.NoError(t, trainer.Step())
							seen = append(seen, decode(t, l, l.cfg.Batch)...)
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
	onEachDevice(t, func(t *testing.T, dev gpu.Device) {
		const batch = 16 // smallConfig's
		for _, n := range []int{1, 15, 16, 17, 41, 4 * batch, 4*batch + 1, 6*batch + 5} {
			l, trainer := newRunOn(t, dev, smallConfig(DFA), Schedule{Epochs: 1},
				Data{Train: bands(1, 8), Valid: codedExamples(n), Test: codedExamples(min(n, 3))})
			e := trainer.valid.(*streamedEvaluation)
			var seen []int
			require.NoError(t, e.stream.begin(e.what, e.set, nil, batch))
			for len(seen) < n {
				length := 0
				_, err := e.stream.run(context.Background(), func(got assembled) gpu.Program {
					if length = got.n; length < batch {
						return e.rest
					}
					return e.full[got.slot]
				})
				require.NoError(t, err)
				seen = append(seen, decode(t, l, length)...)
			}
			for i, image := range seen {
				require.Equal(t, i, image)
			}
			for range 2 {
				m, err := trainer.valid.run(context.Background())
				require.NoError(t, err)
				assert.EqualValues(t, n, m.Count)
				m, err = trainer.test.run(context.Background())
				require.NoError(t, err)
				assert.EqualValues(t, min(n, 3), m.Count)
			}
			require.NoError(t, trainer.Close())
			require.NoError(t, l.Close())
		}
	})
}

var errUnreadable = errors.New("unreadable")

// failing cannot read some images, from the n-th call on.
type failing struct {
	ImageSource
	images []int
	after  int64
	calls  atomic.Int64
}

func (f *failing) Image(i int, dst []uint8) error {
	if f.calls.Add(1) > f.after && slices.Contains(f.images, i) {
		return errUnreadable
	}
	return f.ImageSource.Image(i, dst)
}

func TestUnreadableImageEndsTheRunBeforeItsBatch(t *testing.T) {
	onEachDevice(t, func(t *testing.T, dev gpu.Device) {
		const n = 103
		schedule := Schedule{Epochs: 3, Seed: 9}
		l, trainer := newRunOn(t, dev, smallConfig(DFA), schedule, Data{Train: codedExamples(n)})
		order := trainer.permutation(2)
		const step = 7 // the first that fails, with two images of which the earlier is named
		first, second := order[(step-1)*8+2], order[(step-1)*8+6]
		require.NoError(t, trainer.Close())
		require.NoError(t, l.Close())

		e := codedExamples(n)
		e.Source = &failing{ImageSource: e.Source, images: []int{int(second), int(first)}, after: 96}
		l, trainer = newRunOn(t, dev, smallConfig(DFA), schedule, Data{Train: e})
		steps := 0
		r, err := trainer.Run(context.Background(), &silent{onStep: func(int, int) { steps++ }})
		require.ErrorIs(t, err, errUnreadable)
		assert.Equal(t, fmt.Sprintf("step %d of epoch 2: training image %d: unreadable", step, first), err.Error())
		assert.Equal(t, 12+step-1, steps)
		assert.Len(t, r.Epochs, 1)
		m, err := l.Metrics()
		require.NoError(t, err)
		assert.EqualValues(t, (step-1)*8, m.Count, "what was trained on")
		require.ErrorIs(t, trainer.Step(), errUnreadable, "there is no going on")
		require.NoError(t, trainer.BeginEpoch(1), "an epoch can begin again")
		require.NoError(t, trainer.Close())
	})
}

func TestUnreadableImageIsNamedWhereverItIs(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	broken := func(n, image int, resident bool) Examples {
		e := codedExamples(n)
		e.Source, e.Resident = &failing{ImageSource: e.Source, images: []int{image}}, resident
		return e
	}
	_, trainer := newRunOn(t, dev, smallConfig(DFA), Schedule{Epochs: 1}, Data{Train: bands(1, 8), Valid: broken(40, 37, false)})
	_, err := trainer.Run(context.Background(), &silent{})
	require.ErrorIs(t, err, errUnreadable)
	assert.Equal(t, "validation of epoch 1: validation image 37: unreadable", err.Error())

	_, trainer = newRunOn(t, dev, smallConfig(DFA), Schedule{Epochs: 1}, Data{Train: bands(1, 8), Test: broken(40, 2, false)})
	_, err = trainer.Run(context.Background(), &silent{})
	require.ErrorIs(t, err, errUnreadable)
	assert.Equal(t, "test: test image 2: unreadable", err.Error())

	l := newLearnerOn(t, dev, smallConfig(DFA))
	_, err = NewTrainer(l, Data{Train: broken(40, 11, true)}, Schedule{Epochs: 1})
	require.ErrorIs(t, err, errUnreadable)
	assert.Equal(t, "training image 11: unreadable", err.Error())
}
