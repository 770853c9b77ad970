package ptx

// skipLine drops the tokens of the current line.
func (p *parser) skipLine() {
	line := p.tok.line
	for p.tok.kind != tEOF && p.tok.line == line {
		p.advance()
	}
}

// file reads: .file 1 "name" [, time, size].
func (p *parser) file() {
	p.advance()
	n := p.integer(".file", 1<<31)
	if p.tok.kind != tString || len(p.tok.text) > maxDebugName {
		panic(p.errorf(".file: expected a file name in quotes, found %v", p.tok))
	}
	p.mod.Files[int(n)] = p.tok.text
	p.advance()
	for p.take(",") {
		p.integer(".file", 1<<63)
	}
}

// location reads: .loc file line column [, function_name label [+n], inlined_at file line column].
func (p *parser) location() {
	p.advance()
	var v [3]int
	for i := range v {
		v[i] = int(p.integer(".loc", 1<<31))
	}
	p.loc = &SrcLoc{v[0], v[1], v[2]}
	for p.take(",") {
		switch word := p.ident("function_name or inlined_at"); word {
		case "function_name":
			p.ident("a label")
			if p.take("+") {
				p.integer("an offset", 1<<63)
			}
		case "inlined_at":
			for range v {
				p.integer("inlined_at", 1<<31)
			}
		default:
			panic(p.errorf(".loc: %s is not known", word))
		}
	}
}

// section skips a debug section: .section .debug_str { ... }.
func (p *parser) section() {
	p.advance()
	if p.tok.kind != tDot && p.tok.kind != tIdent {
		panic(p.errorf(".section: expected a name, found %v", p.tok))
	}
	p.advance()
	p.expect("{")
	for depth := 1; depth > 0; {
		switch {
		case p.tok.kind == tEOF:
			panic(p.errorf(".section has no closing brace"))
		case p.is("{"):
			depth++
		case p.is("}"):
			depth--
		}
		p.advance()
	}
}

// pragma reads and drops: .pragma "text";
func (p *parser) pragma() {
	p.advance()
	for p.tok.kind == tString {
		p.advance()
		p.take(",")
	}
	p.expect(";")
}
