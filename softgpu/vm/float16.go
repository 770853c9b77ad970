package vm

import "math"

// fromHalf widens an IEEE half, which is always exact.
func fromHalf(h uint64) float64 {
	sign, exp, man := h>>15&1, int(h>>10&31), float64(h&1023)
	var x float64
	switch {
	case exp == 31 && man != 0:
		return math.NaN()
	case exp == 31:
		x = math.Inf(1)
	case exp == 0:
		x = math.Ldexp(man, -24)
	default:
		x = math.Ldexp(man+1024, exp-25)
	}
	if sign == 1 {
		x = -x
	}
	return x
}

// fromBF16 widens a bfloat16.
func fromBF16(h uint64) float64 { return float64(math.Float32frombits(uint32(h&0xffff) << 16)) }

// smallFloat describes a 16-bit format for rounding into it.
type smallFloat struct {
	manBits, minExp, maxExp int
	nan, inf                uint64
}

var (
	half     = smallFloat{manBits: 10, minExp: -14, maxExp: 15, nan: 0x7fff, inf: 0x7c00}
	bfloat16 = smallFloat{manBits: 7, minExp: -126, maxExp: 127, nan: 0x7fff, inf: 0x7f80}
)

// round gives the format's bits of x, rounded once.
func (f smallFloat) round(x float64, mode rounding) uint64 {
	var sign uint64
	if math.Signbit(x) {
		sign = 0x8000
	}
	switch {
	case x != x:
		return f.nan
	case math.IsInf(x, 0):
		return sign | f.inf
	case x == 0:
		return sign
	}
	_, e := math.Frexp(x) // |x| in [2^(e-1), 2^e)
	e = max(e-1, f.minExp)
	unit := e - f.manBits // the exponent of the last place
	n := roundInteger(math.Ldexp(math.Abs(x), -unit), absMode(mode, sign != 0))
	// n counts last places; a carry into the next binade is harmless in this form.
	bits := uint64(n) + uint64(e-f.minExp)<<f.manBits
	if bits >= f.inf {
		if m := absMode(mode, sign != 0); m == rn || m == rp {
			return sign | f.inf
		}
		return sign | (f.inf - 1)
	}
	return sign | bits
}

// absMode is the direction to use on |x| so that x is rounded by mode.
func absMode(mode rounding, negative bool) rounding {
	switch {
	case mode == rz:
		return rm
	case mode == rm && negative:
		return rp
	case mode == rp && negative:
		return rm
	}
	return mode
}

// roundInteger rounds to an integral value.
func roundInteger(x float64, mode rounding) float64 {
	switch mode {
	case rn:
		return math.RoundToEven(x)
	case rz:
		return math.Trunc(x)
	case rm:
		return math.Floor(x)
	}
	return math.Ceil(x)
}
