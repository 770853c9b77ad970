package ptx

import "math/bits"

var spaceByName = map[string]Space{
	"global": Global, "shared": Shared, "local": Local, "const": Const, "param": Param,
}

// variable reads a declaration, from its state space to the semicolon:
//
//	.global .align 8 .v2 .f32 name[4][2] = {...}, other;
func (p *parser) variable(linkage Linkage) ([]*Var, error) {
	proto, err := p.varType(linkage)
	if err != nil {
		return nil, err
	}
	var vars []*Var
	for {
		v := *proto
		if err := p.varName(&v); err != nil {
			return nil, err
		}
		if p.is("=") {
			if err := p.initialiser(&v); err != nil {
				return nil, err
			}
		}
		vars = append(vars, &v)
		if ok, err := p.take(","); err != nil {
			return nil, err
		} else if !ok {
			return vars, p.expect(";")
		}
	}
}

// varType reads the state space, attributes and type of a declaration.
func (p *parser) varType(linkage Linkage) (*Var, error) {
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
			// ".param .u64 .ptr .global .align 16 name": what it points to is advice only.
			if err := p.pointerAdvice(); err != nil {
				return nil, err
			}
			continue
		} else if name == "align" {
			if err := p.advance(); err != nil {
				return nil, err
			}
			n, err := p.integer(".align", 1<<16)
			if err != nil {
				return nil, err
			}
			if n == 0 || n&(n-1) != 0 {
				return nil, p.errorf(".align %d: it is a power of two", n)
			}
			v.Align = n
			continue
		} else {
			return nil, p.errorf(".%s is not supported in a variable declaration", name)
		}
		if err := p.advance(); err != nil {
			return nil, err
		}
	}
	if v.Type == NoType || v.Type == Pred {
		return nil, p.errorf("a variable needs a type that memory can hold")
	}
	return v, nil
}

func (p *parser) pointerAdvice() error {
	if err := p.advance(); err != nil {
		return err
	}
	if p.tok.kind == tDot {
		if _, ok := spaceByName[p.tok.text]; ok {
			if err := p.advance(); err != nil {
				return err
			}
		}
	}
	if !p.isDot("align") {
		return nil
	}
	if err := p.advance(); err != nil {
		return err
	}
	_, err := p.integer(".align", 1<<16)
	return err
}

// varName reads the name and array extents, and computes size and alignment.
func (p *parser) varName(v *Var) error {
	v.Line = p.tok.line
	name, err := p.ident("a variable's name")
	if err != nil {
		return err
	}
	v.Name = name
	elem := uint64(v.Type.Bytes() * v.Vec)
	v.Align = max(v.Align, elem)
	size := elem
	for p.is("[") {
		if err := p.advance(); err != nil {
			return err
		}
		n := uint64(0)
		if !p.is("]") {
			if n, err = p.constant(0); err != nil {
				return err
			}
			if n == 0 {
				return p.errorf("%s: an array extent is at least 1", name)
			}
		} else if len(v.Dims) > 0 {
			return p.errorf("%s: only the first extent may be empty", name)
		}
		if err := p.expect("]"); err != nil {
			return err
		}
		if len(v.Dims) == maxDims {
			return p.errorf("%s: more than %d array extents", name, maxDims)
		}
		v.Dims = append(v.Dims[:len(v.Dims):len(v.Dims)], n)
		hi, lo := bits.Mul64(size, n)
		if hi != 0 || lo > maxVarBytes {
			return p.errorf("%s: larger than %d bytes", name, uint64(maxVarBytes))
		}
		size = lo
	}
	v.Size = size
	return nil
}

// initialiser reads "= value" or "= {values}".
func (p *parser) initialiser(v *Var) error {
	if v.Space != Global && v.Space != Const {
		return p.errorf("%s: only .global and .const variables take initial values", v.Name)
	}
	if err := p.advance(); err != nil {
		return err
	}
	v.HasInit = true
	offset := uint64(0)
	if p.is("{") {
		if err := p.initList(v, &offset, 0); err != nil {
			return err
		}
	} else if err := p.initValue(v, &offset); err != nil {
		return err
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
		return p.errorf("%s: %d bytes of initial values for %d bytes", v.Name, offset, v.Size)
	}
	return nil
}

// initList reads a braced list. Nested braces start at the next row of the
// array dimension they describe.
func (p *parser) initList(v *Var, offset *uint64, level int) error {
	if level > maxDims {
		return p.errorf("%s: initial values are nested too deeply", v.Name)
	}
	row := uint64(v.Type.Bytes())
	for i := len(v.Dims) - 1; i > level; i-- {
		row *= v.Dims[i]
	}
	if level < len(v.Dims) {
		row *= uint64(v.Vec)
	}
	if err := p.expect("{"); err != nil {
		return err
	}
	for !p.is("}") {
		if p.is("{") {
			start := *offset
			if err := p.initList(v, offset, level+1); err != nil {
				return err
			}
			*offset = max(*offset, start+row)
		} else if err := p.initValue(v, offset); err != nil {
			return err
		}
		if *offset > maxVarBytes {
			return p.errorf("%s: too many initial values", v.Name)
		}
		if ok, err := p.take(","); err != nil {
			return err
		} else if !ok {
			break
		}
	}
	return p.expect("}")
}

// initValue reads one initial value: a number, or a symbol's address.
func (p *parser) initValue(v *Var, offset *uint64) error {
	size := v.Type.Bytes()
	item := Init{Offset: *offset, Size: size}
	*offset += uint64(size)
	if p.tok.kind == tIdent {
		if p.tok.text == "generic" {
			item.Generic = true
			if err := p.advance(); err != nil {
				return err
			}
			if err := p.expect("("); err != nil {
				return err
			}
		}
		name, err := p.ident("a symbol")
		if err != nil {
			return err
		}
		item.Sym = name
		if item.Generic {
			if err := p.expect(")"); err != nil {
				return err
			}
		}
		if p.is("+") || p.is("-") {
			n, err := p.constant(0)
			if err != nil {
				return err
			}
			item.Addend = int64(n)
		}
		v.Init = append(v.Init, item)
		return nil
	}
	if v.Type.Float() {
		o, err := p.number()
		if err != nil {
			return err
		}
		value, ok := o.Float(v.Type.Bits())
		if !ok {
			return p.errorf("%s: the initial value does not fit .%s", v.Name, v.Type)
		}
		item.Bits = value
	} else {
		n, err := p.constant(0)
		if err != nil {
			return err
		}
		item.Bits = n
	}
	v.Init = append(v.Init, item)
	return nil
}
