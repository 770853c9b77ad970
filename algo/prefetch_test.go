package algo

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

	"mdfa/gpu"
	"mdfa/gpu/cpu"
)

const (
	// settleTime is how long goroutines may take to be gone after they were told to go.
	settleTime = 2 * time.Second
	// promptly is long against the one image that each worker may still read, and short
	// against the rest of the epoch.
	promptly = time.Second
)

// requireGoroutines waits until there are no more goroutines than before.
func requireGoroutines(t *testing.T, before int) {
	t.Helper()
	require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+1 }, settleTime, time.Millisecond,
		"goroutines are left") // Eventually itself has one
}

// TestBatchesAreWholeWhateverTheSizes assembles batches of images from far below to above
// the size of a job, with more and fewer workers than there are rows.
func TestBatchesAreWholeWhateverTheSizes(t *testing.T) {
	for _, c := range []struct{ features, batch, rows, slots, workers int }{
		{3, 1, 1, 2, 1}, {3, 5, 23, 2, 3}, {3, 5, 25, 4, 16}, {3, 64, 64, 3, 2},
		{jobBytes / 2, 5, 23, 4, 4}, {jobBytes, 3, 8, 2, 8}, {jobBytes + 1, 4, 13, 4, 3},
	} {
		for _, slow := range []bool{false, true} {
			t.Run(fmt.Sprintf("%+v slow %v", c, slow), func(t *testing.T) {
				e := codedExamples(c.rows)
				if slow {
					e.Source = slowly{e.Source, 300 * time.Microsecond}
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
							require.NoError(t, coded{}.Image(int(order[row]), want))
							images := memory[got.slot][imagePart]
							require.Equal(t, want, images[i*c.features:(i+1)*c.features], "round %d, row %d", round, row)
							label := binary.NativeEndian.Uint32(memory[got.slot][labelPart][4*i:])
							require.Equal(t, codedLabel(int(order[row])), int32(label))
							row++
						}
						require.NoError(t, p.sent())
					}
					_, err := p.next(context.Background())
					require.ErrorIs(t, err, ErrConfig, "after the last batch")
					requireGoroutines(t, before)
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
	e := Examples{Labels: make([]int32, n), Source: imageFunc(func(i int, _ []uint8) error {
		switch {
		case i < 2:
			return nil
		case i > 2:
			defer others.Done()
		default:
			others.Wait() // the first to fail is the last to say so
		}
		return errUnreadable
	})}
	p := newPrefetcher(newHeap(2, n, jobBytes), 2, workers)
	require.NoError(t, p.begin("coded", e, jobBytes, nil, n))
	_, err := p.next(context.Background())
	require.EqualError(t, err, "coded image 2: unreadable")
	_, err = p.next(context.Background())
	require.ErrorIs(t, err, errUnreadable)
}

type imageFunc func(i int, dst []uint8) error

func (f imageFunc) Image(i int, dst []uint8) error { return f(i, dst) }

// TestCancelledRunLeavesNoGoroutines cancels in the middle of an image, in training,
// validation and loading.
func TestCancelledRunLeavesNoGoroutines(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	require.NoError(t, dev.Zero(gpu.Span{Buf: mustAlloc(t, dev, 1<<20), Len: 1 << 20})) // the device's goroutines are there
	for name, c := range map[string]struct {
		data func(slow Examples) Data
		want int // epochs that were completed
	}{
		"training":   {func(slow Examples) Data { return Data{Train: slow} }, 0},
		"validation": {func(slow Examples) Data { return Data{Train: bands(1, 8), Valid: slow} }, 0},
		"test":       {func(slow Examples) Data { return Data{Train: bands(1, 8), Test: slow} }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithCancel(context.Background())
			defer stop()
			var reading sync.Once
			slow := codedExamples(4000)
			slow.Source = imageFunc(func(i int, dst []uint8) error {
				reading.Do(func() { time.AfterFunc(5*time.Millisecond, stop) })
				time.Sleep(10 * time.Millisecond)
				return coded{}.Image(i, dst)
			})
			before := runtime.NumGoroutine()
			_, trainer := newRunOn(t, dev, smallConfig(DFA), Schedule{Epochs: 1}, c.data(slow))
			start := time.Now()
			r, err := trainer.Run(ctx, &silent{})
			require.ErrorIs(t, err, context.Canceled)
			assert.Less(t, time.Since(start), promptly)
			assert.Len(t, r.Epochs, c.want)
			requireGoroutines(t, before)
			require.NoError(t, trainer.Close())
		})
	}
	t.Run("loading", func(t *testing.T) {
		ctx, stop := context.WithCancel(context.Background())
		e := codedExamples(4000)
		e.Resident = true
		e.Source = imageFunc(func(int, []uint8) error {
			stop()
			time.Sleep(10 * time.Millisecond)
			return nil
		})
		before := runtime.NumGoroutine()
		start := time.Now()
		_, err := NewTrainerContext(ctx, newLearnerOn(t, dev, smallConfig(DFA)), Data{Train: e}, Schedule{Epochs: 1})
		require.ErrorIs(t, err, context.Canceled)
		assert.Less(t, time.Since(start), promptly)
		requireGoroutines(t, before)
	})
}

func mustAlloc(t *testing.T, dev gpu.Device, n int) gpu.Buffer {
	t.Helper()
	b, err := dev.Alloc(gpu.Float32, n)
	require.NoError(t, err)
	return b
}

func TestFinishedRunLeavesNoGoroutines(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	before := runtime.NumGoroutine()
	data := Data{Train: codedExamples(103), Valid: codedExamples(41), Test: codedExamples(5)}
	for _, maxSteps := range []int{0, 3, 15} {
		_, trainer := newRunOn(t, dev, smallConfig(DFA), Schedule{Epochs: 2, MaxSteps: maxSteps}, data)
		r, err := trainer.Run(context.Background(), &silent{})
		require.NoError(t, err)
		if maxSteps > 0 {
			assert.Equal(t, maxSteps, r.Steps)
		}
		requireGoroutines(t, before)
	}
}

// TestDeviceCanBeClosedUnderAStream forgets Close of a trainer whose workers are reading.
func TestDeviceCanBeClosedUnderAStream(t *testing.T) {
	for name, open := range openers {
		if onlyDevice() != "" && onlyDevice() != name {
			continue
		}
		t.Run(name, func(t *testing.T) {
			dev := open(t)
			e := codedExamples(103)
			e.Source = slowly{e.Source, time.Millisecond}
			_, trainer := newRunOn(t, dev, smallConfig(DFA), Schedule{Epochs: 1}, Data{Train: e})
			before := runtime.NumGoroutine()
			require.NoError(t, trainer.BeginEpoch(1))
			require.NoError(t, trainer.Step())
			require.NoError(t, dev.Close())
			assert.ErrorIs(t, trainer.Step(), gpu.ErrClosed)
			_ = trainer.Close() // whatever it says: the memory is gone
			requireGoroutines(t, before)
		})
	}
}

func TestStepsByHandFollowTheEpoch(t *testing.T) {
	onEachDevice(t, func(t *testing.T, dev gpu.Device) {
		l, trainer := newRunOn(t, dev, smallConfig(DFA), Schedule{Epochs: 1, Seed: 5}, Data{Train: codedExamples(20)})
		require.ErrorIs(t, trainer.Step(), ErrConfig, "no epoch has begun")
		first := func(epoch int) {
			t.Helper()
			var want []int
			for _, image := range trainer.permutation(epoch)[:8] {
				want = append(want, int(image))
			}
			require.NoError(t, trainer.Step())
			require.Equal(t, want, decode(t, l, 8))
		}
		require.NoError(t, trainer.BeginEpoch(1))
		first(1)
		require.NoError(t, trainer.BeginEpoch(2), "in the middle of an epoch")
		first(2)
		require.NoError(t, trainer.Step())
		require.ErrorIs(t, trainer.Step(), ErrConfig, "an epoch of 20 images has 2 batches")
		require.NoError(t, trainer.BeginEpoch(1))
		first(1)
		require.NoError(t, trainer.Close())
		require.NoError(t, trainer.Close(), "again")
	})
}

func TestDataWaitIsTheTimeWithoutImages(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	e := codedExamples(16)
	const perImage = 5 * time.Millisecond
	e.Source = imageFunc(func(i int, dst []uint8) error {
		time.Sleep(perImage)
		return coded{}.Image(i, dst)
	})
	wait := func(e Examples) (float64, Result) {
		_, trainer := newRunOn(t, dev, smallConfig(DFA), Schedule{Epochs: 1}, Data{Train: e})
		r, err := trainer.Run(context.Background(), &silent{})
		require.NoError(t, err)
		assert.Equal(t, r.Epochs[0].DataWait, r.DataWait)
		return r.DataWait, r
	}
	slow, r := wait(e)
	assert.GreaterOrEqual(t, slow, 8*perImage.Seconds()/2, "the first batch is read by one worker, and is not ready")
	assert.LessOrEqual(t, slow, r.Seconds)
	e.Resident = true
	loaded, _ := wait(e)
	assert.Zero(t, loaded)
}

func TestAssembleBatchesMeasuresASource(t *testing.T) {
	images := bands(1, 50)
	for name, e := range map[string]Examples{"source": codedExamples(50), "memory": images} {
		rate, err := AssembleBatches(context.Background(), e, testFeatures, 16, 10, 3)
		require.NoError(t, err, name)
		assert.Positive(t, rate, name)
	}
	slow := codedExamples(50)
	slow.Source = imageFunc(func(int, []uint8) error { time.Sleep(time.Millisecond); return nil })
	rate, err := AssembleBatches(context.Background(), slow, jobBytes, 4, 5, 2)
	require.NoError(t, err)
	assert.LessOrEqual(t, rate, 2000.0, "two goroutines that take at least a millisecond for an image")

	slow.Source = imageFunc(func(int, []uint8) error { return errUnreadable })
	_, err = AssembleBatches(context.Background(), slow, testFeatures, 4, 5, 2)
	require.ErrorIs(t, err, errUnreadable)
	ctx, stop := context.WithCancel(context.Background())
	slow.Source = imageFunc(func(int, []uint8) error { stop(); time.Sleep(20 * time.Millisecond); return nil })
	_, err = AssembleBatches(ctx, slow, testFeatures, 4, 5, 2)
	require.ErrorIs(t, err, context.Canceled)
	for name, bad := range map[string]func() (float64, error){
		"no images":  func() (float64, error) { return AssembleBatches(ctx, Examples{}, 1, 1, 1, 1) },
		"no workers": func() (float64, error) { return AssembleBatches(ctx, images, testFeatures, 1, 1, 0) },
		"no batch":   func() (float64, error) { return AssembleBatches(ctx, images, testFeatures, 0, 1, 1) },
		"wrong size": func() (float64, error) { return AssembleBatches(ctx, images, testFeatures+1, 1, 1, 1) },
	} {
		_, err := bad()
		assert.ErrorIs(t, err, ErrConfig, name)
	}
}

func TestExamplesComeFromOnePlace(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	l := newLearnerOn(t, dev, smallConfig(DFA))
	good := bands(1, 8)
	both, none, short := good, good, good
	both.Source, none.Images, short.Images = coded{}, nil, good.Images[1:]
	for name, e := range map[string]Examples{"both": both, "none": none, "short": short} {
		for what, data := range map[string]Data{
			"training": {Train: e}, "validation": {Train: good, Valid: e}, "test": {Train: good, Test: e},
		} {
			_, err := NewTrainer(l, data, Schedule{Epochs: 1})
			require.ErrorIs(t, err, ErrConfig, name)
			assert.ErrorContains(t, err, what+" images", name)
		}
	}
}

func TestImageBytesCountsSetsWholeAndStreamsBySlots(t *testing.T) {
	cfg := smallConfig(DFA)
	train, valid, test := codedExamples(1000), codedExamples(900), codedExamples(20)
	const row = testFeatures + 4
	resident := func(e Examples) Examples { e.Resident = true; return e }
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	net := newLearnerOn(t, dev, cfg).net
	for name, c := range map[string]struct {
		data Data
		want int
	}{
		"streamed":       {Data{Train: train, Valid: valid, Test: test}, 4*8*row + 4*16*row},
		"small streamed": {Data{Train: train, Test: codedExamples(3)}, 4*8*row + 4*3*row},
		"resident":       {Data{Train: resident(train), Valid: resident(valid), Test: resident(test)}, 1000*(row+4) + 920*row},
		"in memory":      {Data{Train: bands(1, 100)}, 100 * (row + 4)},
		"mixed":          {Data{Train: train, Valid: resident(valid), Test: test}, 4*8*row + 900*row + 4*16*row},
	} {
		assert.EqualValues(t, c.want, cfg.ImageBytes(net, c.data), name)
	}
	cfg.EvalBatch = 0
	assert.EqualValues(t, 4*8*row+4*512*row, cfg.ImageBytes(net, Data{Train: train, Valid: valid}), "the largest evaluation batch of a small network")
}
