package devicetest

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"mdfa/gpu"
)

// feedbackLayer is one hidden layer of a feedback case.
type feedbackLayer struct {
	act            gpu.Activation
	size, channels int
	pre            func(n int) []float32 // its preactivations; nil: random with kinks
}

// feedbackSetup is one call of Feedback.
type feedbackSetup struct {
	name          string
	batch, logits int // logits, or classes with labels
	labelled      bool
	labels        []int32 // nil: random, if labelled
	layers        []feedbackLayer
	spoil         func(e, b []float32)
	gen           gpu.Generator // draws B, unless it draws nothing
	skip          []int         // layers that are passed over
	bits          bool          // E is the identity, or the label the example's number, and every slope one: the deltas are B itself
}

func feedbackCases() []opCase {
	const tanh, relu, pl = gpu.Tanh, gpu.ReLU, gpu.PL
	zeros := func(n int) []float32 { return make([]float32, n) }
	kinked := func(n int) []float32 { return slices.Repeat(kinks(), n/len(kinks())) }
	withNaN := func(n int) []float32 {
		pre := uniform(seeded("pre"), n)
		pre[8] = nan
		return pre
	}
	var setups []feedbackSetup
	add := func(name string, batch, logits int, layers []feedbackLayer, spoil func(e, b []float32)) {
		setups = append(setups, feedbackSetup{name: name, batch: batch, logits: logits, layers: layers, spoil: spoil})
	}
	for _, logits := range []int{1, 2, 3, 5, 10, 1000} {
		add("OneLayer", 3, logits, []feedbackLayer{{relu, 7, 7, nil}}, nil)
		add("ThreeLayers", 5, logits, []feedbackLayer{{tanh, 33, 33, nil}, {relu, 12, 3, nil}, {pl, 31, 1, nil}}, nil)
		add("EmptyBatch", 0, logits, []feedbackLayer{{tanh, 4, 2, nil}, {relu, 3, 3, nil}}, nil)
	}
	for _, logits := range []int{1, 10} {
		add("NoLayers", 3, logits, nil, nil)
		add("LayerWithoutElements", 3, logits, []feedbackLayer{{relu, 5, 5, nil}, {pl, 0, 0, nil}, {tanh, 6, 2, nil}}, nil)
		add("OneOfEach", 1, logits, []feedbackLayer{{tanh, 1, 1, nil}}, nil)
		add("WarpSizes", 33, logits, []feedbackLayer{{relu, 31, 31, nil}, {tanh, 32, 32, nil}, {pl, 33, 11, nil}, {relu, 1, 1, nil}}, nil)
		add("LargeBatch", 1023, logits, []feedbackLayer{{relu, 2, 1, nil}, {tanh, 1, 1, nil}}, nil)
		add("WideLayers", 2, logits, []feedbackLayer{{pl, 1023, 1023, nil}, {tanh, 1025, 41, nil}}, nil)
		add("DenseMNIST", 64, logits, []feedbackLayer{{tanh, 200, 200, nil}, {tanh, 200, 200, nil}}, nil)
		add("ConvMNIST", 8, logits, []feedbackLayer{{relu, 144 * 96, 96, nil}, {tanh, 25 * 96, 96, nil}, {pl, 9 * 96, 96, nil}}, nil)
		add("ManyLayers", 3, logits, slices.Repeat([]feedbackLayer{{tanh, 6, 2, nil}, {relu, 5, 1, nil}, {pl, 4, 4, nil}}, 7), nil)
		add("NaNInATanhLayerShows", 3, logits, []feedbackLayer{{tanh, 6, 3, withNaN}}, nil)
		for _, f := range activations {
			two := []feedbackLayer{{f, 6, 3, nil}, {f, 5, 5, nil}}
			add(f.String()+"SlopeAtTheKinks", 3, logits, []feedbackLayer{{f, len(kinks()), len(kinks()), kinked}}, nil)
			add(f.String()+"AllPreactivationsZero", 3, logits, []feedbackLayer{{f, 5, 5, zeros}}, nil)
			add(f.String()+"NaNInEStaysInItsExample", 3, logits, two, func(e, _ []float32) { e[len(e)/3] = nan })
			add(f.String()+"InfinityInBStaysInItsElement", 3, logits, two, func(_, b []float32) { b[7] = -inf })
		}
	}
	setups = append(setups, drawnFeedback()...)
	setups = append(setups, skippedFeedback()...)
	var labelled []feedbackSetup
	for _, f := range setups {
		if f.labelled = !strings.Contains(f.name, "NaNInE"); f.labelled {
			labelled = append(labelled, f)
		}
	}
	strange := []int32{1, -1, 10, 0, 11, math.MaxInt32, math.MinInt32, 1}
	for _, gen := range []gpu.Generator{{}, {Draw: gpu.DrawNormal, High: 0.5}} {
		labelled = append(labelled, feedbackSetup{
			name: "UnknownLabelsAreNaN, " + gen.Draw.String(), batch: len(strange), logits: 10, labelled: true, labels: strange, gen: gen,
			layers: []feedbackLayer{{tanh, 5, 5, nil}, {tanh, 8, 2, nil}},
		})
	}
	var cases []opCase
	for _, f := range append(setups, labelled...) {
		f.name = fmt.Sprintf("%d%s/%s", f.logits, map[bool]string{false: "logits", true: "classes"}[f.labelled], f.name)
		terms := f.logits
		if f.labelled {
			terms = 1
		}
		cases = append(cases, opCase{f.name, f.batch * terms * f.columns(), f.lay})
	}
	return cases
}

// scale is the factor of B with labels.
func (f feedbackSetup) scale() float32 {
	if f.bits {
		return 1
	}
	return 0.3
}

// error lays out E [batch, logits] or the labels in args, and returns a function for the error before f', given
// the columns of B that belong to a layer, and the number of its terms.
func (f feedbackSetup) error(s *stage, args *gpu.FeedbackArgs, e []float32) (raw func(columns []float64, size int) []float64, terms int) {
	if !f.labelled {
		args.E = in(s, "E", e).Mat(f.batch, f.logits)
		return func(columns []float64, size int) []float64 {
			return product(wide(e), columns, f.batch, f.logits, size, false, false)
		}, f.logits
	}
	y := f.labels
	switch {
	case f.bits:
		for i := range f.batch {
			y = append(y, int32(i))
		}
	case y == nil:
		y = labels(seeded("labels"+f.name), f.batch, f.logits)
	}
	args.Labels, args.Classes, args.Scale = in(s, "Labels", y), f.logits, f.scale()
	return func(columns []float64, size int) []float64 {
		d := make([]float64, 0, len(y)*size)
		for _, label := range y {
			for j := range size {
				v := math.NaN()
				if label >= 0 && int(label) < f.logits {
					v = float64(f.scale()) * columns[int(label)*size+j]
				}
				d = append(d, v)
			}
		}
		return d
	}, 1
}

// columns is the number of columns of B.
func (f feedbackSetup) columns() (sum int) {
	for _, l := range f.layers {
		sum += l.size
	}
	return sum
}

// drawnFeedback are calls without a B. One logit is an outer product; with more than 32 a
// GPU stores no matrix either.
func drawnFeedback() (setups []feedbackSetup) {
	ones := func(size int) feedbackLayer { // relu' is 1 at 0
		return feedbackLayer{gpu.ReLU, size, size, func(n int) []float32 { return make([]float32, n) }}
	}
	tanh, pl := feedbackLayer{gpu.Tanh, 33, 33, nil}, feedbackLayer{gpu.PL, 12, 3, nil}
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
			{gpu.ReLU, 144 * 96, 96, nil}, {gpu.Tanh, 25 * 96, 96, nil}, {gpu.PL, 9 * 96, 96, nil}}},
		feedbackSetup{name: "Drawn, WideBitForBit", batch: 3, logits: 3, gen: normal, bits: true, layers: []feedbackLayer{ones(8200), ones(5)}},
		feedbackSetup{name: "Drawn, WideManyLogits", batch: 2, logits: 40, gen: normal, layers: []feedbackLayer{ones(8196), tanh}})
}

// skippedFeedback leaves out layers at the beginning, in the middle and at the end, whose columns of B do not end at a
// multiple of four.
func skippedFeedback() (setups []feedbackSetup) {
	layers := []feedbackLayer{{gpu.Tanh, 33, 33, nil}, {gpu.ReLU, 12, 3, nil}, {gpu.PL, 31, 31, nil}, {gpu.Tanh, 16, 4, nil}}
	many := slices.Repeat([]feedbackLayer{{gpu.Tanh, 6, 2, nil}, {gpu.ReLU, 5, 1, nil}}, 20)
	for _, gen := range []gpu.Generator{{}, {Draw: gpu.DrawNormal, Seed: 5, High: 0.3}} {
		for _, logits := range []int{1, 10, 41} {
			for _, skip := range [][]int{{0}, {1, 2}, {0, 2}, {3}, {0, 1, 2}, {0, 1, 2, 3}} {
				setups = append(setups, feedbackSetup{name: fmt.Sprintf("Skipped%v, %v", skip, gen.Draw), batch: 5, logits: logits, gen: gen, layers: layers, skip: skip})
			}
			setups = append(setups, feedbackSetup{name: fmt.Sprintf("SkippedOfMany, %v", gen.Draw), batch: 3, logits: logits, gen: gen, layers: many, skip: []int{0, 1, 7, 25}})
		}
	}
	return setups
}

func (f feedbackSetup) lay(s *stage) func() error {
	r := seeded("feedback" + f.name)
	total := f.columns()
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
	args := gpu.FeedbackArgs{Gen: f.gen}
	raw, terms := f.error(s, &args, e)
	if f.gen.Draw == gpu.DrawNone {
		args.B = in(s, "B", b).Mat(f.logits, total)
	}
	first := 0
	for i, l := range f.layers {
		name := fmt.Sprintf("layer %d", i)
		pre := preactivations(r, f.batch*l.size)
		if l.pre != nil {
			pre = l.pre(f.batch * l.size)
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
		if slices.Contains(f.skip, i) {
			args.Layers = append(args.Layers, gpu.FeedbackLayer{Size: l.size, Skip: true})
			continue
		}
		want := func() []float64 {
			return masked(raw(columns, l.size), slopes)
		}
		verify := near(sumScale(terms), sumTolerance(terms), want)
		if f.bits {
			verify = exactly(want)
		}
		args.Layers = append(args.Layers, gpu.FeedbackLayer{
			Out:      hidden,
			Delta:    out(s, name+".Delta", f.batch*l.size, verify),
			Size:     l.size,
			BiasGrad: biasGrad(s, name+".BiasGrad", l.channels, f.batch*l.size, terms, want),
		})
	}
	return func() error { return s.d.Feedback(args) }
}

// feedbackGradSetup is one call of FeedbackGrad.
type feedbackGradSetup struct {
	name          string
	batch, logits int
	sizes         []int                          // of the layers
	spoil         func(e []float32, h []float32) // of the second layer
}

func feedbackGradCases() []opCase {
	nanInE := func(e, _ []float32) { e[1] = nan }
	setups := []feedbackGradSetup{
		{"OneOfEach", 1, 1, []int{1}, nil},
		{"OneLayer", 3, 4, []int{7}, nil},
		{"OneLogit", 5, 1, []int{9, 4}, nil},
		{"ThreeLayers", 5, 3, []int{33, 12, 31}, nil},
		{"LayerWithoutElements", 3, 4, []int{5, 0, 6}, nil},
		{"NoLayers", 3, 4, nil, nil},
		{"NoLogits", 3, 0, []int{5, 4}, nil},
		{"EmptyBatch", 0, 3, []int{4, 6}, nil},
		{"EmptyBatchOfOneLayer", 0, 3, []int{4}, nil},
		{"WarpSizes", 33, 32, []int{31, 32, 33, 1}, nil},
		{"MoreLogitsThanUnits", 4, 1000, []int{3, 2}, nil},
		{"DenseMNIST", 64, 10, []int{200, 200}, nil},
		{"ConvMNIST", 8, 10, []int{144 * 96, 25 * 96, 9 * 96}, nil},
		{"CutByColumns", 129, 127, []int{129, 1}, nil}, // products that a CPU cuts in two
		{"CutByRows", 129, 140, []int{118, 2}, nil},
		{"ManyLayers", 3, 2, slices.Repeat([]int{6, 5, 4}, 7), nil},
		{"NaNInEStaysInItsRow", 3, 4, []int{5, 6}, nanInE},
		{"InfinityInHStaysInItsColumn", 3, 4, []int{5, 6}, func(_, h []float32) { h[7] = -inf }},
	}
	var cases []opCase
	for _, f := range setups {
		total := 0
		for _, size := range f.sizes {
			total += size
		}
		cases = append(cases, opCase{f.name, f.batch * f.logits * total, func(s *stage) func() error { return f.lay(s, total) }})
	}
	return cases
}

func (f feedbackGradSetup) lay(s *stage, total int) func() error {
	r := seeded("feedback gradient" + f.name)
	e := uniform(r, f.batch*f.logits)
	args := gpu.FeedbackGradArgs{}
	var outputs [][]float32
	for _, size := range f.sizes {
		outputs = append(outputs, uniform(r, f.batch*size))
	}
	scale := sumScale(f.batch)
	if f.spoil != nil {
		f.spoil(e, outputs[1])
		scale = 0
	}
	for i, size := range f.sizes {
		args.Layers = append(args.Layers, gpu.FeedbackInput{H: in(s, fmt.Sprintf("layer %d", i), outputs[i]), Size: size})
	}
	want := func() []float64 {
		db, first := make([]float64, f.logits*total), 0
		for i, size := range f.sizes {
			columns := product(wide(e), wide(outputs[i]), f.logits, f.batch, size, true, false)
			for row := range f.logits {
				copy(db[row*total+first:], columns[row*size:(row+1)*size])
			}
			first += size
		}
		return db
	}
	args.E = in(s, "E", e).Mat(f.batch, f.logits)
	args.DB = out(s, "DB", f.logits*total, near(scale, sumTolerance(f.batch), want)).Mat(f.logits, total)
	return func() error { return s.d.FeedbackGrad(args) }
}
