//go:build goexperiment.simd && amd64

package vm

import (
	"simd/archsimd"
	"unsafe"
)

func fastAlike(v *vec) bool {
	x, first := asWords(v), archsimd.BroadcastUint64x4(v[0])
	differ := loadW(x, 0).Xor(first)
	do := func(i int) { differ = differ.Or(loadW(x, i).Xor(first)) }
	do(1)
	do(2)
	do(3)
	do(4)
	do(5)
	do(6)
	do(7)
	same := differ.IsZero()
	archsimd.ClearAVXUpperBits()
	return same
}

// fastNeighbours compares each lane with the one before; lane 0 has none.
func fastNeighbours(base *vec, step uint64) (up, same uint32) {
	x := asWords(base)
	distance := archsimd.BroadcastUint64x4(step)
	do := func(i int) { // lane 4i-1 lies before the vector
		d := loadW(x, i).Sub(archsimd.LoadUint64x4((*[4]uint64)(base[4*i-1:])))
		up |= uint32(d.Equal(distance).ToBits()) << (4 * i)
		same |= uint32(d.Equal(archsimd.Uint64x4{}).ToBits()) << (4 * i)
	}
	do(1)
	do(2)
	do(3)
	do(4)
	do(5)
	do(6)
	do(7)
	archsimd.ClearAVXUpperBits()
	for i := 1; i < 4; i++ {
		d := base[i] - base[i-1]
		up |= bit(d == step) << i
		same |= bit(d == 0) << i
	}
	return up, same
}

func fastLoad32(v *vec, b *[lanes * 4]byte) {
	z, from := asWords(v), (*[8][4]uint32)(unsafe.Pointer(b))
	do := func(i int) { archsimd.LoadUint32x4(&from[i]).ExtendToUint64().Store(&z[i]) }
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

func fastStore32(b *[lanes * 4]byte, v *vec) {
	x, to := asUints(v), (*[8][4]uint32)(unsafe.Pointer(b))
	pack := archsimd.LoadUint32x8(&lowHalves)
	do := func(i int) { loadU(x, i).Permute(pack).GetLo().Store(&to[i]) }
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

// fastLoad128 turns 4 lanes of 4 words each into 4 registers' worth of 4 lanes.
func fastLoad128(x, y, z, t *vec, b *[lanes * 16]byte) {
	from := (*[lanes][4]uint32)(unsafe.Pointer(b))
	xs, ys, zs, ts := asWords(x), asWords(y), asWords(z), asWords(t)
	do := func(i int) {
		r0, r1 := archsimd.LoadUint32x4(&from[4*i]), archsimd.LoadUint32x4(&from[4*i+1])
		r2, r3 := archsimd.LoadUint32x4(&from[4*i+2]), archsimd.LoadUint32x4(&from[4*i+3])
		a, c := r0.InterleaveLo(r1).AsUint64x2(), r2.InterleaveLo(r3).AsUint64x2()
		a.InterleaveLo(c).AsUint32x4().ExtendToUint64().Store(&xs[i])
		a.InterleaveHi(c).AsUint32x4().ExtendToUint64().Store(&ys[i])
		a, c = r0.InterleaveHi(r1).AsUint64x2(), r2.InterleaveHi(r3).AsUint64x2()
		a.InterleaveLo(c).AsUint32x4().ExtendToUint64().Store(&zs[i])
		a.InterleaveHi(c).AsUint32x4().ExtendToUint64().Store(&ts[i])
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

// fastStore128 joins x with y and z with t to 64 bits a lane, then interleaves the
// two: within a half of the vectors lanes 0 and 1 lie below, 2 and 3 above.
func fastStore128(b *[lanes * 16]byte, x, y, z, t *vec) {
	to := (*[8][2][8]uint32)(unsafe.Pointer(b))
	xs, ys, zs, ts := asWords(x), asWords(y), asWords(z), asWords(t)
	low := archsimd.BroadcastUint64x4(0xffffffff)
	do := func(i int) {
		p := loadW(xs, i).And(low).Or(loadW(ys, i).ShiftAllLeft(32))
		q := loadW(zs, i).And(low).Or(loadW(ts, i).ShiftAllLeft(32))
		even, odd := p.InterleaveLoGrouped(q), p.InterleaveHiGrouped(q) // lanes 0 and 2, 1 and 3
		even.Select128FromPair(0, 2, odd).AsUint32x8().Store(&to[i][0])
		even.Select128FromPair(1, 3, odd).AsUint32x8().Store(&to[i][1])
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
