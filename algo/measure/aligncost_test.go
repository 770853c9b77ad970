package measure_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/internal/algotest"
	"mdfa/algo/measure"
	"mdfa/algo/owned"
	"mdfa/algo/training"
	"mdfa/gpu"
	"mdfa/gpu/cpu"
)

// TestMeasuringCostsOneBackwardPassAndNothingWhenOff counts memory, programs and operations.
func TestMeasuringCostsOneBackwardPassAndNothingWhenOff(t *testing.T) {
	for _, rule := range algo.Rules() {
		t.Run(rule.String(), func(t *testing.T) {
			dev := &algotest.Counted{Device: cpu.Open()}
			defer func() { require.NoError(t, dev.Close()) }()
			l := algotest.Learner(t, dev, algotest.Config(rule))
			run := func(every int) (bytes, programs, compares int) {
				before := *dev
				trainer, err := training.New(t.Context(), l, training.Data{Train: algotest.Bands(1, 40)},
					training.Schedule{Epochs: 1, AlignmentEvery: every})
				require.NoError(t, err)
				require.NoError(t, trainer.Close())
				return dev.Bytes - before.Bytes, dev.Programs - before.Programs, dev.Compares - before.Compares
			}
			off, programs, compares := run(0)
			assert.Zero(t, compares)
			assert.Equal(t, 1, programs, "the step")
			on, programs, compares := run(1)
			assert.NotZero(t, compares)
			assert.LessOrEqual(t, programs, 3, "the step, the measured step, the weights")
			sums := 4 * 8 * gpu.NumCompared * len(l.Network().Layers)
			assert.EqualValues(t, measure.AlignmentBytes(l.Network(), l.Config()), on-off-sums)

			o := owned.List{Device: dev}
			measured, err := measure.NewAligner(&o, l)
			require.NoError(t, err)
			backward := func(step func() error) int {
				before := dev.Backward
				require.NoError(t, step())
				return dev.Backward - before
			}
			extra := backward(measured.Train) - backward(func() error { return l.Train(nil) })
			if rule.Exact || rule.LogitsOnly {
				assert.Zero(t, extra)
			} else {
				assert.Equal(t, 2*len(l.Network().Hidden()), extra, "errors and gradients of the hidden layers, once")
			}
			require.NoError(t, o.Free())
		})
	}
}
