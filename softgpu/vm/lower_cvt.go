package vm

import (
	"slices"

	"mdfa/softgpu/ptx"
)

var cvtTypes = slices.Concat(intTypes, []ptx.Type{ptx.U8, ptx.S8, ptx.F16, ptx.BF16, ptx.F32, ptx.F64})

func lowerCvt(l *lowerer, in *ptx.Instr, m *modifiers) {
	mode, given := m.round()
	way := m.oneOf("rni", "rzi", "rmi", "rpi")
	integral := way != ""
	if integral {
		mode = roundings[way[:2]]
	}
	ftz, sat := m.flag("ftz"), m.flag("sat")
	to := l.typed(m, cvtTypes...)
	from := l.typed(m, cvtTypes...)
	l.wantArgs(2)
	switch {
	case to.Float() && from.Float():
		if integral && to != from || given && to.Bits() >= from.Bits() || !integral && !given && to.Bits() < from.Bits() {
			panic(l.errorf("the rounding modifier does not fit this conversion"))
		}
	case to.Float():
		if !given {
			panic(l.errorf("integer to float needs .rn, .rz, .rm or .rp"))
		}
	case from.Float():
		if !integral {
			panic(l.errorf("float to integer needs .rni, .rzi, .rmi or .rpi"))
		}
	case given || integral || ftz:
		panic(l.errorf("integer to integer takes only .sat"))
	}
	if ftz && to != ptx.F32 && from != ptx.F32 {
		panic(l.errorf(".ftz is for f32"))
	}
	op := blank(kVec1)
	op.a = l.srcAtLeast(in.Args[1], from)
	op.d = l.dstWidth(in.Args[0], to, 64)
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
