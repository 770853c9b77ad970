package vm

import (
	"slices"

	"mdfa/softgpu/ptx"
)

// Lists of types that instructions allow. Others are made by appending to these: as literals they have no room behind,
// so that append copies.
var (
	intTypes  = []ptx.Type{ptx.U16, ptx.U32, ptx.U64, ptx.S16, ptx.S32, ptx.S64}
	intFloats = slices.Concat(intTypes, []ptx.Type{ptx.F32, ptx.F64, ptx.F16, ptx.F16x2})
	bitTypes  = []ptx.Type{ptx.B16, ptx.B32, ptx.B64}
)

// scalarTypes are the types that registers are compared and selected by.
var scalarTypes = slices.Concat(bitTypes, intTypes, []ptx.Type{ptx.F16, ptx.F32, ptx.F64})

// wantArgs checks the number of operands.
func (l *lowerer) wantArgs(n int) {
	if len(l.cur.Args) != n {
		panic(l.errorf("%d operands, expected %d", len(l.cur.Args), n))
	}
}

// typed takes the instruction's type and checks that it is one of those allowed.
func (l *lowerer) typed(m *modifiers, allowed ...ptx.Type) ptx.Type {
	t, ok := m.typ()
	switch {
	case !ok && len(m.list) > 0:
		panic(l.errorf("modifier .%s is not supported", m.list[0]))
	case !ok:
		panic(l.errorf("a type is missing"))
	case !slices.Contains(allowed, t):
		panic(l.errorf("type .%s is not supported here", t))
	}
	return t
}

// compatible reports whether a register of one type may be used as another
// (PTX ISA, "Type Checking of Operands"; widths are judged apart): untyped goes
// with all, integers go with integers, floats with floats.
func compatible(reg, use ptx.Type) bool {
	return reg.Untyped() || use.Untyped() || reg.Float() == use.Float()
}

// src gives the operand for a value of type t. Registers must have exactly the
// type's width (an 8-bit type is held in 16 bits or more).
func (l *lowerer) src(o ptx.Operand, t ptx.Type) int32 {
	return l.srcWidth(o, t, t.Bits(), t.Bits())
}

// srcAtLeast is src where a wider register is allowed, as for st and cvt.
func (l *lowerer) srcAtLeast(o ptx.Operand, t ptx.Type) int32 {
	return l.srcWidth(o, t, t.Bits(), 64)
}

func (l *lowerer) srcWidth(o ptx.Operand, t ptx.Type, lo, hi int) int32 {
	switch o.Kind {
	case ptx.KReg:
		if o.Reg.Type == ptx.Pred {
			panic(l.errorf("%s is a predicate; a .%s value is expected", o.Reg.Name, t))
		}
		r := l.frame.regs[o.Reg.ID]
		if bits := l.regs[r].bits; bits < lo || bits > hi && !(lo == 8 && bits == 16) {
			panic(l.errorf("%s has %d bits, .%s needs %d", o.Reg.Name, bits, t, lo))
		}
		if !compatible(o.Reg.Type, t) {
			panic(l.errorf("%s is .%s, a .%s value is expected", o.Reg.Name, o.Reg.Type, t))
		}
		return r
	case ptx.KInt, ptx.KFloat:
		if t.Float() && t != ptx.F16x2 && t != ptx.BF16x2 {
			v, ok := o.Float(t.Bits())
			if !ok {
				panic(l.errorf("the constant does not fit .%s", t))
			}
			return l.constant(v)
		}
		if o.Kind == ptx.KFloat {
			if !t.Untyped() || o.FloatBits != t.Bits() {
				panic(l.errorf("a floating-point constant for .%s", t))
			}
			return l.constant(o.Int)
		}
		return l.constant(o.Int & maskBits(t.Bits()))
	case ptx.KSpecial:
		panic(l.errorf("special register %s can only be read by mov", o.Name))
	case ptx.KVar:
		if t.Bits() != 64 && t.Bits() != 32 {
			panic(l.errorf("the address of %s does not fit .%s", o.Var.Name, t))
		}
		p := l.locate(o.Var)
		addr := p.addr + uint64(o.Off)
		if addr&^maskBits(t.Bits()) != 0 {
			panic(l.errorf("the address of %s needs 64 bits", o.Var.Name))
		}
		return l.constant(addr)
	}
	panic(l.errorf("an operand of this form is not supported here"))
}

// dst gives the destination register for a value of type t.
func (l *lowerer) dst(o ptx.Operand, t ptx.Type) int32 {
	return l.dstWidth(o, t, t.Bits())
}

func (l *lowerer) dstWidth(o ptx.Operand, t ptx.Type, hi int) int32 {
	if o.Kind == ptx.KSink {
		return l.temp(max(t.Bits(), 16))
	}
	if o.Kind != ptx.KReg || o.Reg.Type == ptx.Pred {
		panic(l.errorf("a register for a .%s result is expected", t))
	}
	r := l.frame.regs[o.Reg.ID]
	if bits := l.regs[r].bits; bits < t.Bits() || bits > hi && !(hi <= 8 && bits == 16) {
		panic(l.errorf("%s has %d bits, the .%s result needs %d", o.Reg.Name, bits, t, t.Bits()))
	}
	if !compatible(o.Reg.Type, t) {
		panic(l.errorf("%s is .%s, the result is .%s", o.Reg.Name, o.Reg.Type, t))
	}
	return r
}

// predDst gives a destination predicate; the sink gives a fresh one.
func (l *lowerer) predDst(o ptx.Operand) int32 {
	if o.Kind == ptx.KSink {
		l.preds = append(l.preds, "_")
		return int32(len(l.preds) - 1)
	}
	if o.Kind != ptx.KReg || o.Reg.Type != ptx.Pred || o.Not {
		panic(l.errorf("a predicate register is expected for the result"))
	}
	return l.frame.regs[o.Reg.ID]
}

// predSrc gives a source predicate and whether it is negated.
func (l *lowerer) predSrc(o ptx.Operand) (int32, bool) {
	if o.Kind == ptx.KInt { // mov.pred %p, 1 and the like: a predicate that is set where it stands
		l.preds = append(l.preds, "constant")
		in := blank(kCall)
		in.pd, in.imm = int32(len(l.preds)-1), o.Int
		in.ex = execPredConst
		l.emit(in)
		return in.pd, false
	}
	if o.Kind != ptx.KReg || o.Reg.Type != ptx.Pred {
		panic(l.errorf("a predicate register is expected"))
	}
	return l.frame.regs[o.Reg.ID], o.Not
}

// execPredConst sets a predicate to a constant in every lane.
func execPredConst(w *warp, in *inst, m uint32) {
	w.setPred(in.pd, -bit(in.imm != 0), m)
}

// bits gives the width of a register operand.
func (l *lowerer) bits(r int32) int {
	if r < 0 {
		return 64
	}
	return l.regs[r].bits
}

// operation emits f, which takes 1, 2 or 3 vectors besides the result's; types are those of the result and the sources.
func (l *lowerer) operation(flops uint8, f any, types ...ptx.Type) {
	l.wantArgs(len(types))
	in := blank(kVec1)
	in.flops = flops
	operands := []*int32{&in.a, &in.b, &in.c}
	for i, t := range types[1:] {
		*operands[i] = l.src(l.cur.Args[i+1], t)
	}
	switch f := f.(type) {
	case func(d, a *vec):
		in.f1 = f
	case func(d, a, b *vec):
		in.kind, in.f2 = kVec2, f
	case func(d, a, b, c *vec):
		in.kind, in.f3 = kVec3, f
	}
	in.d = l.dst(l.cur.Args[0], types[0])
	l.emit(in)
}

// same emits an operation whose operands and result share one type.
func (l *lowerer) same(t ptx.Type, flops uint8, f any) {
	n := 4
	switch f.(type) {
	case func(d, a *vec):
		n = 2
	case func(d, a, b *vec):
		n = 3
	}
	l.operation(flops, f, slices.Repeat([]ptx.Type{t}, n)...)
}

// lanes is same for a lane operation that uses the first n of its operands.
func (l *lowerer) lanes(t ptx.Type, n int, flops uint8, f laneFn) {
	switch n {
	case 1:
		l.same(t, flops, lift1(func(a uint64) uint64 { return f(a, 0, 0) }))
	case 2:
		l.same(t, flops, lift2(func(a, b uint64) uint64 { return f(a, b, 0) }))
	default:
		l.same(t, flops, lift3(f))
	}
}
