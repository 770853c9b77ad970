package vm

import (
	"mdfa/softgpu/ptx"
)

var memSpaces = map[string]ptx.Space{
	"global": ptx.Global, "shared": ptx.Shared, "local": ptx.Local, "const": ptx.Const, "param": ptx.Param,
	"shared::cta": ptx.Shared, "param::entry": ptx.Param, "param::func": ptx.Param,
}

func (m *modifiers) space() ptx.Space {
	if len(m.list) > 0 {
		if s, ok := memSpaces[m.list[0]]; ok {
			m.list = m.list[1:]
			return s
		}
	}
	return ptx.Generic
}

var memTypes = append(append(append([]ptx.Type{ptx.B8, ptx.U8, ptx.S8}, bitTypes...), intTypes...), ptx.F16, ptx.F16x2, ptx.F32, ptx.F64)

// accessHead reads the modifiers that ld and st share.
func (l *lowerer) accessHead(m *modifiers, store bool) (*memOp, ptx.Type, error) {
	op := &memOp{store: store, count: 1}
	if op.strong = m.oneOf("weak", "volatile", "relaxed", "acquire", "release", "mmio"); op.strong == "weak" {
		op.strong = ""
	}
	m.oneOf("cta", "cluster", "gpu", "sys")
	op.space = m.space()
	m.oneOf("ca", "cg", "cs", "cv", "lu", "wb", "wt")
	op.nc = m.flag("nc")
	m.hint("L1::", "L2::")
	switch m.oneOf("v2", "v4") {
	case "v2":
		op.count = 2
	case "v4":
		op.count = 4
	}
	t, err := l.typed(m, memTypes...)
	if err != nil {
		return nil, t, err
	}
	if op.nc && (store || op.space != ptx.Global) {
		return nil, t, l.errorf(".nc is for ld.global")
	}
	if store && (op.space == ptx.Const) {
		return nil, t, l.errorf("constant memory cannot be written")
	}
	op.size, op.signed = t.Bytes(), t.Signed()
	if op.size*op.count > 16 {
		return nil, t, l.errorf("an access has at most 16 bytes")
	}
	return op, t, nil
}

// addressOf resolves [base+offset]. It gives the base operand (a constant when
// there is no register) and may turn the space of a function's parameter into
// that of its storage.
func (l *lowerer) addressOf(o ptx.Operand, op *memOp) (int32, error) {
	if o.Kind != ptx.KAddr {
		return 0, l.errorf("an address in brackets is expected")
	}
	op.off = uint64(o.Off)
	switch {
	case o.Reg != nil:
		bits := o.Reg.Type.Bits()
		short := bits == 32 && (op.space == ptx.Shared || op.space == ptx.Local || op.space == ptx.Param)
		if bits != 64 && !short || o.Reg.Type.Float() {
			return 0, l.errorf("address register %s is .%s; 64 bits are expected", o.Reg.Name, o.Reg.Type)
		}
		return l.frame.regs[o.Reg.ID], nil
	case o.Var != nil:
		p, err := l.locate(o.Var)
		if err != nil {
			return 0, err
		}
		if op.space == ptx.Param && p.space == ptx.Local {
			op.space = p.space
		}
		if op.space != p.space {
			return 0, l.errorf("%s is in .%s, not in .%s", o.Var.Name, p.space, op.space)
		}
		return l.constant(p.addr), nil
	}
	return l.constant(0), nil
}

// elements lists the registers of a plain or vector operand.
func elements(o ptx.Operand) []ptx.Operand {
	if o.Kind == ptx.KVec {
		return o.Elems
	}
	return []ptx.Operand{o}
}

func lowerLd(l *lowerer, in *ptx.Instr, m *modifiers) error {
	if in.Op == "ldu" {
		m.list = append([]string{}, m.list...)
	}
	op, t, err := l.accessHead(m, false)
	if err != nil {
		return err
	}
	if len(in.Args) != 2 {
		return l.errorf("%d operands, expected 2", len(in.Args))
	}
	x := blank(kMem, ClassMemory)
	x.mem = op
	if x.a, err = l.addressOf(in.Args[1], op); err != nil {
		return err
	}
	list := elements(in.Args[0])
	if len(list) != op.count {
		return l.errorf("%d registers for %d elements", len(list), op.count)
	}
	for _, e := range list {
		r, err := l.dstWidth(e, t, 64)
		if err != nil {
			return err
		}
		x.dv = append(x.dv, r)
		op.ext = l.bits(r)
		if op.signed && op.ext != l.bits(x.dv[0]) {
			return l.errorf("the registers of a vector differ in width")
		}
	}
	if op.space == ptx.Param {
		if x.a < 0 {
			x.kind = kParam
			op.off += l.k.consts[^x.a][0]
			if op.off%uint64(op.size*op.count) != 0 {
				return l.errorf("parameter offset %d is not a multiple of %d", op.off, op.size*op.count)
			}
			if end := op.off + uint64(op.size*op.count); end < op.off || end > uint64(l.k.paramSize) {
				return l.errorf("it reads parameter bytes %d to %d of %d", op.off, end, l.k.paramSize)
			}
		}
		x.class = ClassMove
	}
	l.site(op)
	l.emit(x)
	return nil
}

func lowerSt(l *lowerer, in *ptx.Instr, m *modifiers) error {
	op, t, err := l.accessHead(m, true)
	if err != nil {
		return err
	}
	if len(in.Args) != 2 {
		return l.errorf("%d operands, expected 2", len(in.Args))
	}
	x := blank(kMem, ClassMemory)
	x.mem = op
	if x.a, err = l.addressOf(in.Args[0], op); err != nil {
		return err
	}
	if op.space == ptx.Param {
		return l.errorf("kernel parameters cannot be written")
	}
	list := elements(in.Args[1])
	if len(list) != op.count {
		return l.errorf("%d registers for %d elements", len(list), op.count)
	}
	for _, e := range list {
		r, err := l.srcAtLeast(e, t)
		if err != nil {
			return err
		}
		x.sv = append(x.sv, r)
	}
	l.noteStore(op)
	l.site(op)
	l.emit(x)
	return nil
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

func (l *lowerer) site(op *memOp) {
	op.site = l.k.sites
	l.k.sites++
}

// atomOp is an atomic operation: the new value from the old and the operands.
type atomOp struct {
	types    []ptx.Type
	operands int
	make     func(t ptx.Type) func(old, b, c uint64) uint64
}

var atomOps = map[string]atomOp{
	"and":  {bitTypes[1:], 1, func(ptx.Type) func(o, b, c uint64) uint64 { return func(o, b, _ uint64) uint64 { return o & b } }},
	"or":   {bitTypes[1:], 1, func(ptx.Type) func(o, b, c uint64) uint64 { return func(o, b, _ uint64) uint64 { return o | b } }},
	"xor":  {bitTypes[1:], 1, func(ptx.Type) func(o, b, c uint64) uint64 { return func(o, b, _ uint64) uint64 { return o ^ b } }},
	"exch": {bitTypes[1:], 1, func(ptx.Type) func(o, b, c uint64) uint64 { return func(_, b, _ uint64) uint64 { return b } }},
	"cas": {bitTypes, 2, func(ptx.Type) func(o, b, c uint64) uint64 {
		return func(o, b, c uint64) uint64 {
			if o == b {
				return c
			}
			return o
		}
	}},
	"inc": {[]ptx.Type{ptx.U32}, 1, func(ptx.Type) func(o, b, c uint64) uint64 {
		return func(o, b, _ uint64) uint64 {
			if o >= b {
				return 0
			}
			return o + 1
		}
	}},
	"dec": {[]ptx.Type{ptx.U32}, 1, func(ptx.Type) func(o, b, c uint64) uint64 {
		return func(o, b, _ uint64) uint64 {
			if o == 0 || o > b {
				return b
			}
			return o - 1
		}
	}},
	"add": {[]ptx.Type{ptx.U32, ptx.S32, ptx.U64, ptx.S64, ptx.F32, ptx.F64}, 1, atomAdd},
	"min": {[]ptx.Type{ptx.U32, ptx.S32, ptx.U64, ptx.S64}, 1, func(t ptx.Type) func(o, b, c uint64) uint64 {
		return masked(t.Bits(), laneMin(t.Bits(), t.Signed()))
	}},
	"max": {[]ptx.Type{ptx.U32, ptx.S32, ptx.U64, ptx.S64}, 1, func(t ptx.Type) func(o, b, c uint64) uint64 {
		return masked(t.Bits(), laneMax(t.Bits(), t.Signed()))
	}},
}

func atomAdd(t ptx.Type) func(o, b, c uint64) uint64 {
	switch t {
	case ptx.F32: // on global memory subnormals are flushed (PTX ISA, "atom")
		return func(o, b, _ uint64) uint64 { return ftz32(bits32(f32(ftz32(o)) + f32(ftz32(b)))) }
	case ptx.F64:
		return func(o, b, _ uint64) uint64 { return bits64(f64(o) + f64(b)) }
	}
	return func(o, b, _ uint64) uint64 { return (o + b) & maskBits(t.Bits()) }
}

// lowerAtom lowers atom and red.
func lowerAtom(l *lowerer, in *ptx.Instr, m *modifiers) error {
	op := &memOp{count: 1, store: true}
	m.oneOf("relaxed", "acquire", "release", "acq_rel")
	m.oneOf("cta", "cluster", "gpu", "sys")
	op.space = m.space()
	if op.space != ptx.Global && op.space != ptx.Shared && op.space != ptx.Generic {
		return l.errorf("atomics work on global and shared memory")
	}
	m.oneOf("cta", "cluster", "gpu", "sys")
	if len(m.list) == 0 {
		return l.errorf("the operation is missing")
	}
	name := m.list[0]
	kind, ok := atomOps[name]
	if !ok {
		return l.errorf("modifier .%s is not supported", name)
	}
	m.list = m.list[1:]
	m.flag("noftz")
	t, err := l.typed(m, kind.types...)
	if err != nil {
		return err
	}
	args, d := in.Args, none
	x := blank(kCall, ClassAtomic)
	if in.Op == "atom" {
		if len(args) == 0 {
			return l.errorf("operands are missing")
		}
		if args[0].Kind != ptx.KSink {
			if d, err = l.dst(args[0], t); err != nil {
				return err
			}
			l.k.orderedAtomics = l.k.orderedAtomics || op.space != ptx.Shared
		}
		args = args[1:]
	} else if name == "cas" || name == "exch" {
		return l.errorf("red has no .%s", name)
	}
	if t.Float() && op.space != ptx.Shared || name == "exch" {
		l.k.orderedAtomics = true
	}
	if len(args) != 1+kind.operands {
		return l.errorf("%d operands, expected %d", len(args), 1+kind.operands)
	}
	op.size, op.atom = t.Bytes(), kind.make(t)
	if op.atShared = op.atom; t == ptx.F32 { // which keeps subnormals
		op.atShared = func(o, b, _ uint64) uint64 { return bits32(f32(o) + f32(b)) }
	}
	x.mem, x.d = op, d
	if t.Float() {
		x.flops = 1
	}
	if x.a, err = l.addressOf(args[0], op); err != nil {
		return err
	}
	if x.b, err = l.src(args[1], t); err != nil {
		return err
	}
	if kind.operands == 2 {
		if x.c, err = l.src(args[2], t); err != nil {
			return err
		}
	}
	x.ex = execAtom
	l.noteStore(op)
	l.site(op)
	l.emit(x)
	return nil
}

// lowerPrefetch drops a prefetch: it changes nothing that a program can see.
func lowerPrefetch(l *lowerer, in *ptx.Instr, m *modifiers) error {
	m.space()
	m.oneOf("L1", "L2")
	m.hint("L2::")
	return l.wantArgs(1)
}

var windows = map[ptx.Space]uint64{ptx.Global: 0, ptx.Const: 0, ptx.Shared: sharedBase, ptx.Local: localBase, ptx.Param: paramBase}

// lowerCvta lowers cvta and cvta.to: between a space's addresses and generic
// ones. Global and constant addresses are the same in both.
func lowerCvta(l *lowerer, in *ptx.Instr, m *modifiers) error {
	to := m.flag("to")
	space := m.space()
	t, err := l.typed(m, ptx.U64, ptx.U32)
	if err != nil {
		return err
	}
	if space == ptx.Generic {
		return l.errorf("a state space is missing")
	}
	base := windows[space]
	if t == ptx.U32 && base != 0 {
		return l.errorf("32-bit generic addresses are not supported")
	}
	if base == 0 {
		return l.unary(t, ClassMove, 0, vMov)
	}
	if to {
		return l.unary(t, ClassMove, 0, lift1(func(a uint64) uint64 { return a - base }))
	}
	return l.unary(t, ClassMove, 0, lift1(func(a uint64) uint64 { return a + base }))
}

// lowerIsspacep lowers isspacep: does a generic address lie in a space.
func lowerIsspacep(l *lowerer, in *ptx.Instr, m *modifiers) error {
	space := m.space()
	if err := l.wantArgs(2); err != nil {
		return err
	}
	if space == ptx.Generic {
		return l.errorf("a state space is missing")
	}
	op := blank(kSetp, ClassPredicate)
	var err error
	if op.a, err = l.src(in.Args[1], ptx.U64); err != nil {
		return err
	}
	op.b = op.a
	if op.pd, err = l.predDst(in.Args[0]); err != nil {
		return err
	}
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
	return nil
}
