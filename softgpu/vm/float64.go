package vm

import (
	"math"
	"math/big"
)

// directed64 moves r, the nearest float64 to an exact value, to the value that
// the mode asks for; side is the sign of (exact - r).
func directed64(r float64, side int, mode rounding) float64 {
	switch {
	case side == 0 || mode == rn:
		return r
	case side < 0 && (mode == rm || mode == rz && r > 0):
		return math.Nextafter(r, math.Inf(-1))
	case side > 0 && (mode == rp || mode == rz && r < 0):
		return math.Nextafter(r, math.Inf(1))
	}
	return r
}

// exactPrec holds any sum of a product and a float64 exactly.
const exactPrec = 8192

func exact(x float64) *big.Float { return new(big.Float).SetPrec(exactPrec).SetFloat64(x) }

func finite(xs ...float64) bool {
	for _, x := range xs {
		if math.IsInf(x, 0) || x != x {
			return false
		}
	}
	return true
}

// sideOf is the sign of (v - r); an infinite r lies beyond every v.
func sideOf(v *big.Float, r float64) int {
	if math.IsInf(r, 0) {
		if r > 0 {
			return -1
		}
		return 1
	}
	return v.Cmp(exact(r))
}

// fma64 is a*b+c with one rounding in the given direction. With a rounding
// other than to nearest the exact value is formed in big.Float: slow and rare.
func fma64(a, b, c float64, mode rounding) float64 {
	r := math.FMA(a, b, c)
	if mode == rn || !finite(a, b, c) {
		return r
	}
	v := exact(0).Mul(exact(a), exact(b))
	v.Add(v, exact(c))
	if v.Sign() == 0 {
		return zeroSum(a*b, c, r, mode)
	}
	return directed64(r, sideOf(v, r), mode)
}

func add64(a, b float64, mode rounding) float64 {
	if mode == rn || !finite(a, b) {
		return a + b
	}
	return fma64(a, 1, b, mode)
}

func mul64(a, b float64, mode rounding) float64 {
	if mode == rn || !finite(a, b) {
		return a * b
	}
	return directed64(a*b, sideOf(exact(0).Mul(exact(a), exact(b)), a*b), mode)
}

func div64(a, b float64, mode rounding) float64 {
	r := a / b
	if mode == rn || !finite(a, b) || a == 0 || b == 0 {
		return r
	}
	var side int
	if math.IsInf(r, 0) {
		side = sideOf(exact(0), r)
	} else {
		side = exact(a).Cmp(exact(0).Mul(exact(r), exact(b)))
		if b < 0 {
			side = -side
		}
	}
	return directed64(r, side, mode)
}

func sqrt64(a float64, mode rounding) float64 {
	r := math.Sqrt(a)
	if mode == rn || !finite(a) || !(a > 0) {
		return r
	}
	return directed64(r, exact(a).Cmp(exact(0).Mul(exact(r), exact(r))), mode)
}

func min64(a, b float64) float64 {
	switch {
	case a != a:
		return b
	case b != b:
		return a
	}
	return math.Min(a, b)
}

func max64(a, b float64) float64 {
	switch {
	case a != a:
		return b
	case b != b:
		return a
	}
	return math.Max(a, b)
}
