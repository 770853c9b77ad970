//go:build interop

package interop

import (
	"encoding/csv"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/run/compare"
	"mdfa/run/folder"
	"mdfa/run/settings"
)

// golden is what scipy makes of made-up differences: the plain tests of run/compare compare with it.
const golden = "../run/compare/testdata/scipy.json"

var update = flag.Bool("update", false, "write "+golden)

// sample is a list of differences with scipy's statistics, which are nil where it has none.
type sample struct {
	Name        string    `json:"name"`
	Differences []float64 `json:"differences"`
	Means       []float64 `json:"means,omitempty"` // of bootstrap samples
	Scipy       *found    `json:"scipy,omitempty"`
}

type found struct {
	Mean      *float64    `json:"mean"`
	Deviation *float64    `json:"deviation,omitempty"`
	P         *float64    `json:"p"`
	T         [2]*float64 `json:"t"`
	Bootstrap [2]*float64 `json:"bootstrap"` // of Means
	Own       [2]*float64 `json:"own"`       // of samples that scipy drew
}

// madeUp returns made-up differences: without and with ties and zeros, in each case as many that p is exact
// and more.
func madeUp() (list []sample) {
	rng := rand.New(rand.NewPCG(15, 4))
	add := func(name string, n int, draw func(i int) float64) {
		s := sample{Name: fmt.Sprintf("%d %s", n, name)}
		for i := range n {
			s.Differences = append(s.Differences, math.Ldexp(math.Round(math.Ldexp(draw(i), 40)), -40)) // as compare does
		}
		list = append(list, s)
	}
	normal := func(mean, deviation float64) func(int) float64 {
		return func(int) float64 { return mean + deviation*rng.NormFloat64() }
	}
	counts := func(mean, deviation float64) func(int) float64 { // right ones of 10,000 test images more
		return func(int) float64 { return math.Round(1e4*(mean+deviation*rng.NormFloat64())) / 1e4 }
	}
	for _, n := range []int{1, 2, 3, 5, 6, 10, 13, 14, 30, 50, 51, 100} {
		add("without an effect", n, normal(0, 0.002))
		add("with an effect", n, normal(-0.004, 0.003))
		add("of counts", n, counts(0.0002, 0.0006))
	}
	add("all above", 10, normal(0.05, 0.001))
	add("with an outlier", 10, func(i int) float64 { return 0.001*float64(i) - 0.5*float64(i/9) })
	add("zeros and one", 8, func(i int) float64 { return float64(i/7) / 100 })
	add("equal", 6, func(int) float64 { return 0.0125 })
	add("zeros", 6, func(int) float64 { return 0 })
	add("in pairs", 20, func(i int) float64 { return float64(i/2-4) / 1000 })
	return list
}

// withScipy adds scipy's statistics to samples.
func withScipy(t *testing.T, samples []sample) []sample {
	t.Helper()
	for i, s := range samples {
		samples[i].Means = compare.Resample(s.Differences)
	}
	text, err := json.Marshal(samples)
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "samples.json")
	require.NoError(t, os.WriteFile(path, text, 0o666))
	var results []*found
	decodeJSON(t, python(t, "scipy_statistics.py", path), &results)
	require.Len(t, results, len(samples))
	for i := range samples {
		samples[i].Means, samples[i].Scipy = nil, results[i]
	}
	return samples
}

// near compares with scipy to 1e-9. Where scipy has no number there is none here.
func near(t *testing.T, want *float64, got float64, what ...any) {
	t.Helper()
	if want == nil {
		assert.True(t, math.IsNaN(got), what...)
		return
	}
	assert.InDelta(t, *want, got, 1e-9, what...)
}

// alike compares a difference with scipy's statistics of it.
func alike(t *testing.T, d *compare.Difference, bootstrap compare.Interval, want *found, name string) {
	t.Helper()
	near(t, want.Mean, d.Mean, name, "mean")
	near(t, want.P, d.P, name, "p")
	near(t, want.T[0], d.T.Low, name, "t")
	near(t, want.T[1], d.T.High, name, "t")
	near(t, want.Bootstrap[0], bootstrap.Low, name, "bootstrap")
	near(t, want.Bootstrap[1], bootstrap.High, name, "bootstrap")
	if want.Own[0] != nil { // another generator's samples differ by chance
		allowed := 0.1 * (bootstrap.High - bootstrap.Low)
		assert.InDelta(t, *want.Own[0], bootstrap.Low, allowed, name)
		assert.InDelta(t, *want.Own[1], bootstrap.High, allowed, name)
	}
}

// difference compares made-up runs that differ as given.
func difference(t *testing.T, differences []float64) *compare.Difference {
	t.Helper()
	var runs []compare.Run
	for _, rule := range []string{"bp", "mdfa"} {
		for seed, x := range differences {
			r := compare.Run{Seed: int64(seed), Status: folder.StatusComplete, Settings: []settings.Fact{{Name: "rule", Text: rule}}}
			if rule == "mdfa" {
				r.Test = x
			}
			runs = append(runs, r)
		}
	}
	c, err := compare.New(runs, compare.Options{})
	require.NoError(t, err)
	return c.Tasks[0].Groups[1].Against
}

func TestStatisticsAgreeWithScipy(t *testing.T) {
	samples := withScipy(t, madeUp())
	for _, s := range samples {
		d := difference(t, s.Differences)
		require.Equal(t, s.Differences, d.Values)
		alike(t, d, d.Bootstrap(), s.Scipy, s.Name)
	}
	for i := range samples {
		samples[i].Scipy.Own = [2]*float64{}
	}
	if *update {
		text, err := json.MarshalIndent(samples, "", " ")
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(golden, append(text, '\n'), 0o666))
	}
	text, err := os.ReadFile(golden)
	require.NoError(t, err)
	var kept []sample
	require.NoError(t, json.Unmarshal(text, &kept))
	require.Len(t, kept, len(samples))
	for i, s := range samples {
		assert.Equal(t, s.Differences, kept[i].Differences, s.Name)
		d := difference(t, s.Differences)
		alike(t, d, d.Bootstrap(), kept[i].Scipy, s.Name)
	}
}

func TestTheTableOfRealRunsAgreesWithScipy(t *testing.T) {
	dir := t.TempDir()
	accuracies := map[string][]float64{}
	for _, rule := range []string{"bp", "dfa"} {
		for seed := range 5 {
			program(t, dir, "train", strings.Fields(fmt.Sprintf(
				"-model %s -seed %d -layers 20 -max_steps 60 -lr 0.001 -device cpu -checkpoint_every -1 -report=false -quiet", rule, seed))...)
			results, err := filepath.Glob(filepath.Join(dir, "results", "mnist", fmt.Sprintf("%s-*-s%d-*", rule, seed), "result.csv"))
			require.NoError(t, err)
			require.Len(t, results, 1)
			x, err := strconv.ParseFloat(rows(t, results[0])[0]["test_accuracy"], 64)
			require.NoError(t, err)
			accuracies[rule] = append(accuracies[rule], x)
		}
	}
	var s sample
	for i, x := range accuracies["dfa"] {
		s.Differences = append(s.Differences, x-accuracies["bp"][i])
	}
	want := withScipy(t, []sample{s})[0].Scipy

	lines, err := csv.NewReader(strings.NewReader(program(t, dir, "report", "results", "-table", "csv"))).ReadAll()
	require.NoError(t, err)
	require.Len(t, lines, 3)
	got := func(column string) float64 {
		for i, name := range lines[0] {
			if name == column {
				x, err := strconv.ParseFloat(lines[2][i], 64)
				require.NoError(t, err, column)
				return x
			}
		}
		require.Fail(t, "no column", column)
		return 0
	}
	alike(t, &compare.Difference{Mean: got("difference"), P: got("p"), T: compare.Interval{Low: got("t_low"), High: got("t_high")}},
		compare.Interval{Low: got("bootstrap_low"), High: got("bootstrap_high")}, want, "real runs")
}
