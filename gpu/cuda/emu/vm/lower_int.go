package vm

import (
	"math/bits"
	"strings"

	"mdfa/gpu/cuda/emu/ptx"
)

// lowerer functions by opcode; filled by init to allow them to refer to it.
var lowerers map[string]func(*lowerer, *ptx.Instr, *modifiers) error

func init() {
	lowerers = map[string]func(*lowerer, *ptx.Instr, *modifiers) error{
		"add": lowerAddSub, "sub": lowerAddSub, "addc": lowerAddSub, "subc": lowerAddSub,
		"mul": lowerMul, "mad": lowerMad, "madc": lowerMad, "fma": lowerFma,
		"div": lowerDiv, "rem": lowerRem, "abs": lowerAbsNeg, "neg": lowerAbsNeg,
		"min": lowerMinMax, "max": lowerMinMax, "sad": lowerSad,
		"mul24": lowerMul24, "mad24": lowerMul24, "dp4a": lowerDp4a,
		"and": lowerLogic, "or": lowerLogic, "xor": lowerLogic, "not": lowerNot, "cnot": lowerNot,
		"shl": lowerShift, "shr": lowerShift, "shf": lowerShf, "lop3": lowerLop3, "prmt": lowerPrmt,
		"bfe": lowerBitField, "bfi": lowerBfi, "bfind": lowerBfind,
		"clz": lowerBitCount, "popc": lowerBitCount, "brev": lowerBitCount,
		"sqrt": lowerUnaryFloat, "rsqrt": lowerUnaryFloat, "rcp": lowerUnaryFloat, "ex2": lowerUnaryFloat,
		"lg2": lowerUnaryFloat, "sin": lowerUnaryFloat, "cos": lowerUnaryFloat, "tanh": lowerUnaryFloat,
		"copysign": lowerCopysign, "testp": lowerTestp,
		"setp": lowerSetp, "set": lowerSet, "selp": lowerSelp, "slct": lowerSlct,
		"mov": lowerMov, "cvt": lowerCvt, "cvta": lowerCvta, "isspacep": lowerIsspacep,
		"ld": lowerLd, "ldu": lowerLd, "st": lowerSt, "atom": lowerAtom, "red": lowerAtom, "prefetch": lowerPrefetch, "prefetchu": lowerPrefetch,
		"bra": lowerBra, "brx": lowerBrx, "ret": lowerRet, "exit": lowerExit, "trap": lowerTrap, "brkpt": lowerTrap, "call": lowerCall,
		"bar": lowerBar, "barrier": lowerBar, "membar": lowerFence, "fence": lowerFence, "nanosleep": lowerNanosleep,
		"shfl": lowerShfl, "vote": lowerVote, "match": lowerMatch, "activemask": lowerActiveMask, "redux": lowerRedux,
	}
}

// typed takes the instruction's type and checks that it is one of those allowed.
func (l *lowerer) typed(m *modifiers, allowed ...ptx.Type) (ptx.Type, error) {
	t, ok := m.typ()
	if !ok {
		if len(m.list) > 0 {
			return t, l.errorf("modifier .%s is not supported", m.list[0])
		}
		return t, l.errorf("a type is missing")
	}
	for _, a := range allowed {
		if a == t {
			return t, nil
		}
	}
	return t, l.errorf("type .%s is not supported here", t)
}

var (
	intTypes  = []ptx.Type{ptx.U16, ptx.U32, ptx.U64, ptx.S16, ptx.S32, ptx.S64}
	intFloats = append(append([]ptx.Type{}, intTypes...), ptx.F32, ptx.F64, ptx.F16, ptx.F16x2)
	bitTypes  = []ptx.Type{ptx.B16, ptx.B32, ptx.B64}
)

func lift1n(n int, f func(a uint64) uint64) func(d, a *vec) {
	m := maskBits(n)
	return lift1(func(a uint64) uint64 { return f(a) & m })
}

func lowerAddSub(l *lowerer, in *ptx.Instr, m *modifiers) error {
	mode, given := m.round()
	ftz := m.flag("ftz")
	sat := m.flag("sat")
	carryOut := m.flag("cc")
	t, err := l.typed(m, intFloats...)
	if err != nil {
		return err
	}
	if t.Float() {
		if carryOut || len(in.Op) == 4 {
			return l.errorf("carries are for integers")
		}
		return l.floatAdd(t, mode, ftz, sat, in.Op == "sub")
	}
	sub := strings.HasPrefix(in.Op, "sub")
	if given || ftz || sat && t != ptx.S32 {
		return l.errorf("rounding and .sat do not apply to .%s", t)
	}
	if carryOut || len(in.Op) == 4 {
		return l.carryAdd(t, sub, len(in.Op) == 4, carryOut)
	}
	n := t.Bits()
	var f func(d, a, b *vec)
	switch {
	case sat && sub:
		f = lift2(func(a, b uint64) uint64 { return clampS32(sx(a, 32) - sx(b, 32)) })
	case sat:
		f = lift2(func(a, b uint64) uint64 { return clampS32(sx(a, 32) + sx(b, 32)) })
	case n == 32 && sub:
		f = vSub32
	case n == 32:
		f = vAdd32
	case n == 64 && sub:
		f = vSub64
	case n == 64:
		f = vAdd64
	case sub:
		f = lift2(func(a, b uint64) uint64 { return (a - b) & 0xffff })
	default:
		f = lift2(func(a, b uint64) uint64 { return (a + b) & 0xffff })
	}
	return l.binary(t, ClassInt, 0, f)
}

// carryAdd emits add.cc, addc, sub.cc and subc. The carry is a register of the warp.
func (l *lowerer) carryAdd(t ptx.Type, sub, carryIn, carryOut bool) error {
	if t.Bits() < 32 {
		return l.errorf("carries need 32 or 64 bits")
	}
	n := t.Bits()
	err := l.binary(t, ClassInt, 0, nil)
	if err != nil {
		return err
	}
	op := &l.code[len(l.code)-1]
	op.kind = kCall
	op.ex = func(w *warp, in *inst, m uint32) {
		a, b, d := w.v(in.a), w.v(in.b), w.v(in.d)
		for i := range d {
			if m>>i&1 == 0 {
				continue
			}
			c := uint64(0)
			if carryIn {
				c = uint64(w.carry >> i & 1)
			}
			var r, out uint64
			if sub {
				r, out = bits.Sub64(a[i], b[i], c)
			} else {
				r, out = bits.Add64(a[i], b[i], c)
			}
			if n == 32 {
				out = r >> 32 & 1
				r &= 0xffffffff
			}
			d[i] = r
			if carryOut {
				w.carry = w.carry&^(1<<i) | uint32(out)<<i
			}
		}
	}
	return nil
}

func lowerMul(l *lowerer, in *ptx.Instr, m *modifiers) error {
	mode, given := m.round()
	half := m.oneOf("lo", "hi", "wide")
	ftz, sat := m.flag("ftz"), m.flag("sat")
	t, err := l.typed(m, intFloats...)
	if err != nil {
		return err
	}
	if t.Float() {
		if half != "" {
			return l.errorf(".%s is for integers", half)
		}
		return l.floatMul(t, mode, ftz, sat)
	}
	if given || ftz || sat || half == "" {
		return l.errorf("an integer product needs .lo, .hi or .wide, and no rounding")
	}
	n := t.Bits()
	switch half {
	case "lo":
		f := lift2(func(a, b uint64) uint64 { return a * b & maskBits(n) })
		if n == 32 {
			f = vMul32
		}
		return l.binary(t, ClassInt, 0, f)
	case "hi":
		hi := laneMulHi(n, t.Signed())
		return l.binary(t, ClassInt, 0, lift2(func(a, b uint64) uint64 { return hi(a, b) & maskBits(n) }))
	}
	if n == 64 {
		return l.errorf(".wide is not for 64-bit types")
	}
	wide := map[ptx.Type]ptx.Type{ptx.U16: ptx.U32, ptx.S16: ptx.S32, ptx.U32: ptx.U64, ptx.S32: ptx.S64}[t]
	f := vMulWideU32
	switch t {
	case ptx.S32:
		f = vMulWideS32
	case ptx.S16:
		f = lift2(func(a, b uint64) uint64 { return uint64(uint32(sx(a, 16) * sx(b, 16))) })
	}
	return l.operation(ClassInt, 0, []ptx.Type{wide, t, t}, nil, f, nil)
}

func lowerMad(l *lowerer, in *ptx.Instr, m *modifiers) error {
	mode, given := m.round()
	half := m.oneOf("lo", "hi", "wide")
	ftz, sat := m.flag("ftz"), m.flag("sat")
	carryOut := m.flag("cc")
	t, err := l.typed(m, intFloats...)
	if err != nil {
		return err
	}
	if t.Float() {
		if half != "" || carryOut || in.Op == "madc" {
			return l.errorf("a modifier is for integers")
		}
		return l.floatFma(t, mode, ftz, sat)
	}
	if given || ftz || half == "" || sat && !(half == "hi" && t == ptx.S32) {
		return l.errorf("an integer mad needs .lo, .hi or .wide, and no rounding")
	}
	n := t.Bits()
	hi := laneMulHi(n, t.Signed())
	if carryOut || in.Op == "madc" {
		if half == "wide" || n < 32 {
			return l.errorf("carries need .lo or .hi and 32 or 64 bits")
		}
		return l.carryMad(t, half == "hi", in.Op == "madc", carryOut, hi)
	}
	switch half {
	case "lo":
		f := lift3(func(a, b, c uint64) uint64 { return (a*b + c) & maskBits(n) })
		if n == 32 {
			f = vMad32
		}
		return l.ternary(t, ClassInt, 0, f)
	case "hi":
		f := lift3(func(a, b, c uint64) uint64 { return (hi(a, b) + c) & maskBits(n) })
		if sat {
			f = lift3(func(a, b, c uint64) uint64 { return clampS32(sx(hi(a, b), 32) + sx(c, 32)) })
		}
		return l.ternary(t, ClassInt, 0, f)
	}
	if n == 64 {
		return l.errorf(".wide is not for 64-bit types")
	}
	wide := map[ptx.Type]ptx.Type{ptx.U16: ptx.U32, ptx.S16: ptx.S32, ptx.U32: ptx.U64, ptx.S32: ptx.S64}[t]
	f := lift3(func(a, b, c uint64) uint64 { return a*b + c })
	switch t {
	case ptx.S32:
		f = vMadWideS32
	case ptx.S16:
		f = lift3(func(a, b, c uint64) uint64 { return uint64(uint32(sx(a, 16)*sx(b, 16) + int64(c))) })
	case ptx.U16:
		f = lift3(func(a, b, c uint64) uint64 { return uint64(uint32(a*b + c)) })
	}
	return l.operation(ClassInt, 0, []ptx.Type{wide, t, t, wide}, nil, nil, f)
}

// carryMad emits mad.cc and madc.
func (l *lowerer) carryMad(t ptx.Type, high, carryIn, carryOut bool, hi func(a, b uint64) uint64) error {
	if err := l.ternary(t, ClassInt, 0, nil); err != nil {
		return err
	}
	n := t.Bits()
	op := &l.code[len(l.code)-1]
	op.kind = kCall
	op.ex = func(w *warp, in *inst, m uint32) {
		a, b, c, d := w.v(in.a), w.v(in.b), w.v(in.c), w.v(in.d)
		for i := range d {
			if m>>i&1 == 0 {
				continue
			}
			p := a[i] * b[i]
			if high {
				p = hi(a[i], b[i])
			}
			carry := uint64(0)
			if carryIn {
				carry = uint64(w.carry >> i & 1)
			}
			r, out := bits.Add64(p&maskBits(n), c[i], carry)
			if n == 32 {
				out = r >> 32 & 1
				r &= 0xffffffff
			}
			d[i] = r
			if carryOut {
				w.carry = w.carry&^(1<<i) | uint32(out)<<i
			}
		}
	}
	return nil
}

func lowerRem(l *lowerer, in *ptx.Instr, m *modifiers) error {
	t, err := l.typed(m, intTypes...)
	if err != nil {
		return err
	}
	f := masked(t.Bits(), laneRem(t.Bits(), t.Signed()))
	return l.binary(t, ClassInt, 0, lift2(func(a, b uint64) uint64 { return f(a, b, 0) }))
}

func (l *lowerer) intDiv(t ptx.Type) error {
	f := masked(t.Bits(), laneDiv(t.Bits(), t.Signed()))
	return l.binary(t, ClassInt, 0, lift2(func(a, b uint64) uint64 { return f(a, b, 0) }))
}

func lowerSad(l *lowerer, in *ptx.Instr, m *modifiers) error {
	t, err := l.typed(m, intTypes...)
	if err != nil {
		return err
	}
	n := t.Bits()
	low, high := laneMin(n, t.Signed()), laneMax(n, t.Signed())
	return l.ternary(t, ClassInt, 0, lift3(func(a, b, c uint64) uint64 {
		return (c + high(a, b, 0) - low(a, b, 0)) & maskBits(n)
	}))
}

func lowerMul24(l *lowerer, in *ptx.Instr, m *modifiers) error {
	half := m.oneOf("lo", "hi")
	sat := m.flag("sat")
	t, err := l.typed(m, ptx.U32, ptx.S32)
	if err != nil {
		return err
	}
	if half == "" || sat && (in.Op != "mad24" || half != "hi" || t != ptx.S32) {
		return l.errorf(".lo or .hi is needed; .sat is for mad24.hi.s32")
	}
	f := laneMul24(t.Signed(), half == "hi")
	if in.Op == "mul24" {
		return l.binary(t, ClassInt, 0, lift2(f))
	}
	return l.ternary(t, ClassInt, 0, lift3(func(a, b, c uint64) uint64 {
		if sat {
			return clampS32(sx(f(a, b), 32) + sx(c, 32))
		}
		return (f(a, b) + c) & 0xffffffff
	}))
}

func lowerDp4a(l *lowerer, in *ptx.Instr, m *modifiers) error {
	a, err := l.typed(m, ptx.U32, ptx.S32)
	if err != nil {
		return err
	}
	b, err := l.typed(m, ptx.U32, ptx.S32)
	if err != nil {
		return err
	}
	return l.ternary(ptx.B32, ClassInt, 0, lift3(laneDp4a(a.Signed(), b.Signed())))
}

func lowerLogic(l *lowerer, in *ptx.Instr, m *modifiers) error {
	t, err := l.typed(m, append([]ptx.Type{ptx.Pred}, bitTypes...)...)
	if err != nil {
		return err
	}
	if t == ptx.Pred {
		return l.predLogic(in)
	}
	f := map[string]func(d, a, b *vec){"and": vAnd, "or": vOr, "xor": vXor}[in.Op]
	return l.binary(t, ClassInt, 0, f)
}

func lowerNot(l *lowerer, in *ptx.Instr, m *modifiers) error {
	allowed := bitTypes
	if in.Op == "not" {
		allowed = append([]ptx.Type{ptx.Pred}, bitTypes...)
	}
	t, err := l.typed(m, allowed...)
	if err != nil {
		return err
	}
	if t == ptx.Pred {
		return l.predLogic(in)
	}
	n := t.Bits()
	f := func(a uint64) uint64 { return ^a }
	if in.Op == "cnot" {
		f = func(a uint64) uint64 { return uint64(bit(a == 0)) }
	}
	return l.unary(t, ClassInt, 0, lift1n(n, f))
}

func lowerShift(l *lowerer, in *ptx.Instr, m *modifiers) error {
	allowed := bitTypes
	if in.Op == "shr" {
		allowed = append(append([]ptx.Type{}, bitTypes...), intTypes...)
	}
	t, err := l.typed(m, allowed...)
	if err != nil {
		return err
	}
	n := t.Bits()
	var f func(d, a, b *vec)
	switch {
	case in.Op == "shl" && n == 32:
		f = vShl32
	case in.Op == "shl" && n == 64:
		f = vShl64
	case in.Op == "shl":
		f = lift2(func(a, b uint64) uint64 { return a << uint32(b) & maskBits(n) })
	case t.Signed() && n == 32:
		f = vSar32
	case t.Signed():
		f = lift2(func(a, b uint64) uint64 { return uint64(sx(a, n)>>uint32(b)) & maskBits(n) })
	case n == 32:
		f = vShr32
	default:
		f = lift2(func(a, b uint64) uint64 { return a >> uint32(b) })
	}
	return l.operation(ClassInt, 0, []ptx.Type{t, t, ptx.U32}, nil, f, nil)
}

func lowerShf(l *lowerer, in *ptx.Instr, m *modifiers) error {
	dir, mode := m.oneOf("l", "r"), m.oneOf("wrap", "clamp")
	if _, err := l.typed(m, ptx.B32); err != nil {
		return err
	}
	if dir == "" || mode == "" {
		return l.errorf("a direction and .wrap or .clamp are needed")
	}
	return l.ternary(ptx.B32, ClassInt, 0, lift3(laneShf(dir == "l", mode == "wrap")))
}

func lowerLop3(l *lowerer, in *ptx.Instr, m *modifiers) error {
	if _, err := l.typed(m, ptx.B32); err != nil {
		return err
	}
	if len(in.Args) != 5 || in.Args[4].Kind != ptx.KInt || in.Args[4].Int > 255 {
		return l.errorf("expected d, a, b, c and a table 0..255")
	}
	table := in.Args[4].Int
	saved := in.Args
	short := *in
	short.Args = saved[:4]
	l.cur = &short
	defer func() { l.cur = in }()
	return l.ternary(ptx.B32, ClassInt, 0, lift3(func(a, b, c uint64) uint64 { return laneLop3(a, b, c, table) }))
}

func lowerPrmt(l *lowerer, in *ptx.Instr, m *modifiers) error {
	if _, err := l.typed(m, ptx.B32); err != nil {
		return err
	}
	mode := m.oneOf("f4e", "b4e", "rc8", "ecl", "ecr", "rc16")
	return l.ternary(ptx.B32, ClassInt, 0, lift3(lanePrmt(mode)))
}

func lowerBitField(l *lowerer, in *ptx.Instr, m *modifiers) error {
	t, err := l.typed(m, ptx.U32, ptx.U64, ptx.S32, ptx.S64)
	if err != nil {
		return err
	}
	return l.operation(ClassInt, 0, []ptx.Type{t, t, ptx.U32, ptx.U32}, nil, nil,
		lift3(masked(t.Bits(), laneBfe(t.Bits(), t.Signed()))))
}

func lowerBfi(l *lowerer, in *ptx.Instr, m *modifiers) error {
	t, err := l.typed(m, ptx.B32, ptx.B64)
	if err != nil {
		return err
	}
	if err := l.wantArgs(5); err != nil {
		return err
	}
	op := blank(kCall, ClassInt)
	types := []ptx.Type{t, t, ptx.U32, ptx.U32}
	for i, ty := range types {
		r, err := l.src(in.Args[i+1], ty)
		if err != nil {
			return err
		}
		op.sv = append(op.sv, r)
	}
	if op.d, err = l.dst(in.Args[0], t); err != nil {
		return err
	}
	n := t.Bits()
	op.ex = func(w *warp, in *inst, m uint32) {
		d, a, b, pos, length := w.v(in.d), w.v(in.sv[0]), w.v(in.sv[1]), w.v(in.sv[2]), w.v(in.sv[3])
		for i := range d {
			if m>>i&1 != 0 {
				d[i] = laneBfi(a[i], b[i], pos[i], length[i], n)
			}
		}
	}
	l.emit(op)
	return nil
}

func lowerBfind(l *lowerer, in *ptx.Instr, m *modifiers) error {
	shift := m.flag("shiftamt")
	t, err := l.typed(m, ptx.U32, ptx.U64, ptx.S32, ptx.S64)
	if err != nil {
		return err
	}
	return l.operation(ClassInt, 0, []ptx.Type{ptx.U32, t}, lift1(laneBfind(t.Bits(), t.Signed(), shift)), nil, nil)
}

func lowerBitCount(l *lowerer, in *ptx.Instr, m *modifiers) error {
	t, err := l.typed(m, ptx.B32, ptx.B64)
	if err != nil {
		return err
	}
	n := t.Bits()
	switch in.Op {
	case "clz":
		return l.operation(ClassInt, 0, []ptx.Type{ptx.U32, t}, lift1(func(a uint64) uint64 { return uint64(bits.LeadingZeros64(a) - (64 - n)) }), nil, nil)
	case "popc":
		return l.operation(ClassInt, 0, []ptx.Type{ptx.U32, t}, lift1(func(a uint64) uint64 { return uint64(bits.OnesCount64(a)) }), nil, nil)
	}
	return l.unary(t, ClassInt, 0, lift1(func(a uint64) uint64 { return bits.Reverse64(a) >> (64 - n) }))
}
