package ptx

import (
	"fmt"
	"strconv"
	"strings"
)

// Parse reads a PTX module. The error, if any, is an *Error that names the
// line and the token expected there.
func Parse(src string) (m *Module, err error) {
	if len(src) > maxSource {
		return nil, &Error{1, fmt.Sprintf("the text has %d bytes; at most %d are read", len(src), maxSource)}
	}
	defer func() {
		switch e := recover().(type) {
		case nil:
		case *Error:
			m, err = nil, e
		default:
			panic(e)
		}
	}()
	// The driver takes PTX as a C string, so a closing NUL is part of some images.
	if i := strings.IndexByte(src, 0); i >= 0 {
		src = src[:i]
	}
	p := &parser{
		lex:  lexer{src: src, line: 1},
		mod:  &Module{Files: map[int]string{}, AddressSize: 32},
		vars: map[string]*Var{},
	}
	p.module()
	return p.mod, nil
}

// module reads the whole file.
func (p *parser) module() {
	p.advance()
	p.header()
	for p.tok.kind != tEOF {
		if p.take(";") {
			continue
		}
		if p.is("@") { // "@@DWARF ..." lines of old compilers
			p.skipLine()
			continue
		}
		if p.tok.kind != tDot {
			panic(p.errorf("expected a directive, found %v", p.tok))
		}
		p.topLevel()
	}
}

// header reads .version, .target and .address_size.
func (p *parser) header() {
	if !p.isDot("version") {
		panic(p.errorf("expected .version first, found %v", p.tok))
	}
	p.advance()
	major, minor, ok := strings.Cut(p.tok.text, ".")
	a, err1 := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	if p.tok.kind != tNumber || !ok || err1 != nil || err2 != nil {
		panic(p.errorf(".version: expected a number such as 8.0, found %v", p.tok))
	}
	p.mod.Version = Version{a, b}
	p.advance()
	if !p.isDot("target") {
		panic(p.errorf("expected .target after .version, found %v", p.tok))
	}
	for first := true; first || p.is(","); first = false {
		p.advance()
		name := p.ident("a target such as sm_70")
		if !first {
			continue // options: texmode_unified, debug, map_f64_to_f32
		}
		p.mod.Target = name
		sm, err := strconv.Atoi(strings.TrimRight(strings.TrimPrefix(name, "sm_"), "af"))
		if err != nil || !strings.HasPrefix(name, "sm_") {
			panic(p.errorf(".target %s is not known: expected sm_NN", name))
		}
		p.mod.SM = sm
	}
	if p.isDot("address_size") {
		p.advance()
		n := p.integer(".address_size", 64)
		if n != 32 && n != 64 {
			panic(p.errorf(".address_size %d: it is 32 or 64", n))
		}
		p.mod.AddressSize = int(n)
	}
}

// topLevel reads one directive at module scope.
func (p *parser) topLevel() {
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
			p.function(true, linkage)
			return
		case "func":
			p.function(false, linkage)
			return
		case "global", "const", "shared":
			for _, v := range p.variable(linkage) {
				if old := p.vars[v.Name]; old != nil && old.Linkage != Extern && v.Linkage != Extern {
					panic(&Error{v.Line, fmt.Sprintf("%s is declared twice (first on line %d)", v.Name, old.Line)})
				}
				p.vars[v.Name] = v
				p.mod.Vars = append(p.mod.Vars, v)
			}
			return
		case "file":
			p.file()
			return
		case "loc":
			p.location()
			return
		case "section":
			p.section()
			return
		case "pragma":
			p.pragma()
			return
		default:
			panic(p.errorf("directive .%s is not supported here", p.tok.text))
		}
		p.advance()
	}
	panic(p.errorf("expected .entry, .func or a variable after the linkage, found %v", p.tok))
}
