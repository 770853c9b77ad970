package vm

import (
	"encoding/binary"
	"fmt"
	"slices"

	"mdfa/softgpu/ptx"
)

// Load prepares a module: it checks the version against the imitated driver,
// lowers every kernel, and places the module's variables in mem. Anything that
// is not supported is a *LoadError that names the instruction and its line.
func Load(mem *Memory, source *ptx.Module, limits Limits) (*Module, error) {
	if err := limits.checkVersion(source); err != nil {
		return nil, err
	}
	m := &Module{
		mem: mem, source: source, limits: limits,
		vars: map[*ptx.Var]*alloc{}, globals: map[string]*ptx.Var{}, kernels: map[string]*Kernel{},
	}
	err := m.load()
	if err != nil {
		m.Unload()
		return nil, err
	}
	return m, nil
}

// guarded runs a part of loading and returns the *LoadError that it panics with.
func guarded(f func()) (err error) {
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *LoadError:
			err = e
		default:
			panic(e)
		}
	}()
	f()
	return nil
}

// fault makes a LoadError about a variable.
func (m *Module) fault(v *ptx.Var, format string, args ...any) *LoadError {
	return &LoadError{"the module", v.Line, "", fmt.Sprintf(format, args...)}
}

func (m *Module) load() error {
	if err := m.allocate(); err != nil {
		return err
	}
	return guarded(func() {
		for v, a := range m.vars {
			m.initialise(v, a)
		}
		for _, fn := range m.source.Funcs {
			if fn.Entry && fn.Defined {
				m.kernels[fn.Name] = m.lower(fn)
				m.order = append(m.order, fn.Name)
			}
		}
		// Functions that no kernel calls are checked as well: nothing unknown loads.
		for _, fn := range m.source.Funcs {
			if !fn.Entry && fn.Defined {
				m.checkFunction(fn)
			}
		}
	})
}

// allocate places the module's variables in memory.
func (m *Module) allocate() error {
	all := slices.Clone(m.source.Vars)
	for _, fn := range m.source.Funcs {
		all = append(all, fn.Vars...)
	}
	constBytes := uint64(0)
	for _, v := range all {
		if v.Space != ptx.Global && v.Space != ptx.Const {
			continue
		}
		if v.Linkage == ptx.Extern {
			return m.fault(v, ".extern %s has no definition: modules are not linked", v.Name)
		}
		if v.Size == 0 {
			return m.fault(v, "%s has no size", v.Name)
		}
		if v.Space == ptx.Const {
			if constBytes += v.Size; constBytes > m.limits.ConstBytes {
				return m.fault(v, "constant memory: more than %d bytes", m.limits.ConstBytes)
			}
		}
		a, err := m.mem.alloc(v.Size, v.Name)
		if err != nil {
			return fmt.Errorf("%w: loading .%s %s", err, v.Space, v.Name)
		}
		a.owned, a.readOnly = true, v.Space == ptx.Const
		m.vars[v] = a
	}
	for _, v := range m.source.Vars {
		if m.vars[v] != nil {
			m.globals[v.Name] = v
		}
	}
	return nil
}

// initialise writes a variable's initial value. Without one a variable is zero,
// as PTX says of .global and .const.
func (m *Module) initialise(v *ptx.Var, a *alloc) {
	for _, x := range v.Init {
		bits := x.Bits
		if x.Sym != "" {
			target, ok := m.globals[x.Sym]
			if !ok {
				panic(m.fault(v, "the initial value of %s names %s, which is no .global or .const variable", v.Name, x.Sym))
			}
			bits = m.vars[target].base + uint64(x.Addend)
		}
		var buf [8]byte
		binary.LittleEndian.PutUint64(buf[:], bits)
		copy(a.data[x.Offset:], buf[:x.Size])
	}
	a.shadow.mark(0, a.size)
}

// Unload frees the module's variables.
func (m *Module) Unload() {
	for _, a := range m.vars {
		// The address is the module's own, so this cannot fail.
		_ = m.mem.Free(a.base)
	}
	m.vars = map[*ptx.Var]*alloc{}
}

// Global finds a .global or .const variable by name: its address and size.
func (m *Module) Global(name string) (addr, size uint64, ok bool) {
	v := m.globals[name]
	if v == nil || m.vars[v] == nil {
		return 0, 0, false
	}
	return m.vars[v].base, v.Size, true
}

// Kernels lists the names of the module's kernels, in file order.
func (m *Module) Kernels() []string { return slices.Clone(m.order) }

// Kernel finds a kernel by name; nil if the module has none.
func (m *Module) Kernel(name string) *Kernel { return m.kernels[name] }

// lowerer starts the lowering of fn.
func (m *Module) lowerer(fn *ptx.Func) *lowerer {
	k := &Kernel{mod: m, fn: fn, name: fn.Name, shared: layout{gap: sharedGap}, local: layout{gap: localGap}}
	return &lowerer{table: lowerings, mod: m, k: k, consts: map[uint64]int32{}, shared: map[*ptx.Var]uint64{}, pred: -1}
}

// lower turns an entry into a kernel.
func (m *Module) lower(fn *ptx.Func) *Kernel {
	l := m.lowerer(fn)
	k := l.k
	l.collectShared(fn, map[*ptx.Func]bool{})
	if len(l.dynVar) > 0 { // all of them share one address
		align := uint64(1)
		for _, v := range l.dynVar {
			align = max(align, v.Align)
		}
		at := k.shared.place(l.dynVar[0].Name, 0, align)
		for _, v := range l.dynVar {
			l.shared[v] = at
		}
	}
	f := l.enter(fn)
	at := uint64(0)
	for _, formal := range fn.Params {
		v := formal.Var
		if v == nil {
			panic(&LoadError{fn.Name, fn.Line, "", "a kernel's parameters are .param variables"})
		}
		at = alignUp(at, v.Align)
		f.places[v] = place{ptx.Param, at}
		k.params = append(k.params, Param{v.Name, int(at), int(v.Size), int(v.Align), v.Type})
		if at += v.Size; at > uint64(m.limits.ParamBytes) {
			panic(&LoadError{fn.Name, v.Line, "", fmt.Sprintf("parameters need more than %d bytes", m.limits.ParamBytes)})
		}
	}
	k.paramSize = int(at)
	l.frame = f
	l.body()
	// Falling off the end of a kernel leaves it.
	l.cur, l.pred = &ptx.Instr{Op: "exit", Line: lastLine(fn)}, -1
	l.emit(blank(kExit))
	l.patch()
	k.code = l.code
	for i := range k.code { // known only now: does any instruction store single bytes?
		if op := k.code[i].mem; op != nil {
			op.byBytes = k.globalBytes
		}
	}
	k.analyse(l)
	return k
}

// analyse finds basic blocks and reconvergence points, sets up the counters,
// finds registers that may be read before they are written, and packs virtual
// registers into slots by their lifetimes.
func (k *Kernel) analyse(l *lowerer) {
	blocks := k.split()
	reconverge(k.code, blocks)
	k.count(blocks)
	live := liveness(k.code, blocks, len(l.regs), len(l.preds))
	k.liveMax = live.pressure(k.code, blocks, l.regs)
	tracked := k.track(l, live)
	k.allocate(l, live, blocks, tracked)
}

// lastLine is the line of the function's last instruction.
func lastLine(fn *ptx.Func) int {
	if n := len(fn.Body); n > 0 {
		return fn.Body[n-1].Line
	}
	return fn.Line
}

// checkFunction lowers a device function on its own, to reject unknown instructions.
func (m *Module) checkFunction(fn *ptx.Func) {
	l := m.lowerer(fn)
	l.collectShared(fn, map[*ptx.Func]bool{})
	f := l.enter(fn)
	for _, formal := range slices.Concat(fn.Params, fn.Rets) {
		if formal.Var != nil {
			f.places[formal.Var] = place{ptx.Local, l.reserveLocal(formal.Var)}
		}
	}
	l.frame = f
	l.body()
}
