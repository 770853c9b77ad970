package vm

import "math"

// The loops of the most frequent instructions, written out so that the compiler
// keeps them tight. They define what the vector versions in vec_simd_amd64.go do,
// bit for bit; vec.go picks one of the two. Each is compared with its lane
// operation in tests.

func plainSplat(d *vec, v uint64) {
	for i := range d {
		d[i] = v
	}
}

func plainMov(d, a *vec) { *d = *a }

func plainAdd32(d, a, b *vec) {
	for i := range d {
		d[i] = uint64(uint32(a[i]) + uint32(b[i]))
	}
}

func plainSub32(d, a, b *vec) {
	for i := range d {
		d[i] = uint64(uint32(a[i]) - uint32(b[i]))
	}
}

func plainMul32(d, a, b *vec) {
	for i := range d {
		d[i] = uint64(uint32(a[i]) * uint32(b[i]))
	}
}

func plainMad32(d, a, b, c *vec) {
	for i := range d {
		d[i] = uint64(uint32(a[i])*uint32(b[i]) + uint32(c[i]))
	}
}

func plainAdd64(d, a, b *vec) {
	for i := range d {
		d[i] = a[i] + b[i]
	}
}

func plainSub64(d, a, b *vec) {
	for i := range d {
		d[i] = a[i] - b[i]
	}
}

func plainMulWideS32(d, a, b *vec) {
	for i := range d {
		d[i] = uint64(int64(int32(a[i])) * int64(int32(b[i])))
	}
}

func plainMulWideU32(d, a, b *vec) {
	for i := range d {
		d[i] = uint64(uint32(a[i])) * uint64(uint32(b[i]))
	}
}

func plainMadWideS32(d, a, b, c *vec) {
	for i := range d {
		d[i] = uint64(int64(int32(a[i]))*int64(int32(b[i]))) + c[i]
	}
}

func plainAnd(d, a, b *vec) {
	for i := range d {
		d[i] = a[i] & b[i]
	}
}

func plainOr(d, a, b *vec) {
	for i := range d {
		d[i] = a[i] | b[i]
	}
}

func plainXor(d, a, b *vec) {
	for i := range d {
		d[i] = a[i] ^ b[i]
	}
}

// A Go shift by the width or more gives 0, or all sign bits: as PTX clamps.

func plainShl32(d, a, b *vec) {
	for i := range d {
		d[i] = uint64(uint32(a[i]) << uint32(b[i]))
	}
}

func plainShl64(d, a, b *vec) {
	for i := range d {
		d[i] = a[i] << uint32(b[i])
	}
}

func plainShr32(d, a, b *vec) {
	for i := range d {
		d[i] = uint64(uint32(a[i]) >> uint32(b[i]))
	}
}

func plainSar32(d, a, b *vec) {
	for i := range d {
		d[i] = uint64(uint32(int32(a[i]) >> uint32(b[i])))
	}
}

func plainSext32(d, a *vec) {
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

func plainAddF32(d, a, b *vec) {
	for i := range d {
		x := math.Float32frombits(uint32(a[i])) + math.Float32frombits(uint32(b[i]))
		d[i] = canonical(math.Float32bits(x))
	}
}

func plainSubF32(d, a, b *vec) {
	for i := range d {
		x := math.Float32frombits(uint32(a[i])) - math.Float32frombits(uint32(b[i]))
		d[i] = canonical(math.Float32bits(x))
	}
}

func plainMulF32(d, a, b *vec) {
	for i := range d {
		x := math.Float32frombits(uint32(a[i])) * math.Float32frombits(uint32(b[i]))
		d[i] = canonical(math.Float32bits(x))
	}
}

func plainDivF32(d, a, b *vec) {
	for i := range d {
		x := math.Float32frombits(uint32(a[i])) / math.Float32frombits(uint32(b[i]))
		d[i] = canonical(math.Float32bits(x))
	}
}

func plainSqrtF32(d, a *vec) {
	for i := range d {
		x := float32(math.Sqrt(float64(math.Float32frombits(uint32(a[i])))))
		d[i] = canonical(math.Float32bits(x))
	}
}

// plainFmaF32 forms a*b+c in float64, where the product is exact and the sum is
// rounded once; rounding that to single is right unless the sum fell exactly
// between two singles, or the result is tiny, huge or NaN: those lanes are done
// again with care.
func plainFmaF32(d, a, b, c *vec) {
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

// plainCvtF32U16 converts the low 16 bits, an unsigned number.
func plainCvtF32U16(d, a *vec) {
	for i := range d {
		d[i] = uint64(math.Float32bits(float32(uint16(a[i]))))
	}
}

func plainCvtF32S32(d, a *vec) {
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

func plainLTF32(a, b *vec) (m uint32) {
	for i := range a {
		m |= bit(f32(a[i]) < f32(b[i])) << (i & 31)
	}
	return m
}

func plainLEF32(a, b *vec) (m uint32) {
	for i := range a {
		m |= bit(f32(a[i]) <= f32(b[i])) << (i & 31)
	}
	return m
}

func plainEQF32(a, b *vec) (m uint32) {
	for i := range a {
		m |= bit(f32(a[i]) == f32(b[i])) << (i & 31)
	}
	return m
}

func plainMinF32(d, a, b *vec) {
	for i := range d {
		d[i] = min32(a[i], b[i])
	}
}

func plainMaxF32(d, a, b *vec) {
	for i := range d {
		d[i] = max32(a[i], b[i])
	}
}

func plainAddF64(d, a, b *vec) {
	for i := range d {
		d[i] = bits64(f64(a[i]) + f64(b[i]))
	}
}

func plainCvtF64F32(d, a *vec) {
	for i := range d {
		d[i] = bits64(float64(f32(a[i])))
	}
}

// plainAbsF32 and plainNegF32 change nothing but the sign, of a NaN too.

func plainAbsF32(d, a *vec) {
	for i := range d {
		d[i] = a[i] &^ (1 << 31)
	}
}

func plainNegF32(d, a *vec) {
	for i := range d {
		d[i] = a[i] ^ 1<<31
	}
}

// plainRcpF32 is rcp.approx.ftz: 1/x, rounded once, subnormals taken for zero.
func plainRcpF32(d, a *vec) {
	for i := range d {
		d[i] = ftz32(bits32(1 / f32(ftz32(a[i]))))
	}
}

// plainEx2F32 is ex2.approx.ftz: 2^x, computed in float64 and rounded once.
func plainEx2F32(d, a *vec) {
	for i := range d {
		x := float64(f32(a[i]))
		if x != x {
			d[i] = canonicalNaN32
			continue
		}
		x = min(max(x, -ex2Limit), ex2Limit)
		n := math.RoundToEven(x)
		r, p := x-n, ex2Terms[0]
		for _, c := range ex2Terms[1:] {
			p = float64(p*r) + c // the conversion keeps the compiler from fusing the two
		}
		d[i] = ftz32(uint64(math.Float32bits(float32(p * math.Float64frombits(uint64(int64(n)+1023)<<52)))))
	}
}

// ex2Terms is the Taylor series of 2^r about 0, highest power first. On [-1/2, 1/2]
// it is right to 1e-11, a hundred times finer than half a unit of single precision.
var ex2Terms = func() (c [10]float64) {
	term := 1.0
	for k := range c {
		c[len(c)-1-k] = term
		term *= math.Ln2 / float64(k+1)
	}
	return c
}()

// ex2Limit bounds the exponent: 2^x is zero or infinite in single precision beyond.
const ex2Limit = 512

func plainDivS32(d, a, b *vec) {
	for i := range d {
		if x, y := int32(a[i]), int32(b[i]); y != 0 {
			d[i] = uint64(uint32(x / y))
		} else {
			d[i] = 0xffffffff
		}
	}
}

func plainRemS32(d, a, b *vec) {
	for i := range d {
		if x, y := int32(a[i]), int32(b[i]); y != 0 {
			d[i] = uint64(uint32(x % y))
		} else {
			d[i] = uint64(uint32(x))
		}
	}
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
func plainSelect(d, a, b *vec, m uint32) {
	for i := range d {
		x := b[i]
		if m>>(i&31)&1 != 0 {
			x = a[i]
		}
		d[i] = x
	}
}
