package gpu

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// everyActivation runs a test for each row of the table.
func everyActivation(t *testing.T, test func(t *testing.T, a Activation)) {
	for a := range Activation(NumActivations) {
		t.Run(a.String(), func(t *testing.T) { test(t, a) })
	}
}

// slopeAt is f'(a) by the row.
func slopeAt(act Activation, a float64) float64 {
	if act.NeedsPre() {
		return act.Slope(a)
	}
	return act.Slope(act.F(a))
}

func TestEveryRowIsComplete(t *testing.T) {
	names := map[string]bool{}
	everyActivation(t, func(t *testing.T, a Activation) {
		row := activations[a]
		require.NotEmpty(t, row.name)
		assert.False(t, names[row.name], "another row has the name %s", row.name)
		names[row.name] = true
		require.NotNil(t, row.f)
		require.NotNil(t, row.slope)
		assert.NotEmpty(t, row.onnx.Op)
		assert.Equal(t, row.low == 0 && row.high == 0, false, "no bounds of saturation")
	})
	for kind := range Optimizer(NumOptimizers) {
		row := optimizers[kind]
		require.NotEmpty(t, row.name)
		assert.False(t, names[row.name], "another row has the name %s", row.name)
		names[row.name] = true
		assert.NotNil(t, row.update, row.name)
		assert.Positive(t, row.flops, row.name)
		assert.LessOrEqual(t, row.states, MaxStates, row.name)
	}
	assert.Equal(t, fmt.Sprintf("Activation(%d)", NumActivations), Activation(NumActivations).String())
	assert.Equal(t, fmt.Sprintf("Optimizer(%d)", NumOptimizers), Optimizer(NumOptimizers).String())
}

// TestSlopesAreTheDerivatives compares f' with central differences of f, apart from its kinks, and
// asks for what mDFA and the devices rely on: f never decreases and passes NaN on.
func TestSlopesAreTheDerivatives(t *testing.T) {
	const h = 1e-6
	everyActivation(t, func(t *testing.T, act Activation) {
		for a := -20.0; a < 20; a += 0.0137 {
			assert.LessOrEqual(t, act.F(a-h), act.F(a+h), "f decreases at %g", a)
			if math.Abs(slopeAt(act, a+h)-slopeAt(act, a-h)) < 0.5 {
				require.InDelta(t, (act.F(a+h)-act.F(a-h))/(2*h), slopeAt(act, a), 1e-6, "f'(%g)", a)
			}
		}
		for _, a := range []float64{-1e6, 1e6, math.Inf(-1), math.Inf(1)} {
			assert.False(t, math.IsNaN(act.F(a)), "f(%g)", a)
		}
		assert.True(t, math.IsNaN(act.F(math.NaN())))
	})
	assert.EqualValues(t, 1, ReLU.Slope(0))
	assert.EqualValues(t, []float64{1, 1}, []float64{PL.Slope(-1), PL.Slope(1)})
	assert.InDelta(t, 0.7310585786300049, Sigmoid.F(1), 1e-15)
}

// TestUnitsAreSaturatedWhereHardlyAnyErrorPasses compares the bounds with f': at a bound and beyond
// it f' is below 2 % of its maximum, on the near side of the bound it is not.
func TestUnitsAreSaturatedWhereHardlyAnyErrorPasses(t *testing.T) {
	everyActivation(t, func(t *testing.T, act Activation) {
		largest := 0.0
		for a := -5.0; a < 5; a += 0.01 {
			largest = max(largest, slopeAt(act, a))
		}
		low, high := act.Saturation()
		for _, side := range []struct{ at, beyond float32 }{{low, float32(math.Inf(-1))}, {high, float32(math.Inf(1))}} {
			if math.IsNaN(float64(side.at)) {
				continue
			}
			assert.LessOrEqual(t, act.Slope(float64(side.at)), 0.02*largest, "at %g", side.at)
			inner := math.Nextafter32(side.at, -side.beyond)
			if !act.NeedsPre() {
				inner = side.at + (0.5-side.at)*1e-2
			}
			assert.Greater(t, act.Slope(float64(inner)), 0.02*largest, "at %g, inside of %g", inner, side.at)
		}
	})
}

func TestUpdatesOfOneWeight(t *testing.T) {
	s := [MaxStates]float64{}
	args := func(kind Optimizer) OptimizeArgs { return OptimizeArgs{Kind: kind, LR: 0.125, Momentum: 0.5} }
	assert.InDelta(t, 0.875, args(SGD).Update(1, 1, 1, &s), 1e-12)
	decaying := OptimizeArgs{Kind: SGD, LR: 0.5, Decay: 0.5, L2: 1}
	assert.InDelta(t, 0.75-0.5*(1+0.75), decaying.Update(1, 1, 1, &s), 1e-12, "L2 follows the decay")

	velocity := args(Momentum)
	assert.InDelta(t, 1-0.125*2, velocity.Update(1, 2, 1, &s), 1e-12, "the first velocity is the gradient")
	assert.InDelta(t, 1-0.125*3, velocity.Update(1, 2, 2, &s), 1e-12)
	velocity.Nesterov = true
	assert.InDelta(t, 1-0.125*(2+0.5*3.5), velocity.Update(1, 2, 3, &s), 1e-12)
	assert.InDelta(t, 3.5, s[0], 1e-12)

	s = [MaxStates]float64{1}
	assert.InDelta(t, 1-0.125*2/math.Sqrt(1.3+1e-10), args(RMSProp).Update(1, 2, 1, &s), 1e-12)
	assert.InDelta(t, 1.3, s[0], 1e-12)
	for _, kind := range []Optimizer{Adam, AdamW} {
		s = [MaxStates]float64{}
		assert.InDelta(t, 0.875, args(kind).Update(1, 2, 1, &s), 1e-7, "the first step has the length of the rate")
		assert.InDeltaSlice(t, []float64{0.2, 0.004}, s[:], 1e-12)
	}
}

// TestEpsilonOfAdamWHasItsPlace takes a gradient as small as the epsilon: PyTorch divides m̂ by sqrt(v̂) + 1e-8, and
// TensorFlow 1 m by sqrt(v) + 1e-8, which is 1/sqrt(0.001) times as large a share.
func TestEpsilonOfAdamWHasItsPlace(t *testing.T) {
	move := func(kind Optimizer) float64 {
		return -OptimizeArgs{Kind: kind, LR: 1}.Update(0, 1e-8, 1, new([MaxStates]float64))
	}
	assert.InDelta(t, 0.5, move(AdamW), 1e-9)
	assert.InDelta(t, 1/(1+1/math.Sqrt(0.001)), move(Adam), 1e-9)
	s := [MaxStates]float64{3e-9, 2e-16}
	corrected := AdamRate(1, 7) * s[0] / (math.Sqrt(s[1]) + AdamWEpsilon(7))
	m, v := AdamBeta1, AdamBeta2
	assert.InDelta(t, OptimizeArgs{Kind: AdamW, LR: 1}.Update(0, 0, 7, &[MaxStates]float64{s[0] / m, s[1] / v}), -corrected, 1e-12)
}
