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
// The loops over the 8 vectors are written out, as calls that are expanded in place:
// that is three times as fast as a loop. All functions end with ClearAVXUpperBits:
// the compiler does not, and scalar code after it would be slow.
type (
	words  = [8][4]uint64
	halves = [8][8]float32
	ints   = [8][8]int32
	uints  = [8][8]uint32

	w4 = archsimd.Uint64x4
	f8 = archsimd.Float32x8
)

func asWords(v *vec) *words   { return (*words)(unsafe.Pointer(v)) }
func asFloats(v *vec) *halves { return (*halves)(unsafe.Pointer(v)) }
func asInts(v *vec) *ints     { return (*ints)(unsafe.Pointer(v)) }
func asUints(v *vec) *uints   { return (*uints)(unsafe.Pointer(v)) }

func loadW(v *words, i int) w4  { return archsimd.LoadUint64x4(&v[i]) }
func loadF(v *halves, i int) f8 { return archsimd.LoadFloat32x8(&v[i]) }

func loadI(v *ints, i int) archsimd.Int32x8   { return archsimd.LoadInt32x8(&v[i]) }
func loadU(v *uints, i int) archsimd.Uint32x8 { return archsimd.LoadUint32x8(&v[i]) }

func fastMov(d, a *vec) {
	x, z := asWords(a), asWords(d)
	do := func(i int) { loadW(x, i).Store(&z[i]) }
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

// fastSext32 multiplies by 1: AVX2 has a widening product, but no such extension
// within a lane.
func fastSext32(d, a *vec) {
	x, z := asInts(a), asWords(d)
	one := archsimd.BroadcastUint64x4(1).AsInt32x8()
	do := func(i int) { loadI(x, i).MulEvenWiden(one).AsUint64x4().Store(&z[i]) }
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

func fastAdd32(d, a, b *vec) {
	x, y, z := asUints(a), asUints(b), asUints(d)
	do := func(i int) { loadU(x, i).Add(loadU(y, i)).Store(&z[i]) }
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

func fastSub32(d, a, b *vec) {
	x, y, z := asUints(a), asUints(b), asUints(d)
	do := func(i int) { loadU(x, i).Sub(loadU(y, i)).Store(&z[i]) }
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

func fastMul32(d, a, b *vec) {
	x, y, z := asUints(a), asUints(b), asUints(d)
	do := func(i int) { loadU(x, i).Mul(loadU(y, i)).Store(&z[i]) }
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

func fastMad32(d, a, b, c *vec) {
	x, y, t, z := asUints(a), asUints(b), asUints(c), asUints(d)
	do := func(i int) { loadU(x, i).Mul(loadU(y, i)).Add(loadU(t, i)).Store(&z[i]) }
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

func fastAdd64(d, a, b *vec) {
	x, y, z := asWords(a), asWords(b), asWords(d)
	do := func(i int) { loadW(x, i).Add(loadW(y, i)).Store(&z[i]) }
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

func fastSub64(d, a, b *vec) {
	x, y, z := asWords(a), asWords(b), asWords(d)
	do := func(i int) { loadW(x, i).Sub(loadW(y, i)).Store(&z[i]) }
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

func fastMulWideS32(d, a, b *vec) {
	x, y, z := asInts(a), asInts(b), asWords(d)
	do := func(i int) { loadI(x, i).MulEvenWiden(loadI(y, i)).AsUint64x4().Store(&z[i]) }
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

func fastMulWideU32(d, a, b *vec) {
	x, y, z := asUints(a), asUints(b), asWords(d)
	do := func(i int) { loadU(x, i).MulEvenWiden(loadU(y, i)).Store(&z[i]) }
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

func fastMadWideS32(d, a, b, c *vec) {
	x, y, t, z := asInts(a), asInts(b), asWords(c), asWords(d)
	do := func(i int) { loadI(x, i).MulEvenWiden(loadI(y, i)).AsUint64x4().Add(loadW(t, i)).Store(&z[i]) }
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

func fastAnd(d, a, b *vec) {
	x, y, z := asWords(a), asWords(b), asWords(d)
	do := func(i int) { loadW(x, i).And(loadW(y, i)).Store(&z[i]) }
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

func fastOr(d, a, b *vec) {
	x, y, z := asWords(a), asWords(b), asWords(d)
	do := func(i int) { loadW(x, i).Or(loadW(y, i)).Store(&z[i]) }
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

func fastXor(d, a, b *vec) {
	x, y, z := asWords(a), asWords(b), asWords(d)
	do := func(i int) { loadW(x, i).Xor(loadW(y, i)).Store(&z[i]) }
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

// A vector shift by the width or more gives 0, or all sign bits: as PTX clamps.

func fastShl32(d, a, b *vec) {
	x, y, z := asUints(a), asUints(b), asUints(d)
	do := func(i int) { loadU(x, i).ShiftLeft(loadU(y, i)).Store(&z[i]) }
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

func fastShl64(d, a, b *vec) {
	x, y, z := asWords(a), asWords(b), asWords(d)
	do := func(i int) { loadW(x, i).ShiftLeft(loadW(y, i)).Store(&z[i]) }
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

func fastShr32(d, a, b *vec) {
	x, y, z := asUints(a), asUints(b), asUints(d)
	do := func(i int) { loadU(x, i).ShiftRight(loadU(y, i)).Store(&z[i]) }
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

func fastSar32(d, a, b *vec) {
	x, y, z := asInts(a), asInts(b), asInts(d)
	do := func(i int) { loadI(x, i).ShiftRight(loadI(y, i).AsUint32x8().AsInt32x8()).Store(&z[i]) }
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

func fastSplat(d *vec, v uint64) {
	z, x := asWords(d), archsimd.BroadcastUint64x4(v)
	x.Store(&z[0])
	x.Store(&z[1])
	x.Store(&z[2])
	x.Store(&z[3])
	x.Store(&z[4])
	x.Store(&z[5])
	x.Store(&z[6])
	x.Store(&z[7])
	archsimd.ClearAVXUpperBits()
}
