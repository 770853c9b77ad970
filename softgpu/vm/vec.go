package vm

import (
	"encoding/binary"
	"math"
)

//go:generate go run ./vecgen

// The loops of the most frequent instructions are written out, so that the compiler keeps them tight. Most are in
// vec_gen.go, which vecgen writes; here are those that are no single expression. They define, bit for bit, what the
// AVX2 versions in vec_gen_amd64.go do.

// lift1, lift2 and lift3 make vector operations of lane operations. They
// compute all lanes, active or not: a lane operation must be total.
func lift1(f func(a uint64) uint64) func(d, a *vec) {
	return func(d, a *vec) {
		for i := range d {
			d[i] = f(a[i])
		}
	}
}

func lift2(f func(a, b uint64) uint64) func(d, a, b *vec) {
	return func(d, a, b *vec) {
		for i := range d {
			d[i] = f(a[i], b[i])
		}
	}
}

func lift3(f func(a, b, c uint64) uint64) func(d, a, b, c *vec) {
	return func(d, a, b, c *vec) {
		for i := range d {
			d[i] = f(a[i], b[i], c[i])
		}
	}
}

// number is the set of Go types that lane comparisons run on.
type number interface {
	~int16 | ~int32 | ~int64 | ~uint16 | ~uint32 | ~uint64
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

func plainMov(d, a *vec) { *d = *a }

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

// divS32 and remS32 give, for a division by zero, all ones and the dividend.
func divS32(a, b uint64) uint64 {
	if y := int32(b); y != 0 {
		return uint64(uint32(int32(a) / y))
	}
	return 0xffffffff
}

func remS32(a, b uint64) uint64 {
	if y := int32(b); y != 0 {
		return uint64(uint32(int32(a) % y))
	}
	return uint64(uint32(a))
}

// vEx2F32 is ex2.approx.ftz.
var vEx2F32 = plainEx2F32

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

// Moves of a register as a whole.

func plainSplat(d *vec, v uint64) {
	for i := range d {
		d[i] = v
	}
}

// plainSelect takes a where the mask has a bit, else b.
func plainSelect(d, a, b *vec, m uint32) {
	for i := range d {
		x := b[i]
		if m>>(i&31)&1 != 0 {
			x = a[i]
		}
		d[i] = x
	}
}

// plainAlike reports whether all lanes hold one value.
func plainAlike(v *vec) bool {
	differ := uint64(0)
	for _, x := range v {
		differ |= x ^ v[0]
	}
	return differ == 0
}

// plainNeighbours compares each lane with the one before: bit i of up says that it lies step above, of same that they
// are equal. Lane 0 has no lane before it.
func plainNeighbours(base *vec, step uint64) (up, same uint32) {
	for i := 1; i < lanes; i++ {
		d := base[i] - base[i-1]
		up |= bit(d == step) << (i & 31)
		same |= bit(d == 0) << (i & 31)
	}
	return up, same
}

func store4(s []byte, x, y, z, t *vec, i int) {
	binary.LittleEndian.PutUint64(s, x[i]&0xffffffff|y[i]<<32)
	binary.LittleEndian.PutUint64(s[8:], z[i]&0xffffffff|t[i]<<32)
}

func load4(s []byte, x, y, z, t *vec, i int) {
	lo, hi := binary.LittleEndian.Uint64(s), binary.LittleEndian.Uint64(s[8:])
	x[i], y[i], z[i], t[i] = lo&0xffffffff, lo>>32, hi&0xffffffff, hi>>32
}

// Transfers of a whole warp, 4 or 16 bytes a lane.

func plainLoad32(v *vec, b *[lanes * 4]byte) {
	for i := range v {
		v[i] = uint64(binary.LittleEndian.Uint32(b[4*i : 4*i+4]))
	}
}

func plainStore32(b *[lanes * 4]byte, v *vec) {
	for i := range v {
		binary.LittleEndian.PutUint32(b[4*i:4*i+4], uint32(v[i]))
	}
}

func plainLoad128(x, y, z, t *vec, b *[lanes * 16]byte) {
	for i := range x {
		load4(b[16*i:16*i+16], x, y, z, t, i)
	}
}

func plainStore128(b *[lanes * 16]byte, x, y, z, t *vec) {
	for i := range x {
		store4(b[16*i:16*i+16], x, y, z, t, i)
	}
}
