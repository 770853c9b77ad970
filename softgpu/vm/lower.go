package vm

import (
	"fmt"
	"slices"
	"strings"

	"mdfa/softgpu/ptx"
)

// maxCode bounds a kernel after expansion of its calls.
const maxCode = 1 << 20

// vreg is a virtual register while a kernel is lowered.
type vreg struct {
	name string
	bits int
}

// place is where a variable lives: an offset in its space, or an address.
type place struct {
	space ptx.Space
	addr  uint64
}

// frame is one expansion of a function.
type frame struct {
	fn     *ptx.Func
	regs   []int32 // by ptx.Reg.ID; predicates number predicates
	places map[*ptx.Var]place
	start  []int32 // code index of each body instruction, and of the end
	fixups []fixup
	outer  *frame
}

// fixup is a branch whose target is not lowered yet.
type fixup struct {
	code   int
	slot   int // of inst.targets, or -1 for inst.target
	target int // body index
}

// lowering turns one instruction of PTX into instructions of the interpreter.
type lowering = func(*lowerer, *ptx.Instr, *modifiers)

// lowerer turns one kernel into instructions.
type lowerer struct {
	table  map[string]lowering // by opcode
	mod    *Module
	k      *Kernel
	code   []inst
	regs   []vreg
	preds  []string
	consts map[uint64]int32
	frame  *frame
	depth  int
	cur    *ptx.Instr
	shared map[*ptx.Var]uint64 // module-scope shared variables in use
	dynVar []*ptx.Var
	// guard of the instruction being lowered
	pred    int32
	predNot bool
}

// LoadError says why a module cannot be loaded: which instruction, on which line.
type LoadError struct {
	Function string
	Line     int
	Instr    string // opcode, or empty
	Msg      string
}

func (e *LoadError) Error() string {
	s := fmt.Sprintf("softgpu: ptx line %d: ", e.Line)
	if e.Instr != "" {
		s += e.Instr + ": "
	}
	return s + e.Msg + " (in " + e.Function + ")"
}

// errorf makes the error to panic with at the current instruction. Nearly every step of lowering can meet a mistake;
// Module.guarded recovers it.
func (l *lowerer) errorf(format string, args ...any) *LoadError {
	return &LoadError{l.frame.fn.Name, l.cur.Line, l.cur.Opcode(), fmt.Sprintf(format, args...)}
}

// emit appends an instruction under the current guard.
func (l *lowerer) emit(in inst) *inst {
	in.src, in.fn = l.cur, l.frame.fn
	in.pred, in.predNot = l.pred, l.predNot
	in.rpc = -1
	l.code = append(l.code, in)
	return &l.code[len(l.code)-1]
}

// blank is an instruction without operands.
func blank(kind opKind) inst {
	return inst{kind: kind, d: noOperand, a: noOperand, b: noOperand, c: noOperand, pd: -1, pe: -1, pa: -1, pb: -1}
}

// temp makes a register that the text does not name.
func (l *lowerer) temp(bits int) int32 {
	l.regs = append(l.regs, vreg{fmt.Sprintf("temporary %d", len(l.regs)), bits})
	return int32(len(l.regs) - 1)
}

// constant gives the operand of a value that is the same in all lanes.
func (l *lowerer) constant(v uint64) int32 {
	i, ok := l.consts[v]
	if !ok {
		i = int32(len(l.k.consts))
		l.consts[v] = i
		var c vec
		splat(&c, v)
		l.k.consts = append(l.k.consts, c)
	}
	return ^i
}

// enter makes a frame for one expansion of fn. Formals are bound by the caller.
func (l *lowerer) enter(fn *ptx.Func) *frame {
	f := &frame{fn: fn, regs: make([]int32, len(fn.Regs)), places: map[*ptx.Var]place{}, outer: l.frame}
	for i, r := range fn.Regs {
		if r.Type == ptx.Pred {
			f.regs[i] = int32(len(l.preds))
			l.preds = append(l.preds, r.Name)
		} else {
			f.regs[i] = int32(len(l.regs))
			l.regs = append(l.regs, vreg{r.Name, r.Type.Bits()})
		}
	}
	for _, v := range fn.Vars {
		switch v.Space {
		case ptx.Shared:
			l.placeShared(f, v)
		case ptx.Local, ptx.Param:
			f.places[v] = place{ptx.Local, l.reserveLocal(v)}
		default: // .global and .const in a function: one copy a module
			f.places[v] = place{v.Space, l.mod.vars[v].base}
		}
	}
	return f
}

func (l *lowerer) reserveLocal(v *ptx.Var) uint64 {
	return l.k.local.place(v.Name, alignUp(v.Size, 4), max(v.Align, 4))
}

// placeShared gives a shared variable its offset. Unsized extern arrays all
// start where the static ones end, which is known at the end.
func (l *lowerer) placeShared(f *frame, v *ptx.Var) {
	if _, ok := l.shared[v]; ok {
		return
	}
	if v.Linkage == ptx.Extern && v.Size == 0 {
		l.shared[v] = 0
		l.dynVar = append(l.dynVar, v)
		return
	}
	if v.Size == 0 {
		panic(&LoadError{f.fn.Name, v.Line, "", fmt.Sprintf(".shared %s has no size", v.Name)})
	}
	l.shared[v] = l.k.shared.place(v.Name, v.Size, v.Align)
}

// locate finds a variable that the current instruction names.
func (l *lowerer) locate(v *ptx.Var) place {
	if v.Space == ptx.Shared {
		at, ok := l.shared[v]
		if !ok {
			panic(l.errorf("shared variable %s was not laid out", v.Name))
		}
		return place{ptx.Shared, at}
	}
	if p, ok := l.frame.places[v]; ok {
		return p
	}
	if a := l.mod.vars[v]; a != nil {
		return place{v.Space, a.base}
	}
	panic(l.errorf("variable %s is not known here", v.Name))
}

// collectShared lays out the shared variables of fn and all that it calls, so
// that every offset is final before code is made.
func (l *lowerer) collectShared(fn *ptx.Func, seen map[*ptx.Func]bool) {
	if seen[fn] {
		return
	}
	seen[fn] = true
	f := &frame{fn: fn}
	for _, v := range fn.Vars {
		if v.Space == ptx.Shared {
			l.placeShared(f, v)
		}
	}
	for _, in := range fn.Body {
		for _, o := range in.Args {
			if o.Var != nil && o.Var.Space == ptx.Shared {
				l.placeShared(f, o.Var)
			}
			if o.Kind == ptx.KFunc {
				if callee := l.mod.source.Func(o.Name); callee != nil && callee.Defined {
					l.collectShared(callee, seen)
				}
			}
		}
	}
}

// body lowers every instruction of the current frame's function.
func (l *lowerer) body() {
	f := l.frame
	for _, in := range f.fn.Body {
		f.start = append(f.start, int32(len(l.code)))
		l.cur = in
		l.pred, l.predNot = -1, in.PredNot
		if in.Pred != nil {
			l.pred = f.regs[in.Pred.ID]
		}
		if len(l.code) > maxCode {
			panic(l.errorf("the kernel has more than %d instructions once its calls are expanded", maxCode))
		}
		lower := l.table[in.Op]
		if lower == nil {
			panic(l.errorf("this instruction is not supported"))
		}
		m := &modifiers{list: slices.Clone(in.Mods)}
		lower(l, in, m)
		if len(m.list) > 0 {
			panic(l.errorf("modifier .%s is not supported", strings.Join(m.list, ".")))
		}
	}
	f.start = append(f.start, int32(len(l.code)))
}

// patch sets the branch targets of the current frame.
func (l *lowerer) patch() {
	for _, x := range l.frame.fixups {
		to := l.frame.start[x.target]
		if x.slot < 0 {
			l.code[x.code].target = to
		} else {
			l.code[x.code].targets[x.slot] = to
		}
	}
}

// modifiers are an instruction's dotted words, taken one by one in the order
// in which they are written.
type modifiers struct{ list []string }

// flag takes a word if it is there.
func (m *modifiers) flag(names ...string) bool { return m.oneOf(names...) != "" }

// oneOf takes the first word of the list if it is among names.
func (m *modifiers) oneOf(names ...string) string {
	if len(m.list) > 0 && slices.Contains(names, m.list[0]) {
		s := m.list[0]
		m.list = m.list[1:]
		return s
	}
	return ""
}

// hint takes words with a given beginning, such as L2::128B.
func (m *modifiers) hint(prefixes ...string) {
	for len(m.list) > 0 && slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(m.list[0], p) }) {
		m.list = m.list[1:]
	}
}

// typ takes a type.
func (m *modifiers) typ() (ptx.Type, bool) {
	if len(m.list) == 0 {
		return ptx.NoType, false
	}
	t, ok := ptx.TypeByName(m.list[0])
	if ok {
		m.list = m.list[1:]
	}
	return t, ok
}

// round takes a rounding direction; without one it is to nearest.
func (m *modifiers) round() (mode rounding, given bool) {
	mode, given = roundings[m.oneOf("rn", "rz", "rm", "rp")]
	return mode, given
}
