package model

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
)

func constant(v float64) Init  { return Init{Dist: gpu.DrawConstant, Value: v} }
func uniform(v float64) Init   { return Init{Dist: gpu.DrawSymmetric, Value: v} }
func normal(v float64) Init    { return Init{Dist: gpu.DrawNormal, Value: v} }
func positiveU(v float64) Init { return Init{Dist: gpu.DrawUniform, Value: v} }
func glorot(v float64) Init    { return Init{Dist: gpu.DrawSymmetric, Value: v, Glorot: true} }
func absNormal(v float64) Init { return Init{Dist: gpu.DrawAbsNormal, Value: v} }

// fromMin is the distribution that U<v> and P<v> become in a monotone network.
func fromMin(v float64) Init { return Init{Dist: gpu.DrawUniform, Value: v, Min: MonotoneMin} }

func TestParseInitReadsTheGrammar(t *testing.T) {
	for _, c := range []struct {
		text string
		want Init
		name string // what String says
	}{
		{"0", constant(0), "0"},
		{"-0", constant(0), "0"},
		{"0.1", constant(0.1), "0.1"},
		{"-.5", constant(-0.5), "-0.5"},
		{"+2.", constant(2), "2"},
		{"1e-3", constant(0.001), "0.001"},
		{"U1", uniform(1), "U1"},
		{"u0.05", uniform(0.05), "U0.05"},
		{" N0.05 ", normal(0.05), "N0.05"},
		{"n1E-2", normal(0.01), "N0.01"},
		{"P2", positiveU(2), "P2"},
		{"p.5", positiveU(0.5), "P0.5"},
		{"A3", absNormal(3), "A3"},
		{"a0", absNormal(0), "A0"},
		{"U-0", uniform(0), "U0"},
		{"X1", glorot(1), "X1"},
		{"x.5", glorot(0.5), "X0.5"},
	} {
		in, err := ParseInit(c.text)
		require.NoError(t, err, c.text)
		assert.Equal(t, c.want, in, c.text)
		assert.False(t, math.Signbit(in.Value) && in.Value == 0, c.text)
		assert.Equal(t, c.name, in.String())
	}
}

func TestParseInitRefusesEverythingElseAndListsTheGrammar(t *testing.T) {
	for text, reason := range map[string]string{
		"": "", "U": "", "X": "", "Y1": "", "1U": "", "UU1": "", "U1N1": "", "U1,2": "", "1 2": "", "U 1": "", "--1": "",
		"NaN": "", "UNaN": "", "Inf": "", "-inf": "", "Ninfinity": "", "N": "",
		"0x10": "", "U0x1p-2": "", "1_000": "", "U1_0": "", "e5": "", ".": "", "U.": "", "1e": "", "١": "", "\x00": "", "1\n1": "",
		"U-1": "the scale is negative", "n-0.05": "the scale is negative", "P-1": "the scale is negative", "X-1": "the scale is negative", "A-1e-9": "the scale is negative",
		"1e400": "beyond 1e+30", "U1e31": "beyond 1e+30", "-1e31": "beyond 1e+30",
	} {
		_, err := ParseInit(text)
		require.Error(t, err, "%q", text)
		assert.ErrorContains(t, err, reason)
		assert.ErrorContains(t, err, initGrammar)
		assert.NotContains(t, err.Error(), "\n")
	}
	_, err := ParseInit(strings.Repeat("ü", 100_000))
	assert.Less(t, len(err.Error()), 500, "a long text is shortened")
}

func TestMonotoneRewriteFollowsTheTable(t *testing.T) {
	for _, c := range []struct{ in, first, rest Init }{
		{constant(0), constant(0), constant(0)},
		{constant(0.1), constant(0.1), constant(0.1)},
		{uniform(1), uniform(1), fromMin(1)},
		{normal(0.05), normal(0.05), absNormal(0.05)},
		{positiveU(2), uniform(2), fromMin(2)},
		{absNormal(3), normal(3), absNormal(3)},
		{glorot(2), glorot(2), Init{Dist: gpu.DrawUniform, Value: 2, Min: MonotoneMin, Glorot: true}},
	} {
		rest, err := c.in.Monotone()
		require.NoError(t, err)
		assert.Equal(t, c.rest, rest, "%v", c.in)
		assert.Equal(t, c.first, c.in.FreeFirst(), "%v", c.in)
		twice, err := rest.Monotone()
		require.NoError(t, err)
		assert.Equal(t, rest, twice, "a second rewrite changes nothing")
	}
	_, err := constant(-0.1).Monotone()
	assert.ErrorContains(t, err, "initializer -0.1: mdfa needs")
	assert.Equal(t, constant(-0.1), constant(-0.1).FreeFirst(), "the first layer may be negative")
	assert.Equal(t, "P1 from 1e-06", fromMin(1).String())
}

func TestDrawsKeepTheirBoundsInFloat32(t *testing.T) {
	for _, fanIn := range []int{1, 2, 3, 7, 10, 25, 784, 864, 150_528, math.MaxInt32} {
		for _, v := range []float64{0, 1e-45, 1e-6, 0.05, 1.0 / 3, 1, 2.7, 1e30} {
			bound := float32(v / math.Sqrt(float64(fanIn)))
			bound1 := float32(v / math.Sqrt(float64(fanIn+1)/6)) // Glorot's with a fan-out of 1
			for _, c := range []struct {
				in        Init
				low, high float32
			}{
				{uniform(v), -bound, bound},
				{glorot(v), -bound1, bound1},
				{positiveU(v), 0, bound},
				{fromMin(v), float32(MonotoneMin), bound},
				{absNormal(v), 0, math.MaxFloat32},
				{normal(v), -math.MaxFloat32, math.MaxFloat32},
				{constant(-v), float32(-v), float32(-v)},
			} {
				dst := make([]float32, 333)
				err := c.in.Draw(dst, fanIn, 1, stream(3, forwardWeights, 0))
				if c.in.Min > v/math.Sqrt(float64(fanIn)) {
					require.ErrorContains(t, err, "lies below the lower bound")
					continue
				}
				require.NoError(t, err)
				requireWithin(t, dst, c.low, c.high, c.in, fanIn)
			}
		}
	}
}

// requireWithin fails at the first value outside [low, high]; NaN is outside. It calls
// testify only then: tests of this package look at millions of values.
func requireWithin(t *testing.T, values []float32, low, high float32, in Init, fanIn int) {
	t.Helper()
	for i, x := range values {
		if !(x >= low && x <= high) {
			require.Failf(t, "out of bounds", "%v, fan-in %d: value %d is %g, not in [%g, %g]", in, fanIn, i, x, low, high)
		}
	}
}

// fixedBits is a source that repeats one value, to reach the ends of every range.
type fixedBits uint64

func (b fixedBits) Uint64() uint64 { return uint64(b) }

func TestExtremeDrawsStayWithinBounds(t *testing.T) {
	draw := func(in Init, source fixedBits, fanIn int) float32 {
		dst := make([]float32, 1)
		require.NoError(t, in.Draw(dst, fanIn, 1, rand.New(source)))
		return dst[0]
	}
	const lowest, highest = fixedBits(0), fixedBits(math.MaxUint64)
	for fanIn := 1; fanIn < 1000; fanIn++ {
		bound := float32(1 / math.Sqrt(float64(fanIn)))
		most := draw(uniform(1), fixedBits(math.MaxInt64), fanIn)
		require.LessOrEqual(t, most, bound)
		require.Equal(t, -most, draw(uniform(1), fixedBits(1<<63), fanIn), "symmetric")
		require.Equal(t, float32(0), draw(positiveU(1), lowest, fanIn))
		require.Equal(t, float32(MonotoneMin), draw(fromMin(1), lowest, fanIn))
	}
	// Upper bounds of every magnitude and last bits.
	rng := rand.New(rand.NewPCG(5, 6))
	for range 100_000 {
		v := MonotoneMin * math.Exp(40*rng.Float64())
		values := []float32{draw(positiveU(v), highest, 1), draw(fromMin(v), highest, 1)}
		requireWithin(t, values, float32(MonotoneMin)/2, float32(v), fromMin(v), 1)
	}
	// The narrowest range there is: both bounds are the same number.
	assert.Equal(t, float32(MonotoneMin), draw(fromMin(MonotoneMin), highest, 1))
}

func TestDrawNamesWhatLeavesNothingToDrawFrom(t *testing.T) {
	dst := []float32{7}
	rng := stream(0, forwardWeights, 0)
	err := fromMin(1e-5).Draw(dst, 784, 10, rng)
	assert.EqualError(t, err, "initializer P1e-05: with a fan-in of 784 its upper bound 3.57e-07 lies below the lower bound of mdfa, 1e-06: take v of at least 2.8e-05")
	assert.ErrorContains(t, uniform(1).Draw(dst, 0, 1, rng), "fan-in is 0")
	assert.ErrorContains(t, glorot(1).Draw(dst, 1, 0, rng), "fan-out 0")
	first, err := glorot(1e-5).Monotone()
	require.NoError(t, err)
	assert.ErrorContains(t, first.Draw(dst, 2390, 10, rng), "initializer X1e-05: with a fan-in of 2390 its upper bound 5e-07 lies below the lower bound of mdfa, 1e-06: take v of at least 2e-05")
	assert.ErrorContains(t, Init{Dist: 9}.Draw(dst, 1, 1, rng), "unknown initializer Init(9, 0)")
	assert.Equal(t, []float32{7}, dst, "a refused draw writes nothing")
}

func TestDrawsHaveTheMomentsOfTheirDistribution(t *testing.T) {
	// Sample mean and variance stray from their expectations with standard errors of
	// sd/sqrt(n) and about sqrt(kurtosis-1)·sd²/sqrt(n), at most sqrt(2.9)·sd²/sqrt(n)
	// here (a half normal). Six of them never happen by chance.
	const n = 1 << 18
	const standardErrors = 6
	const fanIn, fanOut, v = 16, 38, 2.0
	const b, x = v / 4, v / 3 // the bounds of uniform draws
	halfNormal := v * math.Sqrt(2/math.Pi)
	for _, c := range []struct {
		in             Init
		mean, variance float64
	}{
		{uniform(v), 0, 4 * b * b / 12},
		{positiveU(v), b / 2, b * b / 12},
		{fromMin(v), (b + MonotoneMin) / 2, (b - MonotoneMin) * (b - MonotoneMin) / 12},
		{glorot(v), 0, 4 * x * x / 12},
		{normal(v), 0, v * v},
		{absNormal(v), halfNormal, v*v - halfNormal*halfNormal},
	} {
		dst := make([]float32, n)
		require.NoError(t, c.in.Draw(dst, fanIn, fanOut, stream(11, forwardWeights, 1)))
		mean, square, lag := 0.0, 0.0, 0.0
		for _, x := range dst {
			mean += float64(x) / n
		}
		for i, x := range dst {
			d := float64(x) - mean
			square += d * d / n
			if i > 0 {
				lag += d * (float64(dst[i-1]) - mean) / n
			}
		}
		unit := standardErrors / math.Sqrt(n)
		assert.InDelta(t, c.mean, mean, unit*math.Sqrt(c.variance), "mean of %v", c.in)
		assert.InDelta(t, c.variance, square, unit*math.Sqrt(2.9)*c.variance, "variance of %v", c.in)
		assert.InDelta(t, 0, lag/square, unit, "neighbours of %v are uncorrelated", c.in)
	}
}

func FuzzParseInit(f *testing.F) {
	for _, text := range []string{"0", "0.1", "-1", "U1", "n0.05", "P.5", "A1e-3", "X1", "UNaN", "0x1p2", "1_0", "1e999", "U-1", " u+2. "} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		in, err := ParseInit(text)
		if err != nil {
			require.Zero(t, in)
			return
		}
		require.LessOrEqual(t, math.Abs(in.Value), maxInitValue)
		require.True(t, in.Dist == gpu.DrawConstant || in.Value >= 0)
		again, err := ParseInit(in.String())
		require.NoError(t, err)
		require.Equal(t, in, again)
	})
}

func BenchmarkDraw(b *testing.B) {
	dst := make([]float32, 1<<20)
	for _, in := range []Init{uniform(1), fromMin(1), normal(1), absNormal(1)} {
		b.Run(in.String(), func(b *testing.B) {
			rng := stream(0, directFeedback, 0)
			for b.Loop() {
				if err := in.Draw(dst, 10, 10, rng); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(len(dst))*float64(b.N)/b.Elapsed().Seconds()/1e6, "Mdraws/s")
		})
	}
}
