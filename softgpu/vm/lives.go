package vm

import "math/bits"

// bitset is a set of small numbers.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (s bitset) has(i int32) bool { return s[i>>6]>>(i&63)&1 == 1 }

func (s bitset) add(i int32) { s[i>>6] |= 1 << (i & 63) }

func (s bitset) del(i int32) { s[i>>6] &^= 1 << (i & 63) }

// or adds the members of t and reports whether any was new.
func (s bitset) or(t bitset) bool {
	changed := false
	for i, w := range t {
		if w&^s[i] != 0 {
			s[i] |= w
			changed = true
		}
	}
	return changed
}

// lives holds, for each block, the registers that are live at its start and end. Vector
// registers come first, predicates after them at offset base.
type lives struct {
	base    int32
	size    int
	in, out []bitset
}

func liveness(code []inst, blocks []basic, regs, preds int) *lives {
	lv := &lives{base: int32(regs), size: regs + preds}
	n := len(blocks)
	use, def := make([]bitset, n), make([]bitset, n)
	lv.in, lv.out = make([]bitset, n), make([]bitset, n)
	for b, blk := range blocks {
		use[b], def[b] = newBitset(lv.size), newBitset(lv.size)
		lv.in[b], lv.out[b] = newBitset(lv.size), newBitset(lv.size)
		for i := blk.first; i <= blk.last; i++ {
			lv.visit(&code[i], func(r int32) {
				if !def[b].has(r) {
					use[b].add(r)
				}
			}, func(r int32) {
				if code[i].pred < 0 { // a guarded write may leave the old value
					def[b].add(r)
				}
			})
		}
		lv.in[b].or(use[b])
	}
	for changed := true; changed; {
		changed = false
		for b := n - 1; b >= 0; b-- {
			for _, s := range blocks[b].next {
				if int(s) < n && lv.out[b].or(lv.in[s]) {
					changed = true
				}
			}
			for w := range lv.in[b] {
				v := use[b][w] | lv.out[b][w]&^def[b][w]
				if v&^lv.in[b][w] != 0 {
					lv.in[b][w] |= v
					changed = true
				}
			}
		}
	}
	return lv
}

// visit calls read and write with the numbers of an instruction's registers.
func (lv *lives) visit(in *inst, read, write func(int32)) {
	v := func(f func(int32)) func(*int32) { return func(r *int32) { f(*r) } }
	p := func(f func(int32)) func(*int32) { return func(r *int32) { f(*r + lv.base) } }
	in.reads(v(read), p(read))
	in.writes(v(write), p(write))
}

// pressure is the largest number of 32-bit registers live at one point.
func (lv *lives) pressure(code []inst, blocks []basic, regs []vreg) int {
	weight := func(r int32) int {
		switch {
		case r >= lv.base:
			return 0
		case regs[r].bits > 32:
			return 2
		}
		return 1
	}
	most := 0
	for b, blk := range blocks {
		now := append(bitset{}, lv.out[b]...)
		sum := 0
		for w, word := range now {
			for ; word != 0; word &= word - 1 {
				sum += weight(int32(w*64 + bits.TrailingZeros64(word)))
			}
		}
		most = max(most, sum)
		for i := blk.last; i >= blk.first; i-- {
			lv.visit(&code[i], func(int32) {}, func(r int32) {
				if now.has(r) && code[i].pred < 0 {
					now.del(r)
					sum -= weight(r)
				}
			})
			lv.visit(&code[i], func(r int32) {
				if !now.has(r) {
					now.add(r)
					sum += weight(r)
				}
			}, func(int32) {})
			most = max(most, sum)
		}
	}
	return most
}
