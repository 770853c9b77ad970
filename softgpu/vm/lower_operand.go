package vm

import "mdfa/softgpu/ptx"

// wantArgs checks the number of operands.
func (l *lowerer) wantArgs(n int) error {
	if len(l.cur.Args) != n {
		return l.errorf("%d operands, expected %d", len(l.cur.Args), n)
	}
	return nil
}

func maskBits(bits int) uint64 {
	if bits >= 64 {
		return ^uint64(0)
	}
	return 1<<bits - 1
}

var untyped = map[int]ptx.Type{16: ptx.B16, 32: ptx.B32, 64: ptx.B64}

// compatible reports whether a register of one type may be used as another
// (PTX ISA, "Type Checking of Operands"; widths are judged apart): untyped goes
// with all, integers go with integers, floats with floats.
func compatible(reg, use ptx.Type) bool {
	return reg.Untyped() || use.Untyped() || reg.Float() == use.Float()
}

// src gives the operand for a value of type t. Registers must have exactly the
// type's width (an 8-bit type is held in 16 bits or more).
func (l *lowerer) src(o ptx.Operand, t ptx.Type) (int32, error) {
	return l.srcWidth(o, t, t.Bits(), t.Bits())
}

// srcAtLeast is src where a wider register is allowed, as for st and cvt.
func (l *lowerer) srcAtLeast(o ptx.Operand, t ptx.Type) (int32, error) {
	return l.srcWidth(o, t, t.Bits(), 64)
}

func (l *lowerer) srcWidth(o ptx.Operand, t ptx.Type, lo, hi int) (int32, error) {
	switch o.Kind {
	case ptx.KReg:
		if o.Reg.Type == ptx.Pred {
			return 0, l.errorf("%s is a predicate; a .%s value is expected", o.Reg.Name, t)
		}
		r := l.frame.regs[o.Reg.ID]
		if bits := l.regs[r].bits; bits < lo || bits > hi && !(lo == 8 && bits == 16) {
			return 0, l.errorf("%s has %d bits, .%s needs %d", o.Reg.Name, bits, t, lo)
		}
		if !compatible(o.Reg.Type, t) {
			return 0, l.errorf("%s is .%s, a .%s value is expected", o.Reg.Name, o.Reg.Type, t)
		}
		return r, nil
	case ptx.KInt, ptx.KFloat:
		if t.Float() && t != ptx.F16x2 && t != ptx.BF16x2 {
			v, ok := o.Float(t.Bits())
			if !ok {
				return 0, l.errorf("the constant does not fit .%s", t)
			}
			return l.constant(v), nil
		}
		if o.Kind == ptx.KFloat {
			if !t.Untyped() || o.FloatBits != t.Bits() {
				return 0, l.errorf("a floating-point constant for .%s", t)
			}
			return l.constant(o.Int), nil
		}
		return l.constant(o.Int & maskBits(t.Bits())), nil
	case ptx.KSpecial:
		return 0, l.errorf("special register %s can only be read by mov", o.Name)
	case ptx.KVar:
		if t.Bits() != 64 && t.Bits() != 32 {
			return 0, l.errorf("the address of %s does not fit .%s", o.Var.Name, t)
		}
		p, err := l.locate(o.Var)
		if err != nil {
			return 0, err
		}
		addr := p.addr + uint64(o.Off)
		if addr&^maskBits(t.Bits()) != 0 {
			return 0, l.errorf("the address of %s needs 64 bits", o.Var.Name)
		}
		return l.constant(addr), nil
	}
	return 0, l.errorf("an operand of this form is not supported here")
}

// dst gives the destination register for a value of type t.
func (l *lowerer) dst(o ptx.Operand, t ptx.Type) (int32, error) {
	return l.dstWidth(o, t, t.Bits())
}

func (l *lowerer) dstWidth(o ptx.Operand, t ptx.Type, hi int) (int32, error) {
	if o.Kind == ptx.KSink {
		return l.temp(max(t.Bits(), 16)), nil
	}
	if o.Kind != ptx.KReg || o.Reg.Type == ptx.Pred {
		return 0, l.errorf("a register for a .%s result is expected", t)
	}
	r := l.frame.regs[o.Reg.ID]
	if bits := l.regs[r].bits; bits < t.Bits() || bits > hi && !(hi <= 8 && bits == 16) {
		return 0, l.errorf("%s has %d bits, the .%s result needs %d", o.Reg.Name, bits, t, t.Bits())
	}
	if !compatible(o.Reg.Type, t) {
		return 0, l.errorf("%s is .%s, the result is .%s", o.Reg.Name, o.Reg.Type, t)
	}
	return r, nil
}

// predDst gives a destination predicate; the sink gives a fresh one.
func (l *lowerer) predDst(o ptx.Operand) (int32, error) {
	if o.Kind == ptx.KSink {
		l.preds = append(l.preds, "_")
		return int32(len(l.preds) - 1), nil
	}
	if o.Kind != ptx.KReg || o.Reg.Type != ptx.Pred || o.Not {
		return 0, l.errorf("a predicate register is expected for the result")
	}
	return l.frame.regs[o.Reg.ID], nil
}

// predSrc gives a source predicate and whether it is negated.
func (l *lowerer) predSrc(o ptx.Operand) (int32, bool, error) {
	if o.Kind == ptx.KInt { // mov.pred %p, 1 and the like: a predicate that is set where it stands
		l.preds = append(l.preds, "constant")
		in := blank(kCall, ClassPredicate)
		in.pd, in.imm = int32(len(l.preds)-1), o.Int
		in.ex = execPredConst
		l.emit(in)
		return in.pd, false, nil
	}
	if o.Kind != ptx.KReg || o.Reg.Type != ptx.Pred {
		return 0, false, l.errorf("a predicate register is expected")
	}
	return l.frame.regs[o.Reg.ID], o.Not, nil
}

// bits gives the width of a register operand.
func (l *lowerer) bits(r int32) int {
	if r < 0 {
		return 64
	}
	return l.regs[r].bits
}

// unary, binary and ternary emit an operation whose operands and result share
// one type.
func (l *lowerer) unary(t ptx.Type, class Class, flops uint8, f func(d, a *vec)) error {
	if err := l.wantArgs(2); err != nil {
		return err
	}
	return l.operation(class, flops, []ptx.Type{t, t}, f, nil, nil)
}

func (l *lowerer) binary(t ptx.Type, class Class, flops uint8, f func(d, a, b *vec)) error {
	return l.operation(class, flops, []ptx.Type{t, t, t}, nil, f, nil)
}

func (l *lowerer) ternary(t ptx.Type, class Class, flops uint8, f func(d, a, b, c *vec)) error {
	return l.operation(class, flops, []ptx.Type{t, t, t, t}, nil, nil, f)
}

// operation emits an operation; types are those of the result and the sources.
func (l *lowerer) operation(class Class, flops uint8, types []ptx.Type, f1 func(d, a *vec), f2 func(d, a, b *vec), f3 func(d, a, b, c *vec)) error {
	if err := l.wantArgs(len(types)); err != nil {
		return err
	}
	in := blank(kVec1, class)
	in.flops, in.f1, in.f2, in.f3 = flops, f1, f2, f3
	var ops [3]int32
	for i, t := range types[1:] {
		r, err := l.src(l.cur.Args[i+1], t)
		if err != nil {
			return err
		}
		ops[i] = r
	}
	in.a = ops[0]
	if len(types) > 2 {
		in.kind, in.b = kVec2, ops[1]
	}
	if len(types) > 3 {
		in.kind, in.c = kVec3, ops[2]
	}
	d, err := l.dst(l.cur.Args[0], types[0])
	if err != nil {
		return err
	}
	in.d = d
	l.emit(in)
	return nil
}
