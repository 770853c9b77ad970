package ptx

import (
	"fmt"
	"strconv"
	"strings"
)

// family is a parameterised register declaration, %r<12>.
type family struct {
	typ   Type
	count uint64
}

// scope is one brace level of a function.
type scope struct {
	parent   *scope
	regs     map[string]*Reg
	families map[string]family
	vars     map[string]*Var
	labels   map[string]*Label
}

func newScope(parent *scope) *scope {
	return &scope{parent, map[string]*Reg{}, map[string]family{}, map[string]*Var{}, map[string]*Label{}}
}

// pendingName is an operand that names something not yet seen: a label further
// down, or a function.
type pendingName struct {
	in    *Instr // nil for a .branchtargets entry
	arg   int
	label *Label // the .branchtargets list to extend
	name  string
	line  int
	scope *scope
}

func (p *parser) declareReg(r *Reg) error {
	if p.scope.regs[r.Name] != nil || p.scope.vars[r.Name] != nil {
		return p.errorf("%s is declared twice in one scope", r.Name)
	}
	p.scope.regs[r.Name] = r
	return nil
}

func (p *parser) declareVar(v *Var) error {
	if p.scope.regs[v.Name] != nil || p.scope.vars[v.Name] != nil {
		return &Error{v.Line, fmt.Sprintf("%s is declared twice in one scope", v.Name)}
	}
	p.scope.vars[v.Name] = v
	return nil
}

// use gives a register its number at its first use.
func (p *parser) use(r *Reg) *Reg {
	if r.ID < 0 {
		r.ID = p.regIDs
		p.regIDs++
		p.fn.Regs = append(p.fn.Regs, r)
	}
	return r
}

// lookup finds a register or variable by name, innermost scope first.
func (p *parser) lookup(name string) (*Reg, *Var) {
	for s := p.scope; s != nil; s = s.parent {
		if r := s.regs[name]; r != nil {
			return p.use(r), nil
		}
		if v := s.vars[name]; v != nil {
			return nil, v
		}
		if r := s.member(name); r != nil {
			return p.use(r), nil
		}
	}
	return nil, p.vars[name]
}

// member finds name in a register family: %r12 in %r<20>. The register is made
// when it is first named, so that a huge count costs nothing.
func (s *scope) member(name string) *Reg {
	if len(s.families) == 0 {
		return nil
	}
	digits := len(name) - len(strings.TrimRight(name, "0123456789"))
	for n := 1; n <= digits && n <= 10; n++ {
		prefix, number := name[:len(name)-n], name[len(name)-n:]
		fam, ok := s.families[prefix]
		if !ok || len(number) > 1 && number[0] == '0' {
			continue
		}
		if i, err := strconv.ParseUint(number, 10, 64); err == nil && i < fam.count {
			r := &Reg{Name: name, Type: fam.typ, ID: -1}
			s.regs[name] = r
			return r
		}
	}
	return nil
}

// resolve finds the labels and functions that instructions named before they
// were declared.
func (p *parser) resolve() error {
	for _, n := range p.pending {
		var label *Label
		for s := n.scope; s != nil && label == nil; s = s.parent {
			label = s.labels[n.name]
		}
		switch {
		case n.in == nil && label != nil:
			n.label.Targets = append(n.label.Targets, label)
		case n.in == nil:
			return &Error{n.line, fmt.Sprintf(".branchtargets names %s, which is no label of %s", n.name, p.fn.Name)}
		case label != nil:
			n.in.Args[n.arg] = Operand{Kind: KLabel, Label: label, Name: n.name}
		case p.mod.Func(n.name) != nil:
			n.in.Args[n.arg] = Operand{Kind: KFunc, Name: n.name}
		default:
			return &Error{n.line, fmt.Sprintf("%s is not declared (in %s)", n.name, n.in.Opcode())}
		}
	}
	return nil
}

// specials are the special registers of PTX ISA, "Special Registers", that
// hold one value; those that hold a vector follow.
var specials = map[string]bool{
	"%laneid": true, "%warpid": true, "%nwarpid": true, "%smid": true, "%nsmid": true, "%gridid": true,
	"%lanemask_eq": true, "%lanemask_le": true, "%lanemask_lt": true, "%lanemask_ge": true, "%lanemask_gt": true,
	"%clock": true, "%clock_hi": true, "%clock64": true,
	"%globaltimer": true, "%globaltimer_lo": true, "%globaltimer_hi": true,
	"%dynamic_smem_size": true, "%total_smem_size": true,
}

var vectorSpecials = map[string]bool{"%tid": true, "%ntid": true, "%ctaid": true, "%nctaid": true}
