package training

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
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

// few images are read after the one at which a run is cancelled: each worker finishes its own. An epoch has 4000.
const few = 1000

// TestCancelledRunLeavesNoGoroutines cancels in the middle of an image, in training,
// validation and loading.
func TestCancelledRunLeavesNoGoroutines(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	require.NoError(t, dev.Zero(gpu.Span{Buf: mustAlloc(t, dev, 1<<20), Len: 1 << 20})) // the device's goroutines are there
	for name, c := range map[string]struct {
		data func(slow feed.Examples) Data
		want int // epochs that were completed
	}{
		"training":   {func(slow feed.Examples) Data { return Data{Train: slow} }, 0},
		"validation": {func(slow feed.Examples) Data { return Data{Train: algotest.Bands(1, 8), Valid: slow} }, 0},
		"test":       {func(slow feed.Examples) Data { return Data{Train: algotest.Bands(1, 8), Test: slow} }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithCancel(context.Background())
			defer stop()
			var reading sync.Once
			var read atomic.Int32
			slow := algotest.Coded(4000)
			slow.Source = testimages.Func(func(i int, dst []uint8) error {
				read.Add(1)
				reading.Do(func() { time.AfterFunc(5*time.Millisecond, stop) })
				time.Sleep(10 * time.Millisecond)
				return testimages.Coded(i, dst)
			})
			before := runtime.NumGoroutine()
			_, trainer := newRunOn(t, dev, algotest.Config(algo.DFA), Schedule{Epochs: 1}, c.data(slow))
			r, err := trainer.Run(ctx, &silent{})
			require.ErrorIs(t, err, context.Canceled)
			assert.Less(t, read.Load(), int32(few))
			assert.Len(t, r.Epochs, c.want)
			testimages.RequireGoroutines(t, before)
			require.NoError(t, trainer.Close())
		})
	}
	t.Run("loading", func(t *testing.T) {
		ctx, stop := context.WithCancel(context.Background())
		e := algotest.Coded(4000)
		e.Resident = true
		var read atomic.Int32
		e.Source = testimages.Func(func(int, []uint8) error {
			read.Add(1)
			stop()
			time.Sleep(10 * time.Millisecond)
			return nil
		})
		before := runtime.NumGoroutine()
		_, err := New(ctx, algotest.Learner(t, dev, algotest.Config(algo.DFA)), Data{Train: e}, Schedule{Epochs: 1})
		require.ErrorIs(t, err, context.Canceled)
		assert.Less(t, read.Load(), int32(few))
		testimages.RequireGoroutines(t, before)
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
	data := Data{Train: algotest.Coded(103), Valid: algotest.Coded(41), Test: algotest.Coded(5)}
	for _, maxSteps := range []int{0, 3, 15} {
		_, trainer := newRunOn(t, dev, algotest.Config(algo.DFA), Schedule{Epochs: 2, MaxSteps: maxSteps}, data)
		r, err := trainer.Run(context.Background(), &silent{})
		require.NoError(t, err)
		if maxSteps > 0 {
			assert.Equal(t, maxSteps, r.Steps)
		}
		testimages.RequireGoroutines(t, before)
	}
}

// TestDeviceCanBeClosedUnderAStream forgets Close of a trainer whose workers are reading.
func TestDeviceCanBeClosedUnderAStream(t *testing.T) {
	algotest.OnEachOpener(t, func(t *testing.T, open func(t *testing.T) gpu.Device) {
		dev := open(t)
		e := algotest.Coded(103)
		e.Source = testimages.Slow{Source: e.Source, Most: time.Millisecond}
		_, trainer := newRunOn(t, dev, algotest.Config(algo.DFA), Schedule{Epochs: 1}, Data{Train: e})
		before := runtime.NumGoroutine()
		require.NoError(t, trainer.BeginEpoch(1))
		require.NoError(t, trainer.Step())
		require.NoError(t, dev.Close())
		assert.ErrorIs(t, trainer.Step(), gpu.ErrClosed)
		_ = trainer.Close() // whatever it says: the memory is gone
		testimages.RequireGoroutines(t, before)
	})
}

func TestStepsByHandFollowTheEpoch(t *testing.T) {
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		l, trainer := newRunOn(t, dev, algotest.Config(algo.DFA), Schedule{Epochs: 1, Seed: 5}, Data{Train: algotest.Coded(20)})
		require.ErrorIs(t, trainer.Step(), algo.ErrConfig, "no epoch has begun")
		first := func(epoch int) {
			t.Helper()
			var want []int
			for _, image := range trainer.permutation(epoch)[:8] {
				want = append(want, int(image))
			}
			require.NoError(t, trainer.Step())
			require.Equal(t, want, algotest.Decode(t, l, 8))
		}
		require.NoError(t, trainer.BeginEpoch(1))
		first(1)
		require.NoError(t, trainer.BeginEpoch(2), "in the middle of an epoch")
		first(2)
		require.NoError(t, trainer.Step())
		require.ErrorIs(t, trainer.Step(), algo.ErrConfig, "an epoch of 20 images has 2 batches")
		require.NoError(t, trainer.BeginEpoch(1))
		first(1)
		require.NoError(t, trainer.Close())
		require.NoError(t, trainer.Close(), "again")
	})
}

func TestDataWaitIsTheTimeWithoutImages(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	e := algotest.Coded(16)
	const perImage = 5 * time.Millisecond
	e.Source = testimages.Func(func(i int, dst []uint8) error {
		time.Sleep(perImage)
		return testimages.Coded(i, dst)
	})
	wait := func(e feed.Examples) (float64, Result) {
		_, trainer := newRunOn(t, dev, algotest.Config(algo.DFA), Schedule{Epochs: 1}, Data{Train: e})
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

func TestExamplesComeFromOnePlace(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	l := algotest.Learner(t, dev, algotest.Config(algo.DFA))
	good := algotest.Bands(1, 8)
	both, none, short := good, good, good
	both.Source, none.Images, short.Images = testimages.Coded, nil, good.Images[1:]
	for name, e := range map[string]feed.Examples{"both": both, "none": none, "short": short} {
		for source, data := range map[string]Data{
			"training": {Train: e}, "validation": {Train: good, Valid: e}, "test": {Train: good, Test: e},
		} {
			_, err := New(t.Context(), l, data, Schedule{Epochs: 1})
			require.ErrorIs(t, err, algo.ErrConfig, name)
			assert.ErrorContains(t, err, source+" images", name)
		}
	}
}
