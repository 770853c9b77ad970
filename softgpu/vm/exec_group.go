package vm

import (
	"encoding/binary"
	"math/bits"

	"mdfa/softgpu/ptx"
)

// group is neighbouring lanes of a memory access that lie side by side in one
// allocation, or all on one address.
type group struct {
	al          *alloc
	off, n      uint64 // bytes that the group covers
	first, size int    // lanes
}

// maxGroups bounds the groups of an access that is not made lane by lane.
const maxGroups = 8

// split compares the lanes of m with the lane before each: bit i of up says that
// lane i lies step bytes above lane i-1, of same that it has the same address.
func split(base *vec, step uint64, m uint32) (up, same uint32) {
	up, same = neighbours(base, step)
	both := m & (m << 1)
	return up & both, same & both
}

// run gives the number of lanes from lane i on that form a group, and whether they
// lie side by side.
func run(up, same uint32, i int) (n int, apart bool) {
	if n = bits.TrailingZeros32(^(up >> (i + 1))); n > 0 {
		return n + 1, true
	}
	if n = bits.TrailingZeros32(^(same >> (i + 1))); n > 0 {
		return n + 1, false
	}
	return 1, true
}

// globalGroups makes an access whose lanes fall into few groups. It returns false,
// having moved no data, if they do not or if anything is wrong.
func (w *warp) globalGroups(in *inst, m uint32, base *vec) bool {
	op := in.mem
	step := uint64(op.size * op.count)
	up, same := split(base, step, m)
	var groups [maxGroups]group
	k := 0
	for r := m; r != 0; k++ {
		if k == maxGroups {
			return false
		}
		g := &groups[k]
		g.first = bits.TrailingZeros32(r)
		var apart bool
		if g.size, apart = run(up, same, g.first); !apart && op.store {
			return false
		}
		r &^= (1<<g.size - 1) << g.first
		g.n = step
		if apart {
			g.n *= uint64(g.size)
		}
		addr := base[g.first] + op.off
		if g.al = w.allocAt(op, addr); g.al == nil {
			return false
		}
		g.off = addr - g.al.base
		if addr&(step-1) != 0 || g.n > g.al.size-g.off || g.al.readOnly && op.store || op.space == ptx.Const && !g.al.readOnly {
			return false
		}
		if !op.store {
			if _, ok := g.al.shadow.first(g.off, g.n); !ok {
				return false
			}
			continue
		}
		for i := range groups[:k] {
			if o := &groups[i]; o.al == g.al && g.off < o.off+o.n && o.off < g.off+g.n {
				return false
			}
		}
	}
	for i := range groups[:k] {
		g := &groups[i]
		if _, _, ok := g.al.races.note(&w.accessor, g.off, g.n, op.access(), op.byBytes); !ok {
			return false
		}
	}
	for i := range groups[:k] {
		g := &groups[i]
		w.copyGroup(in, g.first, g.size, g.al.data[g.off:g.off+g.n])
		if op.store {
			g.al.shadow.mark(g.off, g.n)
		}
	}
	return true
}

// copyGroup moves the elements of n lanes from first on: each its own, or all the
// same ones where mem holds no more than one lane's.
func (w *warp) copyGroup(in *inst, first, n int, mem []byte) {
	op := in.mem
	step := op.size * op.count
	switch {
	case len(mem) == step && n > 1: // a load
		for e, d := range in.dv {
			x, v := op.extend(loadLE(mem[e*op.size:], op.size)), w.v(d)
			if n == lanes {
				splat(v, x)
				continue
			}
			for i := range v[first : first+n] {
				v[first+i] = x
			}
		}
	case op.size != 4 || op.signed && op.ext != 32 || op.count == 2:
		w.copyElements(in, first, n, mem)
	case op.count == 1 && op.store && n == lanes:
		store32((*[lanes * 4]byte)(mem), w.v(in.sv[0]))
	case op.count == 1 && n == lanes:
		load32(w.v(in.dv[0]), (*[lanes * 4]byte)(mem))
	case op.count == 1 && op.store:
		for i, x := range w.v(in.sv[0])[first : first+n] {
			binary.LittleEndian.PutUint32(mem[4*i:4*i+4], uint32(x))
		}
	case op.count == 1:
		v := w.v(in.dv[0])[first : first+n]
		for i := range v {
			v[i] = uint64(binary.LittleEndian.Uint32(mem[4*i : 4*i+4]))
		}
	case op.store && n == lanes:
		store128((*[lanes * 16]byte)(mem), w.v(in.sv[0]), w.v(in.sv[1]), w.v(in.sv[2]), w.v(in.sv[3]))
	case n == lanes:
		load128(w.v(in.dv[0]), w.v(in.dv[1]), w.v(in.dv[2]), w.v(in.dv[3]), (*[lanes * 16]byte)(mem))
	case op.store:
		x, y, z, t := w.v(in.sv[0]), w.v(in.sv[1]), w.v(in.sv[2]), w.v(in.sv[3])
		for i := range n {
			store4(mem[16*i:16*i+16], x, y, z, t, (first+i)&31)
		}
	default:
		x, y, z, t := w.v(in.dv[0]), w.v(in.dv[1]), w.v(in.dv[2]), w.v(in.dv[3])
		for i := range n {
			load4(mem[16*i:16*i+16], x, y, z, t, (first+i)&31)
		}
	}
}

// copyElements is copyGroup for every width, element by element.
func (w *warp) copyElements(in *inst, first, n int, mem []byte) {
	op := in.mem
	step := op.size * op.count
	for e := range op.count {
		at := mem[e*op.size:]
		if op.store {
			for i, x := range w.v(in.sv[e])[first : first+n] {
				storeLE(at[i*step:], op.size, x)
			}
			continue
		}
		v := w.v(in.dv[e])[first : first+n]
		for i := range v {
			v[i] = op.extend(loadLE(at[i*step:], op.size))
		}
	}
}
