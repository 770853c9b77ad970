package training

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/internal/algotest"
	"mdfa/gpu"
)

func TestProfileMeasuresTheRecordedStepWhereTheDeviceCan(t *testing.T) {
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		l, trainer, _ := newRun(t, dev, algotest.Config(algo.DFA), Schedule{Epochs: 1})
		p, err := trainer.Profile(1000)
		if _, can := trainer.training.plain[0].(gpu.Profiler); !can {
			require.ErrorIs(t, err, algo.ErrConfig)
			return
		}
		require.NoError(t, err)
		assert.Equal(t, 12, p.Steps, "no more than an epoch has: the batches end there")
		launches := map[string]int{}
		for _, k := range p.Kernels {
			launches[k.Kernel] = k.Launches
			assert.Positive(t, k.FloorRead+k.FloorWritten, k.Kernel)
		}
		assert.Equal(t, 1, launches["gather"])
		assert.Equal(t, 1, launches["rmsprop"], "the whole arena at once")
		m, err := l.Metrics()
		require.NoError(t, err)
		assert.EqualValues(t, 96, m.Count, "the steps did train")
	})
}

// TestProfileOfAStreamUsesOneBatch looks at the counters: the program of one slot runs on.
func TestProfileOfAStreamUsesOneBatch(t *testing.T) {
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		l, trainer := newRunOn(t, dev, algotest.Config(algo.DFA), Schedule{Epochs: 1}, Data{Train: algotest.Coded(103)})
		p, err := trainer.Profile(5)
		if _, can := trainer.training.plain[0].(gpu.Profiler); !can {
			require.ErrorIs(t, err, algo.ErrConfig)
			return
		}
		require.NoError(t, err)
		assert.Equal(t, 5, p.Steps)
		var want []int
		for _, image := range trainer.permutation(1)[:8] {
			want = append(want, int(image))
		}
		assert.Equal(t, want, algotest.Decode(t, l, 8))
		m, err := l.Metrics()
		require.NoError(t, err)
		assert.EqualValues(t, (1+5)*8, m.Count)
		require.NoError(t, trainer.BeginEpoch(1), "streaming goes on")
		require.NoError(t, trainer.Step())
		require.NoError(t, trainer.Close())
	})
}
