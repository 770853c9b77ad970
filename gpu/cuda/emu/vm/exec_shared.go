package vm

import (
	"encoding/binary"
	"math/bits"
)

// sharedShadow watches a block's shared memory: which bytes were written, and
// who touched each unit last. A unit is a word, or a byte in kernels that store
// parts of words. Threads are told apart, not only warps: within a warp, lanes
// are ordered by bar.warp.sync alone, as on Volta and later.
type sharedShadow struct {
	unit    uint64 // 4 or 1
	written []uint64
	touch   []touch
}

// touch is the last accesses to one unit of shared memory.
type touch struct {
	clock  uint64
	thread int32 // of the last access
	kind   touchKind
}

type touchKind uint8

const (
	untouched   touchKind = iota
	readOne               // by one thread
	readWarp              // by several threads of the warp of thread
	readBlock             // by several warps; clock is the block's barrier count
	wroteOne              // by one thread
	updatedOne            // atomically, by one thread
	updatedWarp           // atomically, by several threads of a warp
	updatedMany           // atomically, by several warps
)

func (s *sharedShadow) prepare(size int, byBytes bool) {
	s.unit = 4
	if byBytes {
		s.unit = 1
	}
	words := (size + 63) / 64
	units := (size + int(s.unit) - 1) / int(s.unit)
	if cap(s.written) < words {
		s.written = make([]uint64, words)
	}
	if cap(s.touch) < units {
		s.touch = make([]touch, units)
	}
	s.written, s.touch = s.written[:words], s.touch[:units]
}

func (s *sharedShadow) clear() {
	clear(s.written)
	clear(s.touch)
}

// step judges an access by a thread of warp w against the record of a unit.
func (w *warp) step(t *touch, thread int32, acc access) bool {
	kind := t.kind
	if acc == watching {
		acc = reading
		if kind >= updatedOne {
			acc = updating
		}
	}
	owner := t.thread / lanes
	sameWarp := int(owner) == w.index
	var ordered bool
	switch kind {
	case untouched:
		ordered = true
	case readBlock, updatedMany:
		ordered = t.clock < w.blk.generation
	default:
		one := kind == readOne || kind == wroteOne || kind == updatedOne
		ordered = one && t.thread == thread || sameWarp && t.clock < w.party.clock || !sameWarp && w.party.seen[owner] >= t.clock
	}
	var next touchKind
	clock := w.party.clock
	switch {
	case ordered && acc == reading:
		next = readOne
		if kind == wroteOne && t.thread == thread {
			return true // its own write stays on record
		}
	case ordered && acc == writing:
		next = wroteOne
	case ordered:
		next = updatedOne
		if kind == wroteOne && t.thread == thread {
			return true
		}
	case acc == reading && kind <= readBlock:
		next = readBlock
		if kind != readBlock && sameWarp {
			next = readWarp
		}
	case acc == updating && kind >= updatedOne:
		next = updatedMany
		if kind != updatedMany && sameWarp {
			next = updatedWarp
		}
	default:
		return false
	}
	if next == readBlock || next == updatedMany {
		clock = w.blk.generation
	}
	*t = touch{clock, thread, next}
	return true
}

// sharedCheck checks one lane's shared access and notes it.
func (w *warp) sharedCheck(in *inst, lane int, off, n uint64, acc access, read bool) bool {
	b := w.blk
	switch {
	case off >= uint64(len(b.shared)) || n > uint64(len(b.shared))-off:
		w.sharedFault(in, lane, off, OutOfBounds, detail("the block has %d bytes of shared memory", len(b.shared)))
		return false
	case off&(n-1) != 0:
		w.sharedFault(in, lane, off, Misaligned, detail("the address is not a multiple of %d", n))
		return false
	}
	word, mask := off>>6, maskBits(int(n))<<(off&63)
	if read && b.shadow.written[word]&mask != mask {
		w.sharedFault(in, lane, off, Uninitialised, "")
		return false
	}
	thread := int32(w.index*lanes + lane)
	for u := off / b.shadow.unit; u*b.shadow.unit < off+n; u++ {
		t := &b.shadow.touch[u]
		if !w.step(t, thread, acc) {
			w.sharedFault(in, lane, off, SharedRace, detail("%s against %s by thread %v, with no barrier between",
				accessNames[in.mem.how()], touchNames[t.kind], b.run.thread(int(t.thread))))
			return false
		}
	}
	if acc == writing || acc == updating {
		b.shadow.written[word] |= mask
	}
	return true
}

var touchNames = [...]string{
	readOne: "a read", readWarp: "reads of its warp, one", readBlock: "reads of several warps, one", wroteOne: "a write",
	updatedOne: "an atomic update", updatedWarp: "atomic updates of its warp, one", updatedMany: "atomic updates of several warps, one",
}

func (w *warp) sharedFault(in *inst, lane int, off uint64, kind FaultKind, text string) {
	w.failAt(in, lane, &Fault{Kind: kind, Address: off, Size: in.mem.size * in.mem.count, Space: "shared", Detail: text})
}

// sharedAccess executes a load or store on shared memory.
func (w *warp) sharedAccess(in *inst, m uint32, base *vec, off uint64) {
	op := in.mem
	n := uint64(op.size * op.count)
	acc := op.how()
	shared := w.blk.shared
	w.conflicts(m, base, off, n)
	for r := m; r != 0; r &= r - 1 {
		i := bits.TrailingZeros32(r)
		at := base[i] + off
		if !w.sharedCheck(in, i, at, n, acc, !op.store) {
			return
		}
		if op.size == 4 && op.count == 1 {
			if word := shared[at : at+4]; op.store {
				binary.LittleEndian.PutUint32(word, uint32(w.v(in.sv[0])[i]))
			} else {
				w.v(in.dv[0])[i] = op.extend(uint64(binary.LittleEndian.Uint32(word)))
			}
			continue
		}
		w.transfer(in, i, shared[at:at+n])
	}
}

// conflicts counts the extra passes of a shared access: lanes of one pass (32
// lanes of 4 bytes, 16 of 8, 8 of 16) that need different words of one bank.
func (w *warp) conflicts(m uint32, base *vec, off, n uint64) {
	s := &w.blk.stats
	s.SharedAccesses++
	if m == allLanes && n == 4 { // side by side, or all alike: no conflict
		stray, spread, next := uint64(0), uint64(0), base[0]
		for _, a := range base {
			stray |= a ^ next
			spread |= a ^ base[0]
			next += 4
		}
		if stray == 0 || spread == 0 {
			return
		}
	}
	words := max(n/4, 1)
	pass := int(lanes / words)
	for start := 0; start < lanes; start += pass {
		var seen [lanes]uint64 // a word of each bank, plus one
		var extra [lanes]uint8
		worst := uint8(0)
		for i := start; i < start+pass; i++ {
			if m>>i&1 == 0 {
				continue
			}
			for e := range words {
				word := (base[i]+off)/4 + e
				bank := word % lanes
				if seen[bank] == 0 {
					seen[bank] = word + 1
				} else if seen[bank] != word+1 {
					extra[bank]++
					worst = max(worst, extra[bank])
				}
			}
		}
		s.BankConflicts += uint64(worst)
	}
}

// localAccess executes a load or store on the threads' own memory.
func (w *warp) localAccess(in *inst, m uint32, base *vec, off uint64) {
	b := w.blk
	op := in.mem
	n := uint64(op.size * op.count)
	size := b.run.k.localSize
	for r := m; r != 0; r &= r - 1 {
		i := bits.TrailingZeros32(r)
		at := base[i] + off
		kind := FaultKind(0)
		switch {
		case at >= size || n > size-at:
			kind = OutOfBounds
		case at&(n-1) != 0:
			kind = Misaligned
		}
		pos := uint64(w.index*lanes+i)*size + at
		if kind == 0 && !op.store {
			spans(pos, n, func(word, mask uint64) bool {
				if b.locals[word]&mask != mask {
					kind = Uninitialised
				}
				return kind == 0
			})
		}
		if kind != 0 {
			w.failAt(in, i, &Fault{Kind: kind, Address: at, Size: int(n), Space: "local", Detail: detail("the thread has %d bytes of local memory", size)})
			return
		}
		if op.store {
			spans(pos, n, func(word, mask uint64) bool { b.locals[word] |= mask; return true })
		}
		w.transfer(in, i, b.local[pos:pos+n])
	}
}

// paramAccess reads the parameter block at computed addresses.
func (w *warp) paramAccess(in *inst, m uint32, base *vec, off uint64) {
	params := w.blk.run.params
	n := uint64(in.mem.size * in.mem.count)
	for r := m; r != 0; r &= r - 1 {
		i := bits.TrailingZeros32(r)
		at := base[i] + off
		kind := FaultKind(0)
		switch {
		case in.mem.store:
			kind = ReadOnly
		case at >= uint64(len(params)) || n > uint64(len(params))-at:
			kind = OutOfBounds
		case at&(n-1) != 0:
			kind = Misaligned
		}
		if kind != 0 {
			w.failAt(in, i, &Fault{Kind: kind, Address: at, Size: int(n), Space: "param", Detail: detail("the kernel has %d bytes of parameters", len(params))})
			return
		}
		w.transfer(in, i, params[at:at+n])
	}
}
