package kernels_test

import (
	"maps"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"mdfa/gpu/cuda/kernels"
)

const (
	stepBatch  = 64
	stepLogits = 10
	maxBlocks  = 320 // four for each multiprocessor of the device that is pretended
)

// step is the kernels of one training step of a network under DFA, in their order.
type step struct {
	name   string
	launch func() error
}

// bias adds a hidden layer's bias and takes tanh, over rows of cols elements.
func (p *product) bias(rows, cols int) step {
	h, b := p.floatsAt("h", rows*cols), p.floatsAt("b", cols)
	w := kernels.Width(cols, h, b)
	return step{"bias_tanh", func() error {
		return p.BiasTanh(kernels.BiasShape(rows, cols, w, maxBlocks), h, b, int32(rows), int32(cols), w)
	}}
}

func (p *product) gatherStep(features int) step {
	const rows = 1000
	data := p.value("data", make([]byte, rows*features))
	order := make([]int32, rows)
	for i := range order {
		order[i] = int32(i * 7 % rows)
	}
	labels, list := p.value("labels", make([]int32, rows)), p.value("order", order)
	cursor := p.value("cursor", []int32{2})
	x, y := p.room("x", 4*stepBatch*features), p.room("y", 4*stepBatch)
	w := kernels.BytesWidth(features, data, x)
	return step{"gather", func() error {
		return p.Gather(kernels.GatherShape(stepBatch, features, w), x, y, data, labels, list, cursor,
			stepBatch, int32(features), rows, rows, 1.0/255, w)
	}}
}

func (p *product) lossStep() step {
	const n = stepBatch * stepLogits
	labels := make([]int32, stepBatch)
	for i := range labels {
		labels[i] = int32(i * 3 % stepLogits)
	}
	logits, b, y := p.floatsAt("logits", n), p.floatsAt("b", stepLogits), p.value("y", labels)
	e, db := p.room("e", 4*n), p.room("db", 4*stepLogits)
	metrics, counters := p.value("metrics", make([]float64, 4)), p.value("step", make([]int32, 2))
	return step{"loss_softmax", func() error {
		return p.LossSoftmax(kernels.LossShape(stepBatch, stepLogits), logits, b, y, e, db, metrics, counters, 0,
			stepBatch, stepLogits, 2, 1.0/stepBatch)
	}}
}

// feedbackStep sends the error to hidden layers of the given sizes and, where they
// have fewer biases than elements, sums them up.
func (p *product) feedbackStep(sizes, biases []int) []step {
	columns := 0
	for _, n := range sizes {
		columns += n
	}
	args := kernels.DeltaArgs{
		E: p.floatsAt("e", stepBatch*stepLogits), From: p.floatsAt("B", stepLogits*columns),
		Batch: stepBatch, Logits: stepLogits, Columns: int32(columns), Layers: int32(len(sizes)), Width: 4,
	}
	sums := kernels.ColumnSumsArgs{Matrices: int32(len(sizes))}
	at := 0
	for i, n := range sizes {
		l := &args.Layer[i]
		*l = kernels.DeltaLayer{
			Below: p.floatsAt("h", stepBatch*n), Delta: p.room("delta", 4*stepBatch*n), Sums: p.room("sums", 4*n),
			Size: int32(n), Column: int32(at), Act: kernels.ActTanh,
		}
		sums.Matrix[i] = kernels.ColumnSumsMatrix{In: l.Sums, Out: p.room("db", 4*biases[i]), Rows: int32(n / biases[i]), Cols: int32(biases[i])}
		at += n
	}
	shape, sumsShape := args.Shape(), sums.Shape()
	steps := []step{{"feedback", func() error { return p.Feedback(shape, &args) }}}
	if !slices.Equal(sizes, biases) {
		steps = append(steps, step{"column_sums", func() error { return p.ColumnSums(sumsShape, &sums) }})
	}
	return steps
}

func (p *product) rmspropStep(n int) step {
	w, g, s := p.floatsAt("w", n), p.floatsAt("g", n), p.value("s", ones(n))
	width := kernels.Width(4, w, g, s)
	return step{"rmsprop", func() error {
		return p.Rmsprop(kernels.ElementsShape(n, width, maxBlocks), w, g, s, 0, 0, 0, int32(n), 1e-4, 0, 0, 0, 0, 0, width)
	}}
}

func (p *product) im2colStep(in, channels, kernel, stride int) step {
	out := (in-kernel)/stride + 1
	patch := kernel * kernel * channels
	image, patches := p.floatsAt("image", stepBatch*in*in*channels), p.room("patches", 4*stepBatch*out*out*patch)
	w := kernels.Width(channels, image, patches)
	return step{"im2col", func() error {
		return p.Im2col(kernels.Im2colShape(stepBatch, in, in, channels, out, out, patch, w), image, patches, stepBatch, int32(in), int32(in),
			int32(channels), int32(kernel), int32(stride), 0, int32(out), int32(out), w)
	}}
}

// denseStep is the MNIST network 784-200-200-10.
func denseStep(p *product) []step {
	steps := []step{p.gatherStep(784), p.bias(stepBatch, 200), p.bias(stepBatch, 200), p.lossStep()}
	steps = append(steps, p.feedbackStep([]int{200, 200}, []int{200, 200})...)
	return append(steps, p.rmspropStep(199_210))
}

// convStep is the MNIST convnet: 96 filters of 5 by 5 in steps of 2, then of 3 by 3
// in steps of 2 and of 1.
func convStep(p *product) []step {
	steps := []step{
		p.gatherStep(784),
		p.im2colStep(28, 1, 5, 2), p.bias(stepBatch*144, 96),
		p.im2colStep(12, 96, 3, 2), p.bias(stepBatch*25, 96),
		p.im2colStep(5, 96, 3, 1), p.bias(stepBatch*9, 96),
		p.lossStep(),
	}
	steps = append(steps, p.feedbackStep([]int{144 * 96, 25 * 96, 9 * 96}, []int{96, 96, 96})...)
	steps = append(steps, p.im2colStep(28, 1, 5, 2), p.im2colStep(12, 96, 3, 2), p.im2colStep(5, 96, 3, 1))
	return append(steps, p.rmspropStep(177_226))
}

// cpuTime is the processor time that this process has used.
func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// benchStep reports the milliseconds of each kernel in one training step, on all
// processors.
func benchStep(b *testing.B, make func(*product) []step) {
	p := newProduct(b)
	steps := make(p)
	run := func() {
		for _, s := range steps {
			p.seed++
			require.NoError(b, s.launch(), s.name)
		}
	}
	run()
	clear(p.spent)
	start := cpuTime(b)
	n := 0
	for b.Loop() {
		run()
		n++
	}
	b.ReportMetric((cpuTime(b)-start).Seconds()*1e3/float64(n), "cpu-ms/step")
	for _, name := range slices.Sorted(maps.Keys(p.spent)) {
		b.ReportMetric(p.spent[name].Seconds()*1e3/float64(n), name+"-ms")
	}
}

func BenchmarkStepDense(b *testing.B) { benchStep(b, denseStep) }

func BenchmarkStepConv(b *testing.B) { benchStep(b, convStep) }
