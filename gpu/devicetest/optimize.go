package devicetest

import (
	"fmt"
	"math"
	"sync"

	"github.com/stretchr/testify/assert"

	"mdfa/gpu"
)

const (
	// updateTolerance is for a few updates in float32, relative to the largest value.
	// 1-0.999 taken in float32 would be wrong by 5e-5, which golden vectors of 1e-4
	// cannot see.
	updateTolerance = 1e-5
	// clearlyBelow is how far under the floor a weight must come to be clamped for
	// certain, relative to the largest weight.
	clearlyBelow = 1e-4
)

// optimizeSetup is a few updates in a row, each with a gradient of its own.
type optimizeSetup struct {
	name     string
	args     gpu.OptimizeArgs // the sizes, without the spans
	n, steps int
	firstT   int32
	w, g     func(i int) float32         // nil: uniform
	state    *float32                    // nil: Kind.InitialState
	spoil    func(step int, g []float32) // may be nil
}

func optimizeCases() []opCase {
	var setups []optimizeSetup
	for _, kind := range gpu.Optimizers() {
		of := func(claim string, n int, args gpu.OptimizeArgs, change ...func(*optimizeSetup)) {
			args.Kind = kind
			if args.LR == 0 {
				args.LR = 0.05
			}
			o := optimizeSetup{name: fmt.Sprintf("%v/%s", kind, claim), args: args, n: n, steps: 5, firstT: 1}
			for _, f := range change {
				f(&o)
			}
			setups = append(setups, o)
		}
		for _, n := range []int{0, 1, 31, 32, 33, 1023, 1025, 8191} {
			of(fmt.Sprint(n), n, gpu.OptimizeArgs{L2: 0.1, ClampFrom: n / 3, ClampTo: n - n/4, Floor: 0.01})
		}
		// More than eight blocks of a GPU take in one turn, also four at a time.
		of("SeveralTurns", 20_011, gpu.OptimizeArgs{L2: 0.1, ClampFrom: 5, ClampTo: 19_999, Floor: 0.01}, func(o *optimizeSetup) { o.steps = 1 })
		of("Large", 200_003, gpu.OptimizeArgs{ClampFrom: 1001, ClampTo: 199_999}, func(o *optimizeSetup) { o.steps = 1 })
		of("WithoutClamp", 101, gpu.OptimizeArgs{Floor: 5})
		of("EmptyClampInTheMiddle", 101, gpu.OptimizeArgs{ClampFrom: 50, ClampTo: 50, Floor: 5})
		of("EmptyClampAtTheEnd", 101, gpu.OptimizeArgs{ClampFrom: 101, ClampTo: 101, Floor: 5})
		of("ClampsEverything", 101, gpu.OptimizeArgs{ClampTo: 101})
		of("ClampsOneElement", 101, gpu.OptimizeArgs{ClampFrom: 37, ClampTo: 38, Floor: 5})
		of("ClampsBetweenOddBorders", 1025, gpu.OptimizeArgs{ClampFrom: 7, ClampTo: 1019, Floor: 1e-6})
		of("NegativeFloor", 101, gpu.OptimizeArgs{ClampTo: 101, Floor: -0.25})
		of("ClampFollowsTheUpdate", 33, gpu.OptimizeArgs{ClampTo: 33, Floor: 0.5, LR: 10},
			func(o *optimizeSetup) { o.steps, o.w = 1, func(int) float32 { return 0.5 } })
		of("L2PullsWithoutGradient", 101, gpu.OptimizeArgs{L2: 0.5}, func(o *optimizeSetup) { o.g = func(int) float32 { return 0 } })
		of("WeightsFromZero", 101, gpu.OptimizeArgs{L2: 0.1}, func(o *optimizeSetup) { o.w = func(int) float32 { return 0 } })
		of("SmallRate", 101, gpu.OptimizeArgs{LR: 1e-7}, func(o *optimizeSetup) { o.w = func(int) float32 { return 0 } })
		of("GradientsOfEverySize", 37, gpu.OptimizeArgs{LR: 1e-4}, func(o *optimizeSetup) {
			o.w, o.g = func(int) float32 { return 0 }, func(i int) float32 { return float32(math.Ldexp(1.3, i-30)) }
		})
		// Here the epsilons are as large as what they stand beside, so their place shows.
		of("EpsilonHasItsPlace", 41, gpu.OptimizeArgs{LR: 0.01}, func(o *optimizeSetup) {
			o.w, o.g = func(int) float32 { return 0 }, func(i int) float32 { return float32(i-20) * 2e-6 }
			if kind == gpu.Adam {
				o.g = func(i int) float32 { return float32(i-20) * 2e-8 }
			}
			o.state = new(float32)
		})
		of("StateIsRead", 101, gpu.OptimizeArgs{}, func(o *optimizeSetup) { half := float32(0.5); o.state = &half })
		of("NaNStaysInItsElement", 101, gpu.OptimizeArgs{ClampFrom: 50, ClampTo: 101, L2: 0.1}, func(o *optimizeSetup) {
			o.spoil = func(step int, g []float32) {
				if step == 1 {
					g[13], g[77] = float32(math.NaN()), float32(math.NaN())
				}
			}
		})
		if kind.Counts() {
			for _, t := range []int32{10, 1000, 1_000_000, math.MaxInt32 - 4} {
				of(fmt.Sprintf("FromStep%d", t), 33, gpu.OptimizeArgs{}, func(o *optimizeSetup) {
					o.firstT, o.w = t, func(int) float32 { return 0 }
				})
			}
		}
	}
	var cases []opCase
	for _, o := range setups {
		cases = append(cases, opCase{o.name, o.n * o.steps, o.lay})
	}
	return append(cases, opCase{"adam/CountsTheStepOfLoss", 1, layAdamAfterLoss})
}

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

// trained is what the definition makes of the arenas.
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
	args.W = inout(s, "W", w, func(t testingT, got []float32) { o.checkWeights(t, result(), got) })
	states := []*gpu.Span{&args.S1, &args.S2}
	if o.args.Kind.States() >= 1 {
		*states[0] = inout(s, "S1", state, near(0, updateTolerance, func() []float64 { return result().s1 }))
	}
	if o.args.Kind.States() >= 2 {
		*states[1] = inout(s, "S2", state, near(0, updateTolerance, func() []float64 { return result().s2 }))
	}
	var calls []gpu.OptimizeArgs
	for step, g := range gradients {
		args.G = in(s, fmt.Sprintf("G of step %d", step), g)
		if o.args.Kind.Counts() {
			args.Step = in(s, fmt.Sprintf("Step %d", step), []int32{o.firstT + int32(step)})
		}
		calls = append(calls, args)
	}
	return func() error {
		for _, args := range calls {
			if err := s.d.Optimize(args); err != nil {
				return err
			}
		}
		return nil
	}
}

// train runs the definition.
func (o optimizeSetup) train(w, state []float32, gradients [][]float32) trained {
	r := trained{w: wide(w), s1: wide(state), s2: wide(state), below: make([]bool, o.n)}
	for step, g := range gradients {
		update(o.args, o.firstT+int32(step), r.w, wide(g), r.s1, r.s2)
		margin := clearlyBelow * largest(r.w)
		for i := o.args.ClampFrom; i < o.args.ClampTo; i++ {
			r.below[i] = r.w[i] < float64(o.args.Floor)-margin
		}
		clamp(o.args, r.w)
	}
	return r
}

func (o optimizeSetup) checkWeights(t testingT, want trained, got []float32) {
	t.Helper()
	near(0, updateTolerance, func() []float64 { return want.w })(t, got)
	for i := o.args.ClampFrom; i < o.args.ClampTo; i++ {
		if got[i] < o.args.Floor || want.below[i] && got[i] != o.args.Floor {
			assert.Fail(t, fmt.Sprintf("weight %d is %v, the floor is %v", i, got[i], o.args.Floor))
			return
		}
	}
}

// largest is the largest finite magnitude.
func largest(v []float64) float64 {
	m := 0.0
	for _, x := range v {
		if a := math.Abs(x); a > m && !math.IsInf(a, 0) {
			m = a
		}
	}
	return m
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
		Metrics: inout(s, "Metrics", make([]float64, gpu.NumMetrics), func(t testingT, got []float64) {
			assert.Equal(t, 1.0, got[gpu.MetricCount])
		}),
	}
	args.W = inout(s, "W", []float32{0}, near(0, updateTolerance, func() []float64 { return want.w }))
	args.G = in(s, "G", []float32{0.25})
	args.S1 = inout(s, "S1", []float32{0}, near(0, updateTolerance, func() []float64 { return want.s1 }))
	args.S2 = inout(s, "S2", []float32{0}, near(0, updateTolerance, func() []float64 { return want.s2 }))
	args.Step = step
	return func() error {
		if err := s.d.Loss(loss); err != nil {
			return err
		}
		return s.d.Optimize(args)
	}
}
