package vm

import "mdfa/softgpu/ptx"

// atomOp is an atomic operation: the new value from the old and the operands.
type atomOp struct {
	types    []ptx.Type
	operands int
	make     func(t ptx.Type) laneFn
}

// ofAny is an operation that is the same for all its types.
func ofAny(f laneFn) func(ptx.Type) laneFn { return func(ptx.Type) laneFn { return f } }

var atomInts = []ptx.Type{ptx.U32, ptx.S32, ptx.U64, ptx.S64}

var atomOps = map[string]atomOp{
	"and":  {bitTypes[1:], 1, ofAny(func(old, b, _ uint64) uint64 { return old & b })},
	"or":   {bitTypes[1:], 1, ofAny(func(old, b, _ uint64) uint64 { return old | b })},
	"xor":  {bitTypes[1:], 1, ofAny(func(old, b, _ uint64) uint64 { return old ^ b })},
	"exch": {bitTypes[1:], 1, ofAny(func(_, b, _ uint64) uint64 { return b })},
	"cas": {bitTypes, 2, ofAny(func(old, b, c uint64) uint64 {
		if old == b {
			return c
		}
		return old
	})},
	"inc": {[]ptx.Type{ptx.U32}, 1, ofAny(func(old, b, _ uint64) uint64 {
		if old >= b {
			return 0
		}
		return old + 1
	})},
	"dec": {[]ptx.Type{ptx.U32}, 1, ofAny(func(old, b, _ uint64) uint64 {
		if old == 0 || old > b {
			return b
		}
		return old - 1
	})},
	"add": {append(atomInts, ptx.F32, ptx.F64), 1, atomAdd},
	"min": {atomInts, 1, func(t ptx.Type) laneFn { return masked(t.Bits(), laneMin(t.Bits(), t.Signed())) }},
	"max": {atomInts, 1, func(t ptx.Type) laneFn { return masked(t.Bits(), laneMax(t.Bits(), t.Signed())) }},
}

func atomAdd(t ptx.Type) laneFn {
	switch t {
	case ptx.F32: // on global memory subnormals are flushed (PTX ISA, "atom")
		return func(old, b, _ uint64) uint64 { return ftz32(bits32(f32(ftz32(old)) + f32(ftz32(b)))) }
	case ptx.F64:
		return func(old, b, _ uint64) uint64 { return bits64(f64(old) + f64(b)) }
	}
	return func(old, b, _ uint64) uint64 { return (old + b) & maskBits(t.Bits()) }
}

// lowerAtom lowers atom and red.
func lowerAtom(l *lowerer, in *ptx.Instr, m *modifiers) {
	op := &memOp{count: 1, store: true}
	m.oneOf("relaxed", "acquire", "release", "acq_rel")
	m.oneOf("cta", "cluster", "gpu", "sys")
	op.space = m.space()
	if op.space != ptx.Global && op.space != ptx.Shared && op.space != ptx.Generic {
		panic(l.errorf("atomics work on global and shared memory"))
	}
	m.oneOf("cta", "cluster", "gpu", "sys")
	if len(m.list) == 0 {
		panic(l.errorf("the operation is missing"))
	}
	name := m.list[0]
	kind, ok := atomOps[name]
	if !ok {
		panic(l.errorf("modifier .%s is not supported", name))
	}
	m.list = m.list[1:]
	m.flag("noftz")
	t := l.typed(m, kind.types...)
	args, d := in.Args, noOperand
	x := blank(kCall)
	if in.Op == "atom" {
		if len(args) == 0 {
			panic(l.errorf("operands are missing"))
		}
		if args[0].Kind != ptx.KSink {
			d = l.dst(args[0], t)
			l.k.orderedAtomics = l.k.orderedAtomics || op.space != ptx.Shared
		}
		args = args[1:]
	} else if name == "cas" || name == "exch" {
		panic(l.errorf("red has no .%s", name))
	}
	if t.Float() && op.space != ptx.Shared || name == "exch" {
		l.k.orderedAtomics = true
	}
	if len(args) != 1+kind.operands {
		panic(l.errorf("%d operands, expected %d", len(args), 1+kind.operands))
	}
	op.size, op.atom = t.Bytes(), kind.make(t)
	if op.atShared = op.atom; t == ptx.F32 { // which keeps subnormals
		op.atShared = func(old, b, _ uint64) uint64 { return bits32(f32(old) + f32(b)) }
	}
	x.mem, x.d = op, d
	if t.Float() {
		x.flops = 1
	}
	x.a = l.addressOf(args[0], op)
	x.b = l.src(args[1], t)
	if kind.operands == 2 {
		x.c = l.src(args[2], t)
	}
	x.ex = execAtom
	l.noteStore(op)
	l.site(op)
	l.emit(x)
}
