package vm

import "math/bits"

// shflSource gives the lane that lane i reads, and whether it is in range; if not, it
// reads itself (PTX ISA, "shfl.sync"). b is the source lane or delta, c holds the clamp
// value and, from bit 8 on, the segment mask.
func shflSource(mode string, i, b, c int) (int, bool) {
	clamp, seg := c&31, c>>8&31
	limit := i&seg | clamp&^seg
	var j int
	var ok bool
	switch mode {
	case "up":
		j = i - b
		ok = j >= limit
	case "down":
		j = i + b
		ok = j <= limit
	case "bfly":
		j = i ^ b
		ok = j <= limit
	default:
		j = i&seg | b&^seg
		ok = j <= limit
	}
	if !ok {
		j = i
	}
	return j, ok
}

// shuffle is the effect of a shfl on a warp that runs as a whole, with operands the same
// in all lanes.
type shuffle struct {
	from    [lanes]uint8
	inRange uint32
}

// wholeWarp is the third operand of a shfl whose segment is the warp.
func wholeWarp(mode string) int {
	if mode == "up" {
		return 0
	}
	return lanes - 1
}

// wholeShuffles holds the shuffles over the whole warp by mode and second operand.
var wholeShuffles = func() map[string]*[lanes]shuffle {
	all := map[string]*[lanes]shuffle{}
	for _, mode := range []string{"up", "down", "bfly", "idx"} {
		all[mode] = new([lanes]shuffle)
		for b := range lanes {
			s := &all[mode][b]
			for i := range lanes {
				j, ok := shflSource(mode, i, b, wholeWarp(mode))
				s.from[i] = uint8(j)
				s.inRange |= bit(ok) << i
			}
		}
	}
	return all
}()

// members gives the first of rest, and all lanes of rest that execute a .sync instruction
// together with it: those with the same member mask. m are all lanes that execute the
// instruction. From sm_70 on they may give different masks (PTX ISA, "shfl.sync": the
// threads of a mask wait for each other to give that mask). A mask must name each lane
// that gives it, and no others that are alive.
func (w *warp) members(in *inst, mask *vec, m, rest uint32) (group uint32, ok bool) {
	named := uint32(mask[bits.TrailingZeros32(rest)])
	if rest == allLanes && named == allLanes && alike(mask) {
		return rest, true
	}
	for r := rest; r != 0; r &= r - 1 {
		i := bits.TrailingZeros32(r)
		v := uint32(mask[i])
		if v>>i&1 == 0 {
			w.failAt(in, i, &Fault{Kind: BadLaneMask, Detail: detail("lane %d executes %s but mask %#08x does not name it", i, in.src.Opcode(), v)})
			return 0, false
		}
		group |= bit(v == named) << i
	}
	if missing := named & w.live &^ group; missing != 0 {
		i := bits.TrailingZeros32(missing)
		text := detail("mask %#08x names lane %d, which is not active here (active: %#08x)", named, i, m)
		if m>>i&1 == 1 {
			text = detail("mask %#08x names lane %d, which gives mask %#08x", named, i, uint32(mask[i]))
		}
		w.failAt(in, i, &Fault{Kind: BadLaneMask, Detail: text})
		return 0, false
	}
	return group, true
}

// together calls f for each set of the lanes m that execute a .sync instruction together.
func (w *warp) together(in *inst, mask *vec, m uint32, f func(group uint32)) {
	for rest := m; rest != 0; {
		group, ok := w.members(in, mask, m, rest)
		if !ok {
			return
		}
		f(group)
		rest &^= group
	}
}

// execShfl executes a shfl on the lanes m. whole holds the mode's shuffles for
// operands that are alike.
func execShfl(w *warp, in *inst, m uint32, mode string, whole *[lanes]shuffle) {
	src, lane, clampSeg := w.v(in.a), w.v(in.sv[0]), w.v(in.sv[1])
	group, ok := w.members(in, w.v(in.sv[2]), m, m)
	if !ok {
		return
	}
	if group == allLanes && alike(lane) && alike(clampSeg) && int(clampSeg[0]) == wholeWarp(mode) {
		s := &whole[lane[0]&31]
		from := *src
		d := w.v(in.d)
		for i, j := range s.from {
			d[i] = from[j&31]
		}
		w.lost = 0
		if in.pd >= 0 {
			w.setPred(in.pd, s.inRange, m)
		}
		return
	}
	out := *w.v(in.d)
	var inRange, lost uint32
	for rest := m; ; {
		for r := group; r != 0; r &= r - 1 {
			i := bits.TrailingZeros32(r)
			j, ok := shflSource(mode, i, int(lane[i]&31), int(clampSeg[i]))
			inRange |= bit(ok) << i
			if group>>j&1 == 0 {
				lost |= 1 << i // the source lane does not take part: no value comes
			}
			out[i] = src[j]
		}
		if rest &^= group; rest == 0 {
			break
		}
		if group, ok = w.members(in, w.v(in.sv[2]), m, rest); !ok {
			return
		}
	}
	w.lost = lost
	*w.v(in.d) = out
	if in.pd >= 0 {
		w.setPred(in.pd, inRange, m)
	}
}

// execWarpSync is bar.warp.sync: it orders the memory accesses of the lanes of its mask.
func execWarpSync(w *warp, in *inst, m uint32) {
	w.together(in, w.v(in.a), m, w.fence)
}
