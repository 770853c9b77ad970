package devicetest

import (
	"fmt"
	"math"
	"slices"

	"mdfa/gpu"
)

// feedbackLayer is one hidden layer of a feedback case.
type feedbackLayer struct {
	act            gpu.Activation
	size, channels int
	pre            func(batch int) []float32 // nil: random with kinks
}

// feedbackSetup is one call of Feedback.
type feedbackSetup struct {
	name          string
	batch, logits int
	layers        []feedbackLayer
	spoil         func(e, b []float32)
	gen           gpu.Generator // draws B, unless it draws nothing
	bits          bool          // E is the identity and every slope one: the deltas are B itself
}

func feedbackCases() []opCase {
	tanh := func(size, channels int) feedbackLayer {
		return feedbackLayer{act: gpu.Tanh, size: size, channels: channels}
	}
	relu := func(size, channels int) feedbackLayer {
		return feedbackLayer{act: gpu.ReLU, size: size, channels: channels}
	}
	pl := func(size, channels int) feedbackLayer {
		return feedbackLayer{act: gpu.PL, size: size, channels: channels}
	}
	var setups []feedbackSetup
	for _, logits := range []int{1, 2, 3, 5, 10, 1000} {
		setups = append(setups,
			feedbackSetup{name: "OneLayer", batch: 3, logits: logits, layers: []feedbackLayer{relu(7, 7)}},
			feedbackSetup{name: "ThreeLayers", batch: 5, logits: logits, layers: []feedbackLayer{tanh(33, 33), relu(12, 3), pl(31, 1)}},
			feedbackSetup{name: "EmptyBatch", batch: 0, logits: logits, layers: []feedbackLayer{tanh(4, 2), relu(3, 3)}})
	}
	for _, logits := range []int{1, 10} {
		setups = append(setups,
			feedbackSetup{name: "NoLayers", batch: 3, logits: logits},
			feedbackSetup{name: "LayerWithoutElements", batch: 3, logits: logits, layers: []feedbackLayer{relu(5, 5), pl(0, 0), tanh(6, 2)}},
			feedbackSetup{name: "OneOfEach", batch: 1, logits: logits, layers: []feedbackLayer{tanh(1, 1)}},
			feedbackSetup{name: "WarpSizes", batch: 33, logits: logits, layers: []feedbackLayer{relu(31, 31), tanh(32, 32), pl(33, 11), relu(1, 1)}},
			feedbackSetup{name: "LargeBatch", batch: 1023, logits: logits, layers: []feedbackLayer{relu(2, 1), tanh(1, 1)}},
			feedbackSetup{name: "WideLayers", batch: 2, logits: logits, layers: []feedbackLayer{pl(1023, 1023), tanh(1025, 41)}},
			feedbackSetup{name: "DenseMNIST", batch: 64, logits: logits, layers: []feedbackLayer{tanh(200, 200), tanh(200, 200)}},
			feedbackSetup{name: "ConvMNIST", batch: 8, logits: logits, layers: []feedbackLayer{relu(144*96, 96), tanh(25*96, 96), pl(9*96, 96)}},
			feedbackSetup{name: "ManyLayers", batch: 3, logits: logits, layers: slices.Repeat([]feedbackLayer{tanh(6, 2), relu(5, 1), pl(4, 4)}, 7)})
		for _, f := range activations {
			setups = append(setups,
				feedbackSetup{name: f.String() + "SlopeAtTheKinks", batch: 3, logits: logits,
					layers: []feedbackLayer{{act: f, size: len(kinks()), channels: len(kinks()), pre: func(batch int) []float32 { return slices.Repeat(kinks(), batch) }}}},
				feedbackSetup{name: f.String() + "AllPreactivationsZero", batch: 3, logits: logits,
					layers: []feedbackLayer{{act: f, size: 5, channels: 5, pre: func(batch int) []float32 { return make([]float32, 5*batch) }}}},
				feedbackSetup{name: f.String() + "NaNInEStaysInItsExample", batch: 3, logits: logits,
					layers: []feedbackLayer{{act: f, size: 6, channels: 3}, {act: f, size: 5, channels: 5}},
					spoil:  func(e, _ []float32) { e[len(e)/3] = float32(math.NaN()) }},
				feedbackSetup{name: f.String() + "InfinityInBStaysInItsElement", batch: 3, logits: logits,
					layers: []feedbackLayer{{act: f, size: 6, channels: 3}, {act: f, size: 5, channels: 5}},
					spoil:  func(_, b []float32) { b[7] = float32(math.Inf(-1)) }})
		}
		setups = append(setups, feedbackSetup{name: "NaNInATanhLayerShows", batch: 3, logits: logits,
			layers: []feedbackLayer{{act: gpu.Tanh, size: 6, channels: 3, pre: func(batch int) []float32 {
				pre := uniform(seeded("pre"), 6*batch)
				pre[8] = float32(math.NaN())
				return pre
			}}}})
	}
	setups = append(setups, drawnFeedback()...)
	var cases []opCase
	for _, f := range setups {
		f.name = fmt.Sprintf("%dlogits/%s", f.logits, f.name)
		size := 0
		for _, l := range f.layers {
			size += l.size
		}
		cases = append(cases, opCase{f.name, f.batch * f.logits * size, f.lay})
	}
	return cases
}

// drawnFeedback are calls without a B. One logit is an outer product; with more than 32 a
// GPU stores no matrix either.
func drawnFeedback() (setups []feedbackSetup) {
	ones := func(size int) feedbackLayer { // relu' is 1 at 0
		return feedbackLayer{act: gpu.ReLU, size: size, channels: size, pre: func(batch int) []float32 { return make([]float32, size*batch) }}
	}
	tanh := feedbackLayer{act: gpu.Tanh, size: 33, channels: 33}
	pl := feedbackLayer{act: gpu.PL, size: 12, channels: 3}
	for _, gen := range []gpu.Generator{
		{Draw: gpu.DrawConstant, High: -0.75},
		{Draw: gpu.DrawSymmetric, High: 0.3},
		{Draw: gpu.DrawUniform, Low: 1e-6, High: 0.7},
		{Draw: gpu.DrawNormal, High: 0.4},
		{Draw: gpu.DrawAbsNormal, High: 1.1},
	} {
		gen.Seed = 0x0123456789abcdef
		name := "Drawn, " + gen.Draw.String()
		for _, logits := range []int{1, 2, 10, 32, 33, 41} {
			setups = append(setups,
				feedbackSetup{name: name, batch: 5, logits: logits, gen: gen, layers: []feedbackLayer{tanh, pl, ones(8)}},
				feedbackSetup{name: name + ", bit for bit", batch: logits, logits: logits, gen: gen, bits: true, layers: []feedbackLayer{ones(7), ones(2)}},
				feedbackSetup{name: name + ", in fours, bit for bit", batch: logits, logits: logits, gen: gen, bits: true, layers: []feedbackLayer{ones(12), ones(8)}})
		}
		setups = append(setups,
			feedbackSetup{name: name + ", LargeBatch", batch: 131, logits: 3, gen: gen, layers: []feedbackLayer{pl, tanh}},
			feedbackSetup{name: name + ", ManyLayers", batch: 3, logits: 3, gen: gen, layers: slices.Repeat([]feedbackLayer{pl, ones(3), tanh}, 6)},
			feedbackSetup{name: name + ", NoLayers", batch: 3, logits: 3, gen: gen},
			feedbackSetup{name: name + ", EmptyBatch", logits: 3, gen: gen, layers: []feedbackLayer{pl, tanh}})
	}
	normal := gpu.Generator{Draw: gpu.DrawNormal, Seed: 5, High: 0.3}
	return append(setups,
		feedbackSetup{name: "Drawn, ConvMNIST", batch: 8, logits: 10, gen: normal, layers: []feedbackLayer{
			{act: gpu.ReLU, size: 144 * 96, channels: 96}, {act: gpu.Tanh, size: 25 * 96, channels: 96}, {act: gpu.PL, size: 9 * 96, channels: 96}}},
		feedbackSetup{name: "Drawn, WideBitForBit", batch: 3, logits: 3, gen: normal, bits: true, layers: []feedbackLayer{ones(8200), ones(5)}},
		feedbackSetup{name: "Drawn, WideManyLogits", batch: 2, logits: 40, gen: normal, layers: []feedbackLayer{ones(8196), tanh}})
}

func (f feedbackSetup) lay(s *stage) func() error {
	r := seeded("feedback" + f.name)
	total := 0
	for _, l := range f.layers {
		total += l.size
	}
	e, b := uniform(r, f.batch*f.logits), uniform(r, f.logits*total)
	if f.bits {
		clear(e)
		for k := range f.logits {
			e[k*f.logits+k] = 1
		}
	}
	if f.spoil != nil {
		f.spoil(e, b)
	}
	args := gpu.FeedbackArgs{E: in(s, "E", e).Mat(f.batch, f.logits), Gen: f.gen}
	if f.gen.Draw == gpu.DrawNone {
		args.B = in(s, "B", b).Mat(f.logits, total)
	}
	first := 0
	for i, l := range f.layers {
		name := fmt.Sprintf("layer %d", i)
		pre := preactivations(r, f.batch*l.size)
		if l.pre != nil {
			pre = l.pre(f.batch)
		}
		hidden, slopes := below(s, name, l.act, pre)
		columns := make([]float64, 0, f.logits*l.size)
		for row := range f.logits {
			if f.gen.Draw != gpu.DrawNone {
				f.gen.Fill(b[row*total+first:row*total+first+l.size], i, row, 0)
			}
			columns = append(columns, wide(b[row*total+first:row*total+first+l.size])...)
		}
		first += l.size
		want := func() []float64 {
			return masked(product(wide(e), columns, f.batch, f.logits, l.size, false, false), slopes)
		}
		compare := exactly
		if !f.bits {
			compare = func(want func() []float64) func(testingT, []float32) {
				return near(sumScale(f.logits), sumTolerance(f.logits), want)
			}
		}
		args.Layers = append(args.Layers, gpu.FeedbackLayer{
			Out:      hidden,
			Delta:    out(s, name+".Delta", f.batch*l.size, compare(want)),
			Size:     l.size,
			BiasGrad: biasGrad(s, name+".BiasGrad", l.channels, f.batch*l.size, f.logits, want),
		})
	}
	return func() error { return s.d.Feedback(args) }
}
