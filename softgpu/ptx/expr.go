package ptx

// number reads a literal with an optional sign.
func (p *parser) number() (Operand, error) {
	neg := false
	for p.is("-") || p.is("+") {
		neg = neg != p.is("-")
		if err := p.advance(); err != nil {
			return Operand{}, err
		}
	}
	if p.tok.kind != tNumber {
		return Operand{}, p.errorf("expected a number, found %v", p.tok)
	}
	o, err := parseNumber(p.tok.text)
	if err != nil {
		return o, p.errorf("%v", err)
	}
	if neg && o.Kind == KInt {
		o.Int = -o.Int
	} else if neg {
		o.Int ^= 1 << (o.FloatBits - 1)
	}
	return o, p.advance()
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
func (p *parser) constant(floor int) (uint64, error) {
	if p.depth++; p.depth > maxDepth {
		return 0, p.errorf("the expression is nested too deeply")
	}
	defer func() { p.depth-- }()
	left, err := p.primary()
	if err != nil {
		return 0, err
	}
	for {
		op := p.operator()
		level := precedence[op]
		if op == "" || level <= floor {
			return left, nil
		}
		if err := p.advance(); err != nil {
			return 0, err
		}
		if level == 4 { // the lexer gives << and >> as two tokens
			if err := p.expect(op[:1]); err != nil {
				return 0, err
			}
		}
		right, err := p.constant(level)
		if err != nil {
			return 0, err
		}
		if right == 0 && (op == "/" || op == "%") {
			return 0, p.errorf("division by zero in a constant expression")
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
func (p *parser) primary() (uint64, error) {
	switch {
	case p.is("-"), p.is("+"), p.is("~"), p.is("!"):
		op := p.tok.text
		if err := p.advance(); err != nil {
			return 0, err
		}
		if p.depth++; p.depth > maxDepth {
			return 0, p.errorf("the expression is nested too deeply")
		}
		v, err := p.primary()
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
		return v, err
	case p.is("("):
		if err := p.advance(); err != nil {
			return 0, err
		}
		v, err := p.constant(0)
		if err != nil {
			return 0, err
		}
		return v, p.expect(")")
	}
	if p.tok.kind != tNumber {
		return 0, p.errorf("expected a constant, found %v", p.tok)
	}
	o, err := parseNumber(p.tok.text)
	if err != nil {
		return 0, p.errorf("%v", err)
	}
	if o.Kind != KInt {
		return 0, p.errorf("expected an integer, found %s", p.tok.text)
	}
	return o.Int, p.advance()
}
