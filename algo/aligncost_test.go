package algo

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cpu"
)

// counted counts what an engine asks of a device.
type counted struct {
	gpu.Device
	floats, programs, compares, backward, feedback int
}

func (c *counted) Alloc(kind gpu.DType, n int) (gpu.Buffer, error) {
	c.floats += n
	return c.Device.Alloc(kind, n)
}

func (c *counted) Record(step func() error) (gpu.Program, error) {
	c.programs++
	return c.Device.Record(step)
}

func (c *counted) Compare(a gpu.CompareArgs) error {
	c.compares++
	return c.Device.Compare(a)
}

func (c *counted) Feedback(a gpu.FeedbackArgs) error {
	c.feedback++
	return c.Device.Feedback(a)
}

func (c *counted) ConvBackward(a gpu.ConvBackwardArgs) error {
	c.backward++
	return c.Device.ConvBackward(a)
}

func (c *counted) DenseBackward(a gpu.DenseBackwardArgs) error {
	c.backward++
	return c.Device.DenseBackward(a)
}

func (c *counted) ConvGrad(a gpu.ConvGradArgs) error {
	c.backward++
	return c.Device.ConvGrad(a)
}

func (c *counted) Gemm(a gpu.GemmArgs) error {
	if a.TransA { // a weight gradient
		c.backward++
	}
	return c.Device.Gemm(a)
}

// TestMeasuringCostsOneBackwardPassAndNothingWhenOff counts memory, programs and operations.
func TestMeasuringCostsOneBackwardPassAndNothingWhenOff(t *testing.T) {
	for _, rule := range Rules() {
		t.Run(rule.String(), func(t *testing.T) {
			dev := &counted{Device: cpu.Open()}
			defer func() { require.NoError(t, dev.Close()) }()
			l := newLearnerOn(t, dev, smallConfig(rule))
			run := func(every int) counted {
				before := *dev
				trainer, err := NewTrainer(l, Data{Train: bands(1, 40)}, Schedule{Epochs: 1, AlignmentEvery: every})
				require.NoError(t, err)
				require.NoError(t, trainer.Close())
				return counted{floats: dev.floats - before.floats, programs: dev.programs - before.programs, compares: dev.compares - before.compares}
			}
			off, on := run(0), run(1)
			assert.Zero(t, off.compares)
			assert.Equal(t, 1, off.programs, "the step")
			assert.NotZero(t, on.compares)
			assert.LessOrEqual(t, on.programs, 3, "the step, the measured step, the weights")
			cfg := smallConfig(rule)
			sums := int(allMeasured) * len(l.net.Layers) * gpu.NumCompared
			assert.EqualValues(t, cfg.AlignmentBytes(l.net)/4, on.floats-off.floats-sums, "what AlignmentBytes says")

			buffer, err := dev.Device.Alloc(gpu.Float64, sums)
			require.NoError(t, err)
			measured := &alignment{learner: l, every: 1, grads: l.grads, sums: buffer}
			before := dev.backward
			require.NoError(t, l.train(nil))
			plain := dev.backward - before
			before = dev.backward
			require.NoError(t, measured.train())
			extra := dev.backward - before - plain
			hidden := len(l.hidden)
			if rule.Exact {
				assert.Zero(t, extra)
			} else {
				assert.Equal(t, 2*hidden, extra, "errors and gradients of the hidden layers, once")
			}
		})
	}
}
