package devicetest

import (
	"fmt"
	"math"

	"github.com/stretchr/testify/assert"
)

const (
	// epsilon is the distance from 1 to the next float32.
	epsilon = 0x1p-23
	// tiny is absolute: results down there are subnormal and may be flushed on the way.
	tiny = 0x1p-126
)

// sumTolerance is the error allowed to a float32 sum of n products, relative to the
// largest sum: rounding errors add up like a random walk, so with the root of n; the
// factors leave room for any order of adding.
func sumTolerance(n int) float64 { return epsilon * (8 + 4*math.Sqrt(float64(n))) }

// sumScale is what a sum of n products of numbers in (-1, 1) comes to. It stands in
// for the largest magnitude where few sums were taken and all may be close to zero.
func sumScale(n int) float64 { return math.Sqrt(float64(n)) / 3 }

// whatever stands in expected values for a result that the contract leaves open. It
// is a NaN of its own, to be recognised by its bits.
var whatever = math.Float64frombits(0x7ff8000000000bad)

func isWhatever(v float64) bool { return math.Float64bits(v) == math.Float64bits(whatever) }

// near is a verification against float64 values, which want returns when asked. The
// tolerance is relative to the largest magnitude in the array, or to scale if larger.
func near(scale, tolerance float64, want func() []float64) func(testingT, []float32) {
	return func(t testingT, got []float32) {
		t.Helper()
		w := want()
		if !assert.Len(t, got, len(w)) {
			return
		}
		largest := scale
		for _, v := range w {
			if m := math.Abs(v); m > largest && m <= math.MaxFloat32 {
				largest = m
			}
		}
		report(t, got, w, func(got, want float64) bool {
			return math.Abs(got-want) <= tolerance*largest+tiny
		})
	}
}

// exactly is a verification against float32 values, bit by bit but for the sign of
// zero and the payload of NaN.
func exactly(want func() []float64) func(testingT, []float32) {
	return func(t testingT, got []float32) {
		t.Helper()
		w := want()
		if !assert.Len(t, got, len(w)) {
			return
		}
		report(t, got, w, func(got, want float64) bool { return got == want })
	}
}

// equals is a verification of integers.
func equals[T int32 | uint8](want []T) func(testingT, []T) {
	return func(t testingT, got []T) {
		t.Helper()
		assert.Equal(t, want, got)
	}
}

// report fails with the first wrong element and the number of them. NaN must meet NaN
// and infinity infinity, whatever the tolerance.
func report(t testingT, got []float32, want []float64, close func(got, want float64) bool) {
	t.Helper()
	wrong, first := 0, -1
	for i, w := range want {
		g := float64(got[i])
		var ok bool
		switch {
		case isWhatever(w):
			ok = true
		case math.IsNaN(w):
			ok = math.IsNaN(g)
		case math.Abs(w) > math.MaxFloat32:
			ok = math.IsInf(g, sign(w))
		default:
			ok = close(g, w)
		}
		if !ok {
			wrong++
			if first < 0 {
				first = i
			}
		}
	}
	if wrong > 0 {
		assert.Fail(t, fmt.Sprintf("element %d is %v, want %v; %d of %d elements are wrong",
			first, got[first], want[first], wrong, len(want)))
	}
}

func sign(v float64) int {
	if v < 0 {
		return -1
	}
	return 1
}
