package devicetest

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"mdfa/gpu"
)

// curveTolerance is relative to every single value, down to the smallest. Any decent float32
// tanh stays within four units in the last place; a formula that cancels near zero, such as
// (e^2x-1)/(e^2x+1), does not.
const curveTolerance = 4 * epsilon

// activationCases send chosen preactivations through Dense and Conv: X and W are
// zero, so A is the bias, exactly.
func activationCases() []opCase {
	inputs := []struct {
		name string
		a    []float32
	}{
		{"Kinks", kinks()},
		{"Huge", []float32{1e4, -1e4, 88, -88, 89, -89, 104, -104, 1e38, -1e38, math.MaxFloat32, -math.MaxFloat32}},
		{"NaNAndInfinity", []float32{1, nan, -1, inf, -inf, 0.5, 2}},
		{"TinyToHuge", grid()},
		{"Saturation", saturation()},
	}
	var cases []opCase
	for _, f := range activations {
		for _, input := range inputs {
			name := fmt.Sprintf("%v/%s/", f, input.name)
			cases = append(cases,
				opCase{name + "Dense", len(input.a), func(s *stage) func() error { return layDenseBias(s, f, input.a, 1) }},
				opCase{name + "DenseWithoutInputs", len(input.a), func(s *stage) func() error { return layDenseBias(s, f, input.a, 0) }},
				opCase{name + "Conv", len(input.a), func(s *stage) func() error { return layConvBias(s, f, input.a) }})
		}
	}
	return cases
}

// grid returns every power of two from subnormal to 2^127 with neighbours and points
// between, of both signs, and a fine walk over [-10, 10].
func grid() []float32 {
	var a []float32
	for e := -149; e <= 127; e++ {
		p := float32(math.Ldexp(1, e))
		for _, x := range []float32{p, math.Nextafter32(p, 0), p * 1.37, p * 1.83} {
			a = append(a, x, -x)
		}
	}
	for i := range 4001 {
		x := float32(i) * 0.0025
		a = append(a, x, -x)
	}
	return a
}

// saturation returns preactivations at which tanh rounds to one, from 9.011 on in float32, and
// larger ones.
func saturation() []float32 {
	var a []float32
	for x := float32(8); x < 12; x += 0.0078125 {
		a = append(a, x, -x)
	}
	return append(a, 17, -17, 20, -20, 44, -44, 87, -87, 88, -88, 100, -100)
}

// activated lays out the outputs of preactivations that are known exactly.
func activated(s *stage, f gpu.Activation, a []float32) gpu.Hidden {
	h := gpu.Hidden{Act: f, H: out(s, "H", len(a), func(t *testing.T, got []float32) { checkOutputs(t, f, a, got) })}
	if f.NeedsPre() {
		h.Pre = out(s, "Pre", len(a), exactly(func() []float64 { return wide(a) }))
	}
	return h
}

// matches reports whether h is f(a) with a small relative error. The outputs of relu and pl are exact,
// since float32 holds them. A device may return 0 for subnormal outputs far from the origin.
func matches(f gpu.Activation, a, h float64) bool {
	want := f.F(a)
	if h == want || f.NeedsPre() && float64(float32(want)) == want {
		return h == want
	}
	smallest := math.SmallestNonzeroFloat32
	if math.Abs(a) > 1 {
		smallest = 0x1p-125
	}
	return math.Abs(h-want) <= curveTolerance*math.Abs(want)+smallest
}

// checkOutputs requires a small error, the symmetry of an odd f, no value beyond the limits of f,
// and exactly the limit where float32 has nothing closer.
func checkOutputs(t *testing.T, f gpu.Activation, a, got []float32) {
	t.Helper()
	at := make(map[float32]float32, len(a))
	for i, x := range a {
		at[x] = got[i]
	}
	lowest, highest := f.F(math.Inf(-1)), f.F(math.Inf(1))
	for i, x := range a {
		want, h := f.F(float64(x)), float64(got[i])
		if math.IsNaN(want) {
			assert.True(t, math.IsNaN(h), "%v(%v) is %v", f, x, h)
			continue
		}
		ok := matches(f, float64(x), h) && lowest <= h && h <= highest
		for _, limit := range []float64{lowest, highest} {
			if !math.IsInf(limit, 0) && math.Abs(want-limit) <= 5e-9*math.Abs(limit) {
				ok = ok && h == limit
			}
		}
		if mirror, both := at[-x]; both && f.F(-float64(x)) == -want {
			ok = ok && mirror == -got[i]
		}
		if !ok {
			assert.Fail(t, fmt.Sprintf("%v(%v) is %v, and of its negative %v; want %v", f, x, got[i], at[-x], want))
			return
		}
	}
}

func layDenseBias(s *stage, f gpu.Activation, a []float32, fanIn int) func() error {
	args := gpu.DenseArgs{
		Out: activated(s, f, a),
		X:   in(s, "X", make([]float32, fanIn)).Mat(1, fanIn),
		W:   in(s, "W", make([]float32, fanIn*len(a))).Mat(fanIn, len(a)),
		B:   in(s, "B", a),
	}
	return func() error { return s.d.Dense(args) }
}

func layConvBias(s *stage, f gpu.Activation, a []float32) func() error {
	args := gpu.ConvArgs{
		Shape: gpu.ConvShape{Batch: 1, InH: 1, InW: 1, InC: 1, Kernel: 1, Stride: 1, OutC: len(a)},
		Out:   activated(s, f, a),
		X:     in(s, "X", make([]float32, 1)),
		W:     in(s, "W", make([]float32, len(a))),
		B:     in(s, "B", a),
	}
	return func() error { return s.d.Conv(args) }
}
