package vm

import (
	"math"

	"mdfa/softgpu/ptx"
)

var movTypes = append(append(append([]ptx.Type{}, bitTypes...), intTypes...), ptx.F16, ptx.F16x2, ptx.F32, ptx.F64)

func (l *lowerer) move(d, a int32) {
	in := blank(kVec1, ClassMove)
	in.d, in.a, in.f1 = d, a, vMov
	l.emit(in)
}

func lowerMov(l *lowerer, in *ptx.Instr, m *modifiers) error {
	t, err := l.typed(m, append(movTypes, ptx.Pred)...)
	if err != nil {
		return err
	}
	if t == ptx.Pred {
		return l.predLogic(in)
	}
	if err := l.wantArgs(2); err != nil {
		return err
	}
	d, s := in.Args[0], in.Args[1]
	switch {
	case d.Kind == ptx.KVec:
		return l.unpack(d, s, t)
	case s.Kind == ptx.KVec:
		return l.pack(d, s, t)
	case s.Kind == ptx.KSpecial:
		r, err := l.dst(d, t)
		if err != nil {
			return err
		}
		return l.special(r, s.Name, t)
	}
	a, err := l.src(s, t)
	if err != nil {
		return err
	}
	r, err := l.dst(d, t)
	if err != nil {
		return err
	}
	l.move(r, a)
	return nil
}

// partType is the type of each of n parts of t.
func (l *lowerer) partType(t ptx.Type, n int) (ptx.Type, error) {
	parts := map[int]ptx.Type{8: ptx.B8, 16: ptx.B16, 32: ptx.B32}
	p, ok := parts[t.Bits()/max(n, 1)]
	if !ok || (n != 2 && n != 4) {
		return p, l.errorf("a .%s does not consist of %d registers", t, n)
	}
	return p, nil
}

// unpack splits a register into parts, lowest first.
func (l *lowerer) unpack(d, s ptx.Operand, t ptx.Type) error {
	part, err := l.partType(t, len(d.Elems))
	if err != nil {
		return err
	}
	a, err := l.src(s, t)
	if err != nil {
		return err
	}
	if len(d.Elems) > 1 && a >= 0 { // a part may be the source itself
		keep := l.temp(t.Bits())
		l.move(keep, a)
		a = keep
	}
	for i, e := range d.Elems {
		if e.Kind == ptx.KSink {
			continue
		}
		in := blank(kVec1, ClassMove)
		in.a = a
		shift := i * part.Bits()
		in.f1 = lift1(func(v uint64) uint64 { return v >> shift & maskBits(part.Bits()) })
		if in.d, err = l.dst(e, part); err != nil {
			return err
		}
		l.emit(in)
	}
	return nil
}

// pack joins registers, lowest first.
func (l *lowerer) pack(d, s ptx.Operand, t ptx.Type) error {
	part, err := l.partType(t, len(s.Elems))
	if err != nil {
		return err
	}
	in := blank(kCall, ClassMove)
	for _, e := range s.Elems {
		r, err := l.src(e, part)
		if err != nil {
			return err
		}
		in.sv = append(in.sv, r)
	}
	if in.d, err = l.dst(d, t); err != nil {
		return err
	}
	in.ex = func(w *warp, in *inst, m uint32) {
		var out vec
		for j, s := range in.sv {
			v := w.v(s)
			for i := range out {
				out[i] |= (v[i] & maskBits(part.Bits())) << (j * part.Bits())
			}
		}
		w.blend(w.v(in.d), &out, m)
	}
	l.emit(in)
	return nil
}

var cvtTypes = append(append([]ptx.Type{ptx.U8, ptx.S8}, intTypes...), ptx.F16, ptx.BF16, ptx.F32, ptx.F64)

func lowerCvt(l *lowerer, in *ptx.Instr, m *modifiers) error {
	mode, given := m.round()
	integral := false
	switch m.oneOf("rni", "rzi", "rmi", "rpi") {
	case "rni":
		mode, integral = rn, true
	case "rzi":
		mode, integral = rz, true
	case "rmi":
		mode, integral = rm, true
	case "rpi":
		mode, integral = rp, true
	}
	ftz, sat := m.flag("ftz"), m.flag("sat")
	to, err := l.typed(m, cvtTypes...)
	if err != nil {
		return err
	}
	from, err := l.typed(m, cvtTypes...)
	if err != nil {
		return err
	}
	if err := l.wantArgs(2); err != nil {
		return err
	}
	switch {
	case to.Float() && from.Float():
		if integral && to != from || given && to.Bits() >= from.Bits() || !integral && !given && to.Bits() < from.Bits() {
			return l.errorf("the rounding modifier does not fit this conversion")
		}
	case to.Float():
		if !given {
			return l.errorf("integer to float needs .rn, .rz, .rm or .rp")
		}
	case from.Float():
		if !integral {
			return l.errorf("float to integer needs .rni, .rzi, .rmi or .rpi")
		}
	case given || integral || ftz:
		return l.errorf("integer to integer takes only .sat")
	}
	if ftz && to != ptx.F32 && from != ptx.F32 {
		return l.errorf(".ftz is for f32")
	}
	op := blank(kVec1, ClassConvert)
	if op.a, err = l.srcAtLeast(in.Args[1], from); err != nil {
		return err
	}
	if op.d, err = l.dstWidth(in.Args[0], to, 64); err != nil {
		return err
	}
	width := l.bits(op.d)
	if !from.Float() && !to.Float() && !sat {
		// What needs no sign is a mask.
		if keep := min(from.Bits(), to.Bits()); !from.Signed() && !to.Signed() || keep == width {
			op.kind, op.f2, op.b = kVec2, vAnd, l.constant(maskBits(keep))
		} else {
			op.f1 = intCvt(from, to, width)
		}
	} else {
		f := cvtLane(from, to, mode, integral, ftz, sat)
		op.f1 = lift1(func(a uint64) uint64 {
			r := f(a)
			if to.Signed() {
				return uint64(sx(r, to.Bits())) & maskBits(width)
			}
			return r
		})
		switch {
		case from == ptx.F32 && to == ptx.F64 && !ftz && !sat && !integral:
			op.f1 = vCvtF64F32
		case to != ptx.F32 || sat: // the general form
		case from == ptx.S32 && mode == rn:
			op.f1 = vCvtF32S32
		case from == ptx.U16:
			op.f1 = vCvtF32U16
		}
	}
	l.emit(op)
	return nil
}

// intCvt takes the low bits of the source type, extends them by its sign and
// cuts them to the destination type, extended to the register.
func intCvt(from, to ptx.Type, width int) func(d, a *vec) {
	if from == ptx.S32 && to.Bits() == 64 {
		return vSext32
	}
	return lift1(func(a uint64) uint64 {
		return widen(widen(a, from, 64), to, width)
	})
}

// widen reads v as type t and extends it to a width.
func widen(v uint64, t ptx.Type, width int) uint64 {
	if t.Signed() {
		return uint64(sx(v, t.Bits())) & maskBits(width)
	}
	return v & maskBits(t.Bits())
}

// cvtLane converts one value where a float or saturation is involved.
func cvtLane(from, to ptx.Type, mode rounding, integral, ftz, sat bool) func(a uint64) uint64 {
	if !from.Float() && !to.Float() {
		return func(a uint64) uint64 { return saturateInt(widen(a, from, 64), from.Signed(), to) }
	}
	if !from.Float() {
		return func(a uint64) uint64 {
			r := intToFloat(widen(a, from, 64), from.Signed(), to, mode)
			if sat {
				r = saturateFloat(r, to)
			}
			return r
		}
	}
	return func(a uint64) uint64 {
		if ftz && from == ptx.F32 {
			a = ftz32(a)
		}
		x := toFloat64(a, from)
		if !to.Float() {
			return floatToInt(roundInteger(x, mode), from, to)
		}
		if integral {
			x = roundInteger(x, mode)
		}
		r := fromFloat64(x, to, mode)
		if ftz && to == ptx.F32 {
			r = ftz32(r)
		}
		if sat {
			r = saturateFloat(r, to)
		}
		return r
	}
}

func toFloat64(a uint64, t ptx.Type) float64 {
	switch t {
	case ptx.F16:
		return fromHalf(a)
	case ptx.BF16:
		return fromBF16(a)
	case ptx.F32:
		return float64(f32(a))
	}
	return f64(a)
}

func fromFloat64(x float64, t ptx.Type, mode rounding) uint64 {
	switch t {
	case ptx.F16:
		return half.round(x, mode)
	case ptx.BF16:
		return bfloat16.round(x, mode)
	case ptx.F32:
		return bits32(narrow(x, mode))
	}
	return bits64(x)
}

func saturateFloat(r uint64, t ptx.Type) uint64 {
	switch x := toFloat64(r, t); {
	case !(x > 0):
		return 0
	case x > 1:
		return fromFloat64(1, t, rn)
	}
	return r
}

// intToFloat converts a sign- or zero-extended integer with one rounding.
func intToFloat(v uint64, signed bool, to ptx.Type, mode rounding) uint64 {
	neg := signed && int64(v) < 0
	mag := v
	if neg {
		mag = -v
	}
	// Split so that both halves are exact, and round the exact sum once.
	s, e := twoSum(float64(mag>>32)*(1<<32), float64(mag&0xffffffff))
	if neg {
		s, e = -s, -e
	}
	if to == ptx.F64 {
		return bits64(directed64(s, int(math.Copysign(1, e))*int(bit(e != 0)), mode))
	}
	return fromFloat64(toOdd(s, e), to, mode)
}

// floatToInt clamps an integral value to the type's range. NaN gives 0, but the type's
// highest bit alone where either type has 64 bits (PTX ISA, "cvt").
func floatToInt(x float64, from, to ptx.Type) uint64 {
	n := to.Bits()
	if x != x {
		if from == ptx.F64 || n == 64 {
			return 1 << (n - 1)
		}
		return 0
	}
	if to.Signed() {
		limit := math.Ldexp(1, n-1)
		switch {
		case x >= limit:
			return maskBits(n - 1)
		case x < -limit:
			return 1 << (n - 1)
		}
		return uint64(int64(x)) & maskBits(n)
	}
	switch {
	case x <= 0:
		return 0
	case x >= math.Ldexp(1, n):
		return maskBits(n)
	}
	return uint64(x)
}

// saturateInt clamps a 64-bit integer to another type's range.
func saturateInt(v uint64, signed bool, to ptx.Type) uint64 {
	n := to.Bits()
	if signed {
		x := int64(v)
		if to.Signed() {
			return uint64(min(max(x, -1<<(n-1)), int64(maskBits(n-1)))) & maskBits(n)
		}
		if x < 0 {
			return 0
		}
		return min(v, maskBits(n))
	}
	if to.Signed() {
		return min(v, maskBits(n-1))
	}
	return min(v, maskBits(n))
}
