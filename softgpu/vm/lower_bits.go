package vm

import (
	"math/bits"

	"mdfa/softgpu/ptx"
)

func lowerLogic(l *lowerer, in *ptx.Instr, m *modifiers) error {
	t, err := l.typed(m, append([]ptx.Type{ptx.Pred}, bitTypes...)...)
	if err != nil {
		return err
	}
	if t == ptx.Pred {
		return l.predLogic(in)
	}
	f := map[string]func(d, a, b *vec){"and": vAnd, "or": vOr, "xor": vXor}[in.Op]
	return l.binary(t, ClassInt, 0, f)
}

func lowerNot(l *lowerer, in *ptx.Instr, m *modifiers) error {
	allowed := bitTypes
	if in.Op == "not" {
		allowed = append([]ptx.Type{ptx.Pred}, bitTypes...)
	}
	t, err := l.typed(m, allowed...)
	if err != nil {
		return err
	}
	if t == ptx.Pred {
		return l.predLogic(in)
	}
	n := t.Bits()
	f := func(a uint64) uint64 { return ^a }
	if in.Op == "cnot" {
		f = func(a uint64) uint64 { return uint64(bit(a == 0)) }
	}
	return l.unary(t, ClassInt, 0, lift1n(n, f))
}

func lowerShift(l *lowerer, in *ptx.Instr, m *modifiers) error {
	allowed := bitTypes
	if in.Op == "shr" {
		allowed = append(append([]ptx.Type{}, bitTypes...), intTypes...)
	}
	t, err := l.typed(m, allowed...)
	if err != nil {
		return err
	}
	n := t.Bits()
	var f func(d, a, b *vec)
	switch {
	case in.Op == "shl" && n == 32:
		f = vShl32
	case in.Op == "shl" && n == 64:
		f = vShl64
	case in.Op == "shl":
		f = lift2(func(a, b uint64) uint64 { return a << uint32(b) & maskBits(n) })
	case t.Signed() && n == 32:
		f = vSar32
	case t.Signed():
		f = lift2(func(a, b uint64) uint64 { return uint64(sx(a, n)>>uint32(b)) & maskBits(n) })
	case n == 32:
		f = vShr32
	default:
		f = lift2(func(a, b uint64) uint64 { return a >> uint32(b) })
	}
	return l.operation(ClassInt, 0, []ptx.Type{t, t, ptx.U32}, nil, f, nil)
}

func lowerShf(l *lowerer, in *ptx.Instr, m *modifiers) error {
	dir, mode := m.oneOf("l", "r"), m.oneOf("wrap", "clamp")
	if _, err := l.typed(m, ptx.B32); err != nil {
		return err
	}
	if dir == "" || mode == "" {
		return l.errorf("a direction and .wrap or .clamp are needed")
	}
	return l.ternary(ptx.B32, ClassInt, 0, lift3(laneShf(dir == "l", mode == "wrap")))
}

func lowerLop3(l *lowerer, in *ptx.Instr, m *modifiers) error {
	if _, err := l.typed(m, ptx.B32); err != nil {
		return err
	}
	if len(in.Args) != 5 || in.Args[4].Kind != ptx.KInt || in.Args[4].Int > 255 {
		return l.errorf("expected d, a, b, c and a table 0..255")
	}
	table := in.Args[4].Int
	saved := in.Args
	short := *in
	short.Args = saved[:4]
	l.cur = &short
	defer func() { l.cur = in }()
	return l.ternary(ptx.B32, ClassInt, 0, lift3(func(a, b, c uint64) uint64 { return laneLop3(a, b, c, table) }))
}

func lowerPrmt(l *lowerer, in *ptx.Instr, m *modifiers) error {
	if _, err := l.typed(m, ptx.B32); err != nil {
		return err
	}
	mode := m.oneOf("f4e", "b4e", "rc8", "ecl", "ecr", "rc16")
	return l.ternary(ptx.B32, ClassInt, 0, lift3(lanePrmt(mode)))
}

func lowerBitField(l *lowerer, in *ptx.Instr, m *modifiers) error {
	t, err := l.typed(m, ptx.U32, ptx.U64, ptx.S32, ptx.S64)
	if err != nil {
		return err
	}
	return l.operation(ClassInt, 0, []ptx.Type{t, t, ptx.U32, ptx.U32}, nil, nil,
		lift3(masked(t.Bits(), laneBfe(t.Bits(), t.Signed()))))
}

func lowerBfi(l *lowerer, in *ptx.Instr, m *modifiers) error {
	t, err := l.typed(m, ptx.B32, ptx.B64)
	if err != nil {
		return err
	}
	if err := l.wantArgs(5); err != nil {
		return err
	}
	op := blank(kCall, ClassInt)
	types := []ptx.Type{t, t, ptx.U32, ptx.U32}
	for i, ty := range types {
		r, err := l.src(in.Args[i+1], ty)
		if err != nil {
			return err
		}
		op.sv = append(op.sv, r)
	}
	if op.d, err = l.dst(in.Args[0], t); err != nil {
		return err
	}
	n := t.Bits()
	op.ex = func(w *warp, in *inst, m uint32) {
		d, a, b, pos, length := w.v(in.d), w.v(in.sv[0]), w.v(in.sv[1]), w.v(in.sv[2]), w.v(in.sv[3])
		for i := range d {
			if m>>i&1 != 0 {
				d[i] = laneBfi(a[i], b[i], pos[i], length[i], n)
			}
		}
	}
	l.emit(op)
	return nil
}

func lowerBfind(l *lowerer, in *ptx.Instr, m *modifiers) error {
	shift := m.flag("shiftamt")
	t, err := l.typed(m, ptx.U32, ptx.U64, ptx.S32, ptx.S64)
	if err != nil {
		return err
	}
	return l.operation(ClassInt, 0, []ptx.Type{ptx.U32, t}, lift1(laneBfind(t.Bits(), t.Signed(), shift)), nil, nil)
}

func lowerBitCount(l *lowerer, in *ptx.Instr, m *modifiers) error {
	t, err := l.typed(m, ptx.B32, ptx.B64)
	if err != nil {
		return err
	}
	n := t.Bits()
	switch in.Op {
	case "clz":
		return l.operation(ClassInt, 0, []ptx.Type{ptx.U32, t}, lift1(func(a uint64) uint64 { return uint64(bits.LeadingZeros64(a) - (64 - n)) }), nil, nil)
	case "popc":
		return l.operation(ClassInt, 0, []ptx.Type{ptx.U32, t}, lift1(func(a uint64) uint64 { return uint64(bits.OnesCount64(a)) }), nil, nil)
	}
	return l.unary(t, ClassInt, 0, lift1(func(a uint64) uint64 { return bits.Reverse64(a) >> (64 - n) }))
}
