package vm

import (
	"math/bits"
	"strings"

	"mdfa/softgpu/ptx"
)

// typed takes the instruction's type and checks that it is one of those allowed.
func (l *lowerer) typed(m *modifiers, allowed ...ptx.Type) (ptx.Type, error) {
	t, ok := m.typ()
	if !ok {
		if len(m.list) > 0 {
			return t, l.errorf("modifier .%s is not supported", m.list[0])
		}
		return t, l.errorf("a type is missing")
	}
	for _, a := range allowed {
		if a == t {
			return t, nil
		}
	}
	return t, l.errorf("type .%s is not supported here", t)
}

var (
	intTypes  = []ptx.Type{ptx.U16, ptx.U32, ptx.U64, ptx.S16, ptx.S32, ptx.S64}
	intFloats = append(append([]ptx.Type{}, intTypes...), ptx.F32, ptx.F64, ptx.F16, ptx.F16x2)
	bitTypes  = []ptx.Type{ptx.B16, ptx.B32, ptx.B64}
)

func lift1n(n int, f func(a uint64) uint64) func(d, a *vec) {
	m := maskBits(n)
	return lift1(func(a uint64) uint64 { return f(a) & m })
}

func lowerAddSub(l *lowerer, in *ptx.Instr, m *modifiers) error {
	mode, given := m.round()
	ftz := m.flag("ftz")
	sat := m.flag("sat")
	carryOut := m.flag("cc")
	t, err := l.typed(m, intFloats...)
	if err != nil {
		return err
	}
	if t.Float() {
		if carryOut || len(in.Op) == 4 {
			return l.errorf("carries are for integers")
		}
		return l.floatAdd(t, mode, ftz, sat, in.Op == "sub")
	}
	sub := strings.HasPrefix(in.Op, "sub")
	if given || ftz || sat && t != ptx.S32 {
		return l.errorf("rounding and .sat do not apply to .%s", t)
	}
	if carryOut || len(in.Op) == 4 {
		return l.carryAdd(t, sub, len(in.Op) == 4, carryOut)
	}
	n := t.Bits()
	var f func(d, a, b *vec)
	switch {
	case sat && sub:
		f = lift2(func(a, b uint64) uint64 { return clampS32(sx(a, 32) - sx(b, 32)) })
	case sat:
		f = lift2(func(a, b uint64) uint64 { return clampS32(sx(a, 32) + sx(b, 32)) })
	case n == 32 && sub:
		f = vSub32
	case n == 32:
		f = vAdd32
	case n == 64 && sub:
		f = vSub64
	case n == 64:
		f = vAdd64
	case sub:
		f = lift2(func(a, b uint64) uint64 { return (a - b) & 0xffff })
	default:
		f = lift2(func(a, b uint64) uint64 { return (a + b) & 0xffff })
	}
	return l.binary(t, ClassInt, 0, f)
}

// carryAdd emits add.cc, addc, sub.cc and subc. The carry is a register of the warp.
func (l *lowerer) carryAdd(t ptx.Type, sub, carryIn, carryOut bool) error {
	if t.Bits() < 32 {
		return l.errorf("carries need 32 or 64 bits")
	}
	n := t.Bits()
	err := l.binary(t, ClassInt, 0, nil)
	if err != nil {
		return err
	}
	op := &l.code[len(l.code)-1]
	op.kind = kCall
	op.ex = func(w *warp, in *inst, m uint32) {
		a, b, d := w.v(in.a), w.v(in.b), w.v(in.d)
		for i := range d {
			if m>>i&1 == 0 {
				continue
			}
			c := uint64(0)
			if carryIn {
				c = uint64(w.carry >> i & 1)
			}
			var r, out uint64
			if sub {
				r, out = bits.Sub64(a[i], b[i], c)
			} else {
				r, out = bits.Add64(a[i], b[i], c)
			}
			if n == 32 {
				out = r >> 32 & 1
				r &= 0xffffffff
			}
			d[i] = r
			if carryOut {
				w.carry = w.carry&^(1<<i) | uint32(out)<<i
			}
		}
	}
	return nil
}

func lowerMul(l *lowerer, in *ptx.Instr, m *modifiers) error {
	mode, given := m.round()
	half := m.oneOf("lo", "hi", "wide")
	ftz, sat := m.flag("ftz"), m.flag("sat")
	t, err := l.typed(m, intFloats...)
	if err != nil {
		return err
	}
	if t.Float() {
		if half != "" {
			return l.errorf(".%s is for integers", half)
		}
		return l.floatMul(t, mode, ftz, sat)
	}
	if given || ftz || sat || half == "" {
		return l.errorf("an integer product needs .lo, .hi or .wide, and no rounding")
	}
	n := t.Bits()
	switch half {
	case "lo":
		f := lift2(func(a, b uint64) uint64 { return a * b & maskBits(n) })
		if n == 32 {
			f = vMul32
		}
		return l.binary(t, ClassInt, 0, f)
	case "hi":
		hi := laneMulHi(n, t.Signed())
		return l.binary(t, ClassInt, 0, lift2(func(a, b uint64) uint64 { return hi(a, b) & maskBits(n) }))
	}
	if n == 64 {
		return l.errorf(".wide is not for 64-bit types")
	}
	wide := map[ptx.Type]ptx.Type{ptx.U16: ptx.U32, ptx.S16: ptx.S32, ptx.U32: ptx.U64, ptx.S32: ptx.S64}[t]
	f := vMulWideU32
	switch t {
	case ptx.S32:
		f = vMulWideS32
	case ptx.S16:
		f = lift2(func(a, b uint64) uint64 { return uint64(uint32(sx(a, 16) * sx(b, 16))) })
	}
	return l.operation(ClassInt, 0, []ptx.Type{wide, t, t}, nil, f, nil)
}

func lowerMad(l *lowerer, in *ptx.Instr, m *modifiers) error {
	mode, given := m.round()
	half := m.oneOf("lo", "hi", "wide")
	ftz, sat := m.flag("ftz"), m.flag("sat")
	carryOut := m.flag("cc")
	t, err := l.typed(m, intFloats...)
	if err != nil {
		return err
	}
	if t.Float() {
		if half != "" || carryOut || in.Op == "madc" {
			return l.errorf("a modifier is for integers")
		}
		return l.floatFma(t, mode, ftz, sat)
	}
	if given || ftz || half == "" || sat && !(half == "hi" && t == ptx.S32) {
		return l.errorf("an integer mad needs .lo, .hi or .wide, and no rounding")
	}
	n := t.Bits()
	hi := laneMulHi(n, t.Signed())
	if carryOut || in.Op == "madc" {
		if half == "wide" || n < 32 {
			return l.errorf("carries need .lo or .hi and 32 or 64 bits")
		}
		return l.carryMad(t, half == "hi", in.Op == "madc", carryOut, hi)
	}
	switch half {
	case "lo":
		f := lift3(func(a, b, c uint64) uint64 { return (a*b + c) & maskBits(n) })
		if n == 32 {
			f = vMad32
		}
		return l.ternary(t, ClassInt, 0, f)
	case "hi":
		f := lift3(func(a, b, c uint64) uint64 { return (hi(a, b) + c) & maskBits(n) })
		if sat {
			f = lift3(func(a, b, c uint64) uint64 { return clampS32(sx(hi(a, b), 32) + sx(c, 32)) })
		}
		return l.ternary(t, ClassInt, 0, f)
	}
	if n == 64 {
		return l.errorf(".wide is not for 64-bit types")
	}
	wide := map[ptx.Type]ptx.Type{ptx.U16: ptx.U32, ptx.S16: ptx.S32, ptx.U32: ptx.U64, ptx.S32: ptx.S64}[t]
	f := lift3(func(a, b, c uint64) uint64 { return a*b + c })
	switch t {
	case ptx.S32:
		f = vMadWideS32
	case ptx.S16:
		f = lift3(func(a, b, c uint64) uint64 { return uint64(uint32(sx(a, 16)*sx(b, 16) + int64(c))) })
	case ptx.U16:
		f = lift3(func(a, b, c uint64) uint64 { return uint64(uint32(a*b + c)) })
	}
	return l.operation(ClassInt, 0, []ptx.Type{wide, t, t, wide}, nil, nil, f)
}

// carryMad emits mad.cc and madc.
func (l *lowerer) carryMad(t ptx.Type, high, carryIn, carryOut bool, hi func(a, b uint64) uint64) error {
	if err := l.ternary(t, ClassInt, 0, nil); err != nil {
		return err
	}
	n := t.Bits()
	op := &l.code[len(l.code)-1]
	op.kind = kCall
	op.ex = func(w *warp, in *inst, m uint32) {
		a, b, c, d := w.v(in.a), w.v(in.b), w.v(in.c), w.v(in.d)
		for i := range d {
			if m>>i&1 == 0 {
				continue
			}
			p := a[i] * b[i]
			if high {
				p = hi(a[i], b[i])
			}
			carry := uint64(0)
			if carryIn {
				carry = uint64(w.carry >> i & 1)
			}
			r, out := bits.Add64(p&maskBits(n), c[i], carry)
			if n == 32 {
				out = r >> 32 & 1
				r &= 0xffffffff
			}
			d[i] = r
			if carryOut {
				w.carry = w.carry&^(1<<i) | uint32(out)<<i
			}
		}
	}
	return nil
}

func lowerRem(l *lowerer, in *ptx.Instr, m *modifiers) error {
	t, err := l.typed(m, intTypes...)
	if err != nil {
		return err
	}
	if t == ptx.S32 {
		return l.binary(t, ClassInt, 0, vRemS32)
	}
	f := masked(t.Bits(), laneRem(t.Bits(), t.Signed()))
	return l.binary(t, ClassInt, 0, lift2(func(a, b uint64) uint64 { return f(a, b, 0) }))
}

func (l *lowerer) intDiv(t ptx.Type) error {
	if t == ptx.S32 {
		return l.binary(t, ClassInt, 0, vDivS32)
	}
	f := masked(t.Bits(), laneDiv(t.Bits(), t.Signed()))
	return l.binary(t, ClassInt, 0, lift2(func(a, b uint64) uint64 { return f(a, b, 0) }))
}

func lowerSad(l *lowerer, in *ptx.Instr, m *modifiers) error {
	t, err := l.typed(m, intTypes...)
	if err != nil {
		return err
	}
	n := t.Bits()
	low, high := laneMin(n, t.Signed()), laneMax(n, t.Signed())
	return l.ternary(t, ClassInt, 0, lift3(func(a, b, c uint64) uint64 {
		return (c + high(a, b, 0) - low(a, b, 0)) & maskBits(n)
	}))
}

func lowerMul24(l *lowerer, in *ptx.Instr, m *modifiers) error {
	half := m.oneOf("lo", "hi")
	sat := m.flag("sat")
	t, err := l.typed(m, ptx.U32, ptx.S32)
	if err != nil {
		return err
	}
	if half == "" || sat && (in.Op != "mad24" || half != "hi" || t != ptx.S32) {
		return l.errorf(".lo or .hi is needed; .sat is for mad24.hi.s32")
	}
	f := laneMul24(t.Signed(), half == "hi")
	if in.Op == "mul24" {
		return l.binary(t, ClassInt, 0, lift2(f))
	}
	return l.ternary(t, ClassInt, 0, lift3(func(a, b, c uint64) uint64 {
		if sat {
			return clampS32(sx(f(a, b), 32) + sx(c, 32))
		}
		return (f(a, b) + c) & 0xffffffff
	}))
}

func lowerDp4a(l *lowerer, in *ptx.Instr, m *modifiers) error {
	a, err := l.typed(m, ptx.U32, ptx.S32)
	if err != nil {
		return err
	}
	b, err := l.typed(m, ptx.U32, ptx.S32)
	if err != nil {
		return err
	}
	return l.ternary(ptx.B32, ClassInt, 0, lift3(laneDp4a(a.Signed(), b.Signed())))
}
