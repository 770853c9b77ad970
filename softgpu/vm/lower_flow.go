package vm

import (
	"mdfa/softgpu/ptx"
)

func lowerBra(l *lowerer, in *ptx.Instr, m *modifiers) error {
	m.flag("uni")
	if err := l.wantArgs(1); err != nil {
		return err
	}
	if in.Args[0].Kind != ptx.KLabel || in.Args[0].Label == nil {
		return l.errorf("a label is expected")
	}
	l.branch(in.Args[0].Label.Index)
	return nil
}

// branch emits a branch, under the current guard, to a body instruction.
func (l *lowerer) branch(to int) {
	l.emit(blank(kBra, ClassControl))
	l.frame.fixups = append(l.frame.fixups, fixup{len(l.code) - 1, -1, to})
}

func lowerBrx(l *lowerer, in *ptx.Instr, m *modifiers) error {
	if !m.flag("idx") {
		return l.errorf("only brx.idx exists")
	}
	m.flag("uni")
	if err := l.wantArgs(2); err != nil {
		return err
	}
	label := in.Args[1].Label
	if in.Args[1].Kind != ptx.KLabel || label == nil || len(label.Targets) == 0 {
		return l.errorf("the name of a .branchtargets list is expected")
	}
	if in.Pred != nil {
		return l.errorf("a guarded brx.idx is not supported")
	}
	op := blank(kBrx, ClassControl)
	var err error
	if op.a, err = l.src(in.Args[0], ptx.U32); err != nil {
		return err
	}
	op.targets = make([]int32, len(label.Targets))
	l.emit(op)
	for i, t := range label.Targets {
		l.frame.fixups = append(l.frame.fixups, fixup{len(l.code) - 1, i, t.Index})
	}
	return nil
}

// lowerRet leaves the kernel, or goes to the end of an expanded function.
func lowerRet(l *lowerer, in *ptx.Instr, m *modifiers) error {
	m.flag("uni")
	if err := l.wantArgs(0); err != nil {
		return err
	}
	if l.frame.outer == nil {
		l.emit(blank(kExit, ClassControl))
		return nil
	}
	l.branch(len(l.frame.fn.Body))
	return nil
}

func lowerExit(l *lowerer, in *ptx.Instr, m *modifiers) error {
	if err := l.wantArgs(0); err != nil {
		return err
	}
	l.emit(blank(kExit, ClassControl))
	return nil
}

func lowerTrap(l *lowerer, in *ptx.Instr, m *modifiers) error {
	if err := l.wantArgs(0); err != nil {
		return err
	}
	op := blank(kCall, ClassControl)
	op.ex = func(w *warp, in *inst, m uint32) {
		w.fail(in, m, &Fault{Kind: Trap, Detail: "the kernel executed " + in.src.Op})
	}
	l.emit(op)
	return nil
}

// maxCallDepth bounds nested expansion, and so the lowerer's own recursion.
const maxCallDepth = 64

// lowerCall expands a device function where it is called.
func lowerCall(l *lowerer, in *ptx.Instr, m *modifiers) error {
	m.flag("uni")
	args := in.Args
	var rets []ptx.Operand
	if len(args) > 0 && args[0].Kind == ptx.KArgs {
		rets, args = args[0].Elems, args[1:]
	}
	if len(args) == 0 || args[0].Kind != ptx.KFunc {
		return l.errorf("the called function must be named: indirect calls are not supported")
	}
	callee := l.mod.source.Func(args[0].Name)
	if callee == nil || !callee.Defined {
		return l.errorf("function %s has no body in this module", args[0].Name)
	}
	var actual []ptx.Operand
	if len(args) > 1 && args[1].Kind == ptx.KArgs {
		actual = args[1].Elems
	}
	if len(actual) != len(callee.Params) || len(rets) != len(callee.Rets) {
		return l.errorf("%s takes %d and returns %d values; %d and %d are given", callee.Name, len(callee.Params), len(callee.Rets), len(actual), len(rets))
	}
	for f := l.frame; f != nil; f = f.outer {
		if f.fn == callee {
			return l.errorf("%s calls itself: recursion is not supported", callee.Name)
		}
	}
	if l.depth++; l.depth > maxCallDepth {
		return l.errorf("calls are nested more than %d deep", maxCallDepth)
	}
	defer func() { l.depth-- }()

	// A guarded call is jumped over by the lanes that do not take part.
	skip := -1
	if l.pred >= 0 {
		skip = len(l.code)
		l.emit(blank(kBra, ClassControl)).predNot = !l.predNot
		l.pred = -1
	}
	caller := l.frame
	inner, err := l.enter(callee)
	if err != nil {
		return err
	}
	for i, formal := range callee.Params {
		if err := l.pass(inner, formal, actual[i], true); err != nil {
			return err
		}
	}
	for i, formal := range callee.Rets {
		if formal.Var != nil {
			if err := l.pass(inner, formal, rets[i], false); err != nil {
				return err
			}
		}
	}
	l.frame = inner
	if err := l.body(); err != nil {
		return err
	}
	l.patch()
	l.frame, l.cur, l.pred = caller, in, -1
	for i, formal := range callee.Rets {
		if formal.Reg == nil {
			continue
		}
		d, err := l.dst(rets[i], formal.Reg.Type)
		if err != nil {
			return err
		}
		l.move(d, inner.regs[formal.Reg.ID])
	}
	if skip >= 0 {
		l.code[skip].target = int32(len(l.code))
	}
	return nil
}

// pass binds a formal parameter. A .param formal shares the storage of the
// caller's .param variable; a register formal is copied.
func (l *lowerer) pass(inner *frame, formal *ptx.Formal, actual ptx.Operand, input bool) error {
	if formal.Reg != nil {
		a, err := l.src(actual, formal.Reg.Type)
		if err != nil {
			return err
		}
		l.move(inner.regs[formal.Reg.ID], a)
		return nil
	}
	v := formal.Var
	if actual.Kind == ptx.KVar {
		p, err := l.locate(actual.Var)
		if err != nil {
			return err
		}
		if p.space != ptx.Local || actual.Var.Size != v.Size {
			return l.errorf("argument %s of %d bytes for parameter %s of %d", actual.Var.Name, actual.Var.Size, v.Name, v.Size)
		}
		inner.places[v] = p
		return nil
	}
	if !input {
		return l.errorf("the result %s needs a .param variable", v.Name)
	}
	// A register or constant for a .param scalar: store it where the callee reads it.
	at := l.reserveLocal(v)
	inner.places[v] = place{ptx.Local, at}
	if v.Size != uint64(v.Type.Bytes()) {
		return l.errorf("parameter %s needs a .param variable", v.Name)
	}
	a, err := l.src(actual, v.Type)
	if err != nil {
		return err
	}
	x := blank(kMem, ClassMemory)
	x.mem = &memOp{space: ptx.Local, size: v.Type.Bytes(), count: 1, store: true}
	x.a, x.sv = l.constant(at), []int32{a}
	l.site(x.mem)
	l.emit(x)
	return nil
}

// barOp describes a barrier instruction.
type barOp struct {
	arrive bool
	red    string // "", "popc", "and", "or"
	warp   bool   // bar.warp.sync
}

// lowerBar lowers bar and barrier: sync, arrive, red, and warp.sync.
func lowerBar(l *lowerer, in *ptx.Instr, m *modifiers) error {
	m.flag("cta")
	op := blank(kBarrier, ClassBarrier)
	op.bar = &barOp{}
	args := in.Args
	var err error
	switch m.oneOf("sync", "arrive", "red", "warp") {
	case "warp":
		if !m.flag("sync") {
			return l.errorf("only bar.warp.sync exists")
		}
		if err := l.wantArgs(1); err != nil {
			return err
		}
		op.kind, op.bar.warp = kCall, true
		op.ex = execWarpSync
		if op.a, err = l.src(args[0], ptx.B32); err != nil {
			return err
		}
		l.emit(op)
		return nil
	case "arrive":
		op.bar.arrive = true
	case "red":
		if op.bar.red = m.oneOf("popc", "and", "or"); op.bar.red == "" {
			return l.errorf("the reduction is missing")
		}
	case "":
		return l.errorf("this form is not supported")
	}
	m.flag("aligned")
	if op.bar.red != "" {
		want := ptx.Pred
		if op.bar.red == "popc" {
			want = ptx.U32
		}
		if _, err := l.typed(m, want); err != nil {
			return err
		}
		if len(args) < 3 {
			return l.errorf("operands are missing")
		}
		if op.bar.red == "popc" {
			op.d, err = l.dst(args[0], ptx.U32)
		} else {
			op.pd, err = l.predDst(args[0])
		}
		if err != nil {
			return err
		}
		if op.pa, op.paNot, err = l.predSrc(args[len(args)-1]); err != nil {
			return err
		}
		args = args[1 : len(args)-1]
	}
	if len(args) < 1 || len(args) > 2 || op.bar.arrive && len(args) != 2 {
		return l.errorf("a barrier number, and for some forms a thread count, are expected")
	}
	if op.a, err = l.src(args[0], ptx.U32); err != nil {
		return err
	}
	if len(args) == 2 {
		if op.b, err = l.src(args[1], ptx.U32); err != nil {
			return err
		}
	}
	l.emit(op)
	return nil
}

// lowerFence drops membar and fence: every access of the interpreter is in
// order already, and the race check does not take fences for synchronisation.
func lowerFence(l *lowerer, in *ptx.Instr, m *modifiers) error {
	if in.Op == "membar" {
		if !m.flag("cta", "gl", "sys") {
			return l.errorf("a level is missing")
		}
		return l.wantArgs(0)
	}
	m.oneOf("sc", "acq_rel")
	if !m.flag("cta", "cluster", "gpu", "sys") {
		return l.errorf("a scope is missing")
	}
	return l.wantArgs(0)
}

// lowerNanosleep drops a sleep.
func lowerNanosleep(l *lowerer, in *ptx.Instr, m *modifiers) error {
	if _, err := l.typed(m, ptx.U32); err != nil {
		return err
	}
	return l.wantArgs(1)
}
