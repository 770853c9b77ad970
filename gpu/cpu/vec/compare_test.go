package vec

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
)

// roundedSums is some hundred roundings of 2^-53 each, relative to the sum without cancellation.
const roundedSums = 1e-13

// TestComparisonIsThatOfThePlainLoop has every special value meet every other one, too.
func TestComparisonIsThatOfThePlainLoop(t *testing.T) {
	special := []float32{0, float32(math.Copysign(0, -1)), 1e-45, -1e-45, 0.5, -0.5, 3e38, -3e38}
	rng := rand.New(rand.NewPCG(1, 2))
	for _, n := range append(lengths, 64) {
		a, b := make([]float32, n), make([]float32, n)
		for i := range n {
			a[i], b[i] = special[i%8], special[i/8%8]
			if n != 64 {
				a[i], b[i] = rng.Float32()-0.5, rng.Float32()-0.5
			}
		}
		var want, got Comparison
		want.add(a, b, -0.25, 0.5)
		got.Add(a, b, -0.25, 0.5)
		// The sums are added up in another order, of terms that cancel.
		for _, s := range [][3]float64{
			{want.Dot, got.Dot, math.Sqrt(want.SquareA * want.SquareB)}, {want.SquareA, got.SquareA, want.SquareA}, {want.SquareB, got.SquareB, want.SquareB},
		} {
			assert.InDelta(t, s[0], s[1], roundedSums*s[2], "%d elements", n)
		}
		want.Dot, want.SquareA, want.SquareB = got.Dot, got.SquareA, got.SquareB
		assert.Equal(t, want, got, "%d elements", n)
	}
}

func TestComparisonWithWhatIsNoNumberDoesNotHold(t *testing.T) {
	nan := float32(math.NaN())
	a, b := make([]float32, 9), make([]float32, 9)
	for i := range a {
		a[i], b[i] = nan, 1
	}
	var c Comparison
	c.Add(a, b, 0, 0)
	assert.Equal(t, [4]int{}, [4]int{c.Same, c.Opposed, c.Low, c.High})
	assert.True(t, math.IsNaN(c.Dot) && math.IsNaN(c.SquareA))
	assert.Equal(t, 9.0, c.SquareB)

	c = Comparison{}
	c.Add(b, b, nan, nan)
	assert.Equal(t, [4]int{9, 0, 0, 0}, [4]int{c.Same, c.Opposed, c.Low, c.High}, "a bound that is none counts nothing")
}
