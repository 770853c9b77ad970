package vm

import "math"

// rounding is an IEEE rounding direction.
type rounding uint8

const (
	rn rounding = iota // to nearest, ties to even
	rz                 // toward zero
	rm                 // toward minus infinity
	rp                 // toward plus infinity
)

// roundings are the directions by their names in PTX.
var roundings = map[string]rounding{"rn": rn, "rz": rz, "rm": rm, "rp": rp}

const canonicalNaN32 = 0x7fffffff

func f32(v uint64) float32 { return math.Float32frombits(uint32(v)) }

func f64(v uint64) float64 { return math.Float64frombits(v) }

// bits32 is the register value of a single; every NaN becomes PTX's one NaN. One integer comparison finds a NaN.
func bits32(x float32) uint64 {
	r := math.Float32bits(x)
	if r<<1 > 0xff000000 {
		return canonicalNaN32
	}
	return uint64(r)
}

func bits64(x float64) uint64 { return math.Float64bits(x) }

// ftz32 replaces a subnormal by a zero of its sign.
func ftz32(v uint64) uint64 {
	if v&0x7f800000 == 0 {
		return v & 0x80000000
	}
	return v
}

// sat32 clamps to [0, 1]; NaN becomes +0.
func sat32(v uint64) uint64 {
	switch x := f32(v); {
	case !(x > 0):
		return 0
	case x > 1:
		return 0x3f800000
	}
	return v
}

// toOdd turns s, the nearest float64 to an exact value s+e, into the exact
// value rounded to odd: when s is inexact and its last bit is even, the
// neighbour on the side of e. A further rounding to 51 or fewer bits, in any
// direction, is then as if done once from the exact value.
func toOdd(s, e float64) float64 {
	if e == 0 || e != e || s == 0 {
		return s
	}
	u := math.Float64bits(s)
	if u&1 == 1 || math.IsInf(s, 0) {
		return s
	}
	if (e > 0) == (s > 0) {
		u++
	} else {
		u--
	}
	return math.Float64frombits(u)
}

// twoSum gives the rounded sum of two float64 and its exact error.
func twoSum(a, b float64) (s, e float64) {
	s = a + b
	t := s - a
	return s, (a - (s - t)) + (b - t)
}

// narrow rounds x, exact or rounded to odd, to single precision.
func narrow(x float64, mode rounding) float32 {
	f := float32(x)
	if mode == rn || x != x {
		return f
	}
	switch y := float64(f); {
	case mode == rz && math.Abs(y) > math.Abs(x):
		return math.Nextafter32(f, 0)
	case mode == rm && y > x:
		return math.Nextafter32(f, float32(math.Inf(-1)))
	case mode == rp && y < x:
		return math.Nextafter32(f, float32(math.Inf(1)))
	}
	return f
}

// zeroSum gives the sign PTX wants of an exact zero sum: minus only when
// rounding down, unless both addends are zeros of one sign.
func zeroSum(a, b, s float64, mode rounding) float64 {
	if s == 0 && mode == rm && math.Signbit(a) != math.Signbit(b) {
		return math.Copysign(0, -1)
	}
	return s
}

func add32(a, b float32, mode rounding) float32 {
	if mode == rn {
		return a + b
	}
	s, e := twoSum(float64(a), float64(b))
	return narrow(zeroSum(float64(a), float64(b), toOdd(s, e), mode), mode)
}

func mul32(a, b float32, mode rounding) float32 {
	return narrow(float64(a)*float64(b), mode) // the product of two singles is exact in float64
}

// fma32 is a*b+c with a single rounding.
func fma32(a, b, c float32, mode rounding) float32 {
	p := float64(a) * float64(b)
	s, e := twoSum(p, float64(c))
	return narrow(zeroSum(p, float64(c), toOdd(s, e), mode), mode)
}

func div32(a, b float32, mode rounding) float32 {
	x, y := float64(a), float64(b)
	q := x / y
	if mode == rn || q == 0 || math.IsInf(q, 0) || math.IsInf(y, 0) || q != q {
		return float32(q) // 53 bits are enough for one more rounding of a quotient to nearest
	}
	r := math.FMA(-q, y, x) // exact remainder: its sign over y's is the error's
	if y < 0 {
		r = -r
	}
	return narrow(toOdd(q, r), mode)
}

func sqrt32(a float32, mode rounding) float32 {
	x := float64(a)
	q := math.Sqrt(x)
	if mode == rn || q == 0 || math.IsInf(q, 0) || q != q {
		return float32(q)
	}
	return narrow(toOdd(q, math.FMA(-q, q, x)), mode)
}

// min32 and max32 follow PTX: a NaN loses against a number, and -0 < +0.
func min32(a, b uint64) uint64 {
	x, y := f32(a), f32(b)
	switch {
	case x != x:
		return bits32(y)
	case y != y || x < y:
		return a
	case y < x:
		return b
	}
	return a | b // equal: bits differ only in the sign of zero
}

func max32(a, b uint64) uint64 {
	x, y := f32(a), f32(b)
	switch {
	case x != x:
		return bits32(y)
	case y != y || x > y:
		return a
	case y > x:
		return b
	}
	return a & b // equal: bits differ only in the sign of zero
}
