package vm

import (
	"slices"

	"mdfa/softgpu/ptx"
)

var memSpaces = map[string]ptx.Space{
	"global": ptx.Global, "shared": ptx.Shared, "local": ptx.Local, "const": ptx.Const, "param": ptx.Param,
	"shared::cta": ptx.Shared, "param::entry": ptx.Param, "param::func": ptx.Param,
}

// space takes a state space; without one the address is generic.
func (m *modifiers) space() ptx.Space {
	if len(m.list) > 0 {
		if s, ok := memSpaces[m.list[0]]; ok {
			m.list = m.list[1:]
			return s
		}
	}
	return ptx.Generic
}

var memTypes = slices.Concat(scalarTypes, []ptx.Type{ptx.B8, ptx.U8, ptx.S8, ptx.F16x2})

// accessHead reads the modifiers that ld and st share.
func (l *lowerer) accessHead(m *modifiers, store bool) (*memOp, ptx.Type) {
	op := &memOp{store: store}
	if op.strong = m.oneOf("weak", "volatile", "relaxed", "acquire", "release", "mmio"); op.strong == "weak" {
		op.strong = ""
	}
	m.oneOf("cta", "cluster", "gpu", "sys")
	op.space = m.space()
	m.oneOf("ca", "cg", "cs", "cv", "lu", "wb", "wt")
	op.nc = m.flag("nc")
	m.hint("L1::", "L2::")
	op.count = map[string]int{"": 1, "v2": 2, "v4": 4}[m.oneOf("v2", "v4")]
	t := l.typed(m, memTypes...)
	if op.nc && (store || op.space != ptx.Global) {
		panic(l.errorf(".nc is for ld.global"))
	}
	if store && op.space == ptx.Const {
		panic(l.errorf("constant memory cannot be written"))
	}
	op.size, op.signed = t.Bytes(), t.Signed()
	if op.size*op.count > 16 {
		panic(l.errorf("an access has at most 16 bytes"))
	}
	return op, t
}

// addressOf resolves [base+offset]. It gives the base operand (a constant when
// there is no register) and may turn the space of a function's parameter into
// that of its storage.
func (l *lowerer) addressOf(o ptx.Operand, op *memOp) int32 {
	if o.Kind != ptx.KAddr {
		panic(l.errorf("an address in brackets is expected"))
	}
	op.off = uint64(o.Off)
	switch {
	case o.Reg != nil:
		bits := o.Reg.Type.Bits()
		short := bits == 32 && (op.space == ptx.Shared || op.space == ptx.Local || op.space == ptx.Param)
		if bits != 64 && !short || o.Reg.Type.Float() {
			panic(l.errorf("address register %s is .%s; 64 bits are expected", o.Reg.Name, o.Reg.Type))
		}
		return l.frame.regs[o.Reg.ID]
	case o.Var != nil:
		p := l.locate(o.Var)
		if op.space == ptx.Param && p.space == ptx.Local {
			op.space = p.space
		}
		if op.space != p.space {
			panic(l.errorf("%s is in .%s, not in .%s", o.Var.Name, p.space, op.space))
		}
		return l.constant(p.addr)
	}
	return l.constant(0)
}

// elements lists the registers of a plain or vector operand.
func (l *lowerer) elements(o ptx.Operand, op *memOp) []ptx.Operand {
	list := []ptx.Operand{o}
	if o.Kind == ptx.KVec {
		list = o.Elems
	}
	if len(list) != op.count {
		panic(l.errorf("%d registers for %d elements", len(list), op.count))
	}
	return list
}

// lowerLd lowers ld; a load of a parameter at a fixed offset has its own kind.
func lowerLd(l *lowerer, in *ptx.Instr, m *modifiers) {
	op, t := l.accessHead(m, false)
	l.wantArgs(2)
	x := blank(kMem)
	x.mem = op
	x.a = l.addressOf(in.Args[1], op)
	for _, e := range l.elements(in.Args[0], op) {
		r := l.dstWidth(e, t, 64)
		x.dv = append(x.dv, r)
		op.ext = l.bits(r)
		if op.signed && op.ext != l.bits(x.dv[0]) {
			panic(l.errorf("the registers of a vector differ in width"))
		}
	}
	if op.space == ptx.Param && x.a < 0 {
		x.kind = kParam
		op.off += l.k.consts[^x.a][0]
		if op.off%uint64(op.size*op.count) != 0 {
			panic(l.errorf("parameter offset %d is not a multiple of %d", op.off, op.size*op.count))
		}
		if end := op.off + uint64(op.size*op.count); end < op.off || end > uint64(l.k.paramSize) {
			panic(l.errorf("it reads parameter bytes %d to %d of %d", op.off, end, l.k.paramSize))
		}
	}
	l.site(op)
	l.emit(x)
}

func lowerSt(l *lowerer, in *ptx.Instr, m *modifiers) {
	op, t := l.accessHead(m, true)
	l.wantArgs(2)
	x := blank(kMem)
	x.mem = op
	x.a = l.addressOf(in.Args[0], op)
	if op.space == ptx.Param {
		panic(l.errorf("kernel parameters cannot be written"))
	}
	for _, e := range l.elements(in.Args[1], op) {
		x.sv = append(x.sv, l.srcAtLeast(e, t))
	}
	l.noteStore(op)
	l.site(op)
	l.emit(x)
}

// noteStore remembers that the kernel stores parts of words.
func (l *lowerer) noteStore(op *memOp) {
	if op.size*op.count < 4 {
		if op.space == ptx.Shared || op.space == ptx.Generic {
			l.k.sharedBytes = true
		}
		if op.space == ptx.Global || op.space == ptx.Generic {
			l.k.globalBytes = true
		}
	}
}

// site numbers a memory instruction, for its cache of the allocation found last.
func (l *lowerer) site(op *memOp) {
	op.site = l.k.sites
	l.k.sites++
}

// windows gives the base of a space's generic addresses.
var windows = map[ptx.Space]uint64{ptx.Global: 0, ptx.Const: 0, ptx.Shared: sharedBase, ptx.Local: localBase, ptx.Param: paramBase}

// lowerCvta lowers cvta and cvta.to: between a space's addresses and generic
// ones. Global and constant addresses are the same in both.
func lowerCvta(l *lowerer, in *ptx.Instr, m *modifiers) {
	to := m.flag("to")
	space := m.space()
	t := l.typed(m, ptx.U64, ptx.U32)
	if space == ptx.Generic {
		panic(l.errorf("a state space is missing"))
	}
	base := windows[space]
	if t == ptx.U32 && base != 0 {
		panic(l.errorf("32-bit generic addresses are not supported"))
	}
	switch {
	case base == 0:
		l.same(t, 0, vMov)
	case to:
		l.same(t, 0, lift1(func(a uint64) uint64 { return a - base }))
	default:
		l.same(t, 0, lift1(func(a uint64) uint64 { return a + base }))
	}
}

// lowerIsspacep lowers isspacep: does a generic address lie in a space.
func lowerIsspacep(l *lowerer, in *ptx.Instr, m *modifiers) {
	space := m.space()
	l.wantArgs(2)
	if space == ptx.Generic {
		panic(l.errorf("a state space is missing"))
	}
	op := blank(kSetp)
	op.a = l.src(in.Args[1], ptx.U64)
	op.b = op.a
	op.pd = l.predDst(in.Args[0])
	window := windows[space]
	mem := l.mod.mem
	op.cmp = func(a, _ *vec) (m uint32) {
		for i, v := range a {
			in := v&windowMask == window
			if window == 0 {
				al := mem.find(v)
				in = al != nil && al.readOnly == (space == ptx.Const)
			}
			m |= bit(in) << (i & 31)
		}
		return m
	}
	l.emit(op)
}
