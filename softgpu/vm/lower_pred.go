package vm

import "mdfa/softgpu/ptx"

// setp's comparisons. Each is built from <, <= and ==: operands may be swapped
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
func (l *lowerer) comparison(op string, t ptx.Type, ftz bool) (f func(a, b *vec) uint32, swap, invert bool, err error) {
	table := intCompare
	if t.Float() {
		table = floatCompare
	}
	form, ok := table[op]
	if !ok {
		return nil, false, false, l.errorf("comparison .%s is not one for .%s", op, t)
	}
	if t.Untyped() && form.base != '=' {
		return nil, false, false, l.errorf("comparison .%s is not one for .%s", op, t)
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
	return f, form.swap, form.invert, nil
}

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
	single := t == ptx.F32
	switch base {
	case '<':
		if single {
			return cmpLTF32
		}
		return cmpLTF64
	case 'l':
		if single {
			return cmpLEF32
		}
		return cmpLEF64
	case '=':
		if single {
			return cmpEQF32
		}
		return cmpEQF64
	case 'x':
		number, equal := floatBase('n', t), floatBase('=', t)
		return func(a, b *vec) uint32 { return number(a, b) &^ equal(a, b) }
	}
	equal := floatBase('=', t) // a number equals itself
	return func(a, b *vec) uint32 { return equal(a, a) & equal(b, b) }
}

var compareTypes = append(append(append([]ptx.Type{}, bitTypes...), intTypes...), ptx.F16, ptx.F32, ptx.F64)

// compareHead reads ".cmp[.boolop][.ftz][.dtype].type" of setp and set.
func (l *lowerer) compareHead(m *modifiers, set bool) (op *inst, dtype, t ptx.Type, err error) {
	cmp := ""
	if len(m.list) > 0 {
		cmp, m.list = m.list[0], m.list[1:]
	}
	in := blank(kSetp, ClassPredicate)
	switch m.oneOf("and", "or", "xor") {
	case "and":
		in.combine = boolAnd
	case "or":
		in.combine = boolOr
	case "xor":
		in.combine = boolXor
	}
	ftz := m.flag("ftz")
	if set {
		if dtype, err = l.typed(m, ptx.U32, ptx.S32, ptx.F32); err != nil {
			return nil, 0, 0, err
		}
	}
	if t, err = l.typed(m, compareTypes...); err != nil {
		return nil, 0, 0, err
	}
	if ftz && t != ptx.F32 {
		return nil, 0, 0, l.errorf(".ftz is for f32")
	}
	want := 3
	if in.combine != boolNone {
		want = 4
	}
	if err = l.wantArgs(want); err != nil {
		return nil, 0, 0, err
	}
	args := l.cur.Args
	var swap bool
	if in.cmp, swap, in.cmpNot, err = l.comparison(cmp, t, ftz); err != nil {
		return nil, 0, 0, err
	}
	if in.a, err = l.src(args[1], t); err != nil {
		return nil, 0, 0, err
	}
	if in.b, err = l.src(args[2], t); err != nil {
		return nil, 0, 0, err
	}
	if swap {
		in.a, in.b = in.b, in.a
	}
	if want == 4 {
		if in.pa, in.paNot, err = l.predSrc(args[3]); err != nil {
			return nil, 0, 0, err
		}
	}
	return &in, dtype, t, nil
}

func lowerSetp(l *lowerer, in *ptx.Instr, m *modifiers) error {
	op, _, _, err := l.compareHead(m, false)
	if err != nil {
		return err
	}
	d := in.Args[0]
	if d.Kind == ptx.KPair {
		if op.pe, err = l.predDst(d.Elems[1]); err != nil {
			return err
		}
		d = d.Elems[0]
	}
	if op.pd, err = l.predDst(d); err != nil {
		return err
	}
	l.emit(*op)
	return nil
}

// lowerSet lowers set: a comparison whose outcome is a number, all ones or 1.0.
func lowerSet(l *lowerer, in *ptx.Instr, m *modifiers) error {
	op, dtype, _, err := l.compareHead(m, true)
	if err != nil {
		return err
	}
	l.preds = append(l.preds, "set")
	op.pd = int32(len(l.preds) - 1)
	l.emit(*op)
	yes := uint64(0xffffffff)
	if dtype == ptx.F32 {
		yes = 0x3f800000
	}
	sel := blank(kSelp, ClassPredicate)
	sel.a, sel.b, sel.pa = l.constant(yes), l.constant(0), op.pd
	if sel.d, err = l.dst(in.Args[0], dtype); err != nil {
		return err
	}
	l.emit(sel)
	return nil
}

func lowerSelp(l *lowerer, in *ptx.Instr, m *modifiers) error {
	t, err := l.typed(m, append(append(append([]ptx.Type{}, bitTypes...), intTypes...), ptx.F32, ptx.F64, ptx.F16)...)
	if err != nil {
		return err
	}
	if err := l.wantArgs(4); err != nil {
		return err
	}
	op := blank(kSelp, ClassPredicate)
	if op.a, err = l.src(in.Args[1], t); err != nil {
		return err
	}
	if op.b, err = l.src(in.Args[2], t); err != nil {
		return err
	}
	if op.pa, op.paNot, err = l.predSrc(in.Args[3]); err != nil {
		return err
	}
	if op.d, err = l.dst(in.Args[0], t); err != nil {
		return err
	}
	l.emit(op)
	return nil
}

// lowerSlct lowers slct: a if c >= 0, else b.
func lowerSlct(l *lowerer, in *ptx.Instr, m *modifiers) error {
	ftz := m.flag("ftz")
	t, err := l.typed(m, append(append(append([]ptx.Type{}, bitTypes...), intTypes...), ptx.F32, ptx.F64)...)
	if err != nil {
		return err
	}
	c, err := l.typed(m, ptx.S32, ptx.F32)
	if err != nil {
		return err
	}
	return l.operation(ClassPredicate, 0, []ptx.Type{t, t, t, c}, nil, nil, lift3(func(a, b, v uint64) uint64 {
		if c == ptx.S32 && int32(v) >= 0 || c == ptx.F32 && (f32(v) >= 0 || ftz && f32(ftz32(v)) >= 0) {
			return a
		}
		return b
	}))
}

// predLogic emits and, or, xor, not and mov on predicates.
func (l *lowerer) predLogic(in *ptx.Instr) error {
	want := 3
	if in.Op == "not" || in.Op == "mov" {
		want = 2
	}
	if err := l.wantArgs(want); err != nil {
		return err
	}
	op := blank(kCall, ClassPredicate)
	var err error
	if op.pa, op.paNot, err = l.predSrc(in.Args[1]); err != nil {
		return err
	}
	var notB bool
	if want == 3 {
		if op.pb, notB, err = l.predSrc(in.Args[2]); err != nil {
			return err
		}
	}
	if op.pd, err = l.predDst(in.Args[0]); err != nil {
		return err
	}
	name := in.Op
	op.ex = func(w *warp, in *inst, m uint32) {
		a, b := w.preds[in.pa], uint32(0)
		if in.paNot {
			a = ^a
		}
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
	return nil
}

// execPredConst sets a predicate to a constant in every lane.
func execPredConst(w *warp, in *inst, m uint32) {
	v := uint32(0)
	if in.imm != 0 {
		v = allLanes
	}
	w.setPred(in.pd, v, m)
}
