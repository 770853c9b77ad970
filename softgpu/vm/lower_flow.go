package vm

import "mdfa/softgpu/ptx"

func lowerBra(l *lowerer, in *ptx.Instr, m *modifiers) {
	m.flag("uni")
	l.wantArgs(1)
	if in.Args[0].Kind != ptx.KLabel || in.Args[0].Label == nil {
		panic(l.errorf("a label is expected"))
	}
	l.branch(in.Args[0].Label.Index)
}

// branch emits a branch, under the current guard, to a body instruction.
func (l *lowerer) branch(to int) {
	l.emit(blank(kBra))
	l.frame.fixups = append(l.frame.fixups, fixup{len(l.code) - 1, -1, to})
}

func lowerBrx(l *lowerer, in *ptx.Instr, m *modifiers) {
	if !m.flag("idx") {
		panic(l.errorf("only brx.idx exists"))
	}
	m.flag("uni")
	l.wantArgs(2)
	label := in.Args[1].Label
	if in.Args[1].Kind != ptx.KLabel || label == nil || len(label.Targets) == 0 {
		panic(l.errorf("the name of a .branchtargets list is expected"))
	}
	if in.Pred != nil {
		panic(l.errorf("a guarded brx.idx is not supported"))
	}
	op := blank(kBrx)
	op.a = l.src(in.Args[0], ptx.U32)
	op.targets = make([]int32, len(label.Targets))
	l.emit(op)
	for i, t := range label.Targets {
		l.frame.fixups = append(l.frame.fixups, fixup{len(l.code) - 1, i, t.Index})
	}
}

// lowerRet leaves the kernel, or goes to the end of an expanded function.
func lowerRet(l *lowerer, in *ptx.Instr, m *modifiers) {
	m.flag("uni")
	l.wantArgs(0)
	if l.frame.outer == nil {
		l.emit(blank(kExit))
	} else {
		l.branch(len(l.frame.fn.Body))
	}
}

func lowerExit(l *lowerer, in *ptx.Instr, m *modifiers) {
	l.wantArgs(0)
	l.emit(blank(kExit))
}

func lowerTrap(l *lowerer, in *ptx.Instr, m *modifiers) {
	l.wantArgs(0)
	op := blank(kCall)
	op.ex = func(w *warp, in *inst, m uint32) {
		w.fail(in, m, &Fault{Kind: Trap, Detail: "the kernel executed " + in.src.Op})
	}
	l.emit(op)
}

// maxCallDepth bounds nested expansion, and so the lowerer's own recursion.
const maxCallDepth = 64

// lowerCall expands a device function where it is called.
func lowerCall(l *lowerer, in *ptx.Instr, m *modifiers) {
	m.flag("uni")
	args := in.Args
	var rets []ptx.Operand
	if len(args) > 0 && args[0].Kind == ptx.KArgs {
		rets, args = args[0].Elems, args[1:]
	}
	if len(args) == 0 || args[0].Kind != ptx.KFunc {
		panic(l.errorf("the called function must be named: indirect calls are not supported"))
	}
	callee := l.mod.source.Func(args[0].Name)
	if callee == nil || !callee.Defined {
		panic(l.errorf("function %s has no body in this module", args[0].Name))
	}
	var actual []ptx.Operand
	if len(args) > 1 && args[1].Kind == ptx.KArgs {
		actual = args[1].Elems
	}
	if len(actual) != len(callee.Params) || len(rets) != len(callee.Rets) {
		panic(l.errorf("%s takes %d and returns %d values; %d and %d are given", callee.Name, len(callee.Params), len(callee.Rets), len(actual), len(rets)))
	}
	for f := l.frame; f != nil; f = f.outer {
		if f.fn == callee {
			panic(l.errorf("%s calls itself: recursion is not supported", callee.Name))
		}
	}
	if l.depth++; l.depth > maxCallDepth {
		panic(l.errorf("calls are nested more than %d deep", maxCallDepth))
	}
	defer func() { l.depth-- }()

	// A guarded call is jumped over by the lanes that do not take part.
	skip := -1
	if l.pred >= 0 {
		skip = len(l.code)
		l.emit(blank(kBra)).predNot = !l.predNot
		l.pred = -1
	}
	caller := l.frame
	inner := l.enter(callee)
	for i, formal := range callee.Params {
		l.pass(inner, formal, actual[i], true)
	}
	for i, formal := range callee.Rets {
		if formal.Var != nil {
			l.pass(inner, formal, rets[i], false)
		}
	}
	l.frame = inner
	l.body()
	l.patch()
	l.frame, l.cur, l.pred = caller, in, -1
	for i, formal := range callee.Rets {
		if formal.Reg == nil {
			continue
		}
		l.move(l.dst(rets[i], formal.Reg.Type), inner.regs[formal.Reg.ID])
	}
	if skip >= 0 {
		l.code[skip].target = int32(len(l.code))
	}
}

// pass binds a formal parameter. A .param formal shares the storage of the
// caller's .param variable; a register formal is copied.
func (l *lowerer) pass(inner *frame, formal *ptx.Formal, actual ptx.Operand, input bool) {
	if formal.Reg != nil {
		l.move(inner.regs[formal.Reg.ID], l.src(actual, formal.Reg.Type))
		return
	}
	v := formal.Var
	if actual.Kind == ptx.KVar {
		p := l.locate(actual.Var)
		if p.space != ptx.Local || actual.Var.Size != v.Size {
			panic(l.errorf("argument %s of %d bytes for parameter %s of %d", actual.Var.Name, actual.Var.Size, v.Name, v.Size))
		}
		inner.places[v] = p
		return
	}
	if !input {
		panic(l.errorf("the result %s needs a .param variable", v.Name))
	}
	// A register or constant for a .param scalar: store it where the callee reads it.
	at := l.reserveLocal(v)
	inner.places[v] = place{ptx.Local, at}
	if v.Size != uint64(v.Type.Bytes()) {
		panic(l.errorf("parameter %s needs a .param variable", v.Name))
	}
	a := l.src(actual, v.Type)
	x := blank(kMem)
	x.mem = &memOp{space: ptx.Local, size: v.Type.Bytes(), count: 1, store: true}
	x.a, x.sv = l.constant(at), []int32{a}
	l.site(x.mem)
	l.emit(x)
}

// lowerBar lowers bar and barrier: sync, arrive, red, and warp.sync.
func lowerBar(l *lowerer, in *ptx.Instr, m *modifiers) {
	m.flag("cta")
	op := blank(kBarrier)
	op.bar = &barOp{}
	args := in.Args
	switch m.oneOf("sync", "arrive", "red", "warp") {
	case "warp":
		if !m.flag("sync") {
			panic(l.errorf("only bar.warp.sync exists"))
		}
		l.wantArgs(1)
		op.kind = kCall
		op.ex = execWarpSync
		op.a = l.src(args[0], ptx.B32)
		l.emit(op)
		return
	case "arrive":
		op.bar.arrive = true
	case "red":
		if op.bar.red = m.oneOf("popc", "and", "or"); op.bar.red == "" {
			panic(l.errorf("the reduction is missing"))
		}
	case "":
		panic(l.errorf("this form is not supported"))
	}
	m.flag("aligned")
	if op.bar.red != "" {
		want := ptx.Pred
		if op.bar.red == "popc" {
			want = ptx.U32
		}
		l.typed(m, want)
		if len(args) < 3 {
			panic(l.errorf("operands are missing"))
		}
		if op.bar.red == "popc" {
			op.d = l.dst(args[0], ptx.U32)
		} else {
			op.pd = l.predDst(args[0])
		}
		op.pa, op.paNot = l.predSrc(args[len(args)-1])
		args = args[1 : len(args)-1]
	}
	if len(args) < 1 || len(args) > 2 || op.bar.arrive && len(args) != 2 {
		panic(l.errorf("a barrier number, and for some forms a thread count, are expected"))
	}
	op.a = l.src(args[0], ptx.U32)
	if len(args) == 2 {
		op.b = l.src(args[1], ptx.U32)
	}
	l.emit(op)
}

// lowerFence drops membar and fence: every access of the interpreter is in
// order already, and the race check does not take fences for synchronisation.
func lowerFence(l *lowerer, in *ptx.Instr, m *modifiers) {
	switch {
	case in.Op == "membar" && !m.flag("cta", "gl", "sys"):
		panic(l.errorf("a level is missing"))
	case in.Op == "fence":
		m.oneOf("sc", "acq_rel")
		if !m.flag("cta", "cluster", "gpu", "sys") {
			panic(l.errorf("a scope is missing"))
		}
	}
	l.wantArgs(0)
}

// lowerNanosleep drops a sleep.
func lowerNanosleep(l *lowerer, in *ptx.Instr, m *modifiers) {
	l.typed(m, ptx.U32)
	l.wantArgs(1)
}
