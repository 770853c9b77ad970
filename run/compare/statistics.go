package compare

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Summary is the mean of several values and their sample standard deviation, which divides by N - 1.
type Summary struct {
	N               int
	Mean, Deviation float64 // NaN for less than one value, and less than two
}

// Summarize returns the summary of the values that are not NaN.
func Summarize(values []float64) Summary {
	known := slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	s := Summary{N: len(known)}
	s.Mean, s.Deviation = stat.MeanStdDev(known, nil)
	return s
}

// Interval is a confidence interval. Both ends are NaN where there is none: of less than two values, or of
// equal ones.
type Interval struct{ Low, High float64 }

// Level is the confidence level of the intervals.
const Level = 0.95

// Significant is the corrected p below which a difference is not called luck.
const Significant = 0.05

// resamples is the number of bootstrap samples. With this one the percentiles of 95 % are
// resamples themselves, and need no interpolation.
const resamples = 10_001

// Difference is the difference between a group's accuracies and the baseline's, by pairs of runs of
// the same seed. Accuracies are shares of one: 0.01 is a percentage point.
type Difference struct {
	Seeds              []int64
	Values             []float64 // by seed: the group's accuracy less the baseline's
	Mean               float64   // NaN without a pair
	T                  Interval  // of the mean, by Student's t
	Wins, Ties, Losses int       // of the group
	// P is the p of Wilcoxon's signed-rank test, two-sided. Corrected is the same after Holm's correction
	// for the number of comparisons. Both are NaN without a pair.
	P, Corrected float64
	// Enough says whether so many pairs and comparisons can have a corrected p below Significant at all.
	Enough bool
}

// Pairs returns the number of seeds that both groups have.
func (d *Difference) Pairs() int { return len(d.Values) }

// differ compares by the differences of pairs.
func differ(seeds []int64, values []float64) *Difference {
	d := &Difference{Seeds: seeds, Values: values, P: Wilcoxon(values), Corrected: math.NaN()}
	s := Summarize(values)
	d.Mean = s.Mean
	d.T = Interval{math.NaN(), math.NaN()}
	if d.varies() {
		d.T = student(s)
	}
	for _, x := range values {
		switch {
		case x > 0:
			d.Wins++
		case x < 0:
			d.Losses++
		default:
			d.Ties++
		}
	}
	return d
}

// less returns a - b to a multiple of 2^-40. Accuracies are counts over a number of images, so that two
// differences that are equal as fractions, and no others, are equal then. No such fraction lies halfway
// between two multiples unless it is one itself.
func less(a, b float64) float64 {
	const bits = 40
	return math.Ldexp(math.Round(math.Ldexp(a-b, bits)), -bits)
}

// student returns the confidence interval of a mean by Student's t.
func student(s Summary) Interval {
	t := distuv.StudentsT{Sigma: 1, Nu: float64(s.N - 1)}.Quantile((1 + Level) / 2)
	half := t * stat.StdErr(s.Deviation, float64(s.N))
	return Interval{s.Mean - half, s.Mean + half}
}

// Bootstrap returns the confidence interval of the mean by the percentiles of its bootstrap distribution.
func (d *Difference) Bootstrap() Interval {
	if !d.varies() {
		return Interval{math.NaN(), math.NaN()}
	}
	means := Resample(d.Values)
	slices.Sort(means)
	return Interval{
		stat.Quantile((1-Level)/2, stat.Empirical, means, nil),
		stat.Quantile((1+Level)/2, stat.Empirical, means, nil),
	}
}

// varies says whether the values differ, as intervals need.
func (d *Difference) varies() bool {
	return slices.ContainsFunc(d.Values, func(x float64) bool { return x != d.Values[0] })
}

// Resample returns the means of bootstrap samples, always the same ones for the same values: draws depend on
// their number alone.
func Resample(values []float64) []float64 {
	rng := rand.New(rand.NewPCG(1, uint64(len(values))))
	means := make([]float64, resamples)
	for i := range means {
		sum := 0.0
		for range values {
			sum += values[rng.IntN(len(values))]
		}
		means[i] = sum / float64(len(values))
	}
	return means
}

// Wilcoxon returns the two-sided p of Wilcoxon's signed-rank test as scipy.stats.wilcoxon does by
// default. Zeros are left out, and equal magnitudes share the mean of their ranks. p is exact for up to
// 50 differences, or with zeros or equal magnitudes for up to 13; beyond, the normal approximation has the
// usual correction for ties. p is 1 if all differences are zero, and NaN without a difference.
func Wilcoxon(differences []float64) float64 {
	const most, mostTied = 50, 13
	n := len(differences)
	if n == 0 {
		return math.NaN()
	}
	signed := slices.DeleteFunc(slices.Clone(differences), func(x float64) bool { return x == 0 })
	if len(signed) == 0 {
		return 1
	}
	slices.SortFunc(signed, func(a, b float64) int { return cmp.Compare(math.Abs(a), math.Abs(b)) })
	ranks, ties := make([]int, len(signed)), 0.0 // ranks are twice the usual, so that means are whole
	positive := 0
	for i := 0; i < len(signed); {
		end := i + 1
		for end < len(signed) && math.Abs(signed[end]) == math.Abs(signed[i]) {
			end++
		}
		k := float64(end - i)
		ties += k*k*k - k
		for j := i; j < end; j++ {
			ranks[j] = i + 1 + end
			if signed[j] > 0 {
				positive += ranks[j]
			}
		}
		i = end
	}
	if plain := ties == 0 && len(signed) == n; n <= mostTied || n <= most && plain {
		return exact(ranks, positive)
	}
	m := float64(len(signed))
	deviation := math.Sqrt((m*(m+1)*(2*m+1) - ties/2) / 24)
	z := (float64(positive)/2 - m*(m+1)/4) / deviation
	return 2 * distuv.UnitNormal.Survival(math.Abs(z))
}

// exact returns the two-sided p of a sum of positive ranks, among all choices of signs.
func exact(ranks []int, positive int) float64 {
	total := 0
	for _, r := range ranks {
		total += r
	}
	ways := make([]float64, total+1) // by sum; whole numbers up to 2^50
	ways[0] = 1
	for _, r := range ranks {
		for sum := total; sum >= r; sum-- {
			ways[sum] += ways[sum-r]
		}
	}
	tail := 0.0
	for _, w := range ways[:min(positive, total-positive)+1] { // the distribution is symmetric
		tail += w
	}
	return min(1, 2*tail/math.Exp2(float64(len(ranks))))
}

// leastP returns the smallest p that Wilcoxon's test can have with n pairs.
func leastP(n int) float64 { return math.Min(1, math.Exp2(float64(1-n))) }

// Holm returns Holm's correction of each p for the number of them.
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(p[a], p[b]) })
	corrected, largest := make([]float64, len(p)), 0.0
	for i, at := range order {
		largest = max(largest, min(1, p[at]*float64(len(p)-i)))
		corrected[at] = largest
	}
	return corrected
}
