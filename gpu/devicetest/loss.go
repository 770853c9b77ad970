package devicetest

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"mdfa/gpu"
)

// lossTolerance is relative to one nat per example or the loss itself, if larger: a
// float32 exponential and logarithm, and the sum between them.
const lossTolerance = 16 * epsilon

// lossSetup is one or more calls of Loss on the same metrics.
type lossSetup struct {
	name           string
	batch, classes int
	scale          float32
	calls          int
	evaluate       bool // neither E nor the bias gradient
	steps          int  // how many step counters; -1: no span
	logits, bias   []float32
	labels         []int32
	before         [gpu.NumMetrics]float64
	infinite       bool // some logit is +Inf: E may be anything, the loss is not finite
	exact          bool // a few losses are so large that a float32 sum loses all others
}

func lossCases() []opCase {
	var setups []lossSetup
	for _, z := range [][2]int{
		{1, 1}, {0, 1}, {31, 1}, {32, 1}, {33, 1}, {1023, 1}, {1025, 1}, {0, 10}, {1, 2}, {33, 2}, {1023, 3}, {1025, 2}, {31, 5}, {32, 10},
		{33, 31}, {17, 32}, {3, 33}, {1, 1000}, {7, 1000}, {2, 1023}, {3, 1025}, {101, 4}, {64, 1000}, {20011, 10}, {100003, 1},
	} {
		setups = append(setups, lossSetup{name: fmt.Sprintf("%dx%d", z[0], z[1]), batch: z[0], classes: z[1], steps: 1})
	}
	for _, classes := range []int{1, 10} {
		for _, l := range []lossSetup{
			{name: "SumReduction", batch: 33, scale: 1},
			{name: "EvaluatingNeedsNoE", batch: 33, evaluate: true},
			{name: "EvaluatingNeedsNoStep", batch: 33, evaluate: true, steps: -1},
			{name: "EveryStepCounterRises", batch: 5, steps: 33},
			{name: "NoCounterInAnEmptySpan", batch: 5, steps: 0},
			{name: "StepRisesForAnEmptyBatch", batch: 0, steps: 2, calls: 2},
			{name: "MetricsAccumulate", batch: 7, calls: 3, steps: 1},
			{name: "MetricsAreFloat64Sums", batch: 7, calls: 5, before: [gpu.NumMetrics]float64{1e9, 1 << 30, 1<<30 + 1, 1 << 40}},
			{name: "UnknownLabelsAreWrongAndNaN", labels: []int32{0, -1, 1, 10, 11, math.MaxInt32, math.MinInt32, 1}},
		} {
			l.name, l.classes = fmt.Sprintf("%dlogits/%s", classes, l.name), classes
			setups = append(setups, l)
		}
	}
	setups = append(setups,
		lossSetup{name: "OneLogit/Zero", classes: 1, logits: []float32{0, 0}, labels: []int32{0, 1}},
		lossSetup{name: "OneLogit/LabelTwoIsUnknown", classes: 1, logits: []float32{3, 3}, labels: []int32{2, 1}},
		lossSetup{name: "OneLogit/SmallestPositiveIsClassOne", classes: 1, labels: []int32{1, 0, 1, 0},
			logits: []float32{math.SmallestNonzeroFloat32, math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32}},
		lossSetup{name: "OneLogit/HugeDoesNotOverflow", classes: 1, labels: []int32{0, 1, 0, 1, 0, 1, 0, 1, 1, 0},
			logits: []float32{88, 88, -88, -88, 1e4, 1e4, -1e4, -1e4, 1e38, -1e38}},
		lossSetup{name: "OneLogit/HugeLossIsKept", classes: 1, labels: []int32{0, 1}, logits: []float32{1e30, -1e30}},
		lossSetup{name: "OneLogit/NaNIsWrongWhateverTheLabel", classes: 1, labels: []int32{1, 1, 0, 0}, logits: []float32{1, nan, nan, -1}})
	tie := []float32{
		1, 1, 1, 1, 1, 1, // all equal: the lowest index wins
		1, 1, 1, 1, 1, 1,
		1, 1, 1, 1, 1, 1,
		0, 2, 2, 1, 2, 2,
		0, 2, 2, 1, 2, 2,
		0, 2, 2, 1, 2, 2,
		3, 2, 2, 3, 3, 3,
	}
	huge := []float32{1e4, -1e4, 0, 88, -88, 89, 1e38, -1e38, 0, -1e38, -1e38, -1e38, 104, 0, -104, 1e4, 1e4, 1e4}
	setups = append(setups,
		lossSetup{name: "Ties/LowestIndexWins", classes: 6, logits: tie, bias: make([]float32, 6), labels: []int32{0, 4, 5, 1, 4, 0, 2}},
		lossSetup{name: "Ties/ComeFromTheBias", classes: 3, logits: []float32{1, 2, 3, 1, 2, 3}, bias: []float32{2, 1, 0}, labels: []int32{0, 1}},
		lossSetup{name: "TopFive/OfFewerClasses", classes: 3, batch: 31},
		lossSetup{name: "TopFive/OfFive", classes: 5, batch: 31},
		lossSetup{name: "TopFive/OfSix", classes: 6, batch: 101},
		lossSetup{name: "Huge/DoesNotOverflow", classes: 3, logits: huge, bias: make([]float32, 3), labels: []int32{0, 1, 0, 2, 0, 1}},
		lossSetup{name: "Huge/LossIsKept", classes: 3, logits: huge, bias: make([]float32, 3), labels: []int32{1, 0, 2, 0, 2, 2}},
		lossSetup{name: "Huge/SmallLossOfHugeLogits", classes: 2, logits: []float32{1e6, 1e6, 1e6, 1e6 + 1}, bias: make([]float32, 2), labels: []int32{0, 1}},
		lossSetup{name: "NaN/CountsAsLarger", classes: 3, bias: make([]float32, 3), labels: []int32{0, 2, 1, 1},
			logits: []float32{5, nan, 1, 1, 2, 3, nan, nan, nan, 0, nan, 0}},
		lossSetup{name: "NaN/TopFive", classes: 7, bias: make([]float32, 7), labels: []int32{6, 6, 0},
			logits: []float32{nan, nan, nan, nan, 0, 0, 1, nan, nan, nan, nan, nan, 0, 1, nan, 1, 2, 3, 4, 5, 6}},
		lossSetup{name: "MinusInfinity/HasNoProbability", classes: 3, bias: make([]float32, 3), labels: []int32{0, 2},
			logits: []float32{1, -inf, 2, -inf, -inf, 0}},
		lossSetup{name: "MinusInfinity/AsTheTrueClassLosesAll", classes: 3, bias: make([]float32, 3), labels: []int32{1},
			logits: []float32{1, -inf, 2}},
		lossSetup{name: "PlusInfinity/ShowsInTheLoss", classes: 3, bias: make([]float32, 3), labels: []int32{0},
			logits: []float32{1, inf, 2}, infinite: true})
	setups = append(setups, unevenLosses()...)
	var cases []opCase
	for _, l := range setups {
		if l.labels != nil {
			l.batch = len(l.labels)
		}
		if l.scale == 0 {
			l.scale = 1 / float32(max(l.batch, 1))
		}
		l.calls = max(l.calls, 1)
		cases = append(cases, opCase{l.name, l.batch * l.classes * l.calls, l.lay})
	}
	return cases
}

// unevenLosses begin with an example whose loss is 2^27, where float32 counts in steps of 16.
// The loss of all others is ln 2. In these batches a thread, a warp, a block of a GPU and a
// part of a CPU sum up several losses.
func unevenLosses() (setups []lossSetup) {
	for _, z := range [][2]int{{1100, 1}, {100, 2}, {17_000, 1}, {8200, 2}} {
		l := lossSetup{
			name: fmt.Sprintf("LossesAreSummedInFloat64/%dx%d", z[0], z[1]), batch: z[0], classes: z[1], scale: 1, evaluate: true, exact: true,
			logits: make([]float32, z[0]*z[1]), bias: make([]float32, z[1]), labels: make([]int32, z[0]),
		}
		l.logits[z[1]-1] = 1 << 27 // with label 0
		setups = append(setups, l)
	}
	return setups
}

func (l lossSetup) lay(s *stage) func() error {
	r := seeded("loss" + l.name)
	bias := l.bias
	if bias == nil {
		bias = uniform(r, l.classes)
		if l.logits != nil {
			bias = make([]float32, l.classes)
		}
	}
	biasSpan := in(s, "Bias", bias)
	want := l.before
	var calls []gpu.LossArgs
	for call := range l.calls {
		logits, y := l.logits, l.labels
		if logits == nil {
			logits = scale(uniform(r, l.batch*l.classes), 4)
		}
		if y == nil {
			y = labels(r, l.batch, max(l.classes, 2))
		}
		result := lossOf(logits, bias, y, l.classes, float64(l.scale))
		for m := range want {
			want[m] += result.metrics[m]
		}
		calls = append(calls, l.layCall(s, fmt.Sprintf("call %d: ", call), logits, y, biasSpan, result))
	}
	metrics := inout(s, "Metrics", l.before[:], func(t *testing.T, got []float64) { l.checkMetrics(t, want, got) })
	var step gpu.Span
	if l.steps >= 0 {
		before, after := make([]int32, l.steps), make([]int32, l.steps)
		for i := range before {
			before[i] = int32(i * 100)
			after[i] = before[i] + int32(l.calls)
		}
		step = inout(s, "Step", before, equals(after))
	}
	for i := range calls {
		calls[i].Metrics, calls[i].Step = metrics, step
	}
	return eachOf(calls, s.d.Loss)
}

// layCall lays out the arguments that one call does not share with the others.
func (l lossSetup) layCall(s *stage, call string, logits []float32, y []int32, bias gpu.Span, want lossResult) gpu.LossArgs {
	args := gpu.LossArgs{
		Logits: inout(s, call+"Logits", logits, exactly(func() []float64 { return want.a })).Mat(l.batch, l.classes),
		Bias:   bias,
		Labels: in(s, call+"Labels", y),
		Scale:  l.scale,
	}
	if l.evaluate {
		return args
	}
	if l.infinite {
		for i := range want.e {
			want.e[i] = whatever
		}
		want.biasGrad = channelSums(want.e, l.classes)
	}
	tolerance := sumTolerance(l.classes)
	args.E = out(s, call+"E", len(logits), near(0, tolerance, func() []float64 { return want.e })).Mat(l.batch, l.classes)
	args.BiasGrad = out(s, call+"BiasGrad", l.classes,
		near(float64(l.scale)*sumScale(l.batch), tolerance+sumTolerance(l.batch), func() []float64 { return want.biasGrad }))
	return args
}

func (l lossSetup) checkMetrics(t *testing.T, want [gpu.NumMetrics]float64, got []float64) {
	t.Helper()
	assert.Equal(t, want[gpu.MetricCorrect], got[gpu.MetricCorrect], "examples that are right")
	assert.Equal(t, want[gpu.MetricTop5], got[gpu.MetricTop5], "examples in the top five")
	assert.Equal(t, want[gpu.MetricCount], got[gpu.MetricCount], "examples seen")
	loss, is := want[gpu.MetricLoss], got[gpu.MetricLoss]
	switch {
	case l.infinite:
		assert.True(t, math.IsNaN(is) || math.IsInf(is, 0), "the loss is %v, which hides an infinite logit", is)
	case math.IsNaN(loss) || math.IsInf(loss, 0):
		assert.Equal(t, fmt.Sprint(loss), fmt.Sprint(is), "the sum of the losses")
	default:
		added := loss - l.before[gpu.MetricLoss]
		allowed := lossTolerance * (math.Abs(added) + float64(l.batch*l.calls))
		if l.exact {
			allowed = lossTolerance * float64(l.batch)
		}
		assert.True(t, math.Abs(is-loss) <= allowed, "the sum of the losses is %v, want %v", is, loss)
	}
}
