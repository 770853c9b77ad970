package devicetest

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
)

const (
	splitBatch = 37
	splitFirst = 15
)

// inParts calls op for a whole batch, then for its two unequal parts.
func inParts(t *testing.T, op func(part, from, n int) error) {
	t.Helper()
	for part, examples := range [][2]int{{0, splitBatch}, {0, splitFirst}, {splitFirst, splitBatch - splitFirst}} {
		require.NoError(t, op(part, examples[0], examples[1]))
	}
}

// split compares a whole batch with its two unequal parts, which are spans in the
// middle of the same buffers: the same examples must come out, and the parts'
// gradients and metrics must add up to the whole.
func (s *suite) split(t *testing.T) {
	d := s.device(t)
	zeros := func(n int) gpu.Span { return upload(t, d, make([]float32, n)) }
	// same compares the examples of the parts with the examples of the whole.
	same := func(t *testing.T, scale, tolerance float64, whole, parts gpu.Span) {
		t.Helper()
		near(scale, tolerance, func() []float64 { return wide(read[float32](t, d, whole)) })(t, read[float32](t, d, parts))
	}
	shape := func(n int) gpu.ConvShape {
		return gpu.ConvShape{Batch: n, InH: 7, InW: 6, InC: 3, Kernel: 3, Stride: 2, OutC: 5}
	}
	one, all := shape(1), shape(splitBatch)
	t.Run("DenseExamplesAreIndependent", func(t *testing.T) {
		const fanIn, fanOut = 33, 29
		r := seeded("split dense")
		x, w, b := upload(t, d, uniform(r, splitBatch*fanIn)), upload(t, d, uniform(r, fanIn*fanOut)), upload(t, d, uniform(r, fanOut))
		whole, halves := zeros(splitBatch*fanOut), zeros(splitBatch*fanOut)
		inParts(t, func(part, from, n int) error {
			h := [...]gpu.Span{whole, halves, halves}[part]
			return d.Dense(gpu.DenseArgs{
				Out: gpu.Hidden{Act: gpu.Tanh, H: h.Slice(from*fanOut, n*fanOut)},
				X:   x.Slice(from*fanIn, n*fanIn).Mat(n, fanIn), W: w.Mat(fanIn, fanOut), B: b,
			})
		})
		same(t, 1, sumTolerance(fanIn), whole, halves)
	})
	t.Run("ConvExamplesAreIndependent", func(t *testing.T) {
		r := seeded("split conv")
		x, w, b := upload(t, d, uniform(r, all.InLen())), upload(t, d, uniform(r, all.Patch()*all.OutC)), upload(t, d, uniform(r, all.OutC))
		whole, halves := zeros(all.OutLen()), zeros(all.OutLen())
		inParts(t, func(part, from, n int) error {
			h := [...]gpu.Span{whole, halves, halves}[part]
			return d.Conv(gpu.ConvArgs{
				Shape: shape(n),
				Out:   gpu.Hidden{Act: gpu.Tanh, H: h.Slice(from*one.OutLen(), n*one.OutLen())},
				X:     x.Slice(from*one.InLen(), n*one.InLen()), W: w, B: b,
			})
		})
		same(t, 1, sumTolerance(all.Patch()), whole, halves)
	})
	t.Run("FilterGradientsAddUp", func(t *testing.T) {
		r := seeded("split conv gradient")
		x, dy := upload(t, d, uniform(r, all.InLen())), upload(t, d, uniform(r, all.OutLen()))
		var gradients [3][]float32
		inParts(t, func(part, from, n int) error {
			dw := zeros(all.Patch() * all.OutC)
			err := d.ConvGrad(gpu.ConvGradArgs{
				Shape: shape(n), DW: dw,
				X: x.Slice(from*one.InLen(), n*one.InLen()), DY: dy.Slice(from*one.OutLen(), n*one.OutLen()),
			})
			gradients[part] = read[float32](t, d, dw)
			return err
		})
		sum := wide(gradients[1])
		for i, g := range gradients[2] {
			sum[i] += float64(g)
		}
		near(sumScale(all.Rows()), sumTolerance(all.Rows()), func() []float64 { return sum })(t, gradients[0])
	})
	t.Run("LossesAddUp", func(t *testing.T) {
		const classes = 7
		r := seeded("split loss")
		logits, y := uniform(r, splitBatch*classes), labels(r, splitBatch, classes)
		bias, ys := upload(t, d, uniform(r, classes)), upload(t, d, y)
		metrics := [2]gpu.Span{upload(t, d, make([]float64, gpu.NumMetrics)), upload(t, d, make([]float64, gpu.NumMetrics))}
		e := [2]gpu.Span{zeros(splitBatch * classes), zeros(splitBatch * classes)}
		inParts(t, func(part, from, n int) error {
			half := min(part, 1)
			return d.Loss(gpu.LossArgs{
				Logits: upload(t, d, logits).Slice(from*classes, n*classes).Mat(n, classes), Bias: bias,
				Labels: ys.Slice(from, n), Scale: 1.0 / splitBatch,
				E: e[half].Slice(from*classes, n*classes).Mat(n, classes), BiasGrad: zeros(classes), Metrics: metrics[half],
			})
		})
		same(t, 0, sumTolerance(classes), e[0], e[1])
		want, got := read[float64](t, d, metrics[0]), read[float64](t, d, metrics[1])
		assert.Equal(t, want[gpu.MetricCorrect:], got[gpu.MetricCorrect:], "the counts")
		assert.InDelta(t, want[gpu.MetricLoss], got[gpu.MetricLoss], lossTolerance*splitBatch, "the sum of the losses")
	})
}
