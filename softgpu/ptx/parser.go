package ptx

import (
	"fmt"
	"strconv"
	"strings"
)

// Bounds that keep a hostile file from costing more than its own size.
const (
	maxSource    = 64 << 20 // bytes of text
	maxDepth     = 64       // nested braces, parentheses, vectors
	maxVarBytes  = 1 << 40  // bytes of one variable
	maxDims      = 8
	maxDebugName = 1 << 16
)

// parser holds the module read so far, the current token and the names in scope.
type parser struct {
	lex   lexer
	tok   token // the current token
	mod   *Module
	vars  map[string]*Var // module scope
	depth int

	// Within a function body.
	fn      *Func
	scope   *scope
	loc     *SrcLoc
	pending []pendingName
	regIDs  int
}

// errorf makes an error at the current token. A mistake in the text is a panic with an *Error, which Parse recovers:
// nearly every method can meet one.
func (p *parser) errorf(format string, args ...any) *Error {
	return &Error{p.tok.line, fmt.Sprintf(format, args...)}
}

// advance reads the next token.
func (p *parser) advance() { p.tok = p.lex.next() }

func (p *parser) is(punct string) bool { return p.tok.kind == tPunct && p.tok.text == punct }

func (p *parser) isDot(name string) bool { return p.tok.kind == tDot && p.tok.text == name }

// take consumes the punctuation if it is next, and reports whether it was.
func (p *parser) take(punct string) bool {
	if !p.is(punct) {
		return false
	}
	p.advance()
	return true
}

// expect consumes the punctuation that must be next.
func (p *parser) expect(punct string) {
	if !p.is(punct) {
		panic(p.errorf("expected %q, found %v", punct, p.tok))
	}
	p.advance()
}

// ident consumes the name that must be next.
func (p *parser) ident(expected string) string {
	if p.tok.kind != tIdent {
		panic(p.errorf("expected %s, found %v", expected, p.tok))
	}
	name := p.tok.text
	p.advance()
	return name
}

// integer reads a plain integer literal within 0..limit.
func (p *parser) integer(expected string, limit uint64) uint64 {
	if p.tok.kind != tNumber {
		panic(p.errorf("expected %s, found %v", expected, p.tok))
	}
	o, err := parseNumber(p.tok.text)
	if err != nil {
		panic(p.errorf("%s: %v", expected, err))
	}
	if o.Kind != KInt || o.Int > limit {
		panic(p.errorf("%s: %s is out of range 0..%d", expected, p.tok.text, limit))
	}
	p.advance()
	return o.Int
}

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

func (p *parser) declareReg(r *Reg) {
	if p.scope.regs[r.Name] != nil || p.scope.vars[r.Name] != nil {
		panic(p.errorf("%s is declared twice in one scope", r.Name))
	}
	p.scope.regs[r.Name] = r
}

func (p *parser) declareVar(v *Var) {
	if p.scope.regs[v.Name] != nil || p.scope.vars[v.Name] != nil {
		panic(&Error{v.Line, fmt.Sprintf("%s is declared twice in one scope", v.Name)})
	}
	p.scope.vars[v.Name] = v
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
func (p *parser) resolve() {
	for _, n := range p.pending {
		var label *Label
		for s := n.scope; s != nil && label == nil; s = s.parent {
			label = s.labels[n.name]
		}
		switch {
		case n.in == nil && label != nil:
			n.label.Targets = append(n.label.Targets, label)
		case n.in == nil:
			panic(&Error{n.line, fmt.Sprintf(".branchtargets names %s, which is no label of %s", n.name, p.fn.Name)})
		case label != nil:
			n.in.Args[n.arg] = Operand{Kind: KLabel, Label: label, Name: n.name}
		case p.mod.Func(n.name) != nil:
			n.in.Args[n.arg] = Operand{Kind: KFunc, Name: n.name}
		default:
			panic(&Error{n.line, fmt.Sprintf("%s is not declared (in %s)", n.name, n.in.Opcode())})
		}
	}
}
