package vm

import (
	"math/bits"
)

// basic is a basic block: instructions first..last, and where control goes.
type basic struct {
	first, last int
	next        []int32 // successor blocks; the virtual exit is len(blocks)
}

// counter is what one run through a basic block, or of one guarded
// instruction, adds to the statistics for each active lane.
type counter struct {
	instructions, flops uint32
}

// analyse finds basic blocks and reconvergence points, sets up the counters,
// finds registers that may be read before they are written, and packs virtual
// registers into slots by their lifetimes.
func (k *Kernel) analyse(l *lowerer) {
	blocks := k.split()
	reconverge(k.code, blocks)
	k.count(blocks)
	live := liveness(k.code, blocks, len(l.regs), len(l.preds))
	k.liveMax = live.pressure(k.code, blocks, l.regs)
	tracked := k.track(l, live)
	k.allocate(l, live, blocks, tracked)
}

// split marks leaders and builds the control-flow graph.
func (k *Kernel) split() []basic {
	code := k.code
	leader := make([]bool, len(code)+1)
	leader[0] = true
	for i := range code {
		in := &code[i]
		switch in.kind {
		case kBra:
			leader[in.target] = true
			leader[i+1] = true
		case kBrx:
			for _, t := range in.targets {
				leader[t] = true
			}
			leader[i+1] = true
		case kExit:
			leader[i+1] = true
		}
	}
	var blocks []basic
	number := make([]int32, len(code)+1)
	for i := range code {
		if leader[i] {
			code[i].leader = true
			blocks = append(blocks, basic{first: i})
		}
		blocks[len(blocks)-1].last = i
		number[i] = int32(len(blocks) - 1)
	}
	exit := int32(len(blocks))
	number[len(code)] = exit
	for b := range blocks {
		in := &code[blocks[b].last]
		fall := number[blocks[b].last+1]
		switch in.kind {
		case kBra:
			blocks[b].next = append(blocks[b].next, number[in.target])
			if in.pred >= 0 {
				blocks[b].next = append(blocks[b].next, fall)
			}
		case kBrx:
			for _, t := range in.targets {
				blocks[b].next = append(blocks[b].next, number[t])
			}
		case kExit:
			blocks[b].next = append(blocks[b].next, exit)
			if in.pred >= 0 {
				blocks[b].next = append(blocks[b].next, fall)
			}
		default:
			blocks[b].next = append(blocks[b].next, fall)
		}
	}
	return blocks
}

// reconverge gives every branch the first instruction of its immediate
// post-dominator, found by the iterative algorithm of Cooper, Harvey and
// Kennedy on the reversed graph. A block that cannot reach the exit has none.
func reconverge(code []inst, blocks []basic) {
	n := len(blocks)
	exit := int32(n)
	preds := make([][]int32, n+1) // of the forward graph: successors in the reversed one
	for b := range blocks {
		for _, s := range blocks[b].next {
			preds[s] = append(preds[s], int32(b))
		}
	}
	// Reverse post-order of the reversed graph, without recursion.
	order := make([]int32, 0, n+1)
	rank := make([]int32, n+1)
	seen := make([]bool, n+1)
	type step struct {
		b int32
		i int
	}
	stack := []step{{exit, 0}}
	seen[exit] = true
	for len(stack) > 0 {
		top := &stack[len(stack)-1]
		if top.i < len(preds[top.b]) {
			p := preds[top.b][top.i]
			top.i++
			if !seen[p] {
				seen[p] = true
				stack = append(stack, step{p, 0})
			}
			continue
		}
		rank[top.b] = int32(len(order))
		order = append(order, top.b)
		stack = stack[:len(stack)-1]
	}
	idom := make([]int32, n+1)
	for i := range idom {
		idom[i] = -1
	}
	idom[exit] = exit
	for changed := true; changed; {
		changed = false
		for i := len(order) - 1; i >= 0; i-- {
			b := order[i]
			if b == exit {
				continue
			}
			dom := int32(-1)
			for _, s := range blocks[b].next {
				if idom[s] < 0 {
					continue
				}
				if dom < 0 {
					dom = s
					continue
				}
				x, y := s, dom
				for x != y {
					for rank[x] < rank[y] {
						x = idom[x]
					}
					for rank[y] < rank[x] {
						y = idom[y]
					}
				}
				dom = x
			}
			if dom != idom[b] {
				idom[b], changed = dom, true
			}
		}
	}
	for b := range blocks {
		in := &code[blocks[b].last]
		in.rpc = -1
		if d := idom[b]; d >= 0 && d != exit && (in.kind == kBra || in.kind == kBrx) {
			in.rpc = int32(blocks[d].first)
		}
	}
}

// count sets up the statistics counters: one a block, one a guarded instruction.
func (k *Kernel) count(blocks []basic) {
	for _, b := range blocks {
		var c counter
		for i := b.first; i <= b.last; i++ {
			in := &k.code[i]
			if in.pred >= 0 && in.kind < kBra {
				continue
			}
			c.instructions++
			c.flops += uint32(in.flops)
		}
		k.code[b.first].counter = int32(len(k.counters))
		k.counters = append(k.counters, c)
	}
	for i := range k.code {
		in := &k.code[i]
		if in.pred >= 0 && in.kind < kBra {
			in.own = int32(len(k.counters))
			k.counters = append(k.counters, counter{1, uint32(in.flops)})
		}
	}
}

// bitset is a set of small numbers.
type bitset []uint64

func newBitset(n int) bitset { return make(bitset, (n+63)/64) }

func (s bitset) has(i int32) bool { return s[i>>6]>>(i&63)&1 == 1 }
func (s bitset) add(i int32)      { s[i>>6] |= 1 << (i & 63) }
func (s bitset) del(i int32)      { s[i>>6] &^= 1 << (i & 63) }

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

// lives holds, for each block, what is live at its start and end. Vector
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
