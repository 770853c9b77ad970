package ptx

import "fmt"

// statement reads a label, or an instruction with its guard.
func (p *parser) statement() error {
	in := &Instr{Line: p.tok.line, Loc: p.loc}
	if p.is("@") {
		if err := p.advance(); err != nil {
			return err
		}
		if p.is("@") {
			return p.skipLine()
		}
		not, err := p.take("!")
		if err != nil {
			return err
		}
		name, err := p.ident("a predicate after @")
		if err != nil {
			return err
		}
		r, _ := p.lookup(name)
		if r == nil || r.Type != Pred {
			return p.errorf("@%s: it is not a declared predicate register", name)
		}
		in.Pred, in.PredNot = r, not
		in.Line = p.tok.line
	}
	name, err := p.ident("an instruction")
	if err != nil {
		return err
	}
	if p.is(":") && in.Pred == nil {
		return p.label(name, in.Line)
	}
	in.Op = name
	for p.tok.kind == tDot {
		in.Mods = append(in.Mods, p.tok.text)
		if err := p.advance(); err != nil {
			return err
		}
	}
	for !p.is(";") {
		o, err := p.operand(in)
		if err != nil {
			return err
		}
		in.Args = append(in.Args, o)
		if ok, err := p.take(","); err != nil {
			return err
		} else if !ok {
			break
		}
	}
	if !p.is(";") {
		return p.errorf("expected \";\" after the operands of %s, found %v", in.Opcode(), p.tok)
	}
	p.fn.Body = append(p.fn.Body, in)
	return p.advance()
}

// label reads "name:" and, where it follows, its .branchtargets list.
func (p *parser) label(name string, line int) error {
	if err := p.advance(); err != nil { // the colon
		return err
	}
	if p.scope.labels[name] != nil {
		return &Error{line, fmt.Sprintf("label %s is set twice in one scope", name)}
	}
	l := &Label{Name: name, Index: len(p.fn.Body), Line: line}
	p.scope.labels[name] = l
	if !p.isDot("branchtargets") {
		return nil
	}
	for first := true; first || p.is(","); first = false {
		if err := p.advance(); err != nil {
			return err
		}
		target, err := p.ident("a label")
		if err != nil {
			return err
		}
		p.pending = append(p.pending, pendingName{label: l, name: target, line: p.tok.line, scope: p.scope})
	}
	return p.expect(";")
}

// operand reads one operand, with the second half of a pair p|q.
func (p *parser) operand(in *Instr) (Operand, error) {
	first, err := p.single(in)
	if err != nil || !p.is("|") {
		return first, err
	}
	if err := p.advance(); err != nil {
		return first, err
	}
	second, err := p.single(nil)
	return Operand{Kind: KPair, Elems: []Operand{first, second}}, err
}

// single reads one operand. Names of labels and functions are allowed only as
// direct operands of an instruction, that is where in is not nil.
func (p *parser) single(in *Instr) (Operand, error) {
	switch {
	case p.is("["):
		return p.address()
	case p.is("{"):
		return p.list("{", "}", KVec)
	case p.is("(") && in != nil && in.Op == "call":
		return p.list("(", ")", KArgs)
	case p.is("!"):
		if err := p.advance(); err != nil {
			return Operand{}, err
		}
		if p.tok.kind != tIdent {
			return Operand{}, p.errorf("! stands before a predicate register only")
		}
		o, err := p.named(nil)
		if err == nil && (o.Kind != KReg || o.Reg.Type != Pred || o.Not) {
			err = p.errorf("! stands before a predicate register only")
		}
		o.Not = true
		return o, err
	case p.tok.kind == tNumber, p.is("-"), p.is("+"):
		return p.literal()
	case p.is("~"), p.is("("):
		n, err := p.constant(0)
		return Operand{Kind: KInt, Int: n}, err
	case p.tok.kind == tIdent:
		return p.named(in)
	}
	return Operand{}, p.errorf("expected an operand, found %v", p.tok)
}

// literal reads a number, or an integer constant expression.
func (p *parser) literal() (Operand, error) {
	o, err := p.number()
	if err != nil || o.Kind != KInt {
		return o, err
	}
	// "4*8": continue as an expression. "|" would be a pair, so it is left alone.
	for op := p.operator(); op != "" && op != "|"; op = p.operator() {
		if err := p.advance(); err != nil {
			return o, err
		}
		if precedence[op] == 4 {
			if err := p.expect(op[:1]); err != nil {
				return o, err
			}
		}
		right, err := p.constant(precedence[op])
		if err != nil {
			return o, err
		}
		if right == 0 && (op == "/" || op == "%") {
			return o, p.errorf("division by zero in a constant expression")
		}
		o.Int = apply(op, o.Int, right)
	}
	return o, nil
}

// list reads a vector {a, b} or the arguments of a call (a, b).
func (p *parser) list(open, end string, kind OperandKind) (Operand, error) {
	o := Operand{Kind: kind}
	if p.depth++; p.depth > maxDepth {
		return o, p.errorf("operands are nested too deeply")
	}
	defer func() { p.depth-- }()
	if err := p.expect(open); err != nil {
		return o, err
	}
	for !p.is(end) {
		e, err := p.single(nil)
		if err != nil {
			return o, err
		}
		o.Elems = append(o.Elems, e)
		if ok, err := p.take(","); err != nil {
			return o, err
		} else if !ok {
			break
		}
	}
	return o, p.expect(end)
}

// named reads an operand that starts with a name.
func (p *parser) named(in *Instr) (Operand, error) {
	name, line := p.tok.text, p.tok.line
	if err := p.advance(); err != nil {
		return Operand{}, err
	}
	if name == "_" {
		return Operand{Kind: KSink}, nil
	}
	r, v := p.lookup(name)
	switch {
	case r != nil:
		return Operand{Kind: KReg, Reg: r}, nil
	case v != nil:
		o := Operand{Kind: KVar, Var: v}
		if p.is("+") || p.is("-") {
			n, err := p.constant(0)
			o.Off = int64(n)
			return o, err
		}
		return o, nil
	case name == "WARP_SZ":
		return Operand{Kind: KInt, Int: 32}, nil
	case specials[name]:
		return Operand{Kind: KSpecial, Name: name}, nil
	case vectorSpecials[name]:
		if p.tok.kind != tDot || len(p.tok.text) != 1 || p.tok.text[0] < 'x' || p.tok.text[0] > 'z' {
			return Operand{}, p.errorf("%s needs a component .x, .y or .z", name)
		}
		name += "." + p.tok.text
		return Operand{Kind: KSpecial, Name: name}, p.advance()
	case in == nil || name[0] == '%':
		return Operand{}, &Error{line, fmt.Sprintf("%s is not declared, and is no special register that is supported", name)}
	}
	p.pending = append(p.pending, pendingName{in: in, arg: len(in.Args), name: name, line: line, scope: p.scope})
	return Operand{Kind: KLabel, Name: name}, nil
}

// address reads [base+offset]: a register, a variable or a number.
func (p *parser) address() (Operand, error) {
	o := Operand{Kind: KAddr}
	if err := p.expect("["); err != nil {
		return o, err
	}
	if p.tok.kind == tIdent {
		name := p.tok.text
		if o.Reg, o.Var = p.lookup(name); o.Reg == nil && o.Var == nil {
			return o, p.errorf("address [%s]: it is not declared", name)
		}
		if err := p.advance(); err != nil {
			return o, err
		}
		if !p.is("+") && !p.is("-") {
			return o, p.expect("]")
		}
	}
	n, err := p.constant(0)
	if err != nil {
		return o, err
	}
	o.Off = int64(n)
	return o, p.expect("]")
}
