package vm

import (
	"math"

	"mdfa/softgpu/ptx"
)

// around32 wraps a single-precision lane operation in its .ftz and .sat.
func around32(f laneFn, ftz, sat bool) laneFn {
	if !ftz && !sat {
		return f
	}
	return func(a, b, c uint64) uint64 {
		if ftz {
			a, b, c = ftz32(a), ftz32(b), ftz32(c)
		}
		r := f(a, b, c)
		if ftz {
			r = ftz32(r)
		}
		if sat {
			r = sat32(r)
		}
		return r
	}
}

// around64 makes a lane operation of one on float64.
func around64(f func(a, b, c float64) float64) laneFn {
	return func(a, b, c uint64) uint64 { return bits64(f(f64(a), f64(b), f64(c))) }
}

// aroundHalf makes a lane operation on f16 of one on float64 (the operations used are exact or
// correctly rounded in float64 before the one rounding to half) and, by halves, on f16x2.
func aroundHalf(t ptx.Type, f func(a, b, c float64) float64) laneFn {
	one := func(a, b, c uint64) uint64 {
		return half.round(f(fromHalf(a), fromHalf(b), fromHalf(c)), rn)
	}
	if t == ptx.F16 {
		return one
	}
	return func(a, b, c uint64) uint64 {
		return one(a&0xffff, b&0xffff, c&0xffff) | one(a>>16&0xffff, b>>16&0xffff, c>>16&0xffff)<<16
	}
}

// floatOp is an operation in each precision. Of the operands, those beyond args are not used.
type floatOp struct {
	args  int
	flops uint8
	plain any // in single precision, rounded to nearest, without .ftz and .sat
	f32   func(a, b, c float32, mode rounding) float32
	f64   func(a, b, c float64, mode rounding) float64
	half  func(a, b, c float64) float64
}

// floatOps is a function, so that its vector operations are those that were picked for the processor.
func floatOps(name string) floatOp {
	return map[string]floatOp{
		"add": {2, 1, vAddF32, func(a, b, _ float32, mode rounding) float32 { return add32(a, b, mode) },
			func(a, b, _ float64, mode rounding) float64 { return add64(a, b, mode) },
			func(a, b, _ float64) float64 { return a + b }},
		"sub": {2, 1, vSubF32, func(a, b, _ float32, mode rounding) float32 { return add32(a, -b, mode) },
			func(a, b, _ float64, mode rounding) float64 { return add64(a, -b, mode) },
			func(a, b, _ float64) float64 { return a - b }},
		"mul": {2, 1, vMulF32, func(a, b, _ float32, mode rounding) float32 { return mul32(a, b, mode) },
			func(a, b, _ float64, mode rounding) float64 { return mul64(a, b, mode) },
			func(a, b, _ float64) float64 { return a * b }},
		// The product of two halves has 22 bits and the sum with a third spans at most
		// 10+40 more: float64 is rounded to odd so that the last rounding is the only one.
		"fma": {3, 2, vFmaF32, fma32, fma64, func(a, b, c float64) float64 { return toOdd(twoSum(a*b, c)) }},
	}[name]
}

// float emits add, sub, mul or fma on floats.
func (l *lowerer) float(name string, t ptx.Type, mode rounding, ftz, sat bool) {
	op := floatOps(name)
	switch {
	case t == ptx.F32 && mode == rn && !ftz && !sat:
		l.same(t, op.flops, op.plain)
	case t == ptx.F32:
		l.lanes(t, op.args, op.flops, around32(func(a, b, c uint64) uint64 {
			return bits32(op.f32(f32(a), f32(b), f32(c), mode))
		}, ftz, sat))
	case t == ptx.F64 && (ftz || sat):
		panic(l.errorf(".ftz and .sat are for f32"))
	case t == ptx.F64 && name == "add" && mode == rn:
		l.same(t, op.flops, vAddF64)
	case t == ptx.F64:
		l.lanes(t, op.args, op.flops, around64(func(a, b, c float64) float64 { return op.f64(a, b, c, mode) }))
	case mode != rn || ftz || sat:
		panic(l.errorf("half precision is supported with rounding to nearest, without .ftz and .sat"))
	default:
		l.lanes(t, op.args, op.flops, aroundHalf(t, op.half))
	}
}

func lowerFma(l *lowerer, _ *ptx.Instr, m *modifiers) {
	mode, given := m.round()
	ftz, sat := m.flag("ftz"), m.flag("sat")
	t := l.typed(m, ptx.F32, ptx.F64, ptx.F16, ptx.F16x2)
	if !given {
		panic(l.errorf("fma needs a rounding modifier"))
	}
	l.float("fma", t, mode, ftz, sat)
}

func lowerDiv(l *lowerer, _ *ptx.Instr, m *modifiers) {
	mode, given := m.round()
	approx := m.oneOf("approx", "full")
	ftz := m.flag("ftz")
	t := l.typed(m, append(intTypes, ptx.F32, ptx.F64)...)
	switch {
	case !t.Float() && (given || approx != "" || ftz):
		panic(l.errorf("integer division takes no modifier"))
	case t == ptx.S32:
		l.same(t, 0, vDivS32)
	case !t.Float():
		l.lanes(t, 2, 0, masked(t.Bits(), laneDiv(t.Bits(), t.Signed())))
	case t == ptx.F64 && (approx != "" || ftz || !given):
		panic(l.errorf("div.f64 needs a rounding modifier and no other"))
	case t == ptx.F64:
		l.lanes(t, 2, 1, around64(func(a, b, _ float64) float64 { return div64(a, b, mode) }))
	case !ftz && mode == rn:
		l.same(t, 1, vDivF32)
	default:
		l.lanes(t, 2, 1, around32(func(a, b, _ uint64) uint64 { return bits32(div32(f32(a), f32(b), mode)) }, ftz, false))
	}
}

func lowerAbsNeg(l *lowerer, in *ptx.Instr, m *modifiers) {
	ftz := m.flag("ftz")
	t := l.typed(m, ptx.S16, ptx.S32, ptx.S64, ptx.F32, ptx.F64, ptx.F16, ptx.F16x2)
	if ftz && t != ptx.F32 {
		panic(l.errorf(".ftz is for f32"))
	}
	neg, n := in.Op == "neg", t.Bits()
	sign := uint64(1) << (n - 1)
	if t == ptx.F16x2 {
		sign = 0x80008000
	}
	switch {
	case !t.Float():
		l.same(t, 0, lift1(func(a uint64) uint64 {
			if neg || sx(a, n) < 0 {
				return -a & maskBits(n)
			}
			return a
		}))
	case t == ptx.F32 && !ftz && neg:
		l.same(t, 1, vNegF32)
	case t == ptx.F32 && !ftz:
		l.same(t, 1, vAbsF32)
	default:
		l.lanes(t, 1, 1, around32(func(a, _, _ uint64) uint64 {
			if neg {
				return a ^ sign
			}
			return a &^ sign
		}, ftz, false))
	}
}

func lowerMinMax(l *lowerer, in *ptx.Instr, m *modifiers) {
	ftz, nan := m.flag("ftz"), m.flag("NaN")
	t := l.typed(m, append(intTypes, ptx.F32, ptx.F64)...)
	switch {
	case !t.Float() && (ftz || nan):
		panic(l.errorf("modifiers are for floats"))
	case t == ptx.F64 && (ftz || nan):
		panic(l.errorf("modifiers are for f32"))
	}
	n, signed := t.Bits(), t.Signed()
	ints, f, double, plain := laneMax(n, signed), max32, max64, vMaxF32
	if in.Op == "min" {
		ints, f, double, plain = laneMin(n, signed), min32, min64, vMinF32
	}
	switch {
	case !t.Float():
		l.lanes(t, 2, 0, masked(n, ints))
	case t == ptx.F64:
		l.lanes(t, 2, 1, around64(func(a, b, _ float64) float64 { return double(a, b) }))
	case !nan && !ftz:
		l.same(t, 1, plain)
	default:
		l.lanes(t, 2, 1, around32(func(a, b, _ uint64) uint64 {
			if nan && (f32(a) != f32(a) || f32(b) != f32(b)) {
				return canonicalNaN32
			}
			return f(a, b)
		}, ftz, false))
	}
}

// approximations are the functions that PTX has in approximate form. They are
// computed in float64 and rounded once.
var approximations = map[string]func(float64) float64{
	"rsqrt": func(x float64) float64 { return 1 / math.Sqrt(x) },
	"rcp":   func(x float64) float64 { return 1 / x },
	"sqrt":  math.Sqrt, "ex2": math.Exp2, "lg2": math.Log2, "sin": math.Sin, "cos": math.Cos, "tanh": math.Tanh,
}

// lowerUnaryFloat lowers sqrt, rsqrt, rcp, ex2, lg2, sin, cos and tanh.
func lowerUnaryFloat(l *lowerer, in *ptx.Instr, m *modifiers) {
	mode, given := m.round()
	approx := m.flag("approx")
	ftz := m.flag("ftz")
	t := l.typed(m, ptx.F32, ptx.F64)
	exactForm := in.Op == "sqrt" || in.Op == "rcp"
	if given == approx || given && !exactForm {
		panic(l.errorf("it needs .approx, or for sqrt and rcp a rounding modifier"))
	}
	f := approximations[in.Op]
	switch {
	case t == ptx.F64 && (ftz && !approx || approx && in.Op != "rcp" && in.Op != "rsqrt"):
		panic(l.errorf("this form does not exist for f64"))
	case t == ptx.F64 && approx && (ftz || in.Op == "rcp"): // these work on the upper 32 bits only
		l.same(t, 1, lift1(func(a uint64) uint64 { return bits64(f(f64(a&^0xffffffff))) &^ 0xffffffff }))
	case t == ptx.F64 && approx:
		l.lanes(t, 1, 1, around64(func(a, _, _ float64) float64 { return f(a) }))
	case t == ptx.F64 && in.Op == "rcp":
		l.lanes(t, 1, 1, around64(func(a, _, _ float64) float64 { return div64(1, a, mode) }))
	case t == ptx.F64:
		l.lanes(t, 1, 1, around64(func(a, _, _ float64) float64 { return sqrt64(a, mode) }))
	case in.Op == "sqrt" && mode == rn && !ftz:
		l.same(t, 1, vSqrtF32)
	case in.Op == "rcp" && approx && ftz:
		l.same(t, 1, vRcpF32)
	case in.Op == "ex2" && approx && ftz:
		l.same(t, 1, vEx2F32)
	default:
		l.lanes(t, 1, 1, around32(func(a, _, _ uint64) uint64 {
			switch {
			case given && in.Op == "sqrt":
				return bits32(sqrt32(f32(a), mode))
			case given:
				return bits32(div32(1, f32(a), mode))
			}
			return bits32(float32(f(float64(f32(a)))))
		}, ftz, false))
	}
}

func lowerCopysign(l *lowerer, _ *ptx.Instr, m *modifiers) {
	t := l.typed(m, ptx.F32, ptx.F64)
	sign := uint64(1) << (t.Bits() - 1)
	l.same(t, 0, lift2(func(a, b uint64) uint64 { return b&^sign | a&sign }))
}
