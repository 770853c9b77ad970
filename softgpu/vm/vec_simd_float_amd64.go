//go:build goexperiment.simd && amd64

package vm

import (
	"simd/archsimd"
)

// PTX's one NaN in the lower half of each lane.
func nans() f8 { return archsimd.BroadcastUint64x4(canonicalNaN32).AsFloat32x8() }

// settle makes every NaN PTX's own. It also clears a NaN in an upper half.
func settle(r, nan f8) f8 { return nan.Merge(r, r.IsNaN()) }

func fastAddF32(d, a, b *vec) {
	x, y, z := asFloats(a), asFloats(b), asFloats(d)
	nan := nans()
	do := func(i int) { settle(loadF(x, i).Add(loadF(y, i)), nan).Store(&z[i]) }
	do(0)
	do(1)
	do(2)
	do(3)
	do(4)
	do(5)
	do(6)
	do(7)
	archsimd.ClearAVXUpperBits()
}

func fastSubF32(d, a, b *vec) {
	x, y, z := asFloats(a), asFloats(b), asFloats(d)
	nan := nans()
	do := func(i int) { settle(loadF(x, i).Sub(loadF(y, i)), nan).Store(&z[i]) }
	do(0)
	do(1)
	do(2)
	do(3)
	do(4)
	do(5)
	do(6)
	do(7)
	archsimd.ClearAVXUpperBits()
}

func fastMulF32(d, a, b *vec) {
	x, y, z := asFloats(a), asFloats(b), asFloats(d)
	nan := nans()
	do := func(i int) { settle(loadF(x, i).Mul(loadF(y, i)), nan).Store(&z[i]) }
	do(0)
	do(1)
	do(2)
	do(3)
	do(4)
	do(5)
	do(6)
	do(7)
	archsimd.ClearAVXUpperBits()
}

// fastDivF32 has 0/0 in the upper halves; settle makes zeros of them.
func fastDivF32(d, a, b *vec) {
	x, y, z := asFloats(a), asFloats(b), asFloats(d)
	nan := nans()
	do := func(i int) { settle(loadF(x, i).Div(loadF(y, i)), nan).Store(&z[i]) }
	do(0)
	do(1)
	do(2)
	do(3)
	do(4)
	do(5)
	do(6)
	do(7)
	archsimd.ClearAVXUpperBits()
}

func fastFmaF32(d, a, b, c *vec) {
	x, y, t, z := asFloats(a), asFloats(b), asFloats(c), asFloats(d)
	nan := nans()
	do := func(i int) { settle(loadF(x, i).MulAdd(loadF(y, i), loadF(t, i)), nan).Store(&z[i]) }
	do(0)
	do(1)
	do(2)
	do(3)
	do(4)
	do(5)
	do(6)
	do(7)
	archsimd.ClearAVXUpperBits()
}

func fastSqrtF32(d, a *vec) {
	x, z := asFloats(a), asFloats(d)
	nan := nans()
	do := func(i int) { settle(loadF(x, i).Sqrt(), nan).Store(&z[i]) }
	do(0)
	do(1)
	do(2)
	do(3)
	do(4)
	do(5)
	do(6)
	do(7)
	archsimd.ClearAVXUpperBits()
}

func fastAbsF32(d, a *vec) {
	x, z := asWords(a), asWords(d)
	sign := archsimd.BroadcastUint64x4(1 << 31)
	do := func(i int) { loadW(x, i).AndNot(sign).Store(&z[i]) }
	do(0)
	do(1)
	do(2)
	do(3)
	do(4)
	do(5)
	do(6)
	do(7)
	archsimd.ClearAVXUpperBits()
}

func fastNegF32(d, a *vec) {
	x, z := asWords(a), asWords(d)
	sign := archsimd.BroadcastUint64x4(1 << 31)
	do := func(i int) { loadW(x, i).Xor(sign).Store(&z[i]) }
	do(0)
	do(1)
	do(2)
	do(3)
	do(4)
	do(5)
	do(6)
	do(7)
	archsimd.ClearAVXUpperBits()
}

// flush is ftz32: where the exponent is zero, only the sign stays.
func flush(r, exponent, sign archsimd.Int32x8) archsimd.Int32x8 {
	return r.And(sign).Merge(r, r.And(exponent).Equal(archsimd.Int32x8{}))
}

func fastRcpF32(d, a *vec) {
	x, z := asInts(a), asInts(d)
	nan, one := nans(), archsimd.BroadcastUint64x4(0x3f800000).AsFloat32x8()
	exponent, sign := archsimd.BroadcastInt32x8(0x7f800000), archsimd.BroadcastInt32x8(-1<<31)
	do := func(i int) {
		q := one.Div(flush(loadI(x, i), exponent, sign).AsFloat32x8())
		flush(settle(q, nan).AsInt32x8(), exponent, sign).Store(&z[i])
	}
	do(0)
	do(1)
	do(2)
	do(3)
	do(4)
	do(5)
	do(6)
	do(7)
	archsimd.ClearAVXUpperBits()
}

// lowHalves gives the indices that pack the lower halves of a vector.
var lowHalves = [8]uint32{0, 2, 4, 6, 0, 2, 4, 6}

func fastEx2F32(d, a *vec) {
	x, z := asUints(a), asWords(d)
	pack := archsimd.LoadUint32x8(&lowHalves)
	limit, negative := archsimd.BroadcastFloat64x4(ex2Limit), archsimd.BroadcastFloat64x4(-ex2Limit)
	bias := archsimd.BroadcastInt64x4(1023)
	nan := archsimd.BroadcastUint64x4(canonicalNaN32)
	exponent, sign := archsimd.BroadcastInt32x8(0x7f800000), archsimd.BroadcastInt32x8(-1<<31)
	for i := range z {
		v := loadU(x, i).Permute(pack).GetLo().AsFloat32x4().ConvertToFloat64()
		bad := v.IsNaN()
		v = v.Max(negative).Min(limit)
		n := v.RoundToEven()
		r := v.Sub(n)
		p := archsimd.BroadcastFloat64x4(ex2Terms[0])
		for _, c := range ex2Terms[1:] {
			p = p.Mul(r).Add(archsimd.BroadcastFloat64x4(c))
		}
		power := n.ConvertToInt32().ExtendToInt64().Add(bias).ShiftAllLeft(52).AsFloat64x4()
		y := p.Mul(power).ConvertToFloat32().AsUint32x4().ExtendToUint64()
		y = flush(y.AsInt32x8(), exponent, sign).AsUint64x4()
		nan.Merge(y, bad).Store(&z[i])
	}
	archsimd.ClearAVXUpperBits()
}

func fastCvtF32S32(d, a *vec) {
	x, z := asWords(a), asFloats(d)
	low := archsimd.BroadcastUint64x4(0xffffffff)
	do := func(i int) { loadW(x, i).And(low).AsInt32x8().ConvertToFloat32().Store(&z[i]) }
	do(0)
	do(1)
	do(2)
	do(3)
	do(4)
	do(5)
	do(6)
	do(7)
	archsimd.ClearAVXUpperBits()
}

func fastCvtF32U16(d, a *vec) {
	x, z := asWords(a), asFloats(d)
	low := archsimd.BroadcastUint64x4(0xffff)
	do := func(i int) { loadW(x, i).And(low).AsInt32x8().ConvertToFloat32().Store(&z[i]) }
	do(0)
	do(1)
	do(2)
	do(3)
	do(4)
	do(5)
	do(6)
	do(7)
	archsimd.ClearAVXUpperBits()
}
