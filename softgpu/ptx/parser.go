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

// Parse reads a PTX module. The error, if any, is an *Error that names the
// line and what was expected there.
func Parse(src string) (*Module, error) {
	if len(src) > maxSource {
		return nil, &Error{1, fmt.Sprintf("the text has %d bytes; at most %d are read", len(src), maxSource)}
	}
	// The driver takes PTX as a C string, so a closing NUL is part of some images.
	if i := strings.IndexByte(src, 0); i >= 0 {
		src = src[:i]
	}
	p := &parser{
		lex:  lexer{src: src, line: 1},
		mod:  &Module{Files: map[int]string{}, AddressSize: 32},
		vars: map[string]*Var{},
	}
	if err := p.module(); err != nil {
		return nil, err
	}
	return p.mod, nil
}

func (p *parser) errorf(format string, args ...any) error {
	return &Error{p.tok.line, fmt.Sprintf(format, args...)}
}

func (p *parser) advance() error {
	t, err := p.lex.next()
	p.tok = t
	return err
}

func (t token) String() string {
	switch t.kind {
	case tEOF:
		return "the end of the text"
	case tDot:
		return "." + t.text
	}
	return strconv.Quote(t.text)
}

func (p *parser) is(punct string) bool { return p.tok.kind == tPunct && p.tok.text == punct }

func (p *parser) isDot(name string) bool { return p.tok.kind == tDot && p.tok.text == name }

// take consumes the punctuation if it is next.
func (p *parser) take(punct string) (bool, error) {
	if !p.is(punct) {
		return false, nil
	}
	return true, p.advance()
}

func (p *parser) expect(punct string) error {
	if !p.is(punct) {
		return p.errorf("expected %q, found %v", punct, p.tok)
	}
	return p.advance()
}

func (p *parser) ident(what string) (string, error) {
	if p.tok.kind != tIdent {
		return "", p.errorf("expected %s, found %v", what, p.tok)
	}
	name := p.tok.text
	return name, p.advance()
}

// integer reads a plain integer literal within 0..limit.
func (p *parser) integer(what string, limit uint64) (uint64, error) {
	if p.tok.kind != tNumber {
		return 0, p.errorf("expected %s, found %v", what, p.tok)
	}
	o, err := parseNumber(p.tok.text)
	if err != nil {
		return 0, p.errorf("%s: %v", what, err)
	}
	if o.Kind != KInt || o.Int > limit {
		return 0, p.errorf("%s: %s is out of range 0..%d", what, p.tok.text, limit)
	}
	return o.Int, p.advance()
}

// module reads the whole file.
func (p *parser) module() error {
	if err := p.advance(); err != nil {
		return err
	}
	if err := p.header(); err != nil {
		return err
	}
	for p.tok.kind != tEOF {
		if ok, err := p.take(";"); err != nil {
			return err
		} else if ok {
			continue
		}
		if p.is("@") { // "@@DWARF ..." lines of old compilers
			if err := p.skipLine(); err != nil {
				return err
			}
			continue
		}
		if p.tok.kind != tDot {
			return p.errorf("expected a directive, found %v", p.tok)
		}
		if err := p.topLevel(); err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) skipLine() error {
	line := p.tok.line
	for p.tok.kind != tEOF && p.tok.line == line {
		if err := p.advance(); err != nil {
			return err
		}
	}
	return nil
}

// header reads .version, .target and .address_size.
func (p *parser) header() error {
	if !p.isDot("version") {
		return p.errorf("expected .version first, found %v", p.tok)
	}
	if err := p.advance(); err != nil {
		return err
	}
	major, minor, ok := strings.Cut(p.tok.text, ".")
	a, err1 := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	if p.tok.kind != tNumber || !ok || err1 != nil || err2 != nil {
		return p.errorf(".version: expected a number such as 8.0, found %v", p.tok)
	}
	p.mod.Version = Version{a, b}
	if err := p.advance(); err != nil {
		return err
	}
	if !p.isDot("target") {
		return p.errorf("expected .target after .version, found %v", p.tok)
	}
	for first := true; first || p.is(","); first = false {
		if err := p.advance(); err != nil {
			return err
		}
		name, err := p.ident("a target such as sm_70")
		if err != nil {
			return err
		}
		if !first {
			continue // options: texmode_unified, debug, map_f64_to_f32
		}
		p.mod.Target = name
		sm, err := strconv.Atoi(strings.TrimRight(strings.TrimPrefix(name, "sm_"), "af"))
		if err != nil || !strings.HasPrefix(name, "sm_") {
			return p.errorf(".target %s is not known: expected sm_NN", name)
		}
		p.mod.SM = sm
	}
	if p.isDot("address_size") {
		if err := p.advance(); err != nil {
			return err
		}
		n, err := p.integer(".address_size", 64)
		if err != nil {
			return err
		}
		if n != 32 && n != 64 {
			return p.errorf(".address_size %d: it is 32 or 64", n)
		}
		p.mod.AddressSize = int(n)
	}
	return nil
}

// topLevel reads one directive at module scope.
func (p *parser) topLevel() error {
	linkage := Internal
	for p.tok.kind == tDot {
		switch p.tok.text {
		case "visible":
			linkage = Visible
		case "weak":
			linkage = Weak
		case "extern":
			linkage = Extern
		case "common":
			linkage = Common
		case "entry":
			return p.function(true, linkage)
		case "func":
			return p.function(false, linkage)
		case "global", "const", "shared":
			vars, err := p.variable(linkage)
			if err != nil {
				return err
			}
			for _, v := range vars {
				if old := p.vars[v.Name]; old != nil && old.Linkage != Extern && v.Linkage != Extern {
					return &Error{v.Line, fmt.Sprintf("%s is declared twice (first on line %d)", v.Name, old.Line)}
				}
				p.vars[v.Name] = v
				p.mod.Vars = append(p.mod.Vars, v)
			}
			return nil
		case "file":
			return p.file()
		case "loc":
			return p.location()
		case "section":
			return p.section()
		case "pragma":
			return p.pragma()
		default:
			return p.errorf("directive .%s is not supported here", p.tok.text)
		}
		if err := p.advance(); err != nil {
			return err
		}
	}
	return p.errorf("expected .entry, .func or a variable after the linkage, found %v", p.tok)
}

// file reads: .file 1 "name" [, time, size].
func (p *parser) file() error {
	if err := p.advance(); err != nil {
		return err
	}
	n, err := p.integer(".file", 1<<31)
	if err != nil {
		return err
	}
	if p.tok.kind != tString || len(p.tok.text) > maxDebugName {
		return p.errorf(".file: expected a file name in quotes, found %v", p.tok)
	}
	p.mod.Files[int(n)] = p.tok.text
	if err := p.advance(); err != nil {
		return err
	}
	for p.is(",") {
		if err := p.advance(); err != nil {
			return err
		}
		if _, err := p.integer(".file", 1<<63); err != nil {
			return err
		}
	}
	return nil
}

// location reads: .loc file line column [, function_name label [+n], inlined_at file line column].
func (p *parser) location() error {
	if err := p.advance(); err != nil {
		return err
	}
	var v [3]int
	for i := range v {
		n, err := p.integer(".loc", 1<<31)
		if err != nil {
			return err
		}
		v[i] = int(n)
	}
	p.loc = &SrcLoc{v[0], v[1], v[2]}
	for p.is(",") {
		if err := p.advance(); err != nil {
			return err
		}
		what, err := p.ident("function_name or inlined_at")
		if err != nil {
			return err
		}
		switch what {
		case "function_name":
			if _, err := p.ident("a label"); err != nil {
				return err
			}
			if p.is("+") {
				if err := p.advance(); err != nil {
					return err
				}
				if _, err := p.integer("an offset", 1<<63); err != nil {
					return err
				}
			}
		case "inlined_at":
			for range v {
				if _, err := p.integer("inlined_at", 1<<31); err != nil {
					return err
				}
			}
		default:
			return p.errorf(".loc: %s is not known", what)
		}
	}
	return nil
}

// section skips a debug section: .section .debug_str { ... }.
func (p *parser) section() error {
	if err := p.advance(); err != nil {
		return err
	}
	if p.tok.kind != tDot && p.tok.kind != tIdent {
		return p.errorf(".section: expected a name, found %v", p.tok)
	}
	if err := p.advance(); err != nil {
		return err
	}
	if err := p.expect("{"); err != nil {
		return err
	}
	for depth := 1; depth > 0; {
		switch {
		case p.tok.kind == tEOF:
			return p.errorf(".section has no closing brace")
		case p.is("{"):
			depth++
		case p.is("}"):
			depth--
		}
		if err := p.advance(); err != nil {
			return err
		}
	}
	return nil
}

// pragma reads and drops: .pragma "text";
func (p *parser) pragma() error {
	if err := p.advance(); err != nil {
		return err
	}
	for p.tok.kind == tString {
		if err := p.advance(); err != nil {
			return err
		}
		if _, err := p.take(","); err != nil {
			return err
		}
	}
	return p.expect(";")
}
