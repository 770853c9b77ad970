package vm

import (
	"math/bits"

	"mdfa/softgpu/ptx"
)

func lowerLogic(l *lowerer, in *ptx.Instr, m *modifiers) {
	t := l.typed(m, append(bitTypes, ptx.Pred)...)
	if t == ptx.Pred {
		l.predLogic(in)
		return
	}
	l.same(t, 0, map[string]any{
		"and": vAnd, "or": vOr, "xor": vXor, "not": lift1(func(a uint64) uint64 { return ^a & maskBits(t.Bits()) }),
	}[in.Op])
}

func lowerShift(l *lowerer, in *ptx.Instr, m *modifiers) {
	allowed := bitTypes
	if in.Op == "shr" {
		allowed = append(bitTypes, intTypes...)
	}
	t := l.typed(m, allowed...)
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
	l.operation(0, f, t, t, ptx.U32)
}

func lowerShf(l *lowerer, in *ptx.Instr, m *modifiers) {
	dir, mode := m.oneOf("l", "r"), m.oneOf("wrap", "clamp")
	l.typed(m, ptx.B32)
	if dir == "" || mode == "" {
		panic(l.errorf("a direction and .wrap or .clamp are needed"))
	}
	l.same(ptx.B32, 0, lift3(laneShf(dir == "l", mode == "wrap")))
}

func lowerLop3(l *lowerer, in *ptx.Instr, m *modifiers) {
	l.typed(m, ptx.B32)
	if len(in.Args) != 5 || in.Args[4].Kind != ptx.KInt || in.Args[4].Int > 255 {
		panic(l.errorf("expected d, a, b, c and a table 0..255"))
	}
	table := in.Args[4].Int
	short := *in
	short.Args = in.Args[:4]
	l.cur = &short
	defer func() { l.cur = in }()
	l.same(ptx.B32, 0, lift3(func(a, b, c uint64) uint64 { return laneLop3(a, b, c, table) }))
}

func lowerPrmt(l *lowerer, _ *ptx.Instr, m *modifiers) {
	l.typed(m, ptx.B32)
	l.same(ptx.B32, 0, lift3(lanePrmt))
}

func lowerBfe(l *lowerer, _ *ptx.Instr, m *modifiers) {
	t := l.typed(m, ptx.U32, ptx.U64, ptx.S32, ptx.S64)
	l.operation(0, lift3(masked(t.Bits(), laneBfe(t.Bits(), t.Signed()))), t, t, ptx.U32, ptx.U32)
}

func lowerBfi(l *lowerer, in *ptx.Instr, m *modifiers) {
	t := l.typed(m, ptx.B32, ptx.B64)
	l.wantArgs(5)
	op := blank(kCall)
	for i, ty := range []ptx.Type{t, t, ptx.U32, ptx.U32} {
		op.sv = append(op.sv, l.src(in.Args[i+1], ty))
	}
	op.d = l.dst(in.Args[0], t)
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
}

func lowerBfind(l *lowerer, _ *ptx.Instr, m *modifiers) {
	shift := m.flag("shiftamt")
	t := l.typed(m, ptx.U32, ptx.U64, ptx.S32, ptx.S64)
	l.operation(0, lift1(laneBfind(t.Bits(), t.Signed(), shift)), ptx.U32, t)
}

// lowerBitCount lowers clz, popc and brev.
func lowerBitCount(l *lowerer, in *ptx.Instr, m *modifiers) {
	t := l.typed(m, ptx.B32, ptx.B64)
	n := t.Bits()
	result, f := ptx.U32, func(a uint64) uint64 { return uint64(bits.OnesCount64(a)) }
	switch in.Op {
	case "clz":
		f = func(a uint64) uint64 { return uint64(bits.LeadingZeros64(a) - (64 - n)) }
	case "brev":
		result, f = t, func(a uint64) uint64 { return bits.Reverse64(a) >> (64 - n) }
	}
	l.operation(0, lift1(f), result, t)
}
