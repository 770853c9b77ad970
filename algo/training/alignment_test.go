package training

import (
	"context"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/internal/algotest"
	"mdfa/algo/measure"
	"mdfa/gpu"
	"mdfa/gpu/cpu"
	"mdfa/model"
)

const (
	// angleTolerance is in degrees. Gradients are float32 sums of some hundred products.
	angleTolerance = 2e-3
	// ratioTolerance is relative.
	ratioTolerance = 1e-5
)

// aligned keeps each measurement, and the weights and the feedback that it belongs to.
type aligned struct {
	silent
	told             []measure.Alignment
	params, feedback [][]float32
	read             func() (params, feedback []float32)
}

func (a *aligned) Alignment(got measure.Alignment) error {
	a.told = append(a.told, got)
	if a.read != nil {
		params, feedback := a.read()
		a.params, a.feedback = append(a.params, params), append(a.feedback, feedback)
	}
	return nil
}

// alignmentCase is a small run that is measured at every step.
type alignmentCase struct {
	rule      *algo.Rule
	kind      string // of its hidden layers: dense, conv, both, or pooled convolutions
	act       gpu.Activation
	classes   int
	generated bool
	frozen    []int
}

func (c alignmentCase) String() string {
	feedback, frozen := "", ""
	if c.generated {
		feedback = " generated"
	}
	if c.frozen != nil {
		frozen = fmt.Sprint(" frozen ", c.frozen)
	}
	return fmt.Sprintf("%v %s %v %d classes%s%s", c.rule, c.kind, c.act, c.classes, feedback, frozen)
}

func (c alignmentCase) network(t *testing.T) *model.Network {
	input := model.Shape{H: 9, W: 9, C: 1}
	filters := []model.Filter{{Filters: 6, Kernel: 3, Stride: 2}, {Filters: 5, Kernel: 2, Stride: 1}}
	net, err := model.NewDense(input, []int{20, 11, 15}, c.classes, c.act)
	switch c.kind {
	case "conv":
		net, err = model.NewConv(input, filters, c.classes, c.act)
	case "both":
		net, err = model.New(input, []model.Filter{{Filters: 6, Kernel: 4, Stride: 3, Pad: 2}}, []int{5}, c.classes, c.act)
	case "pooled":
		net, err = model.New(input, []model.Filter{
			{Filters: 5, Kernel: 3, Stride: 1, Pool: model.Pooling{Kind: gpu.MaxPooling, Kernel: 3, Stride: 2}},
			{Filters: 4, Kernel: 2, Stride: 1, Pool: model.Pooling{Kind: gpu.AveragePooling, Kernel: 2, Stride: 1}},
		}, nil, c.classes, c.act)
	}
	require.NoError(t, err)
	return net
}

// data has as many classes as the case.
func (c alignmentCase) data() Data {
	d := Data{Train: algotest.Bands(1, 40)}
	for i := range d.Train.Labels {
		d.Train.Labels[i] = int32(i*7) % int32(c.classes)
	}
	return d
}

// start draws weights and feedback that leave no comparison at its borders: some units are
// saturated, and some of mdfa's weights are at the floor.
func (c alignmentCase) start(t *testing.T, net *model.Network) (cfg algo.Config, params, feedback []float32) {
	cfg = algo.Config{Rule: c.rule, Optimizer: gpu.SGD, LR: 0.05, Floor: 0.04, Batch: 8, EvalBatch: 16, Frozen: c.frozen}
	scale := "U2"
	switch {
	case c.kind == "pooled" && c.rule.Monotone(): // maxima add up, too
		scale = map[gpu.Activation]string{gpu.Tanh: "U3", gpu.Sigmoid: "U3.4", gpu.ReLU: "U1.4", gpu.PL: "U1.4"}[c.act]
	case c.act == gpu.Sigmoid && c.rule.Monotone(): // outputs and weights are positive: preactivations add up
		scale = map[string]string{"dense": "U3", "conv": "U4", "both": "U2"}[c.kind]
	case c.act == gpu.Sigmoid:
		scale = "U8"
	case c.act == gpu.Tanh:
		scale = "U4" // curves saturate late
	}
	params, err := net.InitialParams(algotest.Init(t, scale), c.rule.Monotone(), 2)
	require.NoError(t, err)
	if c.rule.Monotone() {
		for i, r := range params[net.Clamp.Off:net.Clamp.End()] {
			params[net.Clamp.Off+i] = max(r, cfg.Floor)
		}
	}
	feedback, err = cfg.DrawFeedback(net, algotest.Init(t, "U1"), 3)
	require.NoError(t, err)
	if c.generated {
		cfg.Feedback, err = c.rule.GenerateFeedback(net, algotest.Init(t, "U1"), 3)
		require.NoError(t, err)
	}
	return cfg, params, feedback
}

func alignmentCases() []alignmentCase {
	var cases []alignmentCase
	for _, rule := range algo.Rules() {
		for _, kind := range []string{"dense", "conv", "both", "pooled"} {
			for _, act := range gpu.Activations() {
				for _, classes := range []int{2, 3, 19} { // 19: more logits than examples
					cases = append(cases, alignmentCase{rule: rule, kind: kind, act: act, classes: classes})
					if rule.Generable() {
						cases = append(cases, alignmentCase{rule: rule, kind: kind, act: act, classes: classes, generated: true})
					}
				}
			}
			if rule.LogitsOnly {
				continue // its cases have frozen layers already
			}
			last := 3
			if kind != "dense" {
				last = 2
			}
			for _, frozen := range [][]int{{0}, {1}, {last}, {0, last}, []int{0, 1, 2}[:last]} {
				cases = append(cases, alignmentCase{rule: rule, kind: kind, act: gpu.ReLU, classes: 3, frozen: frozen})
			}
		}
	}
	return cases
}

// TestAlignmentIsThatOfADirectComputation holds what devices measure in the course of
// training against plain loops in float64.
func TestAlignmentIsThatOfADirectComputation(t *testing.T) {
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		for _, c := range alignmentCases() {
			t.Run(c.String(), func(t *testing.T) { checkAlignment(t, dev, c) })
		}
	})
}

func checkAlignment(t *testing.T, dev gpu.Device, c alignmentCase) {
	net, data := c.network(t), c.data()
	cfg, params, feedback := c.start(t, net)
	drawn := feedback
	if c.generated {
		drawn = nil
	}
	l, err := algo.NewLearner(dev, net, cfg, params, drawn)
	require.NoError(t, err)
	defer func() { require.NoError(t, l.Close()) }()
	const steps = 3
	trainer, err := New(t.Context(), l, data, Schedule{Epochs: 1, MaxSteps: steps, Seed: 3, AlignmentEvery: 1})
	require.NoError(t, err)
	defer func() { require.NoError(t, trainer.Close()) }()
	watch := &aligned{params: [][]float32{params}, feedback: [][]float32{feedback}, read: func() ([]float32, []float32) {
		params, err := l.Params()
		require.NoError(t, err)
		if !c.rule.LearnsFeedback() {
			return params, feedback
		}
		learned, err := l.Feedback()
		require.NoError(t, err)
		return params, learned
	}}
	_, err = trainer.Run(context.Background(), watch)
	require.NoError(t, err)
	require.Len(t, watch.told, steps)
	order := trainer.permutation(1)
	for step, got := range watch.told {
		require.Equal(t, step, got.Step)
		require.Equal(t, 1, got.Epoch)
		var x [][]float64
		var y []int32
		for _, image := range order[step*cfg.Batch : (step+1)*cfg.Batch] {
			pixels := make([]float64, net.Input.Size())
			for p := range pixels {
				pixels[p] = float64(1.0 / 255 * float32(data.Train.Images[int(image)*len(pixels)+p]))
			}
			x, y = append(x, pixels), append(y, data.Train.Labels[image])
		}
		want, rounding := alignHost(net, cfg, watch.params[step], watch.feedback[step], step+1, x, y)
		require.Len(t, got.Layers, len(want))
		for i := range want {
			requireLayer(t, want[i], got.Layers[i], c.signTolerance(rounding[i]), fmt.Sprintf("step %d, layer %d: ", step, i))
		}
	}
}

// signTolerance is the difference allowed to the share of equal signs of gradients. Under sdfa and usf many numbers have
// the same magnitude, s or c_l. Sums of them times pixels or errors may be 0 but for rounding, which then decides their signs.
func (c alignmentCase) signTolerance(rounding float64) float64 {
	if c.rule.ErrorSigns || c.rule.Magnitudes == algo.EqualMagnitudes {
		return rounding + 1e-9
	}
	return 1e-9
}

func requireLayer(t *testing.T, want, got measure.LayerAlignment, signTolerance float64, where string) {
	t.Helper()
	close := func(name string, want, got, tolerance float64) {
		t.Helper()
		if math.IsNaN(want) {
			require.True(t, math.IsNaN(got), "%s%s is %g, which has no value", where, name, got)
			return
		}
		require.InDelta(t, want, got, tolerance, where+name)
	}
	compare := func(name string, want, got measure.Comparison, signTolerance float64) {
		t.Helper()
		close("angle of "+name, want.Angle, got.Angle, angleTolerance)
		close("norms of "+name, want.NormRatio, got.NormRatio, ratioTolerance*want.NormRatio)
		close("signs of "+name, want.SignAgreement, got.SignAgreement, signTolerance)
	}
	compare("gradients", want.Gradient, got.Gradient, signTolerance)
	compare("feedback", want.Feedback, got.Feedback, 1e-9)
	close("weights at the floor", want.AtFloor, got.AtFloor, 1e-12)
	close("saturated units", want.Saturated, got.Saturated, 1e-12)
}

// TestAlignmentCasesAreNotTrivial keeps the cases above from comparing zeros.
func TestAlignmentCasesAreNotTrivial(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	for _, c := range alignmentCases() {
		net, train := c.network(t), c.data().Train
		cfg, params, feedback := c.start(t, net)
		var x [][]float64
		var y []int32
		for i := range cfg.Batch {
			pixels := make([]float64, net.Input.Size())
			for p := range pixels {
				pixels[p] = float64(train.Images[i*len(pixels)+p]) / 255
			}
			x, y = append(x, pixels), append(y, train.Labels[i])
		}
		layers, _ := alignHost(net, cfg, params, feedback, 1, x, y)
		if first := layers[0]; !c.rule.Exact && cfg.Learning(net)[0] {
			assert.Greater(t, first.Gradient.Angle, 1.0, c.String())
			assert.Less(t, first.Gradient.Angle, 179.0, c.String())
		}
		saturated, floored := 0.0, 0.0
		for _, layer := range layers[:len(layers)-1] {
			saturated += layer.Saturated
			if !math.IsNaN(layer.AtFloor) {
				floored += layer.AtFloor
			}
		}
		assert.Positive(t, saturated, c.String())
		if c.rule.Clamped && c.frozen == nil {
			assert.Positive(t, floored, c.String())
		}
	}
}

func TestMeasuringChangesNoBits(t *testing.T) {
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		for _, rule := range algo.Rules() {
			for _, streamed := range []bool{false, true} {
				t.Run(fmt.Sprintf("%v streamed %v", rule, streamed), func(t *testing.T) {
					run := func(every int) (weights []float32, r Result, told []measure.Alignment) {
						data := Data{Train: algotest.Bands(1, 103), Valid: algotest.Bands(2, 41)}
						if streamed {
							data.Train = algotest.FromSource(data.Train, false)
						}
						l, trainer := newRunOn(t, dev, algotest.Config(rule), Schedule{Epochs: 2, Seed: 4, AlignmentEvery: every}, data)
						watch := &aligned{}
						r, err := trainer.Run(context.Background(), watch)
						require.NoError(t, err)
						r = untimed(r)
						weights, err = l.Params()
						require.NoError(t, err)
						require.NoError(t, trainer.Close())
						require.NoError(t, l.Close())
						return weights, r, watch.told
					}
					weights, result, none := run(0)
					require.Empty(t, none)
					measured, sameResult, told := run(5)
					require.Equal(t, weights, measured)
					require.Equal(t, result, sameResult)
					var steps []int
					for _, a := range told {
						steps = append(steps, a.Step)
						require.Equal(t, 1+a.Step/12, a.Epoch, "an epoch has 12 steps")
					}
					require.Equal(t, []int{0, 5, 10, 15, 20}, steps)
				})
			}
		}
	})
}

// TestOnlyWhoListensIsMeasuredFor trains with an observer that takes no alignment.
func TestOnlyWhoListensIsMeasuredFor(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	_, trainer := newRunOn(t, dev, algotest.Config(algo.DFA), Schedule{Epochs: 1, Seed: 4, AlignmentEvery: 1}, Data{Train: algotest.Bands(1, 40)})
	_, err := trainer.Run(context.Background(), &silent{})
	require.NoError(t, err)
	a, err := trainer.aligner.Read(1, 0, func([]float64) error { return nil })
	require.NoError(t, err)
	assert.True(t, math.IsNaN(a.Layers[0].Gradient.Angle), "the sums are zero")
	l := algotest.Learner(t, dev, algotest.Config(algo.DFA))
	_, err = New(t.Context(), l, Data{Train: algotest.Bands(1, 40)}, Schedule{Epochs: 1, AlignmentEvery: -1})
	require.ErrorIs(t, err, algo.ErrConfig)
}

// TestWhatHasNoDirectionHasNoAngle starts from weights of zero: bp's gradients of the hidden
// layers are zero, and so is the product of the weights.
func TestWhatHasNoDirectionHasNoAngle(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	c := alignmentCase{rule: algo.DFA, kind: "dense", act: gpu.Tanh, classes: 3}
	net := c.network(t)
	cfg, _, feedback := c.start(t, net)
	l, err := algo.NewLearner(dev, net, cfg, make([]float32, net.Params), feedback)
	require.NoError(t, err)
	trainer, err := New(t.Context(), l, c.data(), Schedule{Epochs: 1, MaxSteps: 1, AlignmentEvery: 1})
	require.NoError(t, err)
	watch := &aligned{}
	_, err = trainer.Run(context.Background(), watch)
	require.NoError(t, err)
	first := watch.told[0].Layers[0]
	for _, c := range []measure.Comparison{first.Gradient, first.Feedback} {
		assert.True(t, math.IsNaN(c.Angle) && math.IsNaN(c.NormRatio) && math.IsNaN(c.SignAgreement))
	}
	assert.Zero(t, first.Saturated)
	assert.Equal(t, measure.Comparison{Angle: 0, NormRatio: 1, SignAgreement: 1}, watch.told[0].Layers[3].Gradient)
}
