package vm

import (
	"math/bits"

	"mdfa/softgpu/ptx"
)

// lowerShfl lowers shfl.sync.
func lowerShfl(l *lowerer, in *ptx.Instr, m *modifiers) {
	if !m.flag("sync") {
		panic(l.errorf("shfl without .sync does not exist from sm_70 on"))
	}
	mode := m.oneOf("up", "down", "bfly", "idx")
	l.typed(m, ptx.B32)
	if mode == "" {
		panic(l.errorf("the mode is missing"))
	}
	l.wantArgs(5)
	op := blank(kCall)
	d := in.Args[0]
	if d.Kind == ptx.KPair {
		op.pd = l.predDst(d.Elems[1])
		d = d.Elems[0]
	}
	op.d = l.dst(d, ptx.B32)
	op.a = l.src(in.Args[1], ptx.B32)
	for _, o := range in.Args[2:] {
		op.sv = append(op.sv, l.src(o, ptx.B32)) // source lane or delta, clamp and segment mask, member mask
	}
	whole := wholeShuffles[mode]
	op.ex = func(w *warp, in *inst, m uint32) { execShfl(w, in, m, mode, whole) }
	l.emit(op)
}

// lowerVote lowers vote.sync.
func lowerVote(l *lowerer, in *ptx.Instr, m *modifiers) {
	if !m.flag("sync") {
		panic(l.errorf("vote without .sync does not exist from sm_70 on"))
	}
	mode := m.oneOf("all", "any", "uni", "ballot")
	want := ptx.Pred
	if mode == "ballot" {
		want = ptx.B32
	}
	l.typed(m, want)
	if mode == "" {
		panic(l.errorf("the mode is missing"))
	}
	l.wantArgs(3)
	op := blank(kCall)
	if mode == "ballot" {
		op.d = l.dst(in.Args[0], ptx.B32)
	} else {
		op.pd = l.predDst(in.Args[0])
	}
	op.pa, op.paNot = l.predSrc(in.Args[1])
	op.a = l.src(in.Args[2], ptx.B32)
	op.ex = func(w *warp, in *inst, m uint32) {
		all := w.predicate(in)
		mask := *w.v(in.a) // the result may go to the mask's register
		w.together(in, &mask, m, func(m uint32) {
			p := all & m
			var verdict bool
			switch mode {
			case "all":
				verdict = p == m
			case "any":
				verdict = p != 0
			case "uni":
				verdict = p == 0 || p == m
			default:
				w.fill(in.d, uint64(p), m)
				return
			}
			w.setPred(in.pd, -bit(verdict), m)
		})
	}
	l.emit(op)
}

// lowerMatch lowers match.any.sync and match.all.sync.
func lowerMatch(l *lowerer, in *ptx.Instr, m *modifiers) {
	mode := m.oneOf("any", "all")
	if !m.flag("sync") || mode == "" {
		panic(l.errorf("match.any.sync or match.all.sync is expected"))
	}
	t := l.typed(m, ptx.B32, ptx.B64)
	l.wantArgs(3)
	op := blank(kCall)
	d := in.Args[0]
	if d.Kind == ptx.KPair {
		if mode == "any" {
			panic(l.errorf("match.any has no predicate result"))
		}
		op.pd = l.predDst(d.Elems[1])
		d = d.Elems[0]
	}
	op.d = l.dst(d, ptx.B32)
	op.a = l.src(in.Args[1], t)
	op.b = l.src(in.Args[2], ptx.B32)
	op.ex = func(w *warp, in *inst, m uint32) {
		a, mask := *w.v(in.a), *w.v(in.b) // the result may go to a register that is read
		w.together(in, &mask, m, func(m uint32) {
			var out vec
			same := true
			for r := m; r != 0; r &= r - 1 {
				i := bits.TrailingZeros32(r)
				for s := m; s != 0; s &= s - 1 {
					j := bits.TrailingZeros32(s)
					if a[i] == a[j] {
						out[i] |= 1 << j
					} else {
						same = false
					}
				}
			}
			if mode == "all" {
				splat(&out, uint64(m&-bit(same)))
				if in.pd >= 0 {
					w.setPred(in.pd, -bit(same), m)
				}
			}
			w.blend(w.v(in.d), &out, m)
		})
	}
	l.emit(op)
}

func lowerActiveMask(l *lowerer, in *ptx.Instr, m *modifiers) {
	l.typed(m, ptx.B32)
	l.wantArgs(1)
	op := blank(kCall)
	op.d = l.dst(in.Args[0], ptx.B32)
	op.ex = func(w *warp, in *inst, m uint32) {
		w.fill(in.d, uint64(m), m)
	}
	l.emit(op)
}

// lowerRedux lowers redux.sync: a reduction over the member lanes.
func lowerRedux(l *lowerer, in *ptx.Instr, m *modifiers) {
	if !m.flag("sync") {
		panic(l.errorf("redux.sync is expected"))
	}
	kind := m.oneOf("add", "min", "max", "and", "or", "xor")
	t := l.typed(m, ptx.U32, ptx.S32, ptx.B32)
	logic := kind == "and" || kind == "or" || kind == "xor"
	if kind == "" || logic != (t == ptx.B32) {
		panic(l.errorf("the operation does not fit the type"))
	}
	l.wantArgs(3)
	op := blank(kCall)
	op.d = l.dst(in.Args[0], t)
	op.a = l.src(in.Args[1], t)
	op.b = l.src(in.Args[2], ptx.B32)
	f := atomOps[kind].make(t)
	op.ex = func(w *warp, in *inst, m uint32) {
		a, mask := *w.v(in.a), *w.v(in.b) // the result may go to a register that is read
		w.together(in, &mask, m, func(m uint32) {
			first := bits.TrailingZeros32(m)
			acc := a[first]
			for r := m &^ (1 << first); r != 0; r &= r - 1 {
				acc = f(acc, a[bits.TrailingZeros32(r)], 0)
			}
			w.fill(in.d, acc, m)
		})
	}
	l.emit(op)
}
