package devicetest

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"

	"mdfa/gpu"
)

const (
	// updateTolerance is for a few updates in float32, relative to the largest value.
	// 1-0.999 computed in float32 is wrong by 5e-5, which golden vectors of 1e-4 cannot show.
	updateTolerance = 1e-5
	// clearlyBelow is how far under the floor a weight must come to be clamped for
	// certain, relative to the largest weight.
	clearlyBelow = 1e-4
)

// optimizeSetup is a few updates in a row, with different gradients.
type optimizeSetup struct {
	name     string
	args     gpu.OptimizeArgs            // the sizes, without the spans; a rate of 0 stands for 0.05
	n, steps int                         // 0 steps stand for 5
	firstT   int32                       // 0 stands for 1
	factors  []float32                   // of the learning rate; nil: none
	earlier  int32                       // batches of the epoch before these steps
	w, g     func(i int) float32         // nil: uniform
	state    *float32                    // nil: Kind.InitialState
	spoil    func(step int, g []float32) // may be nil
}

// optimizeSetups are the cases of every optimizer.
func optimizeSetups(kind gpu.Optimizer) []optimizeSetup {
	half, small := float32(0.5), func(i int) float32 { return float32(i-20) * 2e-6 }
	switch kind {
	case gpu.Adam:
		small = func(i int) float32 { return float32(i-20) * 2e-8 }
	case gpu.AdamW:
		small = func(i int) float32 { return float32(i-20) * 1e-9 }
	case gpu.SGD, gpu.Momentum, gpu.RMSProp:
	}
	setups := []optimizeSetup{
		// More than eight blocks of a GPU take in one turn, also four at a time.
		{name: "SeveralTurns", n: 20_011, steps: 1, args: gpu.OptimizeArgs{L2: 0.1, ClampFrom: 5, ClampTo: 19_999, Floor: 0.01}},
		{name: "Large", n: 200_003, steps: 1, args: gpu.OptimizeArgs{ClampFrom: 1001, ClampTo: 199_999}},
		{name: "WithoutClamp", n: 101, args: gpu.OptimizeArgs{Floor: 5}},
		{name: "EmptyClampInTheMiddle", n: 101, args: gpu.OptimizeArgs{ClampFrom: 50, ClampTo: 50, Floor: 5}},
		{name: "EmptyClampAtTheEnd", n: 101, args: gpu.OptimizeArgs{ClampFrom: 101, ClampTo: 101, Floor: 5}},
		{name: "ClampsEverything", n: 101, args: gpu.OptimizeArgs{ClampTo: 101}},
		{name: "ClampsOneElement", n: 101, args: gpu.OptimizeArgs{ClampFrom: 37, ClampTo: 38, Floor: 5}},
		{name: "ClampsBetweenOddBorders", n: 1025, args: gpu.OptimizeArgs{ClampFrom: 7, ClampTo: 1019, Floor: 1e-6}},
		{name: "NegativeFloor", n: 101, args: gpu.OptimizeArgs{ClampTo: 101, Floor: -0.25}},
		{name: "ClampFollowsTheUpdate", n: 33, steps: 1, w: func(int) float32 { return 0.5 }, args: gpu.OptimizeArgs{ClampTo: 33, Floor: 0.5, LR: 10}},
		{name: "L2PullsWithoutGradient", n: 101, g: zeros, args: gpu.OptimizeArgs{L2: 0.5}},
		{name: "DecaysWithoutGradient", n: 101, g: zeros, args: gpu.OptimizeArgs{Decay: 2.5}},
		{name: "DecaysBeforeL2AndClamp", n: 8195, args: gpu.OptimizeArgs{Decay: 1, L2: 0.3, ClampFrom: 7, ClampTo: 8000, Floor: -0.5, LR: 0.25}},
		{name: "WeightsFromZero", n: 101, w: zeros, args: gpu.OptimizeArgs{L2: 0.1}},
		{name: "SmallRate", n: 101, w: zeros, args: gpu.OptimizeArgs{LR: 1e-7}},
		{name: "GradientsOfEverySize", n: 37, w: zeros, g: func(i int) float32 { return float32(math.Ldexp(1.3, i-30)) }, args: gpu.OptimizeArgs{LR: 1e-4}},
		// Here the epsilons are as large as the other term of their sums, so their place shows.
		{name: "EpsilonHasItsPlace", n: 41, w: zeros, g: small, state: new(float32), args: gpu.OptimizeArgs{LR: 0.01}},
		{name: "FactorsOfTheRate", n: 4101, factors: []float32{1, 0.5, 0, 2, 0.25, 7}, args: gpu.OptimizeArgs{L2: 0.1, Decay: 0.5}},
		{name: "FactorsFromTheMiddle", n: 101, steps: 2, earlier: 3, factors: []float32{7, 7, 7, 0.5, 0.25}},
		{name: "NoFactorBehindTheLast", n: 101, steps: 3, factors: []float32{1, 0.5}, args: gpu.OptimizeArgs{ClampTo: 50}},
		{name: "NoFactorBeforeTheFirst", n: 101, steps: 1, earlier: -1, factors: []float32{1, 0.5}},
		{name: "StateIsRead", n: 101, state: &half},
		{name: "NaNStaysInItsElement", n: 101, args: gpu.OptimizeArgs{ClampFrom: 50, ClampTo: 101, L2: 0.1}, spoil: func(step int, g []float32) {
			if step == 1 {
				g[13], g[77] = nan, nan
			}
		}},
	}
	for _, n := range []int{0, 1, 31, 32, 33, 1023, 1025, 8191} {
		setups = append(setups, optimizeSetup{name: fmt.Sprint(n), n: n, args: gpu.OptimizeArgs{L2: 0.1, ClampFrom: n / 3, ClampTo: n - n/4, Floor: 0.01}})
	}
	if kind == gpu.Momentum {
		for i := range setups {
			setups[i].args.Momentum = 0.9
		}
		setups = append(setups,
			optimizeSetup{name: "WithoutMomentum", n: 101, args: gpu.OptimizeArgs{L2: 0.1}},
			optimizeSetup{name: "Nesterov", n: 4101, args: gpu.OptimizeArgs{Momentum: 0.9, Nesterov: true}},
			optimizeSetup{name: "NesterovReadsItsState", n: 101, state: &half, args: gpu.OptimizeArgs{Momentum: 0.7, Nesterov: true, L2: 0.1, Decay: 0.2}})
	}
	if kind.Counts() {
		for _, t := range []int32{10, 1000, 1_000_000, math.MaxInt32 - 4} {
			setups = append(setups, optimizeSetup{name: fmt.Sprintf("FromStep%d", t), n: 33, firstT: t, w: zeros})
		}
	}
	return setups
}

func optimizeCases() []opCase {
	cases := []opCase{{"adam/CountsTheStepOfLoss", 1, layAdamAfterLoss}}
	for _, kind := range gpu.Optimizers() {
		for _, o := range optimizeSetups(kind) {
			o.name, o.args.Kind = fmt.Sprintf("%v/%s", kind, o.name), kind
			o.args.LR, o.steps, o.firstT = cmp.Or(o.args.LR, 0.05), cmp.Or(o.steps, 5), cmp.Or(o.firstT, 1)
			cases = append(cases, opCase{o.name, o.n * o.steps, o.lay})
		}
	}
	return cases
}

func zeros(int) float32 { return 0 }

// drawn is f of 0 to n-1, or uniform random numbers without f.
func drawn(name string, n int, f func(i int) float32) []float32 {
	v := uniform(seeded(name), n)
	if f != nil {
		for i := range v {
			v[i] = f(i)
		}
	}
	return v
}

// trained holds the arenas after the updates of the definition.
type trained struct {
	w, s1, s2 []float64
	below     []bool // the last update came clearly below the floor
}

func (o optimizeSetup) lay(s *stage) func() error {
	w := drawn("w"+o.name, o.n, o.w)
	var gradients [][]float32
	for step := range o.steps {
		g := drawn(fmt.Sprint("g", step, o.name), o.n, o.g)
		if o.spoil != nil {
			o.spoil(step, g)
		}
		gradients = append(gradients, g)
	}
	start := o.args.Kind.InitialState()
	if o.state != nil {
		start = *o.state
	}
	state := drawn("", o.n, func(int) float32 { return start })
	result := sync.OnceValue(func() trained { return o.train(w, state, gradients) })

	args := o.args
	args.W = inout(s, "W", w, func(t *testing.T, got []float32) { o.checkWeights(t, result(), got) })
	if o.args.Kind.States() >= 1 {
		args.S1 = inout(s, "S1", state, near(0, updateTolerance, func() []float64 { return result().s1 }))
	}
	if o.args.Kind.States() >= 2 {
		args.S2 = inout(s, "S2", state, near(0, updateTolerance, func() []float64 { return result().s2 }))
	}
	var calls []gpu.OptimizeArgs
	for step, g := range gradients {
		args.G = in(s, fmt.Sprintf("G of step %d", step), g)
		if o.args.Kind.Counts() {
			args.Step = in(s, fmt.Sprintf("Step %d", step), []int32{o.firstT + int32(step)})
		}
		if o.factors != nil {
			more := slices.Concat([]float32{3}, o.factors, []float32{3}) // not to be used
			args.Factors = in(s, fmt.Sprintf("Factors of step %d", step), more).Slice(1, len(o.factors))
			args.Batch = in(s, fmt.Sprintf("Batch %d", step), []int32{o.earlier + int32(step) + 1})
		}
		calls = append(calls, args)
	}
	return eachOf(calls, s.d.Optimize)
}

// train runs the definition.
func (o optimizeSetup) train(w, state []float32, gradients [][]float32) trained {
	r := trained{w: wide(w), s1: wide(state), s2: wide(state), below: make([]bool, o.n)}
	for step, g := range gradients {
		args := o.args
		if o.factors != nil {
			factor := nan
			if i := int(o.earlier) + step; i >= 0 && i < len(o.factors) {
				factor = o.factors[i]
			}
			args.LR *= factor
		}
		update(args, o.firstT+int32(step), r.w, wide(g), r.s1, r.s2)
		margin := clearlyBelow * largest(r.w)
		for i := o.args.ClampFrom; i < o.args.ClampTo; i++ {
			r.below[i] = r.w[i] < float64(o.args.Floor)-margin
		}
		clamp(o.args, r.w)
	}
	return r
}

func (o optimizeSetup) checkWeights(t *testing.T, want trained, got []float32) {
	t.Helper()
	near(0, updateTolerance, func() []float64 { return want.w })(t, got)
	for i := o.args.ClampFrom; i < o.args.ClampTo; i++ {
		if got[i] < o.args.Floor || want.below[i] && got[i] != o.args.Floor {
			assert.Fail(t, fmt.Sprintf("weight %d is %v, the floor is %v", i, got[i], o.args.Floor))
			return
		}
	}
}

// layAdamAfterLoss lets Loss raise a counter from zero and Adam read it: its t is one.
func layAdamAfterLoss(s *stage) func() error {
	args := gpu.OptimizeArgs{Kind: gpu.Adam, LR: 0.1}
	want := trained{w: []float64{0}, s1: []float64{0}, s2: []float64{0}}
	update(args, 1, want.w, []float64{0.25}, want.s1, want.s2)
	step := inout(s, "Step", []int32{0}, equals([]int32{1}))
	loss := gpu.LossArgs{
		Logits: in(s, "Logits", []float32{0.5}).Mat(1, 1),
		Bias:   in(s, "Bias", []float32{0}),
		Labels: in(s, "Labels", []int32{1}),
		Step:   step,
		Metrics: inout(s, "Metrics", make([]float64, gpu.NumMetrics), func(t *testing.T, got []float64) {
			assert.Equal(t, 1.0, got[gpu.MetricCount])
		}),
	}
	laid := func(name string, want []float64) gpu.Span {
		return inout(s, name, []float32{0}, near(0, updateTolerance, func() []float64 { return want }))
	}
	args.W, args.G = laid("W", want.w), in(s, "G", []float32{0.25})
	args.S1, args.S2 = laid("S1", want.s1), laid("S2", want.s2)
	args.Step = step
	return func() error { return cmp.Or(s.d.Loss(loss), s.d.Optimize(args)) }
}
