package vm

import "math"

// The loops of the most frequent instructions, written out so that the
// compiler keeps them tight. Each is compared with its lane operation in tests.

func vMov(d, a *vec) { *d = *a }

func vAdd32(d, a, b *vec) {
	for i := range d {
		d[i] = uint64(uint32(a[i]) + uint32(b[i]))
	}
}

func vSub32(d, a, b *vec) {
	for i := range d {
		d[i] = uint64(uint32(a[i]) - uint32(b[i]))
	}
}

func vMul32(d, a, b *vec) {
	for i := range d {
		d[i] = uint64(uint32(a[i]) * uint32(b[i]))
	}
}

func vMad32(d, a, b, c *vec) {
	for i := range d {
		d[i] = uint64(uint32(a[i])*uint32(b[i]) + uint32(c[i]))
	}
}

func vAdd64(d, a, b *vec) {
	for i := range d {
		d[i] = a[i] + b[i]
	}
}

func vSub64(d, a, b *vec) {
	for i := range d {
		d[i] = a[i] - b[i]
	}
}

func vMulWideS32(d, a, b *vec) {
	for i := range d {
		d[i] = uint64(int64(int32(a[i])) * int64(int32(b[i])))
	}
}

func vMulWideU32(d, a, b *vec) {
	for i := range d {
		d[i] = uint64(uint32(a[i])) * uint64(uint32(b[i]))
	}
}

func vMadWideS32(d, a, b, c *vec) {
	for i := range d {
		d[i] = uint64(int64(int32(a[i]))*int64(int32(b[i]))) + c[i]
	}
}

func vAnd(d, a, b *vec) {
	for i := range d {
		d[i] = a[i] & b[i]
	}
}

func vOr(d, a, b *vec) {
	for i := range d {
		d[i] = a[i] | b[i]
	}
}

func vXor(d, a, b *vec) {
	for i := range d {
		d[i] = a[i] ^ b[i]
	}
}

// A Go shift by the width or more gives 0, or all sign bits: as PTX clamps.

func vShl32(d, a, b *vec) {
	for i := range d {
		d[i] = uint64(uint32(a[i]) << uint32(b[i]))
	}
}

func vShl64(d, a, b *vec) {
	for i := range d {
		d[i] = a[i] << uint32(b[i])
	}
}

func vShr32(d, a, b *vec) {
	for i := range d {
		d[i] = uint64(uint32(a[i]) >> uint32(b[i]))
	}
}

func vSar32(d, a, b *vec) {
	for i := range d {
		d[i] = uint64(uint32(int32(a[i]) >> uint32(b[i])))
	}
}

func vSext32(d, a *vec) {
	for i := range d {
		d[i] = uint64(int64(int32(a[i])))
	}
}

// canonical is bits32 on bits: one integer comparison finds a NaN.
func canonical(r uint32) uint64 {
	if r<<1 > 0xff000000 {
		return canonicalNaN32
	}
	return uint64(r)
}

func vAddF32(d, a, b *vec) {
	for i := range d {
		x := math.Float32frombits(uint32(a[i])) + math.Float32frombits(uint32(b[i]))
		d[i] = canonical(math.Float32bits(x))
	}
}

func vSubF32(d, a, b *vec) {
	for i := range d {
		x := math.Float32frombits(uint32(a[i])) - math.Float32frombits(uint32(b[i]))
		d[i] = canonical(math.Float32bits(x))
	}
}

func vMulF32(d, a, b *vec) {
	for i := range d {
		x := math.Float32frombits(uint32(a[i])) * math.Float32frombits(uint32(b[i]))
		d[i] = canonical(math.Float32bits(x))
	}
}

func vDivF32(d, a, b *vec) {
	for i := range d {
		x := math.Float32frombits(uint32(a[i])) / math.Float32frombits(uint32(b[i]))
		d[i] = canonical(math.Float32bits(x))
	}
}

func vSqrtF32(d, a *vec) {
	for i := range d {
		x := float32(math.Sqrt(float64(math.Float32frombits(uint32(a[i])))))
		d[i] = canonical(math.Float32bits(x))
	}
}

// vFmaF32 forms a*b+c in float64, where the product is exact and the sum is
// rounded once; rounding that to single is right unless the sum fell exactly
// between two singles, or the result is tiny, huge or NaN: those lanes are done
// again with care.
func vFmaF32(d, a, b, c *vec) {
	for i := range d {
		p := float64(math.Float32frombits(uint32(a[i]))) * float64(math.Float32frombits(uint32(b[i])))
		s := p + float64(math.Float32frombits(uint32(c[i])))
		u := math.Float64bits(s)
		if u&(1<<29-1) == 1<<28 || u>>52&0x7ff-897 > 253 {
			d[i] = bits32(fma32(f32(a[i]), f32(b[i]), f32(c[i]), rn))
			continue
		}
		d[i] = uint64(math.Float32bits(float32(s)))
	}
}

func vCvtF32S32(d, a *vec) {
	for i := range d {
		d[i] = uint64(math.Float32bits(float32(int32(a[i]))))
	}
}

// number is the set of Go types that lane comparisons run on.
type number interface {
	~int16 | ~int32 | ~int64 | ~uint16 | ~uint32 | ~uint64
}

func bit(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

func cmpLT[T number](a, b *vec) (m uint32) {
	for i := range a {
		m |= bit(T(a[i]) < T(b[i])) << (i & 31)
	}
	return m
}

func cmpEQ[T number](a, b *vec) (m uint32) {
	for i := range a {
		m |= bit(T(a[i]) == T(b[i])) << (i & 31)
	}
	return m
}

func cmpLTF32(a, b *vec) (m uint32) {
	for i := range a {
		m |= bit(f32(a[i]) < f32(b[i])) << (i & 31)
	}
	return m
}

func cmpLEF32(a, b *vec) (m uint32) {
	for i := range a {
		m |= bit(f32(a[i]) <= f32(b[i])) << (i & 31)
	}
	return m
}

func cmpEQF32(a, b *vec) (m uint32) {
	for i := range a {
		m |= bit(f32(a[i]) == f32(b[i])) << (i & 31)
	}
	return m
}

func cmpLTF64(a, b *vec) (m uint32) {
	for i := range a {
		m |= bit(f64(a[i]) < f64(b[i])) << (i & 31)
	}
	return m
}

func cmpLEF64(a, b *vec) (m uint32) {
	for i := range a {
		m |= bit(f64(a[i]) <= f64(b[i])) << (i & 31)
	}
	return m
}

func cmpEQF64(a, b *vec) (m uint32) {
	for i := range a {
		m |= bit(f64(a[i]) == f64(b[i])) << (i & 31)
	}
	return m
}

// selectLanes takes a where the mask has a bit, else b.
func selectLanes(d, a, b *vec, m uint32) {
	for i := range d {
		x := b[i]
		if m>>(i&31)&1 != 0 {
			x = a[i]
		}
		d[i] = x
	}
}
