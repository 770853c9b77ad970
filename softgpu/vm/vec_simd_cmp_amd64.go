//go:build goexperiment.simd && amd64

package vm

import "simd/archsimd"

// fastSelect takes a where the mask has a bit, else b.
func fastSelect(d, a, b *vec, m uint32) {
	x, y, z := asWords(a), asWords(b), asWords(d)
	do := func(i int) {
		take := archsimd.LoadUint64x4(&laneMasks[m>>(4*i)&15])
		loadW(x, i).And(take).Or(loadW(y, i).AndNot(take)).Store(&z[i])
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

func fastLTF32(a, b *vec) (m uint32) {
	x, y := asFloats(a), asFloats(b)
	do := func(i int) { m |= inOrder(paired(x, i).Less(paired(y, i)).ToBits(), i) }
	do(0)
	do(2)
	do(4)
	do(6)
	archsimd.ClearAVXUpperBits()
	return m
}

func fastLEF32(a, b *vec) (m uint32) {
	x, y := asFloats(a), asFloats(b)
	do := func(i int) { m |= inOrder(paired(x, i).LessEqual(paired(y, i)).ToBits(), i) }
	do(0)
	do(2)
	do(4)
	do(6)
	archsimd.ClearAVXUpperBits()
	return m
}

func fastEQF32(a, b *vec) (m uint32) {
	x, y := asFloats(a), asFloats(b)
	do := func(i int) { m |= inOrder(paired(x, i).Equal(paired(y, i)).ToBits(), i) }
	do(0)
	do(2)
	do(4)
	do(6)
	archsimd.ClearAVXUpperBits()
	return m
}

func fastLTS32(a, b *vec) (m uint32) {
	x, y := asFloats(a), asFloats(b)
	do := func(i int) { m |= inOrder(paired(y, i).AsInt32x8().Greater(paired(x, i).AsInt32x8()).ToBits(), i) }
	do(0)
	do(2)
	do(4)
	do(6)
	archsimd.ClearAVXUpperBits()
	return m
}

// fastLTU32 compares as signed 64-bit numbers: the upper halves are zero.
func fastLTU32(a, b *vec) uint32 { return fastLTS64(a, b) }

func fastLTS64(a, b *vec) (m uint32) {
	x, y := asWords(a), asWords(b)
	do := func(i int) { m |= uint32(loadW(y, i).AsInt64x4().Greater(loadW(x, i).AsInt64x4()).ToBits()) << (4 * i) }
	do(0)
	do(1)
	do(2)
	do(3)
	do(4)
	do(5)
	do(6)
	do(7)
	archsimd.ClearAVXUpperBits()
	return m
}

func fastEQ64(a, b *vec) (m uint32) {
	x, y := asWords(a), asWords(b)
	do := func(i int) { m |= uint32(loadW(x, i).Equal(loadW(y, i)).ToBits()) << (4 * i) }
	do(0)
	do(1)
	do(2)
	do(3)
	do(4)
	do(5)
	do(6)
	do(7)
	archsimd.ClearAVXUpperBits()
	return m
}
