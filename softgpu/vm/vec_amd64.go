//go:build goexperiment.simd && amd64

package vm

import (
	"simd/archsimd"
	"unsafe"
)

// accelerated: AVX2 and FMA are there.
var accelerated = archsimd.X86.AVX2() && archsimd.X86.FMA()

// A register lies in memory as 32 lanes of 64 bits: 8 vectors of 4 lanes. A 32-bit
// value fills the lower half of its lane and the upper half is zero, so that an
// operation on all 8 halves of a vector leaves zeros above in most cases.
//
// The functions over whole registers are in vec_gen_amd64.go, written by vecgen; this file has their helpers.
type (
	words  = [8][4]uint64
	halves = [8][8]float32
	ints   = [8][8]int32
	uints  = [8][8]uint32

	w4 = archsimd.Uint64x4
	f8 = archsimd.Float32x8
)

func init() {
	if accelerated {
		vEx2F32 = fastEx2F32
	}
}

func asWords(v *vec) *words   { return (*words)(unsafe.Pointer(v)) }
func asFloats(v *vec) *halves { return (*halves)(unsafe.Pointer(v)) }
func asInts(v *vec) *ints     { return (*ints)(unsafe.Pointer(v)) }
func asUints(v *vec) *uints   { return (*uints)(unsafe.Pointer(v)) }

func loadW(v *words, i int) w4  { return archsimd.LoadUint64x4(&v[i]) }
func loadF(v *halves, i int) f8 { return archsimd.LoadFloat32x8(&v[i]) }

func loadI(v *ints, i int) archsimd.Int32x8   { return archsimd.LoadInt32x8(&v[i]) }
func loadU(v *uints, i int) archsimd.Uint32x8 { return archsimd.LoadUint32x8(&v[i]) }

// laneMasks turns 4 bits of a lane mask into 4 lanes of ones or zeros.
var laneMasks = func() (t [16][4]uint64) {
	for m := range t {
		for i := range t[m] {
			if m>>i&1 == 1 {
				t[m][i] = ^uint64(0)
			}
		}
	}
	return t
}()

// paired packs the lower halves of vectors i and i+1 of a register, in the lane
// order 0 1 4 5 2 3 6 7.
func paired(v *halves, i int) f8 { return loadF(v, i).SelectFromPairGrouped(0, 2, 4, 6, loadF(v, i+1)) }

// inOrder brings the outcome of a comparison of paired registers into lane order.
func inOrder(m uint8, i int) uint32 {
	return uint32(m&0xc3|m&0x0c<<2|m&0x30>>2) << (4 * i)
}

// nans is PTX's one NaN in the lower half of each lane.
func nans() f8 { return archsimd.BroadcastUint64x4(canonicalNaN32).AsFloat32x8() }

// settle makes every NaN PTX's own. It also clears a NaN in an upper half.
func settle(r, nan f8) f8 { return nan.Merge(r, r.IsNaN()) }

// flush is ftz32: where the exponent is zero, only the sign stays.
func flush(r, exponent, sign archsimd.Int32x8) archsimd.Int32x8 {
	return r.And(sign).Merge(r, r.And(exponent).Equal(archsimd.Int32x8{}))
}

// exponents are the masks of flush.
func exponents() (exponent, sign archsimd.Int32x8) {
	return archsimd.BroadcastInt32x8(0x7f800000), archsimd.BroadcastInt32x8(-1 << 31)
}

// lowHalves gives the indices that pack the lower halves of a vector.
var lowHalves = [8]uint32{0, 2, 4, 6, 0, 2, 4, 6}

func fastEx2F32(d, a *vec) {
	x, z := asUints(a), asWords(d)
	pack := archsimd.LoadUint32x8(&lowHalves)
	limit, negative := archsimd.BroadcastFloat64x4(ex2Limit), archsimd.BroadcastFloat64x4(-ex2Limit)
	bias := archsimd.BroadcastInt64x4(1023)
	nan := archsimd.BroadcastUint64x4(canonicalNaN32)
	exponent, sign := exponents()
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
