package ptx

import "fmt"

// statement reads a label, or an instruction with its guard.
func (p *parser) statement() {
	in := &Instr{Line: p.tok.line, Loc: p.loc}
	if p.take("@") {
		if p.is("@") {
			p.skipLine()
			return
		}
		not := p.take("!")
		name := p.ident("a predicate after @")
		r, _ := p.lookup(name)
		if r == nil || r.Type != Pred {
			panic(p.errorf("@%s: it is not a declared predicate register", name))
		}
		in.Pred, in.PredNot = r, not
		in.Line = p.tok.line
	}
	name := p.ident("an instruction")
	if p.is(":") && in.Pred == nil {
		p.label(name, in.Line)
		return
	}
	in.Op = name
	for p.tok.kind == tDot {
		in.Mods = append(in.Mods, p.tok.text)
		p.advance()
	}
	for !p.is(";") {
		in.Args = append(in.Args, p.operand(in))
		if !p.take(",") {
			break
		}
	}
	if !p.is(";") {
		panic(p.errorf("expected \";\" after the operands of %s, found %v", in.Opcode(), p.tok))
	}
	p.fn.Body = append(p.fn.Body, in)
	p.advance()
}

// label reads "name:" and, where it follows, its .branchtargets list.
func (p *parser) label(name string, line int) {
	p.expect(":")
	if p.scope.labels[name] != nil {
		panic(&Error{line, fmt.Sprintf("label %s is set twice in one scope", name)})
	}
	l := &Label{Name: name, Index: len(p.fn.Body), Line: line}
	p.scope.labels[name] = l
	if !p.isDot("branchtargets") {
		return
	}
	for first := true; first || p.is(","); first = false {
		p.advance()
		target := p.ident("a label")
		p.pending = append(p.pending, pendingName{label: l, name: target, line: p.tok.line, scope: p.scope})
	}
	p.expect(";")
}

// operand reads one operand, with the second half of a pair p|q.
func (p *parser) operand(in *Instr) Operand {
	first := p.single(in)
	if !p.take("|") {
		return first
	}
	return Operand{Kind: KPair, Elems: []Operand{first, p.single(nil)}}
}

// single reads one operand. Names of labels and functions are allowed only as
// direct operands of an instruction, that is where in is not nil.
func (p *parser) single(in *Instr) Operand {
	switch {
	case p.is("["):
		return p.address()
	case p.is("{"):
		return p.list("{", "}", KVec)
	case p.is("(") && in != nil && in.Op == "call":
		return p.list("(", ")", KArgs)
	case p.is("!"):
		p.advance()
		if p.tok.kind != tIdent {
			panic(p.errorf("! stands before a predicate register only"))
		}
		o := p.named(nil)
		if o.Kind != KReg || o.Reg.Type != Pred || o.Not {
			panic(p.errorf("! stands before a predicate register only"))
		}
		o.Not = true
		return o
	case p.tok.kind == tNumber, p.is("-"), p.is("+"):
		return p.literal()
	case p.is("~"), p.is("("):
		return Operand{Kind: KInt, Int: p.constant(0)}
	case p.tok.kind == tIdent:
		return p.named(in)
	}
	panic(p.errorf("expected an operand, found %v", p.tok))
}

// literal reads a number, or an integer constant expression.
func (p *parser) literal() Operand {
	o := p.number()
	if o.Kind != KInt {
		return o
	}
	// "4*8" continues as an expression. "|" would be a pair, so it is left alone.
	o.Int = p.binary(o.Int, precedence["|"])
	return o
}

// list reads a vector {a, b} or the arguments of a call (a, b).
func (p *parser) list(open, end string, kind OperandKind) Operand {
	o := Operand{Kind: kind}
	if p.depth++; p.depth > maxDepth {
		panic(p.errorf("operands are nested too deeply"))
	}
	defer func() { p.depth-- }()
	p.expect(open)
	for !p.is(end) {
		o.Elems = append(o.Elems, p.single(nil))
		if !p.take(",") {
			break
		}
	}
	p.expect(end)
	return o
}

// named reads an operand that starts with a name.
func (p *parser) named(in *Instr) Operand {
	name, line := p.tok.text, p.tok.line
	p.advance()
	if name == "_" {
		return Operand{Kind: KSink}
	}
	r, v := p.lookup(name)
	switch {
	case r != nil:
		return Operand{Kind: KReg, Reg: r}
	case v != nil:
		o := Operand{Kind: KVar, Var: v}
		if p.is("+") || p.is("-") {
			o.Off = int64(p.constant(0))
		}
		return o
	case name == "WARP_SZ":
		return Operand{Kind: KInt, Int: 32}
	case specials[name]:
		return Operand{Kind: KSpecial, Name: name}
	case vectorSpecials[name]:
		if p.tok.kind != tDot || len(p.tok.text) != 1 || p.tok.text[0] < 'x' || p.tok.text[0] > 'z' {
			panic(p.errorf("%s needs a component .x, .y or .z", name))
		}
		name += "." + p.tok.text
		p.advance()
		return Operand{Kind: KSpecial, Name: name}
	case in == nil || name[0] == '%':
		panic(&Error{line, fmt.Sprintf("%s is not declared, and is no special register that is supported", name)})
	}
	p.pending = append(p.pending, pendingName{in: in, arg: len(in.Args), name: name, line: line, scope: p.scope})
	return Operand{Kind: KLabel, Name: name}
}

// address reads [base+offset]: a register, a variable or a number.
func (p *parser) address() Operand {
	o := Operand{Kind: KAddr}
	p.expect("[")
	if p.tok.kind == tIdent {
		name := p.tok.text
		if o.Reg, o.Var = p.lookup(name); o.Reg == nil && o.Var == nil {
			panic(p.errorf("address [%s]: it is not declared", name))
		}
		p.advance()
		if !p.is("+") && !p.is("-") {
			p.expect("]")
			return o
		}
	}
	o.Off = int64(p.constant(0))
	p.expect("]")
	return o
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
