package kernels_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cuda/kernels"
)

// result is memory that a kernel leaves.
type result struct {
	addr  kernels.DevicePtr
	bytes int
}

// bytesOf reads results, every byte of which must have been written.
func (p *product) bytesOf(results []result) []byte {
	p.t.Helper()
	var all []byte
	for _, r := range results {
		raw := make([]byte, r.bytes)
		require.NoError(p.t, p.gpu.Memory.Read(uint64(r.addr), raw))
		all = append(all, raw...)
	}
	return all
}

// delta sets up feedback (or times_slope, from raw) over two layers of the given sizes.
func (p *product) delta(batch, logits int, sizes [2]int, act int32, raw bool) (*kernels.DeltaArgs, []result) {
	columns := sizes[0] + sizes[1]
	args := &kernels.DeltaArgs{Batch: int32(batch), Columns: int32(columns), Layers: 2, Width: kernels.Width(sizes[0]|sizes[1], 0)}
	if raw {
		args.From = p.floatsAt("raw", batch*columns)
	} else {
		args.Logits, args.E, args.From = int32(logits), p.floatsAt("e", batch*logits), p.floatsAt("B", logits*columns)
	}
	var out []result
	chunks, at := kernels.DeltaChunks(batch), 0
	for i, n := range sizes {
		l := &args.Layer[i]
		*l = kernels.DeltaLayer{Below: p.floatsAt("below", batch*n), Delta: p.room("delta", 4*batch*n), Sums: p.room("sums", 4*chunks*n),
			Size: int32(n), Column: int32(at), Act: act}
		out = append(out, result{l.Delta, 4 * batch * n}, result{l.Sums, 4 * chunks * n})
		at += n
	}
	return args, out
}

// loss sets up the arguments that the loss kernels share; blocks is the grid.
func (p *product) loss(batch, logits, blocks int) (a, bias, y, e, db, metrics, counter, partial kernels.DevicePtr, out []result) {
	labels := make([]int32, batch)
	for i := range labels {
		labels[i] = int32(i * 3 % max(logits, 2))
	}
	a, bias, y = p.floatsAt("logits", batch*logits), p.floatsAt("bias", logits), p.value("labels", labels)
	e, db = p.room("e", 4*batch*logits), p.room("db", 4*logits)
	metrics, counter = p.value("metrics", make([]float64, kernels.NumMetrics)), p.value("step", make([]int32, 2))
	partial = p.room("partial", 8*kernels.NumMetrics*blocks)
	out = []result{{a, 4 * batch * logits}, {e, 4 * batch * logits}, {metrics, 8 * kernels.NumMetrics}, {counter, 8}}
	if blocks == 1 {
		out = append(out, result{db, 4 * logits})
	} else {
		out = append(out, result{partial, 8 * kernels.NumMetrics * blocks})
	}
	return a, bias, y, e, db, metrics, counter, partial, out
}

// Sizes that fall beside warps and blocks; one is a multiple of 4 and one is not.
const (
	oddRows   = 7
	vectorRow = 36
	oddRow    = 37
)

// productRuns launches every kernel, each on fresh memory, and returns its results.
func productRuns() map[string]func(p *product) []result {
	runs := map[string]func(p *product) []result{}
	for name, row := range map[string]int{", vectors": vectorRow, "": oddRow} {
		n := oddRows * row
		runs["gather"+name] = func(p *product) []result {
			data, x, y := p.value("data", make([]byte, 20*row)), p.room("x", 4*n), p.room("y", 4*oddRows)
			labels, order := p.value("labels", make([]int32, 20)), p.value("order", []int32{3, 19, 0, 20, -1, 7, 7, 1})
			w := kernels.BytesWidth(row, data, x)
			require.NoError(p.t, p.Gather(kernels.GatherShape(oddRows, row, w), x, y, data, labels, order, p.value("cursor", []int32{0}),
				oddRows, int32(row), 20, 8, 0.5, w))
			return []result{{x, 4 * n}, {y, 4 * oddRows}}
		}
		for variant, moved := range map[string]bool{"normalized": false, "moved": true} {
			runs["gather_images, "+variant+name] = func(p *product) []result {
				args := &kernels.ImageArgs{X: p.room("x", 4*n), Y: p.room("y", 4*oddRows), Data: p.value("data", make([]byte, 20*row)),
					Labels: p.value("labels", make([]int32, 20)), Order: p.value("order", []int32{3, 19, 0, 20, -1, 7, 7, 1}), Cursor: p.value("cursor", []int32{0}),
					Mean: p.floatsAt("mean", row), Scales: p.floatsAt("scales", row),
					Batch: oddRows, Features: int32(row), Rows: 20, OrderLen: 8, Line: int32(row), Channels: int32(row)}
				if moved {
					args.Step, args.Channels, args.Flip = p.value("step", []int32{3}), 1, 1
				}
				args.Width = kernels.BytesWidth(row, args.Data, args.X)
				require.NoError(p.t, p.GatherImages(kernels.GatherShape(oddRows, row, args.Width), args))
				return []result{{args.X, 4 * n}, {args.Y, 4 * oddRows}}
			}
		}
		for act := range gpu.Activation(gpu.NumActivations) {
			runs[fmt.Sprintf("bias of %v%s", act, name)] = func(p *product) []result {
				h, b := p.room("h", 4*n), p.floatsAt("b", row)
				sums := p.floatsAt("sums", n)
				if !act.NeedsPre() {
					h = sums
				}
				w := kernels.Width(row, sums, h, b)
				require.NoError(p.t, p.Bias(act, kernels.BiasShape(oddRows, row, w, 2), sums, h, b, oddRows, int32(row), w))
				return []result{{sums, 4 * n}, {h, 4 * n}}
			}
			runs[fmt.Sprintf("times_slope of %v%s", act, name)] = func(p *product) []result {
				args, out := p.delta(oddRows, 0, [2]int{row, 2 * row}, int32(act), true)
				require.NoError(p.t, p.TimesSlope(args.Shape(), args))
				return out
			}
		}
		for _, kind := range gpu.Optimizers() {
			runs[kind.String()+name] = func(p *product) []result {
				arenas := []kernels.DevicePtr{p.floatsAt("w", n), p.floatsAt("g", n)}
				results := []result{{arenas[0], 4 * n}}
				for range kind.States() {
					state := p.value("state", ones(n))
					arenas, results = append(arenas, state), append(results, result{state, 4 * n})
				}
				width := kernels.Width(row, arenas...)
				args := gpu.OptimizeArgs{Kind: kind, LR: 0.1, L2: 0.01, Decay: 0.01, Momentum: 0.9, Nesterov: true, ClampFrom: 10, ClampTo: 50}
				require.NoError(p.t, p.Optimize(args, kernels.ElementsShape(n, width, 2), arenas, p.value("step", []int32{1}), 0, 0, int32(n), width))
				return results
			}
		}
		runs["sign"+name] = func(p *product) []result {
			dst, src, m := p.room("dst", 4*n), p.floatsAt("src", n), p.floatsAt("m", n)
			width := kernels.Width(row, dst, src, m)
			require.NoError(p.t, p.Sign(kernels.ElementsShape(n, width, 2), dst, src, m, int32(n), 0, width))
			return []result{{dst, 4 * n}}
		}
		for draw := range int32(kernels.DrawAbsNormal + 1) {
			runs[fmt.Sprintf("sign_drawn, draw %d%s", draw, name)] = func(p *product) []result {
				dst, src, step := p.room("dst", 4*n), p.floatsAt("src", n), p.value("step", []int32{3})
				width := kernels.Width(row, dst, src)
				require.NoError(p.t, p.SignDrawn(kernels.ElementsShape(n, width, 2), dst, src, step, int32(n), draw, 77, 0, 1, 0.25, 0.75, width))
				return []result{{dst, 4 * n}}
			}
		}
		runs["feedback"+name] = func(p *product) []result {
			args, out := p.delta(oddRows, 3, [2]int{row, 2 * row}, kernels.ActTanh, false)
			require.NoError(p.t, p.Feedback(args.Shape(), args))
			return out
		}
		for draw := range int32(kernels.DrawAbsNormal + 1) {
			runs[fmt.Sprintf("feedback_drawn, draw %d%s", draw, name)] = func(p *product) []result {
				args, out := p.delta(oddRows, kernels.MaxDirectLogits+3, [2]int{row, 2 * row}, kernels.ActTanh, false)
				args.From, args.Draw, args.SeedLow, args.Low, args.High = 0, draw, 77, 0.25, 0.75
				require.NoError(p.t, p.FeedbackDrawn(args.Shape(), args))
				return out
			}
		}
		runs["label_feedback"+name] = func(p *product) []result {
			args, out := p.delta(oddRows, 5, [2]int{row, 2 * row}, kernels.ActTanh, false)
			args.E, args.Labels, args.Scale = 0, p.value("labels", []int32{4, 0, 5, -1, 2, 2, 1}), 0.5
			require.NoError(p.t, p.LabelFeedback(args.Shape(), args))
			return out
		}
		runs["label_feedback_drawn"+name] = func(p *product) []result {
			args, out := p.delta(oddRows, 5, [2]int{row, 2 * row}, kernels.ActTanh, false)
			args.E, args.From, args.Labels, args.Scale = 0, 0, p.value("labels", []int32{4, 0, 5, -1, 2, 2, 1}), 0.5
			args.Draw, args.SeedLow, args.High = kernels.DrawNormal, 77, 0.75
			require.NoError(p.t, p.LabelFeedbackDrawn(args.Shape(), args))
			return out
		}
		runs["feedback, two chunks"+name] = func(p *product) []result {
			args, out := p.delta(131, 1, [2]int{row, 4}, kernels.ActPl, false)
			require.NoError(p.t, p.Feedback(args.Shape(), args))
			return out
		}
	}
	for name, channels := range map[string]int{", vectors": 4, "": 3} {
		const images, in, kernel, stride, pad, out = 2, 6, 3, 2, 1, 3
		patches, pixels := images*out*out*kernel*kernel*channels, images*in*in*channels
		runs["im2col"+name] = func(p *product) []result {
			image, to := p.floatsAt("image", pixels), p.room("patches", 4*patches)
			w := kernels.Width(channels, image, to)
			require.NoError(p.t, p.Im2col(kernels.Im2colShape(images, in+2*pad, in+2*pad, channels, out, out, kernel*kernel*channels, w), image, to, images, in, in,
				int32(channels), kernel, stride, pad, out, out, w))
			return []result{{to, 4 * patches}}
		}
		runs["col2im"+name] = func(p *product) []result {
			from, below, dx := p.floatsAt("patches", patches), p.floatsAt("below", pixels), p.room("dx", 4*pixels)
			w := kernels.Width(channels, from, below, dx)
			shape, rows := kernels.Col2imShape(images*in*in, channels, w)
			sums := p.room("sums", 4*channels*int(shape.Grid[0]))
			require.NoError(p.t, p.Col2im(shape, from, below, dx, sums, images, in, in, int32(channels), kernel, stride, pad, out, out, rows, kernels.ActTanh, w))
			return []result{{dx, 4 * pixels}, {sums, 4 * channels * int(shape.Grid[0])}}
		}
	}
	for name, channels := range map[string]int{", vectors": 4, "": 3} {
		const images, in, kernel, stride, out = 2, 7, 3, 2, 3
		pixels, outputs := images*in*in*channels, images*out*out*channels
		for kind, average := range map[string]int32{"": 0, ", average": 1} {
			runs["pool"+kind+name] = func(p *product) []result {
				h, to, index := p.floatsAt("h", pixels), p.room("p", 4*outputs), p.room("index", outputs)
				w := kernels.BytesWidth(channels, index, h, to)
				require.NoError(p.t, p.Pool(kernels.PoolShape(images*out*out, channels, w), h, to, index, images, in, in,
					int32(channels), kernel, stride, out, out, average, w))
				return []result{{to, 4 * outputs}, {index, outputs}}
			}
			runs["pool_back"+kind+name] = func(p *product) []result {
				dy, below, dx, index := p.floatsAt("dy", outputs), p.floatsAt("below", pixels), p.room("dx", 4*pixels), p.value("index", make([]uint8, outputs))
				w := kernels.BytesWidth(channels, index, dy, below, dx)
				if average == 1 {
					index = 0
				}
				shape, rows := kernels.Col2imShape(images*in*in, channels, w)
				sums := p.room("sums", 4*channels*int(shape.Grid[0]))
				require.NoError(p.t, p.PoolBack(shape, dy, index, below, dx, sums, images, in, in, int32(channels), kernel, stride, out, out, rows, kernels.ActTanh, w))
				return []result{{dx, 4 * pixels}, {sums, 4 * channels * int(shape.Grid[0])}}
			}
		}
	}
	runs["column_sums"] = func(p *product) []result {
		args := kernels.ColumnSumsArgs{Matrices: 2}
		var out []result
		for i, cols := range []int{oddRow, 5} {
			m := kernels.ColumnSumsMatrix{In: p.floatsAt("in", 45*cols), Out: p.room("out", 4*cols), Rows: 45, Cols: int32(cols)}
			args.Matrix[i] = m
			out = append(out, result{m.Out, 4 * cols})
		}
		require.NoError(p.t, p.ColumnSums(args.Shape(), &args))
		return out
	}
	for name, batch := range map[string]int{"": 33, ", several blocks": 20_000} {
		runs["loss_sigmoid"+name] = func(p *product) []result {
			shape := kernels.LossShape(batch, 1)
			blocks := int(shape.Grid[0])
			a, bias, y, e, db, metrics, counter, partial, out := p.loss(batch, 1, blocks)
			require.NoError(p.t, p.LossSigmoid(shape, a, bias, y, e, db, metrics, counter, partial, int32(batch), 2, 0.1))
			return out
		}
		runs["loss_softmax"+name] = func(p *product) []result {
			logits := 45
			if batch > 1000 {
				batch = 400
			}
			shape := kernels.LossShape(batch, logits)
			blocks := int(shape.Grid[0])
			a, bias, y, e, db, metrics, counter, partial, out := p.loss(batch, logits, blocks)
			require.NoError(p.t, p.LossSoftmax(shape, a, bias, y, e, db, metrics, counter, partial, int32(batch), int32(logits), 2, 0.1))
			return out
		}
	}
	runs["loss_finish"] = func(p *product) []result {
		partial := make([]float64, 45*kernels.NumMetrics)
		for i := range partial {
			partial[i] = math.Sqrt(float64(i))
		}
		metrics, counter := p.value("metrics", make([]float64, kernels.NumMetrics)), p.value("step", make([]int32, 2))
		require.NoError(p.t, p.LossFinish(kernels.LossFinishShape(), p.value("partial", partial), metrics, counter, 45, 2))
		return []result{{metrics, 8 * kernels.NumMetrics}, {counter, 8}}
	}
	for name, rows := range map[string]int{"": oddRows, ", several blocks": 300} {
		runs["compare"+name] = func(p *product) []result {
			n := rows * oddRow
			shape := kernels.CompareShape(n)
			blocks := int(shape.Grid[0])
			out, partial := p.value("out", make([]float64, kernels.NumCompared)), p.room("partial", 8*kernels.NumCompared*blocks)
			require.NoError(p.t, p.Compare(shape, p.floatsAt("a", n), p.floatsAt("b", n), out, partial, int32(rows), oddRow, 1, -0.5, 0.5))
			if blocks == 1 {
				return []result{{out, 8 * kernels.NumCompared}}
			}
			return []result{{partial, 8 * kernels.NumCompared * blocks}}
		}
	}
	runs["compare_finish"] = func(p *product) []result {
		partial := make([]float64, 45*kernels.NumCompared)
		for i := range partial {
			partial[i] = math.Sqrt(float64(i))
		}
		out := p.value("out", make([]float64, kernels.NumCompared))
		require.NoError(p.t, p.CompareFinish(kernels.CompareFinishShape(), p.value("partial", partial), out, 45))
		return []result{{out, 8 * kernels.NumCompared}}
	}
	return runs
}

func TestEveryProductKernelRunsCleanAndAlikeInAnyOrder(t *testing.T) {
	p := newProduct(t)
	for name, run := range productRuns() {
		var first []byte
		for _, seed := range []uint64{0, 1, 2, 77} { // orders of warps and blocks; 0 is the natural one
			p.seed = seed
			got := p.bytesOf(run(p))
			if first == nil {
				first = got
			}
			assert.Equal(t, first, got, "%s, seed %d", name, seed)
		}
	}
	for k := range kernels.NumKernels {
		assert.True(t, p.ran[k], "%v was launched", k)
	}
}
