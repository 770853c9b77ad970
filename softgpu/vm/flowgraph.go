package vm

// basic is a basic block: instructions first..last, and where control goes.
type basic struct {
	first, last int
	next        []int32 // successor blocks; the virtual exit is len(blocks)
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
// Kennedy on the reversed graph. A block that cannot reach the exit has no post-dominator.
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
