package gpu

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu/internal/philox"
)

// normalTolerance is relative to the quantile's value: seven digits of the approximation
// and a dozen float32 roundings.
const normalTolerance = 2e-6

// TestNormalIsTheQuantile compares with float64 from the middle to the last tail.
func TestNormalIsTheQuantile(t *testing.T) {
	worst := 0.0
	check := func(word uint32) {
		tail := float64((float32(word>>1) + 0.5) * 0x1p-32)
		want := -math.Sqrt2 * math.Erfinv(2*tail-1)
		if tail < 1e-3 { // where 2·tail-1 has lost its digits
			want = tailQuantile(tail)
		}
		got := float64(normal(word &^ 1))
		require.InDelta(t, want, got, normalTolerance*math.Max(want, 0.1), "word %#x, tail %g", word, tail)
		require.Equal(t, float32(-got), normal(word|1), "the lowest bit is the sign")
		worst = max(worst, math.Abs(want-got)/math.Max(want, 0.1))
	}
	for i := range uint32(1 << 16) {
		check(i << 16)
		check(^(i << 8))
		check(i)
	}
	assert.Zero(t, normal(math.MaxUint32-1), "half of all values lie further out than 0")
	assert.InDelta(t, 6.3, normal(0), 0.1, "the largest there is")
	t.Logf("largest difference: %.1e", worst)
}

// tailQuantile solves erfc(z/sqrt(2))/2 = tail by Newton's method.
func tailQuantile(tail float64) float64 {
	z := 3.0
	for range 50 {
		density := math.Exp(-z*z/2) / math.Sqrt(2*math.Pi)
		z += (math.Erfc(z/math.Sqrt2)/2 - tail) / density
	}
	return z
}

func TestDrawsAreFixedByTheirPlace(t *testing.T) {
	g := Generator{Draw: DrawNormal, Seed: 7<<32 | 5, High: 0.5}
	whole := make([]float32, 103)
	g.Fill(whole, 2, 3, 0)
	for from := range 20 {
		for _, n := range []int{0, 1, 2, 5, 64} {
			part := make([]float32, n)
			g.Fill(part, 2, 3, from)
			require.Equal(t, whole[from:from+n], part)
		}
	}
	words := philox.Words([4]uint32{1, 3, 2, 0}, [2]uint32{5, 7})
	assert.Equal(t, normal(words[2])*0.5, whole[6])
	for name, other := range map[string]func(dst []float32){
		"layer": func(dst []float32) { g.Fill(dst, 1, 3, 0) },
		"row":   func(dst []float32) { g.Fill(dst, 2, 4, 0) },
		"seed": func(dst []float32) {
			g := g
			g.Seed++
			g.Fill(dst, 2, 3, 0)
		},
		"high half of the seed": func(dst []float32) {
			g := g
			g.Seed += 1 << 32
			g.Fill(dst, 2, 3, 0)
		},
	} {
		got := make([]float32, len(whole))
		other(got)
		for i := range got {
			require.NotEqual(t, whole[i], got[i], name)
		}
	}
}

// value is one draw.
func value(g Generator, word uint32) float32 {
	dst := make([]float32, 1)
	g.Transform(dst, []uint32{word})
	return dst[0]
}

// TestDrawsKeepTheirRange looks at the ends of every range.
func TestDrawsKeepTheirRange(t *testing.T) {
	const lowest, highest = 0, math.MaxUint32
	for i := range 2000 {
		high := float32(math.Exp(float64(i)/40 - 30))
		symmetric := Generator{Draw: DrawSymmetric, High: high}
		require.Equal(t, float32(float64(high)*(1-0x1p-24)), value(symmetric, math.MaxInt32))
		require.Equal(t, -value(symmetric, math.MaxInt32), value(symmetric, 1<<31))
		for _, low := range []float32{0, high / 3, high * (1 - 0x1p-23), high} {
			uniform := Generator{Draw: DrawUniform, Low: low, High: high}
			require.Equal(t, low, value(uniform, lowest))
			require.LessOrEqual(t, value(uniform, highest), high)
			require.GreaterOrEqual(t, value(uniform, highest), low)
		}
	}
	absolute := Generator{Draw: DrawAbsNormal, High: 2}
	assert.Equal(t, 2*normal(8), value(absolute, 9))
	assert.Equal(t, 2*normal(8), value(absolute, 8))
}

// TestDrawsHaveTheirMoments allows six standard errors, which never happen by chance.
func TestDrawsHaveTheirMoments(t *testing.T) {
	const n, standardErrors = 1 << 17, 6.0
	half := math.Sqrt(2 / math.Pi)
	for _, c := range []struct {
		g              Generator
		mean, variance float64
	}{
		{Generator{Draw: DrawConstant, High: 2}, 2, 0},
		{Generator{Draw: DrawSymmetric, High: 2}, 0, 4.0 / 3},
		{Generator{Draw: DrawUniform, Low: 1, High: 3}, 2, 4.0 / 12},
		{Generator{Draw: DrawNormal, High: 2}, 0, 4},
		{Generator{Draw: DrawAbsNormal, High: 2}, 2 * half, 4 - 4*half*half},
	} {
		values := make([]float32, n)
		c.g.Seed = 11
		c.g.Fill(values, 0, 0, 0)
		mean, variance, lag := 0.0, 0.0, 0.0
		for _, v := range values {
			mean += float64(v) / n
		}
		for i, v := range values {
			d := float64(v) - mean
			variance += d * d / n
			if i > 0 {
				lag += d * (float64(values[i-1]) - mean) / n
			}
		}
		unit := standardErrors / math.Sqrt(n)
		assert.InDelta(t, c.mean, mean, unit*math.Sqrt(c.variance), "mean of %v", c.g.Draw)
		// The variance of a squared deviate is at most (kurtosis 3.9 - 1) of it here, a half normal's.
		assert.InDelta(t, c.variance, variance, unit*math.Sqrt(2.9)*c.variance, "variance of %v", c.g.Draw)
		assert.InDelta(t, 0, lag, unit*c.variance, "neighbours of %v", c.g.Draw)
	}
}
