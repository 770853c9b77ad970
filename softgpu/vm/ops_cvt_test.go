package vm

import (
	"fmt"
	"math"
	"math/big"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// integerRange gives the bounds of an integer type by name.
func integerRange(name string) (lo, hi *big.Float, bits int) {
	signed := name[0] == 's'
	_, err := fmt.Sscan(name[1:], &bits)
	if err != nil {
		panic(err)
	}
	one := big.NewInt(1)
	if signed {
		h := new(big.Int).Lsh(one, uint(bits-1))
		return bigInt(new(big.Int).Neg(h)), bigInt(h.Sub(h, one)), bits
	}
	h := new(big.Int).Lsh(one, uint(bits))
	return bigOf(0), bigInt(h.Sub(h, one)), bits
}

func bigInt(v *big.Int) *big.Float { return new(big.Float).SetPrec(4000).SetInt(v) }

func TestFloatToIntegerRoundsAndClamps(t *testing.T) {
	round := map[string]func(float64) float64{"rni": math.RoundToEven, "rzi": math.Trunc, "rmi": math.Floor, "rpi": math.Ceil}
	tup := tuples(1, floats32)
	for _, to := range []string{"s16", "u16", "s32", "u32", "s64", "u64"} {
		lo, hi, bits := integerRange(to)
		for mode, f := range round {
			got := runOp(t, fmt.Sprintf("cvt.%s.%s.f32 d, a;", mode, to), fmt.Sprintf("%d 32", bits), tup)
			for i, x := range tup {
				v := float64(f32(x[0]))
				want := new(big.Int)
				switch {
				case v != v:
					want = nanAsInteger(32, bits)
				case math.IsInf(v, 1):
					hi.Int(want)
				case math.IsInf(v, -1):
					lo.Int(want)
				default:
					r := bigOf(f(v))
					if r.Cmp(hi) > 0 {
						r = hi
					}
					if r.Cmp(lo) < 0 {
						r = lo
					}
					r.Int(want)
				}
				w := new(big.Int).And(want, new(big.Int).SetUint64(maskBits(bits))).Uint64()
				require.Equal(t, w, got[i], "cvt.%s.%s of %g", mode, to, v)
			}
		}
	}
}

// nanAsInteger is what a conversion of NaN gives (PTX ISA, "cvt"): zero between types of less
// than 64 bits, otherwise 1 << (bits of the destination - 1).
func nanAsInteger(from, to int) *big.Int {
	if from < 64 && to < 64 {
		return new(big.Int)
	}
	return new(big.Int).Lsh(big.NewInt(1), uint(to-1))
}

func TestNaNToInteger(t *testing.T) {
	for _, from := range []string{"f16", "f32", "f64"} {
		width := map[string]int{"f16": 16, "f32": 32, "f64": 64}[from]
		nan := map[string]uint64{"f16": 0x7e00, "f32": 0xffc00001, "f64": 0x7ff8000000000000}[from]
		for _, to := range []string{"s16", "u16", "s32", "u32", "s64", "u64"} {
			_, _, bits := integerRange(to)
			text := fmt.Sprintf("cvt.rzi.%s.%s d, a;", to, from)
			got := runOp(t, text, fmt.Sprintf("%d %d", bits, width), [][]uint64{{nan}})
			assert.Equal(t, nanAsInteger(width, bits).Uint64(), got[0], text)
		}
	}
}

func TestIntegerToFloatRoundsInEveryDirection(t *testing.T) {
	values := append(append([]uint64{}, ints64...), 0x1000001, 0x1000003, 0x7fffffbf, 0x7fffffc0, 0xffffff7f, 0x80000080, 1<<53+1, 1<<63+1<<39, 1<<63+1<<10)
	tup := tuples(1, values)
	for name, mode := range modes {
		s := runOp(t, "cvt."+name+".f32.s64 d, a;", "32 64", tup)
		u := runOp(t, "cvt."+name+".f32.u64 d, a;", "32 64", tup)
		s4 := runOp(t, "cvt."+name+".f32.s32 d, a;", "32 32", tup)
		ud := runOp(t, "cvt."+name+".f64.u64 d, a;", "64 64", tup)
		for i, x := range tup {
			sameF32(t, zeroOr(bigInt(big.NewInt(int64(x[0]))), mode), s[i], "s64 %s %#x", name, x)
			sameF32(t, zeroOr(bigInt(new(big.Int).SetUint64(x[0])), mode), u[i], "u64 %s %#x", name, x)
			sameF32(t, zeroOr(bigInt(big.NewInt(int64(int32(x[0])))), mode), s4[i], "s32 %s %#x", name, x)
			if name == "rn" {
				require.Equal(t, math.Float64bits(float64(x[0])), ud[i])
			} else if x[0] != 0 {
				checkDirected64(t, bigInt(new(big.Int).SetUint64(x[0])), f64(ud[i]), mode, x)
			}
		}
	}
}

func zeroOr(v *big.Float, mode rounding) float32 {
	if v.Sign() == 0 {
		return 0
	}
	return exactMode(v, mode)
}

func TestFloatToFloat(t *testing.T) {
	tup := tuples(1, append(append([]uint64{}, floats64...), math.Float64bits(1+0x1p-24), math.Float64bits(1+0x1p-24+0x1p-50), math.Float64bits(3.5e38), math.Float64bits(0x1p-149*0.75)))
	for name, mode := range modes {
		got := runOp(t, "cvt."+name+".f32.f64 d, a;", "32 64", tup)
		for i, x := range tup {
			v := f64(x[0])
			want := float32(v)
			if finite(v) && v != 0 {
				want = exactMode(bigOf(v), mode)
			}
			sameF32(t, want, got[i], "%s of %g", name, v)
		}
	}
	singles := tuples(1, floats32)
	for i, got := range runOp(t, "cvt.f64.f32 d, a;", "64 32", singles) {
		v := float64(f32(singles[i][0]))
		if v == v {
			assert.Equal(t, math.Float64bits(v), got)
		}
	}
	for text, f := range map[string]func(float64) float64{
		"cvt.rni.f32.f32 d, a;": math.RoundToEven, "cvt.rzi.f32.f32 d, a;": math.Trunc,
		"cvt.rmi.f32.f32 d, a;": math.Floor, "cvt.rpi.f32.f32 d, a;": math.Ceil,
		"cvt.sat.f32.f32 d, a;": func(v float64) float64 {
			if v != v {
				return 0
			}
			return math.Max(0, math.Min(1, v)) + 0
		},
		"cvt.ftz.f32.f32 d, a;": func(v float64) float64 {
			if math.Abs(v) < 0x1p-126 {
				return math.Copysign(0, v)
			}
			return v
		},
	} {
		for i, got := range runOp(t, text, "32 32", singles) {
			sameF32(t, float32(f(float64(f32(singles[i][0])))), got, "%s of %#x", text, singles[i])
		}
	}
}

func TestHalfConversions(t *testing.T) {
	var all [][]uint64
	for h := range uint64(0x10000) {
		all = append(all, []uint64{h})
	}
	back := runOp(t, "{ .reg .f32 x; cvt.f32.f16 x, a; cvt.rn.f16.f32 d, x; }", "16 16", all)
	for i, x := range all {
		v := halfValue(x[0])
		if v != v {
			assert.EqualValues(t, 0x7fff, back[i])
			continue
		}
		require.Equal(t, x[0], back[i], "half %#x survives a round trip", x[0])
	}
	singles := tuples(1, floats32)
	for i, got := range runOp(t, "cvt.rn.f16.f32 d, a;", "16 32", singles) {
		if v := float64(f32(singles[i][0])); v == v {
			require.Equal(t, nearestHalf(v), halfValue(got), "%g", v)
		}
	}
	for i, got := range runOp(t, "cvt.rz.f16.f32 d, a;", "16 32", singles) {
		if v := float64(f32(singles[i][0])); v == v && !math.IsInf(v, 0) {
			h := math.Abs(halfValue(got))
			next := math.Abs(halfValue(got + 1))
			require.True(t, h <= math.Abs(v) && (next > math.Abs(v) || h == 65504), "%g toward zero gave %g", v, h)
		}
	}
	for i, got := range runOp(t, "cvt.rn.bf16.f32 d, a;", "16 32", singles) {
		v := f32(singles[i][0])
		if v != v {
			continue
		}
		u := math.Float32bits(v)
		want := uint64((u + 0x7fff + u>>16&1) >> 16)
		require.Equal(t, want, got, "%g", v)
	}
}

func TestIntegerToIntegerExtendsAndSaturates(t *testing.T) {
	tup := tuples(1, ints64)
	for _, c := range []struct {
		text, sig string
		want      func(a uint64) uint64
	}{
		{"cvt.s64.s32 d, a;", "64 32", func(a uint64) uint64 { return uint64(int64(int32(a))) }},
		{"cvt.u64.u32 d, a;", "64 32", func(a uint64) uint64 { return a & 0xffffffff }},
		{"cvt.u32.u64 d, a;", "32 64", func(a uint64) uint64 { return a & 0xffffffff }},
		{"cvt.u16.u32 d, a;", "16 32", func(a uint64) uint64 { return a & 0xffff }},
		{"cvt.s32.s8 d, a;", "32 32", func(a uint64) uint64 { return uint64(uint32(int32(int8(a)))) }},
		{"cvt.s32.s16 d, a;", "32 16", func(a uint64) uint64 { return uint64(uint32(int32(int16(a)))) }},
		{"cvt.u8.u32 d, a;", "32 32", func(a uint64) uint64 { return a & 0xff }},
		{"cvt.s8.s32 d, a;", "32 32", func(a uint64) uint64 { return uint64(uint32(int32(int8(a)))) }},
		{"cvt.u64.s32 d, a;", "64 32", func(a uint64) uint64 { return uint64(int64(int32(a))) }},
		{"cvt.sat.u8.s32 d, a;", "32 32", func(a uint64) uint64 { return uint64(min(max(int32(a), 0), 255)) }},
		{"cvt.sat.s8.s32 d, a;", "32 32", func(a uint64) uint64 { return uint64(uint32(min(max(int32(a), -128), 127))) }},
		{"cvt.sat.s32.s64 d, a;", "32 64", func(a uint64) uint64 { return clamp32(int64(a)) }},
		{"cvt.sat.u32.s64 d, a;", "32 64", func(a uint64) uint64 { return uint64(min(max(int64(a), 0), math.MaxUint32)) }},
		{"cvt.sat.s32.u64 d, a;", "32 64", func(a uint64) uint64 { return min(a, math.MaxInt32) }},
	} {
		for i, got := range runOp(t, c.text, c.sig, tup) {
			require.Equal(t, c.want(tup[i][0]), got, "%s of %#x", c.text, tup[i][0])
		}
	}
}
