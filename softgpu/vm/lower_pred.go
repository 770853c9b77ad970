package vm

import "mdfa/softgpu/ptx"

// compareForm is a comparison of setp. Each is built from <, <= and ==: operands may be swapped
// and the outcome inverted; the unordered float forms are inverted opposites.
type compareForm struct {
	base         byte // '<', 'l' (<=), '=', 'n' (both are numbers)
	swap, invert bool
}

var intCompare = map[string]compareForm{
	"eq": {'=', false, false}, "ne": {'=', false, true},
	"lt": {'<', false, false}, "gt": {'<', true, false}, "ge": {'<', false, true}, "le": {'<', true, true},
	"lo": {'<', false, false}, "hi": {'<', true, false}, "hs": {'<', false, true}, "ls": {'<', true, true},
}

var floatCompare = map[string]compareForm{
	"eq": {'=', false, false}, "neu": {'=', false, true},
	"lt": {'<', false, false}, "gt": {'<', true, false}, "le": {'l', false, false}, "ge": {'l', true, false},
	"geu": {'<', false, true}, "leu": {'<', true, true}, "gtu": {'l', false, true}, "ltu": {'l', true, true},
	"num": {'n', false, false}, "nan": {'n', false, true},
	"ne": {'x', false, false}, "equ": {'x', false, true}, // x: ordered and different
}

// comparison builds the vector comparison for an operator and a type, and says
// whether its operands are to be swapped and its outcome inverted.
func (l *lowerer) comparison(op string, t ptx.Type, ftz bool) (f func(a, b *vec) uint32, swap, invert bool) {
	table := intCompare
	if t.Float() {
		table = floatCompare
	}
	form, ok := table[op]
	if !ok || t.Untyped() && form.base != '=' {
		panic(l.errorf("comparison .%s is not one for .%s", op, t))
	}
	switch {
	case t.Float():
		f = floatBase(form.base, t)
	case form.base == '=':
		f = cmpEQ64
	case t == ptx.S16:
		f = cmpLT[int16]
	case t == ptx.S32:
		f = cmpLTS32
	case t == ptx.S64:
		f = cmpLTS64
	case t == ptx.U32 || t == ptx.U16:
		f = cmpLTU32
	default:
		f = cmpLT[uint64]
	}
	if ftz {
		inner := f
		f = func(a, b *vec) uint32 {
			var x, y vec
			for i := range a {
				x[i], y[i] = ftz32(a[i]), ftz32(b[i])
			}
			return inner(&x, &y)
		}
	}
	return f, form.swap, form.invert
}

// floatBase gives a comparison of floats by its base.
func floatBase(base byte, t ptx.Type) func(a, b *vec) uint32 {
	if t == ptx.F16 {
		wide := floatBase(base, ptx.F64)
		return func(a, b *vec) uint32 {
			var x, y vec
			for i := range a {
				x[i], y[i] = bits64(fromHalf(a[i])), bits64(fromHalf(b[i]))
			}
			return wide(&x, &y)
		}
	}
	less, lessEqual, same := cmpLTF64, cmpLEF64, cmpEQF64
	if t == ptx.F32 {
		less, lessEqual, same = cmpLTF32, cmpLEF32, cmpEQF32
	}
	switch base {
	case '<':
		return less
	case 'l':
		return lessEqual
	case '=':
		return same
	case 'x':
		number := floatBase('n', t)
		return func(a, b *vec) uint32 { return number(a, b) &^ same(a, b) }
	}
	return func(a, b *vec) uint32 { return same(a, a) & same(b, b) } // a number equals itself
}

// lowerSetp lowers setp.cmp[.boolop][.ftz].type.
func lowerSetp(l *lowerer, in *ptx.Instr, m *modifiers) {
	cmp := ""
	if len(m.list) > 0 {
		cmp, m.list = m.list[0], m.list[1:]
	}
	op := blank(kSetp)
	op.combine = map[string]boolOp{"and": boolAnd, "or": boolOr, "xor": boolXor}[m.oneOf("and", "or", "xor")]
	ftz := m.flag("ftz")
	t := l.typed(m, scalarTypes...)
	if ftz && t != ptx.F32 {
		panic(l.errorf(".ftz is for f32"))
	}
	want := 3
	if op.combine != boolNone {
		want = 4
	}
	l.wantArgs(want)
	var swap bool
	op.cmp, swap, op.cmpNot = l.comparison(cmp, t, ftz)
	op.a, op.b = l.src(in.Args[1], t), l.src(in.Args[2], t)
	if swap {
		op.a, op.b = op.b, op.a
	}
	if want == 4 {
		op.pa, op.paNot = l.predSrc(in.Args[3])
	}
	d := in.Args[0]
	if d.Kind == ptx.KPair {
		op.pe = l.predDst(d.Elems[1])
		d = d.Elems[0]
	}
	op.pd = l.predDst(d)
	l.emit(op)
}

func lowerSelp(l *lowerer, in *ptx.Instr, m *modifiers) {
	t := l.typed(m, scalarTypes...)
	l.wantArgs(4)
	op := blank(kSelp)
	op.a = l.src(in.Args[1], t)
	op.b = l.src(in.Args[2], t)
	op.pa, op.paNot = l.predSrc(in.Args[3])
	op.d = l.dst(in.Args[0], t)
	l.emit(op)
}

// predLogic emits and, or, xor, not and mov on predicates.
func (l *lowerer) predLogic(in *ptx.Instr) {
	want := 3
	if in.Op == "not" || in.Op == "mov" {
		want = 2
	}
	l.wantArgs(want)
	op := blank(kCall)
	op.pa, op.paNot = l.predSrc(in.Args[1])
	var notB bool
	if want == 3 {
		op.pb, notB = l.predSrc(in.Args[2])
	}
	op.pd = l.predDst(in.Args[0])
	name := in.Op
	op.ex = func(w *warp, in *inst, m uint32) {
		a, b := w.predicate(in), uint32(0)
		if in.pb >= 0 {
			b = w.preds[in.pb]
		}
		if notB {
			b = ^b
		}
		switch name {
		case "and":
			a &= b
		case "or":
			a |= b
		case "xor":
			a ^= b
		case "not":
			a = ^a
		}
		w.setPred(in.pd, a, m)
	}
	l.emit(op)
}
