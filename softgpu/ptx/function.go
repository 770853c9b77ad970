package ptx

import "fmt"

// function reads an .entry or .func: its formals, performance directives and
// body (or the semicolon of a prototype).
func (p *parser) function(entry bool, linkage Linkage) error {
	fn := &Func{Entry: entry, Linkage: linkage, Line: p.tok.line}
	p.fn, p.regIDs, p.pending, p.loc = fn, 0, nil, nil
	p.scope = newScope(nil)
	if err := p.advance(); err != nil {
		return err
	}
	var err error
	if p.is("(") {
		if entry {
			return p.errorf("an .entry returns nothing")
		}
		if fn.Rets, err = p.formals(); err != nil {
			return err
		}
	}
	if fn.Name, err = p.ident("a function's name"); err != nil {
		return err
	}
	if p.is("(") {
		if fn.Params, err = p.formals(); err != nil {
			return err
		}
	}
	if err := p.performance(); err != nil {
		return err
	}
	if old := p.mod.Func(fn.Name); old != nil && old.Defined && p.is("{") {
		return &Error{fn.Line, fmt.Sprintf("%s is defined twice (first on line %d)", fn.Name, old.Line)}
	}
	p.mod.Funcs = append(p.mod.Funcs, fn)
	if ok, err := p.take(";"); ok || err != nil {
		return err
	}
	fn.Defined = true
	if err := p.expect("{"); err != nil {
		return err
	}
	if err := p.body(); err != nil {
		return err
	}
	p.loc = nil
	return p.resolve()
}

// formals reads a parenthesised parameter list.
func (p *parser) formals() ([]*Formal, error) {
	var list []*Formal
	if err := p.expect("("); err != nil {
		return nil, err
	}
	for !p.is(")") {
		if p.isDot("reg") {
			if err := p.advance(); err != nil {
				return nil, err
			}
			t, err := p.regType()
			if err != nil {
				return nil, err
			}
			name, err := p.ident("a register")
			if err != nil {
				return nil, err
			}
			r := &Reg{Name: name, Type: t, ID: -1}
			if err := p.declareReg(r); err != nil {
				return nil, err
			}
			p.use(r)
			list = append(list, &Formal{Reg: r})
		} else {
			v, err := p.varType(Internal)
			if err != nil {
				return nil, err
			}
			if v.Space != Param {
				return nil, p.errorf("a parameter is .param or .reg")
			}
			if err := p.varName(v); err != nil {
				return nil, err
			}
			if len(v.Dims) > 0 && v.Dims[0] == 0 {
				return nil, p.errorf("%s: variable-length parameter lists are not supported", v.Name)
			}
			if err := p.declareVar(v); err != nil {
				return nil, err
			}
			list = append(list, &Formal{Var: v})
		}
		if ok, err := p.take(","); err != nil {
			return nil, err
		} else if !ok {
			break
		}
	}
	return list, p.expect(")")
}

// performance reads the directives between a function's head and its body.
func (p *parser) performance() error {
	for p.tok.kind == tDot {
		name := p.tok.text
		if name == "pragma" {
			if err := p.pragma(); err != nil {
				return err
			}
			continue
		}
		if name == "loc" {
			if err := p.location(); err != nil {
				return err
			}
			continue
		}
		if err := p.advance(); err != nil {
			return err
		}
		var err error
		switch name {
		case "maxntid":
			p.fn.MaxNTid, err = p.extents(name)
		case "reqntid":
			p.fn.ReqNTid, err = p.extents(name)
		case "minnctapersm":
			p.fn.MinNCTAPerSM, err = p.count(name)
		case "maxnreg":
			p.fn.MaxReg, err = p.count(name)
		case "noreturn":
			p.fn.NoReturn = true
		default:
			err = p.errorf("directive .%s is not supported on a function", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) count(name string) (int, error) {
	n, err := p.integer("."+name, 1<<31-1)
	return int(n), err
}

// extents reads up to three thread extents; those left out are 1.
func (p *parser) extents(name string) ([3]int, error) {
	e := [3]int{1, 1, 1}
	for i := range e {
		n, err := p.count(name)
		if err != nil {
			return e, err
		}
		if n == 0 {
			return e, p.errorf(".%s: an extent is at least 1", name)
		}
		e[i] = n
		if ok, err := p.take(","); err != nil || !ok {
			return e, err
		}
	}
	return e, nil
}

// body reads statements up to the closing brace of the function.
func (p *parser) body() error {
	for depth := 1; depth > 0; {
		var err error
		switch {
		case p.tok.kind == tEOF:
			return p.errorf("%s has no closing brace", p.fn.Name)
		case p.is("{"):
			if depth++; depth > maxDepth {
				return p.errorf("scopes are nested too deeply")
			}
			p.scope = newScope(p.scope)
			err = p.advance()
		case p.is("}"):
			depth--
			if depth > 0 {
				p.scope = p.scope.parent
			}
			err = p.advance()
		case p.is(";"):
			err = p.advance()
		case p.tok.kind == tDot:
			err = p.bodyDirective()
		default:
			err = p.statement()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *parser) bodyDirective() error {
	switch p.tok.text {
	case "reg":
		return p.registers()
	case "local", "shared", "param", "const", "global":
		vars, err := p.variable(Internal)
		if err != nil {
			return err
		}
		for _, v := range vars {
			if err := p.declareVar(v); err != nil {
				return err
			}
			p.fn.Vars = append(p.fn.Vars, v)
		}
		return nil
	case "loc":
		return p.location()
	case "pragma":
		return p.pragma()
	case "file":
		return p.file()
	}
	return p.errorf("directive .%s is not supported in a function", p.tok.text)
}

func (p *parser) regType() (Type, error) {
	if p.tok.kind != tDot {
		return NoType, p.errorf("expected a register type, found %v", p.tok)
	}
	t, ok := TypeByName(p.tok.text)
	if !ok {
		return NoType, p.errorf("registers of type .%s are not supported", p.tok.text)
	}
	return t, p.advance()
}

// registers reads: .reg .f32 %f<12>, %g;
func (p *parser) registers() error {
	if err := p.advance(); err != nil {
		return err
	}
	t, err := p.regType()
	if err != nil {
		return err
	}
	for {
		name, err := p.ident("a register's name")
		if err != nil {
			return err
		}
		if p.is("<") {
			if err := p.advance(); err != nil {
				return err
			}
			n, err := p.integer("a register count", 1<<31)
			if err != nil {
				return err
			}
			if err := p.expect(">"); err != nil {
				return err
			}
			if _, dup := p.scope.families[name]; dup {
				return p.errorf("registers %s<> are declared twice in one scope", name)
			}
			p.scope.families[name] = family{t, n}
		} else if err := p.declareReg(&Reg{Name: name, Type: t, ID: -1}); err != nil {
			return err
		}
		if ok, err := p.take(","); err != nil {
			return err
		} else if !ok {
			return p.expect(";")
		}
	}
}
