package vm

import (
	"math/bits"

	"mdfa/softgpu/ptx"
)

// lowerShfl lowers shfl.sync.
func lowerShfl(l *lowerer, in *ptx.Instr, m *modifiers) error {
	if !m.flag("sync") {
		return l.errorf("shfl without .sync does not exist from sm_70 on")
	}
	mode := m.oneOf("up", "down", "bfly", "idx")
	if _, err := l.typed(m, ptx.B32); err != nil {
		return err
	}
	if mode == "" {
		return l.errorf("the mode is missing")
	}
	if err := l.wantArgs(5); err != nil {
		return err
	}
	op := blank(kCall, ClassWarp)
	d := in.Args[0]
	var err error
	if d.Kind == ptx.KPair {
		if op.pd, err = l.predDst(d.Elems[1]); err != nil {
			return err
		}
		d = d.Elems[0]
	}
	if op.d, err = l.dst(d, ptx.B32); err != nil {
		return err
	}
	if op.a, err = l.src(in.Args[1], ptx.B32); err != nil {
		return err
	}
	for _, o := range in.Args[2:] {
		r, err := l.src(o, ptx.B32)
		if err != nil {
			return err
		}
		op.sv = append(op.sv, r) // source lane or delta, clamp and segment mask, member mask
	}
	whole := wholeShuffles[mode]
	op.ex = func(w *warp, in *inst, m uint32) { execShfl(w, in, m, mode, whole) }
	l.emit(op)
	return nil
}

// lowerVote lowers vote.sync.
func lowerVote(l *lowerer, in *ptx.Instr, m *modifiers) error {
	if !m.flag("sync") {
		return l.errorf("vote without .sync does not exist from sm_70 on")
	}
	mode := m.oneOf("all", "any", "uni", "ballot")
	want := ptx.Pred
	if mode == "ballot" {
		want = ptx.B32
	}
	if _, err := l.typed(m, want); err != nil {
		return err
	}
	if mode == "" {
		return l.errorf("the mode is missing")
	}
	if err := l.wantArgs(3); err != nil {
		return err
	}
	op := blank(kCall, ClassWarp)
	var err error
	if mode == "ballot" {
		op.d, err = l.dst(in.Args[0], ptx.B32)
	} else {
		op.pd, err = l.predDst(in.Args[0])
	}
	if err != nil {
		return err
	}
	if op.pa, op.paNot, err = l.predSrc(in.Args[1]); err != nil {
		return err
	}
	if op.a, err = l.src(in.Args[2], ptx.B32); err != nil {
		return err
	}
	op.ex = func(w *warp, in *inst, m uint32) {
		all := w.preds[in.pa]
		if in.paNot {
			all = ^all
		}
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
				var out vec
				splat(&out, uint64(p))
				w.blend(w.v(in.d), &out, m)
				return
			}
			w.setPred(in.pd, -bit(verdict), m)
		})
	}
	l.emit(op)
	return nil
}

// lowerMatch lowers match.any.sync and match.all.sync.
func lowerMatch(l *lowerer, in *ptx.Instr, m *modifiers) error {
	mode := m.oneOf("any", "all")
	if !m.flag("sync") || mode == "" {
		return l.errorf("match.any.sync or match.all.sync is expected")
	}
	t, err := l.typed(m, ptx.B32, ptx.B64)
	if err != nil {
		return err
	}
	if err := l.wantArgs(3); err != nil {
		return err
	}
	op := blank(kCall, ClassWarp)
	d := in.Args[0]
	if d.Kind == ptx.KPair {
		if mode == "any" {
			return l.errorf("match.any has no predicate result")
		}
		if op.pd, err = l.predDst(d.Elems[1]); err != nil {
			return err
		}
		d = d.Elems[0]
	}
	if op.d, err = l.dst(d, ptx.B32); err != nil {
		return err
	}
	if op.a, err = l.src(in.Args[1], t); err != nil {
		return err
	}
	if op.b, err = l.src(in.Args[2], ptx.B32); err != nil {
		return err
	}
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
				v := uint64(0)
				if same {
					v = uint64(m)
				}
				splat(&out, v)
				if in.pd >= 0 {
					w.setPred(in.pd, -bit(same), m)
				}
			}
			w.blend(w.v(in.d), &out, m)
		})
	}
	l.emit(op)
	return nil
}

func lowerActiveMask(l *lowerer, in *ptx.Instr, m *modifiers) error {
	if _, err := l.typed(m, ptx.B32); err != nil {
		return err
	}
	if err := l.wantArgs(1); err != nil {
		return err
	}
	op := blank(kCall, ClassWarp)
	var err error
	if op.d, err = l.dst(in.Args[0], ptx.B32); err != nil {
		return err
	}
	op.ex = func(w *warp, in *inst, m uint32) {
		var out vec
		splat(&out, uint64(m))
		w.blend(w.v(in.d), &out, m)
	}
	l.emit(op)
	return nil
}

// lowerRedux lowers redux.sync: a reduction over the member lanes.
func lowerRedux(l *lowerer, in *ptx.Instr, m *modifiers) error {
	if !m.flag("sync") {
		return l.errorf("redux.sync is expected")
	}
	kind := m.oneOf("add", "min", "max", "and", "or", "xor")
	t, err := l.typed(m, ptx.U32, ptx.S32, ptx.B32)
	if err != nil {
		return err
	}
	logic := kind == "and" || kind == "or" || kind == "xor"
	if kind == "" || logic != (t == ptx.B32) {
		return l.errorf("the operation does not fit the type")
	}
	if err := l.wantArgs(3); err != nil {
		return err
	}
	op := blank(kCall, ClassWarp)
	if op.d, err = l.dst(in.Args[0], t); err != nil {
		return err
	}
	if op.a, err = l.src(in.Args[1], t); err != nil {
		return err
	}
	if op.b, err = l.src(in.Args[2], ptx.B32); err != nil {
		return err
	}
	f := atomOps[kind].make(t)
	op.ex = func(w *warp, in *inst, m uint32) {
		a, mask := *w.v(in.a), *w.v(in.b) // the result may go to a register that is read
		w.together(in, &mask, m, func(m uint32) {
			first := bits.TrailingZeros32(m)
			acc := a[first]
			for r := m &^ (1 << first); r != 0; r &= r - 1 {
				acc = f(acc, a[bits.TrailingZeros32(r)], 0)
			}
			var out vec
			splat(&out, acc)
			w.blend(w.v(in.d), &out, m)
		})
	}
	l.emit(op)
	return nil
}

// execWarpSync is bar.warp.sync: it orders the memory accesses of the lanes of its mask.
func execWarpSync(w *warp, in *inst, m uint32) {
	w.together(in, w.v(in.a), m, w.fence)
}
