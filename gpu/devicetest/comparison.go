package devicetest

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"mdfa/gpu"
)

// comparedTolerance is the error allowed to a float64 sum, relative to the sum of the
// magnitudes. Any order of a million additions stays below it; a float32 sum does not.
const comparedTolerance = 1e-12

// compareSetup is a few calls of Compare that add to the same sums.
type compareSetup struct {
	name       string
	rows, cols int
	trans      bool
	low, high  float32
	a, b       []float32 // nil: uniform, zeros among them
	before     float64   // the first value of all sums
	calls      int
	self       bool // B is A itself
}

func compareCases() []opCase {
	const small, largest = math.SmallestNonzeroFloat32, math.MaxFloat32
	minusZero := float32(math.Copysign(0, -1))
	setups := []compareSetup{
		{name: "Empty", rows: 0, cols: 5, before: 3},
		{name: "NoColumns", rows: 5, cols: 0, before: 3},
		{name: "AddsToWhatIsThere", rows: 3, cols: 5, before: 1e6, calls: 3},
		{name: "SumsAreFloat64", rows: 1, cols: 3, a: []float32{1, 0x1p-24, 0x1p-24}, b: []float32{1, 1, 1}},
		{name: "WithItself", rows: 7, cols: 11, self: true},
		{name: "LowAndHighAreClosed", rows: 1, cols: 6, low: -0.5, high: 0.5, a: []float32{-0.5, 0.5, -0.25, 0.25, -1, 1}},
		{name: "BoundsMayCross", rows: 1, cols: 4, low: 1, high: -1, a: []float32{-2, -1, 0, 3}},
		{name: "NaNBoundsCountNothing", rows: 1, cols: 4, low: nan, high: nan, a: []float32{-inf, -1, 0, inf}},
		{name: "InfiniteBounds", rows: 1, cols: 4, low: -inf, high: inf, a: []float32{-inf, -largest, largest, inf}, b: []float32{1, 1, 1, 1}},
		{name: "ZeroHasNoSign", rows: 1, cols: 6, a: []float32{0, 0, minusZero, 1, -1, 0}, b: []float32{0, minusZero, 0, 0, 0, 1}},
		{name: "SubnormalsHaveSigns", rows: 1, cols: 4, low: -small, high: small, a: []float32{small, -small, small, -small}, b: []float32{small, -small, -1, 1}},
		{name: "HugeDoesNotOverflow", rows: 1, cols: 2, a: []float32{largest, -largest}, b: []float32{largest, largest}},
		{name: "NaNReachesTheSumsNotTheCounts", rows: 1, cols: 3, low: 0, high: 1, a: []float32{nan, 2, -2}, b: []float32{1, 2, 2}},
		{name: "NaNOfBLeavesA", rows: 1, cols: 3, low: 0, high: 1, a: []float32{1, 2, -2}, b: []float32{1, nan, 2}},
		{name: "InfinityReachesTheSums", rows: 1, cols: 2, a: []float32{inf, 1}, b: []float32{1, 1}},
	}
	for _, size := range [][2]int{
		{1, 1}, {1, 31}, {31, 1}, {32, 32}, {33, 31}, {1, 1023}, {1025, 1}, {7, 257}, {2048, 1}, {1, 2049}, {17, 131}, {64, 97}, {100, 330}, {784, 200}, {3, 100_003},
	} {
		for _, trans := range []bool{false, true} {
			name := fmt.Sprintf("%dx%d", size[0], size[1])
			if trans {
				name += "/Transposed"
			}
			setups = append(setups, compareSetup{name: name, rows: size[0], cols: size[1], trans: trans, low: -0.9, high: 0.75})
		}
	}
	var cases []opCase
	for _, c := range setups {
		c.calls = max(c.calls, 1)
		cases = append(cases, opCase{c.name, c.rows * c.cols * c.calls, c.lay})
	}
	return cases
}

func (c compareSetup) lay(s *stage) func() error {
	draw := func(given []float32, name string) []float32 {
		if given != nil {
			return given
		}
		r := seeded(name + c.name)
		v := uniform(r, c.rows*c.cols)
		for i := range v {
			if r.IntN(8) == 0 {
				v[i] = 0
			}
		}
		return v
	}
	a, b := draw(c.a, "a"), draw(c.b, "b")
	args := gpu.CompareArgs{A: in(s, "A", a).Mat(c.rows, c.cols), TransB: c.trans, Low: c.low, High: c.high}
	if c.self {
		b, args.B = a, args.A
	} else {
		args.B = mat(in(s, "B", b), c.rows, c.cols, c.trans)
	}
	before := slices.Repeat([]float64{c.before}, gpu.NumCompared)
	args.Out = inout(s, "Out", before, func(t *testing.T, got []float64) { c.check(t, compared(args, a, b), a, b, got) })
	return eachOf(slices.Repeat([]gpu.CompareArgs{args}, c.calls), s.d.Compare)
}

// check requires exact counts, and sums up to their rounding.
func (c compareSetup) check(t *testing.T, once [gpu.NumCompared]float64, a, b []float32, got []float64) {
	t.Helper()
	magnitudes := c.before
	for i := range a {
		x, y := math.Abs(float64(a[i])), math.Abs(float64(b[i]))
		if sum := x*x + y*y; !math.IsNaN(sum) && !math.IsInf(sum, 0) {
			magnitudes += sum * float64(c.calls)
		}
	}
	for k, v := range once {
		want := c.before + float64(c.calls)*v
		if k >= gpu.CompareSame || math.IsNaN(want) || math.IsInf(want, 0) {
			assert.Equal(t, fmt.Sprint(want), fmt.Sprint(got[k]), "sum %d", k)
			continue
		}
		assert.True(t, math.Abs(got[k]-want) <= comparedTolerance*magnitudes, "sum %d is %v, want %v", k, got[k], want)
	}
}
