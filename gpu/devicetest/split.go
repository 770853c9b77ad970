package devicetest

import (
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
)

// split compares a whole batch with its two unequal parts, which are spans in the
// middle of the same buffers: the same examples must come out, and the parts'
// gradients and metrics must add up to the whole.
func (s *suite) split(t testingT) {
	d := s.device(t)
	t.Run("DenseExamplesAreIndependent", func(t testingT) { splitDense(t, d) })
	t.Run("ConvExamplesAreIndependent", func(t testingT) { splitConv(t, d) })
	t.Run("FilterGradientsAddUp", func(t testingT) { splitConvGrad(t, d) })
	t.Run("LossesAddUp", func(t testingT) { splitLoss(t, d) })
}

const (
	splitBatch = 37
	splitFirst = 15
)

// parts are the whole batch and its two parts, as the first example and the number.
var parts = [][2]int{{0, splitBatch}, {0, splitFirst}, {splitFirst, splitBatch - splitFirst}}

// upload makes a buffer that lives as long as the device.
func upload[T gpu.Element](t testingT, d gpu.Device, v []T) gpu.Span {
	t.Helper()
	b, err := gpu.NewBuffer(d, v)
	require.NoError(t, err)
	return gpu.All(b)
}

func read[T gpu.Element](t testingT, d gpu.Device, s gpu.Span) []T {
	t.Helper()
	v, err := gpu.Read[T](d, s)
	require.NoError(t, err)
	return v
}

func splitDense(t testingT, d gpu.Device) {
	const fanIn, fanOut = 33, 29
	r := seeded("split dense")
	x, w := upload(t, d, uniform(r, splitBatch*fanIn)), upload(t, d, uniform(r, fanIn*fanOut))
	b := upload(t, d, uniform(r, fanOut))
	whole, halves := upload(t, d, make([]float32, splitBatch*fanOut)), upload(t, d, make([]float32, splitBatch*fanOut))
	for i, part := range parts {
		from, n := part[0], part[1]
		h := halves
		if i == 0 {
			h = whole
		}
		require.NoError(t, d.Dense(gpu.DenseArgs{
			Out: gpu.Hidden{Act: gpu.Tanh, H: h.Slice(from*fanOut, n*fanOut)},
			X:   x.Slice(from*fanIn, n*fanIn).Mat(n, fanIn), W: w.Mat(fanIn, fanOut), B: b,
		}))
	}
	near(1, sumTolerance(fanIn), func() []float64 { return wide(read[float32](t, d, whole)) })(t, read[float32](t, d, halves))
}

// splitShape is the convolution of n examples.
func splitShape(n int) gpu.ConvShape {
	return gpu.ConvShape{Batch: n, InH: 7, InW: 6, InC: 3, Kernel: 3, Stride: 2, OutC: 5}
}

func splitConv(t testingT, d gpu.Device) {
	r := seeded("split conv")
	one, all := splitShape(1), splitShape(splitBatch)
	x, w := upload(t, d, uniform(r, all.InLen())), upload(t, d, uniform(r, all.Patch()*all.OutC))
	b := upload(t, d, uniform(r, all.OutC))
	whole, halves := upload(t, d, make([]float32, all.OutLen())), upload(t, d, make([]float32, all.OutLen()))
	for i, part := range parts {
		from, n := part[0], part[1]
		h := halves
		if i == 0 {
			h = whole
		}
		require.NoError(t, d.Conv(gpu.ConvArgs{
			Shape: splitShape(n),
			Out:   gpu.Hidden{Act: gpu.Tanh, H: h.Slice(from*one.OutLen(), n*one.OutLen())},
			X:     x.Slice(from*one.InLen(), n*one.InLen()), W: w, B: b,
		}))
	}
	near(1, sumTolerance(all.Patch()), func() []float64 { return wide(read[float32](t, d, whole)) })(t, read[float32](t, d, halves))
}

func splitConvGrad(t testingT, d gpu.Device) {
	r := seeded("split conv gradient")
	one, all := splitShape(1), splitShape(splitBatch)
	x, dy := upload(t, d, uniform(r, all.InLen())), upload(t, d, uniform(r, all.OutLen()))
	var gradients [][]float32
	for _, part := range parts {
		from, n := part[0], part[1]
		dw := upload(t, d, make([]float32, all.Patch()*all.OutC))
		require.NoError(t, d.ConvGrad(gpu.ConvGradArgs{
			Shape: splitShape(n), DW: dw,
			X: x.Slice(from*one.InLen(), n*one.InLen()), DY: dy.Slice(from*one.OutLen(), n*one.OutLen()),
		}))
		gradients = append(gradients, read[float32](t, d, dw))
	}
	sum := wide(gradients[1])
	for i, g := range gradients[2] {
		sum[i] += float64(g)
	}
	near(sumScale(all.Rows()), sumTolerance(all.Rows()), func() []float64 { return sum })(t, gradients[0])
}

func splitLoss(t testingT, d gpu.Device) {
	const classes = 7
	r := seeded("split loss")
	logits, y := uniform(r, splitBatch*classes), labels(r, splitBatch, classes)
	bias, ys := upload(t, d, uniform(r, classes)), upload(t, d, y)
	whole, halves := upload(t, d, make([]float64, gpu.NumMetrics)), upload(t, d, make([]float64, gpu.NumMetrics))
	e := [2]gpu.Span{upload(t, d, make([]float32, splitBatch*classes)), upload(t, d, make([]float32, splitBatch*classes))}
	for i, part := range parts {
		from, n := part[0], part[1]
		metrics, error := halves, e[1]
		if i == 0 {
			metrics, error = whole, e[0]
		}
		require.NoError(t, d.Loss(gpu.LossArgs{
			Logits: upload(t, d, logits).Slice(from*classes, n*classes).Mat(n, classes), Bias: bias,
			Labels: ys.Slice(from, n), Scale: 1.0 / splitBatch,
			E: error.Slice(from*classes, n*classes).Mat(n, classes), BiasGrad: upload(t, d, make([]float32, classes)),
			Metrics: metrics,
		}))
	}
	near(0, sumTolerance(classes), func() []float64 { return wide(read[float32](t, d, e[0])) })(t, read[float32](t, d, e[1]))
	want, got := read[float64](t, d, whole), read[float64](t, d, halves)
	assert.Equal(t, want[gpu.MetricCorrect:], got[gpu.MetricCorrect:], "the counts")
	assert.InDelta(t, want[gpu.MetricLoss], got[gpu.MetricLoss], lossTolerance*splitBatch, "the sum of the losses")
}
