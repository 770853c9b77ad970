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

// shuffle is what a shfl does to a warp that runs as a whole, its operands the same
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

// members checks a .sync instruction's member mask: it must be the same in all
// lanes that execute, and name them all and no others that are alive.
func (w *warp) members(in *inst, mask *vec, m uint32) (uint32, bool) {
	named := uint32(mask[bits.TrailingZeros32(m)])
	if m == allLanes && named == allLanes && alike(mask) {
		return named, true
	}
	for r := m; r != 0; r &= r - 1 {
		i := bits.TrailingZeros32(r)
		switch v := uint32(mask[i]); {
		case v>>i&1 == 0:
			w.failAt(in, i, &Fault{Kind: BadLaneMask, Detail: detail("lane %d executes %s but mask %#08x does not name it", i, in.src.Opcode(), v)})
			return 0, false
		case v != named:
			w.failAt(in, i, &Fault{Kind: BadLaneMask, Detail: detail("lanes give different masks, %#08x and %#08x", named, v)})
			return 0, false
		}
	}
	if missing := named & w.live &^ m; missing != 0 {
		i := bits.TrailingZeros32(missing)
		w.failAt(in, i, &Fault{Kind: BadLaneMask, Detail: detail("mask %#08x names lane %d, which is not active here (active: %#08x)", named, i, m)})
		return 0, false
	}
	return named, true
}

// execShfl executes a shfl on the lanes m. whole holds the mode's shuffles for
// operands that are alike.
func execShfl(w *warp, in *inst, m uint32, mode string, whole *[lanes]shuffle) {
	src, lane, clampSeg := w.v(in.a), w.v(in.sv[0]), w.v(in.sv[1])
	if _, ok := w.members(in, w.v(in.sv[2]), m); !ok {
		return
	}
	if m == allLanes && alike(lane) && alike(clampSeg) && int(clampSeg[0]) == wholeWarp(mode) {
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
	for r := m; r != 0; r &= r - 1 {
		i := bits.TrailingZeros32(r)
		j, ok := shflSource(mode, i, int(lane[i]&31), int(clampSeg[i]))
		inRange |= bit(ok) << i
		if m>>j&1 == 0 {
			lost |= 1 << i // the source lane does not take part: no value comes
		}
		out[i] = src[j]
	}
	w.lost = lost
	*w.v(in.d) = out
	if in.pd >= 0 {
		w.setPred(in.pd, inRange, m)
	}
}
