package ptx

import "math/bits"

var spaceByName = map[string]Space{
	"global": Global, "shared": Shared, "local": Local, "const": Const, "param": Param,
}

// variable reads a declaration, from its state space to the semicolon:
//
//	.global .align 8 .v2 .f32 name[4][2] = {...}, other;
func (p *parser) variable(linkage Linkage) []*Var {
	proto := p.varType(linkage)
	var vars []*Var
	for {
		v := *proto
		p.varName(&v)
		if p.is("=") {
			p.initialiser(&v)
		}
		vars = append(vars, &v)
		if !p.take(",") {
			p.expect(";")
			return vars
		}
	}
}

// varType reads the state space, attributes and type of a declaration.
func (p *parser) varType(linkage Linkage) *Var {
	v := &Var{Linkage: linkage, Vec: 1, Line: p.tok.line}
	for p.tok.kind == tDot {
		name := p.tok.text
		if space, ok := spaceByName[name]; ok && v.Space == Generic {
			v.Space = space
		} else if t, ok := TypeByName(name); ok && v.Type == NoType {
			v.Type = t
		} else if name == "v2" {
			v.Vec = 2
		} else if name == "v4" {
			v.Vec = 4
		} else if name == "ptr" {
			// ".param .u64 .ptr .global .align 16 name": the space and alignment it points to are advice only.
			p.pointerAdvice()
			continue
		} else if name == "align" {
			p.advance()
			n := p.integer(".align", 1<<16)
			if n == 0 || n&(n-1) != 0 {
				panic(p.errorf(".align %d: it is a power of two", n))
			}
			v.Align = n
			continue
		} else {
			panic(p.errorf(".%s is not supported in a variable declaration", name))
		}
		p.advance()
	}
	if v.Type == NoType || v.Type == Pred {
		panic(p.errorf("a variable needs a type that memory can hold"))
	}
	return v
}

func (p *parser) pointerAdvice() {
	p.advance()
	if p.tok.kind == tDot {
		if _, ok := spaceByName[p.tok.text]; ok {
			p.advance()
		}
	}
	if p.isDot("align") {
		p.advance()
		p.integer(".align", 1<<16)
	}
}

// varName reads the name and array extents, and computes size and alignment.
func (p *parser) varName(v *Var) {
	v.Line = p.tok.line
	name := p.ident("a variable's name")
	v.Name = name
	elem := uint64(v.Type.Bytes() * v.Vec)
	v.Align = max(v.Align, elem)
	size := elem
	for p.is("[") {
		p.advance()
		n := uint64(0)
		if !p.is("]") {
			if n = p.constant(0); n == 0 {
				panic(p.errorf("%s: an array extent is at least 1", name))
			}
		} else if len(v.Dims) > 0 {
			panic(p.errorf("%s: only the first extent may be empty", name))
		}
		p.expect("]")
		if len(v.Dims) == maxDims {
			panic(p.errorf("%s: more than %d array extents", name, maxDims))
		}
		v.Dims = append(v.Dims[:len(v.Dims):len(v.Dims)], n)
		hi, lo := bits.Mul64(size, n)
		if hi != 0 || lo > maxVarBytes {
			panic(p.errorf("%s: larger than %d bytes", name, uint64(maxVarBytes)))
		}
		size = lo
	}
	v.Size = size
}

// initialiser reads "= value" or "= {values}".
func (p *parser) initialiser(v *Var) {
	if v.Space != Global && v.Space != Const {
		panic(p.errorf("%s: only .global and .const variables take initial values", v.Name))
	}
	p.advance()
	offset := uint64(0)
	if p.is("{") {
		p.initList(v, &offset, 0)
	} else {
		p.initValue(v, &offset)
	}
	if len(v.Dims) > 0 && v.Dims[0] == 0 { // "[]" takes its extent from the values
		inner := uint64(v.Type.Bytes() * v.Vec)
		for _, d := range v.Dims[1:] {
			inner *= d
		}
		v.Dims[0] = (offset + inner - 1) / inner
		v.Size = v.Dims[0] * inner
	}
	if offset > v.Size {
		panic(p.errorf("%s: %d bytes of initial values for %d bytes", v.Name, offset, v.Size))
	}
}

// initList reads a braced list. Nested braces start at the next row of the
// array dimension they describe.
func (p *parser) initList(v *Var, offset *uint64, level int) {
	if level > maxDims {
		panic(p.errorf("%s: initial values are nested too deeply", v.Name))
	}
	row := uint64(v.Type.Bytes())
	for i := len(v.Dims) - 1; i > level; i-- {
		row *= v.Dims[i]
	}
	if level < len(v.Dims) {
		row *= uint64(v.Vec)
	}
	p.expect("{")
	for !p.is("}") {
		if p.is("{") {
			start := *offset
			p.initList(v, offset, level+1)
			*offset = max(*offset, start+row)
		} else {
			p.initValue(v, offset)
		}
		if *offset > maxVarBytes {
			panic(p.errorf("%s: too many initial values", v.Name))
		}
		if !p.take(",") {
			break
		}
	}
	p.expect("}")
}

// initValue reads one initial value: a number, or a symbol's address.
func (p *parser) initValue(v *Var, offset *uint64) {
	size := v.Type.Bytes()
	item := Init{Offset: *offset, Size: size}
	*offset += uint64(size)
	if p.tok.kind == tIdent {
		generic := p.tok.text == "generic" // which changes nothing: an address in global memory is generic
		if generic {
			p.advance()
			p.expect("(")
		}
		item.Sym = p.ident("a symbol")
		if generic {
			p.expect(")")
		}
		if p.is("+") || p.is("-") {
			item.Addend = int64(p.constant(0))
		}
		v.Init = append(v.Init, item)
		return
	}
	if v.Type.Float() {
		o := p.number()
		value, ok := o.Float(v.Type.Bits())
		if !ok {
			panic(p.errorf("%s: the initial value does not fit .%s", v.Name, v.Type))
		}
		item.Bits = value
	} else {
		item.Bits = p.constant(0)
	}
	v.Init = append(v.Init, item)
}
