package ptx

// number reads a literal with an optional sign.
func (p *parser) number() Operand {
	neg := false
	for p.is("-") || p.is("+") {
		neg = neg != p.is("-")
		p.advance()
	}
	if p.tok.kind != tNumber {
		panic(p.errorf("expected a number, found %v", p.tok))
	}
	o, err := parseNumber(p.tok.text)
	if err != nil {
		panic(p.errorf("%v", err))
	}
	if neg && o.Kind == KInt {
		o.Int = -o.Int
	} else if neg {
		o.Int ^= 1 << (o.FloatBits - 1)
	}
	p.advance()
	return o
}

// Binary operators of constant expressions, by precedence.
var precedence = map[string]int{
	"|": 1, "^": 2, "&": 3, "<<": 4, ">>": 4, "+": 5, "-": 5, "*": 6, "/": 6, "%": 6,
}

// operator gives the binary operator at the current token, or "".
func (p *parser) operator() string {
	if p.tok.kind == tIdent && p.tok.text == "%" {
		return "%"
	}
	if p.tok.kind != tPunct {
		return ""
	}
	if p.tok.text == "<" || p.tok.text == ">" {
		return p.tok.text + p.tok.text
	}
	if precedence[p.tok.text] > 0 {
		return p.tok.text
	}
	return ""
}

// constant reads an integer constant expression whose operators bind tighter
// than floor. Arithmetic is modulo 2^64, as PTX's is.
func (p *parser) constant(floor int) uint64 {
	if p.depth++; p.depth > maxDepth {
		panic(p.errorf("the expression is nested too deeply"))
	}
	defer func() { p.depth-- }()
	return p.binary(p.primary(), floor)
}

// binary continues an expression behind its left operand, with the operators that bind tighter than floor.
func (p *parser) binary(left uint64, floor int) uint64 {
	for {
		op := p.operator()
		level := precedence[op]
		if op == "" || level <= floor {
			return left
		}
		p.advance()
		if level == 4 { // the lexer gives << and >> as two tokens
			p.expect(op[:1])
		}
		right := p.constant(level)
		if right == 0 && (op == "/" || op == "%") {
			panic(p.errorf("division by zero in a constant expression"))
		}
		left = apply(op, left, right)
	}
}

func apply(op string, a, b uint64) uint64 {
	switch op {
	case "|":
		return a | b
	case "^":
		return a ^ b
	case "&":
		return a & b
	case "<<":
		return a << b
	case ">>":
		return uint64(int64(a) >> b)
	case "+":
		return a + b
	case "-":
		return a - b
	case "*":
		return a * b
	case "/":
		return uint64(int64(a) / int64(b))
	}
	return uint64(int64(a) % int64(b))
}

// primary reads a literal, a parenthesised expression, or a unary operator's operand.
func (p *parser) primary() uint64 {
	switch {
	case p.is("-"), p.is("+"), p.is("~"), p.is("!"):
		op := p.tok.text
		p.advance()
		if p.depth++; p.depth > maxDepth {
			panic(p.errorf("the expression is nested too deeply"))
		}
		v := p.primary()
		p.depth--
		switch op {
		case "-":
			v = -v
		case "~":
			v = ^v
		case "!":
			if v == 0 {
				v = 1
			} else {
				v = 0
			}
		}
		return v
	case p.is("("):
		p.advance()
		v := p.constant(0)
		p.expect(")")
		return v
	}
	if p.tok.kind != tNumber {
		panic(p.errorf("expected a constant, found %v", p.tok))
	}
	o, err := parseNumber(p.tok.text)
	if err != nil {
		panic(p.errorf("%v", err))
	}
	if o.Kind != KInt {
		panic(p.errorf("expected an integer, found %s", p.tok.text))
	}
	p.advance()
	return o.Int
}
