package vm

import (
	"slices"

	"mdfa/softgpu/ptx"
)

var movTypes = slices.Concat(scalarTypes, []ptx.Type{ptx.F16x2, ptx.Pred})

// move emits the copy of a register.
func (l *lowerer) move(d, a int32) {
	in := blank(kVec1)
	in.d, in.a, in.f1 = d, a, vMov
	l.emit(in)
}

func lowerMov(l *lowerer, in *ptx.Instr, m *modifiers) {
	t := l.typed(m, movTypes...)
	if t == ptx.Pred {
		l.predLogic(in)
		return
	}
	l.wantArgs(2)
	d, s := in.Args[0], in.Args[1]
	switch {
	case d.Kind == ptx.KVec:
		l.unpack(d, s, t)
	case s.Kind == ptx.KVec:
		l.pack(d, s, t)
	case s.Kind == ptx.KSpecial:
		l.special(l.dst(d, t), s.Name, t)
	default:
		a := l.src(s, t)
		l.move(l.dst(d, t), a)
	}
}

// partType is the type of each of n parts of t.
func (l *lowerer) partType(t ptx.Type, n int) ptx.Type {
	parts := map[int]ptx.Type{8: ptx.B8, 16: ptx.B16, 32: ptx.B32}
	p, ok := parts[t.Bits()/max(n, 1)]
	if !ok || (n != 2 && n != 4) {
		panic(l.errorf("a .%s does not consist of %d registers", t, n))
	}
	return p
}

// unpack splits a register into parts, lowest first.
func (l *lowerer) unpack(d, s ptx.Operand, t ptx.Type) {
	part := l.partType(t, len(d.Elems))
	a := l.src(s, t)
	if len(d.Elems) > 1 && a >= 0 { // a part may be the source itself
		keep := l.temp(t.Bits())
		l.move(keep, a)
		a = keep
	}
	for i, e := range d.Elems {
		if e.Kind == ptx.KSink {
			continue
		}
		in := blank(kVec1)
		in.a = a
		shift := i * part.Bits()
		in.f1 = lift1(func(v uint64) uint64 { return v >> shift & maskBits(part.Bits()) })
		in.d = l.dst(e, part)
		l.emit(in)
	}
}

// pack joins registers, lowest first.
func (l *lowerer) pack(d, s ptx.Operand, t ptx.Type) {
	part := l.partType(t, len(s.Elems))
	in := blank(kCall)
	for _, e := range s.Elems {
		in.sv = append(in.sv, l.src(e, part))
	}
	in.d = l.dst(d, t)
	in.ex = func(w *warp, in *inst, m uint32) {
		var out vec
		for j, s := range in.sv {
			v := w.v(s)
			for i := range out {
				out[i] |= (v[i] & maskBits(part.Bits())) << (j * part.Bits())
			}
		}
		w.blend(w.v(in.d), &out, m)
	}
	l.emit(in)
}
