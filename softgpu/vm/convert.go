package vm

import (
	"math"

	"mdfa/softgpu/ptx"
)

// widen reads v as type t and extends it to a width.
func widen(v uint64, t ptx.Type, width int) uint64 {
	if t.Signed() {
		return uint64(sx(v, t.Bits())) & maskBits(width)
	}
	return v & maskBits(t.Bits())
}

// cvtLane converts one value where a float or saturation is involved.
func cvtLane(from, to ptx.Type, mode rounding, integral, ftz, sat bool) func(a uint64) uint64 {
	if !from.Float() && !to.Float() {
		return func(a uint64) uint64 { return saturateInt(widen(a, from, 64), from.Signed(), to) }
	}
	if !from.Float() {
		return func(a uint64) uint64 {
			r := intToFloat(widen(a, from, 64), from.Signed(), to, mode)
			if sat {
				r = saturateFloat(r, to)
			}
			return r
		}
	}
	return func(a uint64) uint64 {
		if ftz && from == ptx.F32 {
			a = ftz32(a)
		}
		x := toFloat64(a, from)
		if !to.Float() {
			return floatToInt(roundInteger(x, mode), from, to)
		}
		if integral {
			x = roundInteger(x, mode)
		}
		r := fromFloat64(x, to, mode)
		if ftz && to == ptx.F32 {
			r = ftz32(r)
		}
		if sat {
			r = saturateFloat(r, to)
		}
		return r
	}
}

func toFloat64(a uint64, t ptx.Type) float64 {
	switch t {
	case ptx.F16:
		return fromHalf(a)
	case ptx.BF16:
		return fromBF16(a)
	case ptx.F32:
		return float64(f32(a))
	}
	return f64(a)
}

func fromFloat64(x float64, t ptx.Type, mode rounding) uint64 {
	switch t {
	case ptx.F16:
		return half.round(x, mode)
	case ptx.BF16:
		return bfloat16.round(x, mode)
	case ptx.F32:
		return bits32(narrow(x, mode))
	}
	return bits64(x)
}

func saturateFloat(r uint64, t ptx.Type) uint64 {
	switch x := toFloat64(r, t); {
	case !(x > 0):
		return 0
	case x > 1:
		return fromFloat64(1, t, rn)
	}
	return r
}

// intToFloat converts a sign- or zero-extended integer with one rounding.
func intToFloat(v uint64, signed bool, to ptx.Type, mode rounding) uint64 {
	neg := signed && int64(v) < 0
	mag := v
	if neg {
		mag = -v
	}
	// Split so that both halves are exact, and round the exact sum once.
	s, e := twoSum(float64(mag>>32)*(1<<32), float64(mag&0xffffffff))
	if neg {
		s, e = -s, -e
	}
	if to == ptx.F64 {
		return bits64(directed64(s, int(math.Copysign(1, e))*int(bit(e != 0)), mode))
	}
	return fromFloat64(toOdd(s, e), to, mode)
}

// floatToInt clamps an integral value to the type's range. NaN gives 0, but the type's
// highest bit alone where either type has 64 bits (PTX ISA, "cvt").
func floatToInt(x float64, from, to ptx.Type) uint64 {
	n := to.Bits()
	if x != x {
		if from == ptx.F64 || n == 64 {
			return 1 << (n - 1)
		}
		return 0
	}
	if to.Signed() {
		limit := math.Ldexp(1, n-1)
		switch {
		case x >= limit:
			return maskBits(n - 1)
		case x < -limit:
			return 1 << (n - 1)
		}
		return uint64(int64(x)) & maskBits(n)
	}
	switch {
	case x <= 0:
		return 0
	case x >= math.Ldexp(1, n):
		return maskBits(n)
	}
	return uint64(x)
}

// saturateInt clamps a 64-bit integer to another type's range.
func saturateInt(v uint64, signed bool, to ptx.Type) uint64 {
	n := to.Bits()
	if signed {
		x := int64(v)
		if to.Signed() {
			return uint64(min(max(x, -1<<(n-1)), int64(maskBits(n-1)))) & maskBits(n)
		}
		if x < 0 {
			return 0
		}
		return min(v, maskBits(n))
	}
	if to.Signed() {
		return min(v, maskBits(n-1))
	}
	return min(v, maskBits(n))
}
