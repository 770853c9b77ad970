package vm

import (
	"fmt"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var modes = map[string]rounding{"rn": rn, "rz": rz, "rm": rm, "rp": rp}

// sameF32 compares register values: NaN must be PTX's canonical one.
func sameF32(t *testing.T, want float32, got uint64, format string, args ...any) {
	t.Helper()
	if want != want {
		require.EqualValues(t, 0x7fffffff, got, format, args)
		return
	}
	require.Equal(t, uint64(math.Float32bits(want)), got, fmt.Sprintf(format, args...))
}

// roundedOrSpecial rounds an exact operation, or takes Go's float64 result
// where an operand is not finite or the exact result is zero.
func roundedOrSpecial(exact func(x []*big.Float) *big.Float, special func(x []float64) float64, mode rounding) func(x []uint64) float32 {
	return func(x []uint64) float32 {
		vals, bigs := make([]float64, len(x)), make([]*big.Float, len(x))
		ok := true
		for i, v := range x {
			vals[i] = float64(math.Float32frombits(uint32(v)))
			if math.IsNaN(vals[i]) || math.IsInf(vals[i], 0) {
				ok = false
				continue
			}
			bigs[i] = bigOf(vals[i])
		}
		s := special(vals)
		if !ok || math.IsNaN(s) || math.IsInf(s, 0) {
			return float32(s)
		}
		v := exact(bigs)
		if v.Sign() == 0 {
			if mode == rm && len(x) > 1 && s == 0 && signsDiffer(vals) {
				return float32(math.Copysign(0, -1))
			}
			return float32(s)
		}
		return exactMode(v, mode)
	}
}

// signsDiffer reports addends of unlike sign in a sum or fma.
func signsDiffer(v []float64) bool {
	if len(v) == 3 {
		return math.Signbit(v[0]) != math.Signbit(v[1]) != math.Signbit(v[2])
	}
	return math.Signbit(v[0]) != math.Signbit(v[1])
}

func TestSinglePrecisionRoundsOnceInEveryDirection(t *testing.T) {
	add := func(x []*big.Float) *big.Float { return bigOf(0).Add(x[0], x[1]) }
	mul := func(x []*big.Float) *big.Float { return bigOf(0).Mul(x[0], x[1]) }
	fma := func(x []*big.Float) *big.Float { return bigOf(0).Add(bigOf(0).Mul(x[0], x[1]), x[2]) }
	for name, mode := range modes {
		for _, c := range []struct {
			op   string
			args int
			want func(x []uint64) float32
		}{
			{"add", 2, roundedOrSpecial(add, func(v []float64) float64 { return v[0] + v[1] }, mode)},
			{"fma", 3, roundedOrSpecial(fma, func(v []float64) float64 { return v[0]*v[1] + v[2] }, mode)},
		} {
			t.Run(c.op+"."+name, func(t *testing.T) {
				values := floats32
				if c.args == 3 {
					values = append(append([]uint64{}, floats32[:16]...), floats32[22:34]...)
				}
				tup := tuples(c.args, values)
				got := runOp(t, c.op+"."+name+".f32 d, a, b"+[]string{"", "", "", ", c"}[c.args]+";", strings.TrimSpace(strings.Repeat("32 ", c.args+1)), tup)
				for i, x := range tup {
					sameF32(t, c.want(x), got[i], "%s of %#x", c.op, x)
				}
			})
		}
		t.Run("mul."+name, func(t *testing.T) {
			tup := tuples(2, floats32)
			got := runOp(t, "mul."+name+".f32 d, a, b;", "32 32 32", tup)
			for i, x := range tup {
				a, b := f32(x[0]), f32(x[1])
				special := float64(a) * float64(b)
				want := float32(special)
				if special != 0 && !math.IsInf(special, 0) && special == special {
					want = exactMode(mul([]*big.Float{bigOf(float64(a)), bigOf(float64(b))}), mode)
				}
				sameF32(t, want, got[i], "of %#x", x)
			}
		})
		t.Run("div."+name, func(t *testing.T) {
			tup := tuples(2, floats32)
			got := runOp(t, "div."+name+".f32 d, a, b;", "32 32 32", tup)
			for i, x := range tup {
				a, b := float64(f32(x[0])), float64(f32(x[1]))
				want := float32(a / b)
				if finite(a, b) && a != 0 && b != 0 {
					// 4000 bits of a quotient that is not short suffice to place it between
					// neighbours of 24; a short one is exact.
					want = exactMode(bigOf(0).Quo(bigOf(a), bigOf(b)), mode)
				}
				sameF32(t, want, got[i], "of %#x", x)
			}
		})
		t.Run("sqrt."+name, func(t *testing.T) {
			tup := tuples(1, floats32)
			got := runOp(t, "sqrt."+name+".f32 d, a;", "32 32", tup)
			for i, x := range tup {
				a := float64(f32(x[0]))
				want := float32(math.Sqrt(a))
				if finite(a) && a > 0 {
					want = exactMode(bigOf(0).Sqrt(bigOf(a)), mode)
				}
				sameF32(t, want, got[i], "of %#x", x)
			}
		})
	}
}

func TestFmaDoesNotRoundTwice(t *testing.T) {
	// a*b+c lies a hair above the middle of two singles: float64 rounds the sum to
	// the middle, from where ties-to-even would go down.
	a, b, c := float32(1+0x1p-12), float32(1+0x1p-12), float32(0x1p-60)
	exact := bigOf(0).Add(bigOf(0).Mul(bigOf(float64(a)), bigOf(float64(b))), bigOf(float64(c)))
	want := exactMode(exact, rn)
	require.NotEqual(t, want, float32(float64(a)*float64(b)+float64(c)), "the case must be one where two roundings differ")
	got := runOp(t, "fma.rn.f32 d, a, b, c;", "32 32 32 32", [][]uint64{{uint64(math.Float32bits(a)), uint64(math.Float32bits(b)), uint64(math.Float32bits(c))}})
	assert.Equal(t, uint64(math.Float32bits(want)), got[0])
}

func TestFlushAndSaturate(t *testing.T) {
	const tiny, two, half, minusOne = 0x00000400, 0x40000000, 0x3f000000, 0xbf800000
	for _, c := range []struct {
		text string
		x    []uint64
		want uint64
	}{
		{"add.ftz.f32 d, a, b;", []uint64{tiny, tiny}, 0},
		{"add.f32 d, a, b;", []uint64{tiny, tiny}, 2 * tiny},
		{"add.ftz.f32 d, a, b;", []uint64{0x80000000 | tiny, 0x80000000 | tiny}, 0x80000000},
		{"mul.ftz.f32 d, a, b;", []uint64{0x00800000, half}, 0},
		{"mul.f32 d, a, b;", []uint64{0x00800000, half}, 0x00400000},
		{"add.sat.f32 d, a, b;", []uint64{two, half}, 0x3f800000},
		{"add.sat.f32 d, a, b;", []uint64{minusOne, half}, 0},
		{"add.sat.f32 d, a, b;", []uint64{0x7fc00000, half}, 0},
		{"min.ftz.f32 d, a, b;", []uint64{tiny, half}, 0},
		{"max.NaN.f32 d, a, b;", []uint64{0x7fc00001, half}, 0x7fffffff},
	} {
		got := runOp(t, c.text, "32 32 32", [][]uint64{c.x})
		assert.Equal(t, c.want, got[0], "%s of %#x", c.text, c.x)
	}
}

func TestMinAndMaxPreferNumbersAndOrderZeros(t *testing.T) {
	tup := tuples(2, floats32)
	low, high := runOp(t, "min.f32 d, a, b;", "32 32 32", tup), runOp(t, "max.f32 d, a, b;", "32 32 32", tup)
	for i, x := range tup {
		a, b := f32(x[0]), f32(x[1])
		wantLow, wantHigh := float32(math.Min(float64(a), float64(b))), float32(math.Max(float64(a), float64(b)))
		if a != a {
			wantLow, wantHigh = b, b
		} else if b != b {
			wantLow, wantHigh = a, a
		}
		sameF32(t, wantLow, low[i], "min of %#x", x)
		sameF32(t, wantHigh, high[i], "max of %#x", x)
	}
}

func TestDoublePrecision(t *testing.T) {
	pairs := tuples(2, floats64)
	for name, c := range map[string]struct {
		text string
		want func(a, b float64) float64
	}{
		"add": {"add.f64 d, a, b;", func(a, b float64) float64 { return a + b }},
		"sub": {"sub.f64 d, a, b;", func(a, b float64) float64 { return a - b }},
		"mul": {"mul.f64 d, a, b;", func(a, b float64) float64 { return a * b }},
		"div": {"div.rn.f64 d, a, b;", func(a, b float64) float64 { return a / b }},
		"fma": {"fma.rn.f64 d, a, b, a;", func(a, b float64) float64 { return math.FMA(a, b, a) }},
	} {
		t.Run(name, func(t *testing.T) {
			got := runOp(t, c.text, "64 64 64", pairs)
			for i, x := range pairs {
				want := c.want(f64(x[0]), f64(x[1]))
				if want != want {
					require.True(t, math.IsNaN(f64(got[i])), "of %#x", x)
					continue
				}
				require.Equal(t, math.Float64bits(want), got[i], "of %#x", x)
			}
		})
	}
	for _, dir := range []string{"rz", "rm", "rp"} {
		for op, exact := range map[string]func(a, b *big.Float) *big.Float{
			"add": func(a, b *big.Float) *big.Float { return bigOf(0).Add(a, b) },
			"mul": func(a, b *big.Float) *big.Float { return bigOf(0).Mul(a, b) },
			"div": func(a, b *big.Float) *big.Float { return bigOf(0).Quo(a, b) },
		} {
			t.Run(op+"."+dir, func(t *testing.T) {
				got := runOp(t, op+"."+dir+".f64 d, a, b;", "64 64 64", pairs)
				for i, x := range pairs {
					a, b := f64(x[0]), f64(x[1])
					if !finite(a, b) || op == "div" && b == 0 {
						continue
					}
					v, r := exact(bigOf(a), bigOf(b)), f64(got[i])
					checkDirected64(t, v, r, modes[dir], x)
				}
			})
		}
	}
}

// checkDirected64 asserts that r is the float64 next to v in the direction.
func checkDirected64(t *testing.T, v *big.Float, r float64, mode rounding, x []uint64) {
	t.Helper()
	below := func(f float64) bool { return math.IsInf(f, -1) || !math.IsInf(f, 1) && bigOf(f).Cmp(v) <= 0 }
	above := func(f float64) bool { return math.IsInf(f, 1) || !math.IsInf(f, -1) && bigOf(f).Cmp(v) >= 0 }
	down := mode == rm || mode == rz && v.Sign() >= 0
	if down {
		require.True(t, below(r), "%g is above, of %#x", r, x)
		next := math.Nextafter(r, math.Inf(1))
		require.False(t, below(next) && next != r && bigOrZero(next).Cmp(v) <= 0, "%g is not the nearest below, of %#x", r, x)
	} else {
		require.True(t, above(r), "%g is below, of %#x", r, x)
		next := math.Nextafter(r, math.Inf(-1))
		require.False(t, above(next) && next != r && bigOrZero(next).Cmp(v) >= 0, "%g is not the nearest above, of %#x", r, x)
	}
}

func bigOrZero(f float64) *big.Float {
	if math.IsInf(f, 0) {
		return new(big.Float).SetInf(f < 0)
	}
	return bigOf(f)
}

// approxTolerance is the error that the PTX ISA documents for each function, as
// a relative one where it gives units in the last place, else absolute.
func TestApproximationsStayWithinTheDocumentedError(t *testing.T) {
	const ulp = 0x1p-23
	for op, c := range map[string]struct {
		f             func(float64) float64
		relative, abs float64
		domain        func(x float64) bool
	}{
		"ex2":   {math.Exp2, 2 * ulp, 0, nil},
		"lg2":   {math.Log2, 2 * ulp, 0x1p-22, nil},
		"rcp":   {func(x float64) float64 { return 1 / x }, ulp, 0, nil},
		"rsqrt": {func(x float64) float64 { return 1 / math.Sqrt(x) }, 2 * ulp, 0, nil},
		"sqrt":  {math.Sqrt, 2 * ulp, 0, nil},
		"sin":   {math.Sin, 0, 0x1p-20, func(x float64) bool { return math.Abs(x) <= math.Pi }},
		"cos":   {math.Cos, 0, 0x1p-20, func(x float64) bool { return math.Abs(x) <= math.Pi }},
		"tanh":  {math.Tanh, 0x1p-11, 0, nil},
	} {
		t.Run(op, func(t *testing.T) {
			tup := tuples(1, floats32)
			got := runOp(t, op+".approx.f32 d, a;", "32 32", tup)
			for i, x := range tup {
				v := float64(f32(x[0]))
				if c.domain != nil && !c.domain(v) {
					continue
				}
				want, have := c.f(v), float64(f32(got[i]))
				if math.IsNaN(want) {
					require.EqualValues(t, 0x7fffffff, got[i], "of %g", v)
				} else if math.IsInf(float64(float32(want)), 0) || want == 0 {
					require.Equal(t, float64(float32(want)), have, "of %g", v)
				} else {
					// A subnormal result has an absolute error of its last place instead.
					require.InDelta(t, want, have, max(math.Abs(want)*c.relative, c.abs, 0x1p-149), "of %g", v)
				}
			}
		})
	}
	for _, text := range []string{"div.approx.f32 d, a, b;", "div.full.f32 d, a, b;"} {
		tup := tuples(2, floats32[22:])
		got := runOp(t, text, "32 32 32", tup)
		for i, x := range tup {
			want := float64(f32(x[0])) / float64(f32(x[1]))
			if math.Abs(want) > math.MaxFloat32 {
				continue
			}
			require.InDelta(t, want, float64(f32(got[i])), max(2*ulp*math.Abs(want), 0x1p-149), "of %#x", x)
		}
	}
}

func TestFloatBitsAreTouchedAsPTXSays(t *testing.T) {
	tup := tuples(1, floats32)
	abs, neg := runOp(t, "abs.f32 d, a;", "32 32", tup), runOp(t, "neg.f32 d, a;", "32 32", tup)
	for i, x := range tup {
		assert.Equal(t, x[0]&0x7fffffff, abs[i])
		assert.Equal(t, x[0]^0x80000000, neg[i])
	}
	got := runOp(t, "copysign.f32 d, a, b;", "32 32 32", [][]uint64{{0x80000000, 0x3f800000}, {0, 0xbf800000}})
	assert.Equal(t, []uint64{0xbf800000, 0x3f800000}, got)
}

func TestHalfArithmeticRoundsOnce(t *testing.T) {
	values := []uint64{0, 0x8000, 1, 0x03ff, 0x0400, 0x3c00, 0xbc00, 0x3c01, 0x4200, 0x7bff, 0x7c00, 0x7e00, 0x1400, 0x0c01}
	tup := tuples(2, values)
	for op, f := range map[string]func(a, b float64) float64{
		"add.f16 d, a, b;":       func(a, b float64) float64 { return a + b },
		"mul.f16 d, a, b;":       func(a, b float64) float64 { return a * b },
		"fma.rn.f16 d, a, b, a;": func(a, b float64) float64 { return a*b + a },
	} {
		got := runOp(t, op, "16 16 16", tup)
		for i, x := range tup {
			want := f(halfValue(x[0]), halfValue(x[1]))
			if want != want {
				assert.EqualValues(t, 0x7fff, got[i], "%s of %#x", op, x)
				continue
			}
			assert.Equal(t, nearestHalf(want), halfValue(got[i]), "%s of %#x", op, x)
		}
	}
}

// halfValue reads a half from its definition.
func halfValue(h uint64) float64 {
	sign := 1.0
	if h&0x8000 != 0 {
		sign = -1
	}
	e, m := int(h>>10&31), float64(h&0x3ff)
	switch {
	case e == 31 && m == 0:
		return math.Inf(int(sign))
	case e == 31:
		return math.NaN()
	case e == 0:
		return sign * m * 0x1p-24
	}
	return sign * (1 + m/1024) * math.Pow(2, float64(e-15))
}

// nearestHalf searches all halves for the one nearest to x, ties to even.
func nearestHalf(x float64) float64 {
	if math.Abs(x) >= 65520 {
		return math.Inf(int(math.Copysign(1, x)))
	}
	best := 0.0
	bestBits := uint64(0)
	for h := range uint64(0x7c00) {
		v := halfValue(h)
		d, old := math.Abs(math.Abs(x)-v), math.Abs(math.Abs(x)-best)
		if d < old || d == old && h&1 == 0 && bestBits&1 == 1 {
			best, bestBits = v, h
		}
	}
	return math.Copysign(best, x)
}
