package vm

import (
	"math/bits"
	"strings"

	"mdfa/softgpu/ptx"
)

func lowerAddSub(l *lowerer, in *ptx.Instr, m *modifiers) {
	mode, given := m.round()
	ftz := m.flag("ftz")
	sat := m.flag("sat")
	carryOut := m.flag("cc")
	carryIn := len(in.Op) == 4 // addc, subc
	t := l.typed(m, intFloats...)
	if t.Float() {
		if carryOut || carryIn {
			panic(l.errorf("carries are for integers"))
		}
		l.float(in.Op, t, mode, ftz, sat)
		return
	}
	sub, n := strings.HasPrefix(in.Op, "sub"), t.Bits()
	if given || ftz || sat && t != ptx.S32 {
		panic(l.errorf("rounding and .sat do not apply to .%s", t))
	}
	if carryOut || carryIn {
		if n < 32 {
			panic(l.errorf("carries need 32 or 64 bits"))
		}
		l.carry(t, nil, sub, carryIn, carryOut)
		return
	}
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
	l.same(t, 0, f)
}

// carry emits a sum or difference with a carry in or out, which is a register of the warp: of two operands, or where
// product is not nil, of the product of two and a third.
func (l *lowerer) carry(t ptx.Type, product func(a, b uint64) uint64, sub, carryIn, carryOut bool) {
	n := t.Bits()
	add := bits.Add64
	if sub {
		add = bits.Sub64
	}
	if product == nil {
		l.same(t, 0, (func(d, a, b *vec))(nil))
	} else {
		l.same(t, 0, (func(d, a, b, c *vec))(nil))
	}
	op := &l.code[len(l.code)-1]
	op.kind = kCall
	op.ex = func(w *warp, in *inst, m uint32) {
		a, b, d := w.v(in.a), w.v(in.b), w.v(in.d)
		for i := range d {
			if m>>i&1 == 0 {
				continue
			}
			x, y := a[i], b[i]
			if product != nil {
				x, y = product(x, y)&maskBits(n), w.v(in.c)[i]
			}
			c := uint64(0)
			if carryIn {
				c = uint64(w.carry >> i & 1)
			}
			r, out := add(x, y, c)
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
}

// wideOf gives the type of a .wide product.
var wideOf = map[ptx.Type]ptx.Type{ptx.U16: ptx.U32, ptx.S16: ptx.S32, ptx.U32: ptx.U64, ptx.S32: ptx.S64}

func lowerMul(l *lowerer, _ *ptx.Instr, m *modifiers) {
	mode, given := m.round()
	half := m.oneOf("lo", "hi", "wide")
	ftz, sat := m.flag("ftz"), m.flag("sat")
	t := l.typed(m, intFloats...)
	n := t.Bits()
	switch {
	case t.Float() && half != "":
		panic(l.errorf(".%s is for integers", half))
	case t.Float():
		l.float("mul", t, mode, ftz, sat)
	case given || ftz || sat || half == "":
		panic(l.errorf("an integer product needs .lo, .hi or .wide, and no rounding"))
	case half == "lo" && n == 32:
		l.same(t, 0, vMul32)
	case half == "lo":
		l.same(t, 0, lift2(func(a, b uint64) uint64 { return a * b & maskBits(n) }))
	case half == "hi":
		hi := laneMulHi(n, t.Signed())
		l.same(t, 0, lift2(func(a, b uint64) uint64 { return hi(a, b) & maskBits(n) }))
	case n == 64:
		panic(l.errorf(".wide is not for 64-bit types"))
	default:
		f := vMulWideU32
		switch t {
		case ptx.S32:
			f = vMulWideS32
		case ptx.S16:
			f = lift2(func(a, b uint64) uint64 { return uint64(uint32(sx(a, 16) * sx(b, 16))) })
		}
		l.operation(0, f, wideOf[t], t, t)
	}
}

func lowerMad(l *lowerer, in *ptx.Instr, m *modifiers) {
	mode, given := m.round()
	half := m.oneOf("lo", "hi", "wide")
	ftz, sat := m.flag("ftz"), m.flag("sat")
	carryOut := m.flag("cc")
	carryIn := in.Op == "madc"
	t := l.typed(m, intFloats...)
	if t.Float() {
		if half != "" || carryOut || carryIn {
			panic(l.errorf("a modifier is for integers"))
		}
		l.float("fma", t, mode, ftz, sat)
		return
	}
	n := t.Bits()
	product := laneMulHi(n, t.Signed())
	if half == "lo" {
		product = func(a, b uint64) uint64 { return a * b }
	}
	switch {
	case given || ftz || half == "" || sat && !(half == "hi" && t == ptx.S32):
		panic(l.errorf("an integer mad needs .lo, .hi or .wide, and no rounding"))
	case (carryOut || carryIn) && (half == "wide" || n < 32):
		panic(l.errorf("carries need .lo or .hi and 32 or 64 bits"))
	case carryOut || carryIn:
		l.carry(t, product, false, carryIn, carryOut)
	case half == "lo" && n == 32:
		l.same(t, 0, vMad32)
	case sat:
		l.same(t, 0, lift3(func(a, b, c uint64) uint64 { return clampS32(sx(product(a, b), 32) + sx(c, 32)) }))
	case half != "wide":
		l.same(t, 0, lift3(func(a, b, c uint64) uint64 { return (product(a, b) + c) & maskBits(n) }))
	case n == 64:
		panic(l.errorf(".wide is not for 64-bit types"))
	default:
		f := lift3(func(a, b, c uint64) uint64 { return a*b + c })
		switch t {
		case ptx.S32:
			f = vMadWideS32
		case ptx.S16:
			f = lift3(func(a, b, c uint64) uint64 { return uint64(uint32(sx(a, 16)*sx(b, 16) + int64(c))) })
		case ptx.U16:
			f = lift3(func(a, b, c uint64) uint64 { return uint64(uint32(a*b + c)) })
		}
		l.operation(0, f, wideOf[t], t, t, wideOf[t])
	}
}

func lowerRem(l *lowerer, _ *ptx.Instr, m *modifiers) {
	t := l.typed(m, intTypes...)
	if t == ptx.S32 {
		l.same(t, 0, vRemS32)
		return
	}
	l.lanes(t, 2, 0, masked(t.Bits(), laneRem(t.Bits(), t.Signed())))
}

func lowerSad(l *lowerer, _ *ptx.Instr, m *modifiers) {
	t := l.typed(m, intTypes...)
	n := t.Bits()
	low, high := laneMin(n, t.Signed()), laneMax(n, t.Signed())
	l.lanes(t, 3, 0, masked(n, func(a, b, c uint64) uint64 { return c + high(a, b, 0) - low(a, b, 0) }))
}

func lowerDp4a(l *lowerer, _ *ptx.Instr, m *modifiers) {
	a := l.typed(m, ptx.U32, ptx.S32)
	b := l.typed(m, ptx.U32, ptx.S32)
	l.same(ptx.B32, 0, lift3(laneDp4a(a.Signed(), b.Signed())))
}
