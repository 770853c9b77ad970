package compare

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestWilcoxonByHand(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   float64
	}{
		{[]float64{1}, 1},
		{[]float64{1, 2, 3, 4, 5}, 0.0625},           // 2 of 32 choices of signs
		{[]float64{-1, 2, 3, 4, 5}, 0.125},           // sums of negative ranks up to 1: {}, {1}
		{[]float64{1, 2, -3, 4, 5, 6}, 5.0 * 2 / 64}, // up to 3: {}, {1}, {2}, {3}, {1,2}
		{[]float64{1, 2, 3, 0, 0}, 0.25},             // zeros are left out
		{[]float64{1, 1, 1, -1}, 2 * 5.0 / 16},       // ranks 2.5: up to one negative
		{[]float64{0, 0, 0}, 1},
		{[]float64{5, -5}, 1},
	} {
		assert.InDelta(t, c.want, Wilcoxon(c.values), 1e-15, c.values)
	}
	assert.True(t, math.IsNaN(Wilcoxon(nil)))
}

func TestHolmByHand(t *testing.T) {
	assert.InDeltaSlice(t, []float64{0.03, 0.06, 0.06, 0.02}, Holm([]float64{0.01, 0.04, 0.03, 0.005}), 1e-15)
	assert.Equal(t, []float64{1, 1}, Holm([]float64{0.8, 0.9}))
	assert.Empty(t, Holm(nil))
}

func TestDifferencesOfCountsAreExact(t *testing.T) {
	for _, images := range []float64{10_000, 9_000, 24_576, 1_281_167} {
		want := less(13/images, 0)
		for k := 0.0; k+13 <= images; k += 97 {
			assert.Equal(t, want, less((k+13)/images, k/images))
			assert.Equal(t, -want, less(k/images, (k+13)/images))
		}
	}
}

func TestSummaries(t *testing.T) {
	s := Summarize([]float64{1, math.NaN(), 3})
	assert.Equal(t, 2, s.N)
	assert.Equal(t, 2.0, s.Mean)
	assert.InDelta(t, math.Sqrt2, s.Deviation, 1e-12)
	s = Summarize([]float64{1, math.NaN()})
	assert.Equal(t, 1.0, s.Mean)
	assert.True(t, math.IsNaN(s.Deviation))
	assert.True(t, math.IsNaN(Summarize(nil).Mean))
}
