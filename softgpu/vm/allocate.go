package vm

import (
	"slices"
	"sort"
)

// interval is the stretch of code in which a register's value may be needed.
type interval struct {
	reg         int32
	first, last int
}

// allocate maps virtual vector registers to slots by linear scan. Lanes on
// different paths may keep different registers in one slot: a lane's part of it
// is its own, so only lifetimes along one thread's path matter. Tracked
// registers keep a slot of their own. Predicates are few and are not packed.
func (k *Kernel) allocate(l *lowerer, lv *lives, blocks []basic, tracked bitset) {
	n := len(l.regs)
	spans := make([]interval, n)
	for r := range spans {
		spans[r] = interval{int32(r), -1, -1}
	}
	touch := func(r int32, at int) {
		if r >= lv.base {
			return
		}
		s := &spans[r]
		if s.first < 0 || at < s.first {
			s.first = at
		}
		s.last = max(s.last, at)
	}
	for b, blk := range blocks {
		for r := range int32(n) {
			if lv.in[b].has(r) {
				touch(r, blk.first)
			}
			if lv.out[b].has(r) {
				touch(r, blk.last)
			}
		}
		for i := blk.first; i <= blk.last; i++ {
			f := func(r int32) { touch(r, i) }
			lv.visit(&k.code[i], f, f)
		}
	}
	for r := range spans {
		if spans[r].first >= 0 && tracked.has(int32(r)) {
			spans[r].first, spans[r].last = 0, len(k.code)
		}
	}
	sort.Slice(spans, func(i, j int) bool { return spans[i].first < spans[j].first })
	slot := make([]int32, n)
	var free []int32      // sorted: the lowest goes first, which keeps a warp's registers close
	var active []interval // sorted by last
	for _, s := range spans {
		if s.first < 0 {
			continue
		}
		done := sort.Search(len(active), func(i int) bool { return active[i].last >= s.first })
		for _, a := range active[:done] {
			at, _ := slices.BinarySearch(free, slot[a.reg])
			free = slices.Insert(free, at, slot[a.reg])
		}
		active = active[done:]
		if len(free) > 0 {
			slot[s.reg], free = free[0], free[1:]
		} else {
			slot[s.reg] = int32(k.slots)
			k.slots++
		}
		at := sort.Search(len(active), func(i int) bool { return active[i].last > s.last })
		active = slices.Insert(active, at, s)
	}
	k.preds = len(l.preds)
	rename := func(r *int32) { *r = slot[*r] }
	keep := func(*int32) {}
	for i := range k.code {
		k.code[i].reads(rename, keep)
		k.code[i].writes(rename, keep)
	}
}
