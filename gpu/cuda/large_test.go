//go:build cuda

package cuda_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cpu"
	"mdfa/gpu/cuda"
)

const (
	// metricTolerance is relative: a float32 logarithm and exponential for each example,
	// summed in float64.
	metricTolerance = 1e-6
	// elementTolerance is for a few float32 operations on numbers up to one.
	elementTolerance = 1e-5
	// sumTolerance is for each term of a float32 sum of numbers up to one, which the
	// reference adds one by one: the rounding of partial sums in the thousands.
	sumTolerance = 1e-5
)

// TestLossOnManyBlocksIsTheReference compares losses with the CPU device that the conformance
// suite leaves out on a slow device: they take several blocks, loss_finish and column_sums.
func TestLossOnManyBlocksIsTheReference(t *testing.T) {
	for name, c := range map[string]struct{ batch, logits int }{
		"sigmoid": {17_001, 1}, "softmax": {601, 29},
	} {
		t.Run(name, func(t *testing.T) {
			loss := func(d gpu.Device, training bool) (metrics []float64, e, biasGrad []float32, step []int32) {
				n := c.batch * c.logits
				labels := make([]int32, c.batch)
				for i := range labels {
					labels[i] = int32(i % max(c.logits, 2))
				}
				y, err := gpu.NewBuffer(d, labels)
				require.NoError(t, err)
				m, err := d.Alloc(gpu.Float64, gpu.NumMetrics)
				require.NoError(t, err)
				s, err := gpu.NewBuffer(d, []int32{7, 8})
				require.NoError(t, err)
				args := gpu.LossArgs{
					Logits: floats(t, d, ramp(n)...).Mat(c.batch, c.logits), Bias: floats(t, d, ramp(c.logits)...),
					Labels: gpu.All(y), Scale: 0.5, Metrics: gpu.All(m), Step: gpu.All(s),
				}
				if training {
					args.E, args.BiasGrad = zeros(t, d, n).Mat(c.batch, c.logits), zeros(t, d, c.logits)
				}
				require.NoError(t, d.Loss(args))
				metrics, err = gpu.Read[float64](d, args.Metrics)
				require.NoError(t, err)
				step, err = gpu.Read[int32](d, args.Step)
				require.NoError(t, err)
				if training {
					e, biasGrad = read(t, d, args.E.Span), read(t, d, args.BiasGrad)
				}
				return metrics, e, biasGrad, step
			}
			reference := cpu.Open()
			defer func() { require.NoError(t, reference.Close()) }()
			d := open(t, machine(t, small()), cuda.Options{})
			for _, training := range []bool{true, false} {
				wantMetrics, wantE, wantGrad, wantStep := loss(reference, training)
				metrics, e, grad, step := loss(d, training)
				assert.InEpsilonSlice(t, wantMetrics, metrics, metricTolerance)
				assert.Equal(t, []int32{8, 9}, step)
				assert.Equal(t, wantStep, step)
				if training {
					assert.InDeltaSlice(t, wantE, e, elementTolerance)
					assert.InDeltaSlice(t, wantGrad, grad, sumTolerance*float64(c.batch))
				}
			}
		})
	}
}

// TestTF32IsUsedWhenAskedFor multiplies a number with 12 bits of mantissa, of which TF32
// keeps 10.
func TestTF32IsUsedWhenAskedFor(t *testing.T) {
	m := machine(t, small())
	for tf32, want := range map[bool]float32{false: 1 + 0x1p-12, true: 1} {
		d := open(t, m, cuda.Options{TF32: tf32})
		a := gpu.GemmArgs{C: zeros(t, d, 1).Mat(1, 1), A: floats(t, d, 1+0x1p-12).Mat(1, 1), B: floats(t, d, 1).Mat(1, 1)}
		require.NoError(t, d.Gemm(a))
		assert.Equal(t, []float32{want}, read(t, d, a.C.Span))
	}
}

// TestWideDrawnFeedbackIsTheStoredOne compares the two bit by bit where a block takes 128
// columns and the batch two chunks; with more logits than are multiplied directly, of
// which cuBLAS makes one product, within the tolerance of a sum.
func TestWideDrawnFeedbackIsTheStoredOne(t *testing.T) {
	for name, logits := range map[string]int{"direct": 3, "in parts": 37} {
		t.Run(name, func(t *testing.T) {
			const batch, columns = 130, 8196 + 12
			d := open(t, machine(t, small()), cuda.Options{})
			gen := gpu.Generator{Draw: gpu.DrawNormal, Seed: 1 << 40, High: 0.2}
			matrix := make([]float32, 0, logits*columns)
			args := gpu.FeedbackArgs{E: floats(t, d, ramp(batch*logits)...).Mat(batch, logits)}
			for _, size := range []int{8196, 12} {
				h := floats(t, d, ramp(batch*size)...)
				args.Layers = append(args.Layers, gpu.FeedbackLayer{
					Out: gpu.Hidden{Act: gpu.PL, H: h, Pre: h}, Size: size,
					Delta: zeros(t, d, batch*size), BiasGrad: zeros(t, d, size),
				})
			}
			for row := range logits {
				for i, l := range args.Layers {
					part := make([]float32, l.Size)
					gen.Fill(part, i, row, 0)
					matrix = append(matrix, part...)
				}
			}
			result := func(args gpu.FeedbackArgs) (got [][]float32) {
				require.NoError(t, d.Feedback(args))
				for _, l := range args.Layers {
					got = append(got, read(t, d, l.Delta), read(t, d, l.BiasGrad))
				}
				return got
			}
			args.B = floats(t, d, matrix...).Mat(logits, columns)
			want := result(args)
			args.B, args.Gen = gpu.Mat{}, gen
			got := result(args)
			if logits <= 32 {
				require.Equal(t, want, got)
				return
			}
			for i, terms := range []int{logits, batch * logits, logits, batch * logits} {
				assert.InDeltaSlice(t, want[i], got[i], sumTolerance*float64(terms))
			}
		})
	}
}

// TestWideFeedbackIsTheReference has layers so wide that a block takes 128 columns, a
// batch of two chunks, and, with 33 logits, a product and times_slope.
func TestWideFeedbackIsTheReference(t *testing.T) {
	for name, logits := range map[string]int{"direct": 3, "by a product": 33} {
		t.Run(name, func(t *testing.T) {
			const batch, wide, channels, narrow = 130, 8192, 64, 12
			feedback := func(d gpu.Device) (got [][]float32) {
				layer := func(act gpu.Activation, size, channels int) gpu.FeedbackLayer {
					h := floats(t, d, ramp(batch*size)...)
					return gpu.FeedbackLayer{
						Out: gpu.Hidden{Act: act, H: h, Pre: h}, Size: size,
						Delta: zeros(t, d, batch*size), BiasGrad: zeros(t, d, channels),
					}
				}
				args := gpu.FeedbackArgs{
					E:      floats(t, d, ramp(batch*logits)...).Mat(batch, logits),
					B:      floats(t, d, ramp(logits*(wide+narrow))...).Mat(logits, wide+narrow),
					Layers: []gpu.FeedbackLayer{layer(gpu.ReLU, wide, channels), layer(gpu.Tanh, narrow, narrow)},
				}
				require.NoError(t, d.Feedback(args))
				for _, l := range args.Layers {
					got = append(got, read(t, d, l.Delta), read(t, d, l.BiasGrad))
				}
				return got
			}
			reference := cpu.Open()
			defer func() { require.NoError(t, reference.Close()) }()
			want := feedback(reference)
			got := feedback(open(t, machine(t, small()), cuda.Options{}))
			require.Len(t, got, 4)
			for i, terms := range []int{1, batch * wide / channels, 1, batch} { // deltas and bias gradients
				assert.InDeltaSlice(t, want[i], got[i], max(elementTolerance, sumTolerance*float64(terms)))
			}
		})
	}
}

// TestCompareOnManyBlocksIsTheReference has more blocks than compare_finish has lanes.
func TestCompareOnManyBlocksIsTheReference(t *testing.T) {
	const n = 90_001
	sums := func(d gpu.Device) []float64 {
		out, err := d.Alloc(gpu.Float64, gpu.NumCompared)
		require.NoError(t, err)
		v := ramp(n)
		a, b := floats(t, d, v...), floats(t, d, append(v[5:], v[:5]...)...)
		require.NoError(t, d.Compare(gpu.CompareArgs{A: a.Mat(n, 1), B: b.Mat(n, 1), Out: gpu.All(out), Low: -0.25, High: 0.25}))
		got, err := gpu.Read[float64](d, gpu.All(out))
		require.NoError(t, err)
		return got
	}
	reference := cpu.Open()
	defer func() { require.NoError(t, reference.Close()) }()
	// Multiples of 1/256 are added up without rounding.
	assert.Equal(t, sums(reference), sums(open(t, machine(t, small()), cuda.Options{})))
}
