package devicetest

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

const (
	// epsilon is the distance from 1 to the next float32.
	epsilon = 0x1p-23
	// tiny is absolute: results below it are subnormal and may be flushed on the way.
	tiny = 0x1p-126
)

// sumTolerance is the error allowed to a float32 sum of n products, relative to the
// largest sum. Rounding errors add up like a random walk, with the root of n; the factors
// allow any order of adding.
func sumTolerance(n int) float64 { return epsilon * (8 + 4*math.Sqrt(float64(n))) }

// sumScale is the usual magnitude of a sum of n products of numbers in (-1, 1). It stands in
// for the largest magnitude where few sums were taken and all may be close to zero.
func sumScale(n int) float64 { return math.Sqrt(float64(n)) / 3 }

// whatever stands in expected values for a result that the contract leaves open. It
// is a NaN that is recognised by its bits.
var whatever = math.Float64frombits(0x7ff8000000000bad)

func isWhatever(v float64) bool { return math.Float64bits(v) == math.Float64bits(whatever) }

// near returns a verification against the float64 values that want computes. The tolerance is relative to the largest magnitude in the array, or to scale if larger.
func near(scale, tolerance float64, want func() []float64) func(*testing.T, []float32) {
	return func(t *testing.T, got []float32) {
		t.Helper()
		w := want()
		compare(t, got, w, tolerance*max(scale, largest(w))+tiny)
	}
}

// exactly returns a verification against float32 values, bit by bit but for the sign of
// zero and the payload of NaN.
func exactly(want func() []float64) func(*testing.T, []float32) {
	return func(t *testing.T, got []float32) {
		t.Helper()
		compare(t, got, want(), 0)
	}
}

// equals returns a verification of integers.
func equals[T int32 | uint8](want []T) func(*testing.T, []T) {
	return func(t *testing.T, got []T) {
		t.Helper()
		assert.Equal(t, want, got)
	}
}

// compare fails with the worst element, its share of the tolerance, and the number of wrong
// elements. NaN must meet NaN and infinity infinity, whatever the tolerance.
func compare(t *testing.T, got []float32, want []float64, tolerance float64) {
	t.Helper()
	if !assert.Len(t, got, len(want)) {
		return
	}
	wrong, worst, most := 0, 0, 0.0
	for i, w := range want {
		g, share := float64(got[i]), 0.0
		switch {
		case isWhatever(w), g == w, math.IsNaN(w) && math.IsNaN(g):
		case math.Abs(w) > math.MaxFloat32 && math.IsInf(g, sign(w)):
		case math.IsNaN(w), math.IsNaN(g), math.IsInf(g, 0), math.Abs(w) > math.MaxFloat32, tolerance == 0:
			share = math.Inf(1)
		default:
			share = math.Abs(g-w) / tolerance
		}
		if share > 1 {
			wrong++
		}
		if share > most {
			worst, most = i, share
		}
	}
	if wrong > 0 {
		assert.Fail(t, fmt.Sprintf("element %d is %v, want %v: %.3g times the tolerance, the worst of %d wrong elements of %d",
			worst, got[worst], want[worst], most, wrong, len(want)))
	}
}

// largest returns the largest finite magnitude.
func largest(v []float64) float64 {
	m := 0.0
	for _, x := range v {
		if a := math.Abs(x); a > m && a <= math.MaxFloat32 {
			m = a
		}
	}
	return m
}

func sign(v float64) int {
	if v < 0 {
		return -1
	}
	return 1
}
