package vm

import (
	"math"

	"mdfa/softgpu/ptx"
)

// around wraps a single-precision lane operation in its .ftz and .sat.
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

func as1(f laneFn) func(d, a *vec) {
	return lift1(func(a uint64) uint64 { return f(a, 0, 0) })
}

func as2(f laneFn) func(d, a, b *vec) {
	return lift2(func(a, b uint64) uint64 { return f(a, b, 0) })
}

// half lifts a float64 lane operation to f16 (the operations used are exact or
// correctly rounded in float64 before the one rounding to half) and, by halves, f16x2.
func halfOp(t ptx.Type, f func(a, b, c float64) float64) laneFn {
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

func (l *lowerer) halfPlain(mode rounding, ftz, sat bool) error {
	if mode != rn || ftz || sat {
		return l.errorf("half precision is supported with rounding to nearest, without .ftz and .sat")
	}
	return nil
}

func (l *lowerer) floatAdd(t ptx.Type, mode rounding, ftz, sat, sub bool) error {
	switch t {
	case ptx.F32:
		if mode == rn && !ftz && !sat {
			if sub {
				return l.binary(t, ClassFloat, 1, vSubF32)
			}
			return l.binary(t, ClassFloat, 1, vAddF32)
		}
		return l.binary(t, ClassFloat, 1, as2(around32(func(a, b, _ uint64) uint64 {
			y := f32(b)
			if sub {
				y = -y
			}
			return bits32(add32(f32(a), y, mode))
		}, ftz, sat)))
	case ptx.F64:
		if ftz || sat {
			return l.errorf(".ftz and .sat are for f32")
		}
		if mode == rn && !sub {
			return l.binary(t, ClassDouble, 1, vAddF64)
		}
		return l.binary(t, ClassDouble, 1, lift2(func(a, b uint64) uint64 {
			y := f64(b)
			if sub {
				y = -y
			}
			return bits64(add64(f64(a), y, mode))
		}))
	}
	if err := l.halfPlain(mode, ftz, sat); err != nil {
		return err
	}
	return l.binary(t, ClassFloat, 1, as2(halfOp(t, func(a, b, _ float64) float64 {
		if sub {
			return a - b
		}
		return a + b
	})))
}

func (l *lowerer) floatMul(t ptx.Type, mode rounding, ftz, sat bool) error {
	switch t {
	case ptx.F32:
		if mode == rn && !ftz && !sat {
			return l.binary(t, ClassFloat, 1, vMulF32)
		}
		return l.binary(t, ClassFloat, 1, as2(around32(func(a, b, _ uint64) uint64 {
			return bits32(mul32(f32(a), f32(b), mode))
		}, ftz, sat)))
	case ptx.F64:
		if ftz || sat {
			return l.errorf(".ftz and .sat are for f32")
		}
		return l.binary(t, ClassDouble, 1, lift2(func(a, b uint64) uint64 { return bits64(mul64(f64(a), f64(b), mode)) }))
	}
	if err := l.halfPlain(mode, ftz, sat); err != nil {
		return err
	}
	return l.binary(t, ClassFloat, 1, as2(halfOp(t, func(a, b, _ float64) float64 { return a * b })))
}

func (l *lowerer) floatFma(t ptx.Type, mode rounding, ftz, sat bool) error {
	switch t {
	case ptx.F32:
		if mode == rn && !ftz && !sat {
			return l.ternary(t, ClassFloat, 2, vFmaF32)
		}
		return l.ternary(t, ClassFloat, 2, lift3(around32(func(a, b, c uint64) uint64 {
			return bits32(fma32(f32(a), f32(b), f32(c), mode))
		}, ftz, sat)))
	case ptx.F64:
		if ftz || sat {
			return l.errorf(".ftz and .sat are for f32")
		}
		return l.ternary(t, ClassDouble, 2, lift3(func(a, b, c uint64) uint64 { return bits64(fma64(f64(a), f64(b), f64(c), mode)) }))
	}
	if err := l.halfPlain(mode, ftz, sat); err != nil {
		return err
	}
	// The product of two halves has 22 bits and the sum with a third spans at most
	// 10+40 more: float64 is rounded to odd so that the last rounding is the only one.
	return l.ternary(t, ClassFloat, 2, lift3(halfOp(t, func(a, b, c float64) float64 {
		s, e := twoSum(a*b, c)
		return toOdd(s, e)
	})))
}

func lowerFma(l *lowerer, in *ptx.Instr, m *modifiers) error {
	mode, given := m.round()
	ftz, sat := m.flag("ftz"), m.flag("sat")
	t, err := l.typed(m, ptx.F32, ptx.F64, ptx.F16, ptx.F16x2)
	if err != nil {
		return err
	}
	if !given {
		return l.errorf("fma needs a rounding modifier")
	}
	return l.floatFma(t, mode, ftz, sat)
}

func lowerDiv(l *lowerer, in *ptx.Instr, m *modifiers) error {
	mode, given := m.round()
	approx := m.oneOf("approx", "full")
	ftz := m.flag("ftz")
	t, err := l.typed(m, append(append([]ptx.Type{}, intTypes...), ptx.F32, ptx.F64)...)
	if err != nil {
		return err
	}
	switch {
	case !t.Float() && (given || approx != "" || ftz):
		return l.errorf("integer division takes no modifier")
	case !t.Float():
		return l.intDiv(t)
	case t == ptx.F64 && (approx != "" || ftz || !given):
		return l.errorf("div.f64 needs a rounding modifier and no other")
	case t == ptx.F64:
		return l.binary(t, ClassDouble, 1, lift2(func(a, b uint64) uint64 { return bits64(div64(f64(a), f64(b), mode)) }))
	case !ftz && mode == rn:
		return l.binary(t, ClassFloat, 1, vDivF32)
	}
	return l.binary(t, ClassFloat, 1, as2(around32(func(a, b, _ uint64) uint64 {
		return bits32(div32(f32(a), f32(b), mode))
	}, ftz, false)))
}

func lowerAbsNeg(l *lowerer, in *ptx.Instr, m *modifiers) error {
	ftz := m.flag("ftz")
	t, err := l.typed(m, ptx.S16, ptx.S32, ptx.S64, ptx.F32, ptx.F64, ptx.F16, ptx.F16x2)
	if err != nil {
		return err
	}
	if ftz && t != ptx.F32 {
		return l.errorf(".ftz is for f32")
	}
	if !t.Float() {
		if in.Op == "abs" {
			return l.unary(t, ClassInt, 0, lift1(laneAbs(t.Bits())))
		}
		return l.unary(t, ClassInt, 0, lift1n(t.Bits(), func(a uint64) uint64 { return -a }))
	}
	sign := uint64(1) << (t.Bits() - 1)
	if t == ptx.F16x2 {
		sign = 0x80008000
	}
	neg := in.Op == "neg"
	switch {
	case t == ptx.F32 && !ftz && neg:
		return l.unary(t, ClassFloat, 1, vNegF32)
	case t == ptx.F32 && !ftz:
		return l.unary(t, ClassFloat, 1, vAbsF32)
	}
	return l.unary(t, ClassFloat, 1, as1(around32(func(a, _, _ uint64) uint64 {
		if neg {
			return a ^ sign
		}
		return a &^ sign
	}, ftz, false)))
}

func lowerMinMax(l *lowerer, in *ptx.Instr, m *modifiers) error {
	ftz, nan := m.flag("ftz"), m.flag("NaN")
	t, err := l.typed(m, append(append([]ptx.Type{}, intTypes...), ptx.F32, ptx.F64)...)
	if err != nil {
		return err
	}
	low := in.Op == "min"
	if !t.Float() {
		if ftz || nan {
			return l.errorf("modifiers are for floats")
		}
		f := laneMax(t.Bits(), t.Signed())
		if low {
			f = laneMin(t.Bits(), t.Signed())
		}
		return l.binary(t, ClassInt, 0, as2(masked(t.Bits(), f)))
	}
	if t == ptx.F64 {
		if ftz || nan {
			return l.errorf("modifiers are for f32")
		}
		f := max64
		if low {
			f = min64
		}
		return l.binary(t, ClassDouble, 1, lift2(func(a, b uint64) uint64 { return bits64(f(f64(a), f64(b))) }))
	}
	switch {
	case !nan && !ftz && low:
		return l.binary(t, ClassFloat, 1, vMinF32)
	case !nan && !ftz:
		return l.binary(t, ClassFloat, 1, vMaxF32)
	}
	f := max32
	if low {
		f = min32
	}
	return l.binary(t, ClassFloat, 1, as2(around32(func(a, b, _ uint64) uint64 {
		if nan && (f32(a) != f32(a) || f32(b) != f32(b)) {
			return canonicalNaN32
		}
		return f(a, b)
	}, ftz, false)))
}

// approximations are the functions that PTX has in approximate form. They are
// computed in float64 and rounded once.
var approximations = map[string]func(float64) float64{
	"rsqrt": func(x float64) float64 { return 1 / math.Sqrt(x) },
	"rcp":   func(x float64) float64 { return 1 / x },
	"sqrt":  math.Sqrt, "ex2": math.Exp2, "lg2": math.Log2, "sin": math.Sin, "cos": math.Cos, "tanh": math.Tanh,
}

// lowerUnaryFloat lowers sqrt, rsqrt, rcp, ex2, lg2, sin, cos and tanh.
func lowerUnaryFloat(l *lowerer, in *ptx.Instr, m *modifiers) error {
	mode, given := m.round()
	approx := m.flag("approx")
	ftz := m.flag("ftz")
	t, err := l.typed(m, ptx.F32, ptx.F64)
	if err != nil {
		return err
	}
	exactForm := in.Op == "sqrt" || in.Op == "rcp"
	if given == approx || given && !exactForm {
		return l.errorf("it needs .approx, or for sqrt and rcp a rounding modifier")
	}
	if t == ptx.F64 {
		if ftz && !approx || approx && in.Op != "rcp" && in.Op != "rsqrt" {
			return l.errorf("this form does not exist for f64")
		}
		return l.unary(t, ClassDouble, 1, lift1(func(a uint64) uint64 {
			switch {
			case approx && in.Op == "rcp":
				// rcp.approx.ftz.f64 works on the upper 32 bits only.
				return bits64(1/f64(a&^0xffffffff)) &^ 0xffffffff
			case approx && !ftz:
				return bits64(1 / math.Sqrt(f64(a)))
			case approx:
				return bits64(1/math.Sqrt(f64(a&^0xffffffff))) &^ 0xffffffff
			case in.Op == "rcp":
				return bits64(div64(1, f64(a), mode))
			}
			return bits64(sqrt64(f64(a), mode))
		}))
	}
	if in.Op == "sqrt" && mode == rn && !ftz {
		return l.unary(t, ClassFloat, 1, vSqrtF32)
	}
	switch {
	case in.Op == "rcp" && approx && ftz:
		return l.unary(t, ClassFloat, 1, vRcpF32)
	case in.Op == "ex2" && approx && ftz:
		return l.unary(t, ClassFloat, 1, vEx2F32)
	}
	f := approximations[in.Op]
	return l.unary(t, ClassFloat, 1, as1(around32(func(a, _, _ uint64) uint64 {
		switch {
		case given && in.Op == "sqrt":
			return bits32(sqrt32(f32(a), mode))
		case given:
			return bits32(div32(1, f32(a), mode))
		}
		return bits32(float32(f(float64(f32(a)))))
	}, ftz, false)))
}

func lowerCopysign(l *lowerer, in *ptx.Instr, m *modifiers) error {
	t, err := l.typed(m, ptx.F32, ptx.F64)
	if err != nil {
		return err
	}
	sign := uint64(1) << (t.Bits() - 1)
	return l.binary(t, ClassFloat, 0, lift2(func(a, b uint64) uint64 { return b&^sign | a&sign }))
}

// lowerTestp lowers testp: a property of a float.
func lowerTestp(l *lowerer, in *ptx.Instr, m *modifiers) error {
	what := m.oneOf("finite", "infinite", "number", "notanumber", "normal", "subnormal")
	t, err := l.typed(m, ptx.F32, ptx.F64)
	if err != nil {
		return err
	}
	if err := l.wantArgs(2); err != nil {
		return err
	}
	test := func(v uint64) bool {
		x, tiny := f64(v), 0x1p-1022
		if t == ptx.F32 {
			x, tiny = float64(f32(v)), 0x1p-126
		}
		inf, nan, small := math.IsInf(x, 0), x != x, math.Abs(x) < tiny
		switch what {
		case "finite":
			return !inf && !nan
		case "infinite":
			return inf
		case "number":
			return !nan
		case "notanumber":
			return nan
		case "normal":
			return !inf && !nan && !small
		}
		return small && x != 0
	}
	if what == "" {
		return l.errorf("the property to test is missing")
	}
	op := blank(kSetp, ClassPredicate)
	if op.a, err = l.src(in.Args[1], t); err != nil {
		return err
	}
	op.b = op.a
	if op.pd, err = l.predDst(in.Args[0]); err != nil {
		return err
	}
	op.cmp = func(a, _ *vec) (m uint32) {
		for i := range a {
			m |= bit(test(a[i])) << (i & 31)
		}
		return m
	}
	l.emit(op)
	return nil
}
