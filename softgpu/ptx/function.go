package ptx

import "fmt"

// function reads an .entry or .func: its formals, performance directives and
// body (or the semicolon of a prototype).
func (p *parser) function(entry bool, linkage Linkage) {
	fn := &Func{Entry: entry, Linkage: linkage, Line: p.tok.line}
	p.fn, p.regIDs, p.pending, p.loc = fn, 0, nil, nil
	p.scope = newScope(nil)
	p.advance()
	if p.is("(") {
		if entry {
			panic(p.errorf("an .entry returns nothing"))
		}
		fn.Rets = p.formals()
	}
	fn.Name = p.ident("a function's name")
	if p.is("(") {
		fn.Params = p.formals()
	}
	p.performance()
	if old := p.mod.Func(fn.Name); old != nil && old.Defined && p.is("{") {
		panic(&Error{fn.Line, fmt.Sprintf("%s is defined twice (first on line %d)", fn.Name, old.Line)})
	}
	p.mod.Funcs = append(p.mod.Funcs, fn)
	if p.take(";") {
		return
	}
	fn.Defined = true
	p.expect("{")
	p.body()
	p.loc = nil
	p.resolve()
}

// formals reads a parenthesised parameter list.
func (p *parser) formals() []*Formal {
	var list []*Formal
	p.expect("(")
	for !p.is(")") {
		if p.isDot("reg") {
			p.advance()
			r := &Reg{Type: p.regType(), Name: p.ident("a register"), ID: -1}
			p.declareReg(r)
			p.use(r)
			list = append(list, &Formal{Reg: r})
		} else {
			v := p.varType(Internal)
			if v.Space != Param {
				panic(p.errorf("a parameter is .param or .reg"))
			}
			p.varName(v)
			if len(v.Dims) > 0 && v.Dims[0] == 0 {
				panic(p.errorf("%s: variable-length parameter lists are not supported", v.Name))
			}
			p.declareVar(v)
			list = append(list, &Formal{Var: v})
		}
		if !p.take(",") {
			break
		}
	}
	p.expect(")")
	return list
}

// performance reads the directives between a function's head and its body.
func (p *parser) performance() {
	for p.tok.kind == tDot {
		name := p.tok.text
		switch name {
		case "pragma":
			p.pragma()
			continue
		case "loc":
			p.location()
			continue
		}
		p.advance()
		switch name {
		case "maxntid":
			p.fn.MaxNTid = p.extents(name)
		case "reqntid":
			p.fn.ReqNTid = p.extents(name)
		case "minnctapersm":
			p.fn.MinNCTAPerSM = p.count(name)
		case "maxnreg":
			p.fn.MaxReg = p.count(name)
		case "noreturn":
			p.fn.NoReturn = true
		default:
			panic(p.errorf("directive .%s is not supported on a function", name))
		}
	}
}

func (p *parser) count(name string) int { return int(p.integer("."+name, 1<<31-1)) }

// extents reads up to three thread extents; those left out are 1.
func (p *parser) extents(name string) [3]int {
	e := [3]int{1, 1, 1}
	for i := range e {
		n := p.count(name)
		if n == 0 {
			panic(p.errorf(".%s: an extent is at least 1", name))
		}
		e[i] = n
		if !p.take(",") {
			break
		}
	}
	return e
}

// body reads statements up to the closing brace of the function.
func (p *parser) body() {
	for depth := 1; depth > 0; {
		switch {
		case p.tok.kind == tEOF:
			panic(p.errorf("%s has no closing brace", p.fn.Name))
		case p.is("{"):
			if depth++; depth > maxDepth {
				panic(p.errorf("scopes are nested too deeply"))
			}
			p.scope = newScope(p.scope)
			p.advance()
		case p.is("}"):
			depth--
			if depth > 0 {
				p.scope = p.scope.parent
			}
			p.advance()
		case p.is(";"):
			p.advance()
		case p.tok.kind == tDot:
			p.bodyDirective()
		default:
			p.statement()
		}
	}
}

func (p *parser) bodyDirective() {
	switch p.tok.text {
	case "reg":
		p.registers()
	case "local", "shared", "param", "const", "global":
		for _, v := range p.variable(Internal) {
			p.declareVar(v)
			p.fn.Vars = append(p.fn.Vars, v)
		}
	case "loc":
		p.location()
	case "pragma":
		p.pragma()
	case "file":
		p.file()
	default:
		panic(p.errorf("directive .%s is not supported in a function", p.tok.text))
	}
}

func (p *parser) regType() Type {
	if p.tok.kind != tDot {
		panic(p.errorf("expected a register type, found %v", p.tok))
	}
	t, ok := TypeByName(p.tok.text)
	if !ok {
		panic(p.errorf("registers of type .%s are not supported", p.tok.text))
	}
	p.advance()
	return t
}

// registers reads: .reg .f32 %f<12>, %g;
func (p *parser) registers() {
	p.advance()
	t := p.regType()
	for {
		name := p.ident("a register's name")
		if p.take("<") {
			n := p.integer("a register count", 1<<31)
			p.expect(">")
			if _, dup := p.scope.families[name]; dup {
				panic(p.errorf("registers %s<> are declared twice in one scope", name))
			}
			p.scope.families[name] = family{t, n}
		} else {
			p.declareReg(&Reg{Name: name, Type: t, ID: -1})
		}
		if !p.take(",") {
			p.expect(";")
			return
		}
	}
}
