package compare

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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

// against returns the difference of made-up runs of mdfa from such of bp.
func against(t *testing.T, differences []float64) *Difference {
	t.Helper()
	return compared(t, "", series("bp", make([]float64, len(differences))), series("mdfa", differences)).Tasks[0].Groups[1].Against
}

// The file is from scipy 1.17.1: interop/statistics_test.go makes it, and compares with scipy itself.
func TestStatisticsAreScipys(t *testing.T) {
	text, err := os.ReadFile("testdata/scipy.json")
	require.NoError(t, err)
	var samples []struct {
		Name        string
		Differences []float64
		Scipy       struct {
			Mean, P      *float64
			T, Bootstrap [2]*float64
		}
	}
	require.NoError(t, json.Unmarshal(text, &samples))
	require.NotEmpty(t, samples)
	for _, s := range samples {
		d := against(t, s.Differences)
		b := d.Bootstrap()
		for name, pair := range map[string]struct {
			want *float64
			got  float64
		}{
			"mean": {s.Scipy.Mean, d.Mean}, "p": {s.Scipy.P, d.P}, "t low": {s.Scipy.T[0], d.T.Low}, "t high": {s.Scipy.T[1], d.T.High},
			"bootstrap low": {s.Scipy.Bootstrap[0], b.Low}, "bootstrap high": {s.Scipy.Bootstrap[1], b.High},
		} {
			if pair.want == nil {
				assert.True(t, math.IsNaN(pair.got), "%s: %s", s.Name, name)
			} else {
				assert.InDelta(t, *pair.want, pair.got, 1e-9, "%s: %s", s.Name, name)
			}
		}
	}
}

// sweep returns a comparison of four rules with ten seeds each. Accuracies of a seed have a common part, and
// mdfa's are higher by the effect.
func sweep(t *testing.T, rng *rand.Rand, effect float64) *Comparison {
	t.Helper()
	const seeds = 10
	lists := make([][]float64, 4)
	for range seeds {
		common := 0.95 + 0.01*rng.NormFloat64()
		for i := range lists {
			lists[i] = append(lists[i], math.Round(1e4*(common+0.004*rng.NormFloat64()))/1e4)
		}
	}
	for i := range lists[3] {
		lists[3][i] += effect
	}
	return compared(t, "", series("bp", lists[0]), series("fa", lists[1]), series("dfa", lists[2]), series("mdfa", lists[3]))
}

func TestANullEffectIsCalledNoneAndARealOneIsFound(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 9))
	const sweeps = 1000
	alarms, found := 0, 0
	for range sweeps {
		alarm := false
		for _, g := range sweep(t, rng, 0).Tasks[0].Groups[1:] {
			alarm = alarm || g.Against.Verdict() != Open
		}
		if alarm {
			alarms++
		}
		for _, g := range sweep(t, rng, 0.01).Tasks[0].Groups[1:] {
			if g.Name == "mdfa" && g.Against.Verdict() == Better {
				found++
			}
		}
	}
	t.Logf("of %d sweeps %d see an effect where there is none, %d see one of 1.8 deviations", sweeps, alarms, found)
	assert.LessOrEqual(t, alarms, sweeps/20)
	assert.GreaterOrEqual(t, found, sweeps*9/10)
}
