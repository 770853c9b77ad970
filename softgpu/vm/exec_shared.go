package vm

import "math/bits"

// sharedCheck checks one lane's shared access and notes it.
func (w *warp) sharedCheck(in *inst, lane int, off, n uint64, acc access, read bool) bool {
	b := w.blk
	switch {
	case off >= uint64(len(b.shared)) || n > uint64(len(b.shared))-off:
		w.sharedFault(in, lane, off, OutOfBounds, detail("the block has %d bytes of shared memory", b.run.k.shared.size+b.run.dynShared))
		return false
	case b.run.k.shared.touchesGap(off, n):
		w.sharedFault(in, lane, off, OutOfBounds, b.run.k.shared.describe(off))
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
	if t, ok := w.noteShared(off, n, n, w.index*lanes+lane, acc); !ok {
		w.sharedFault(in, lane, off, SharedRace, detail("%s against %s by thread %v, with no barrier between",
			in.mem.name(), touchNames[t.kind()], b.run.thread(t.thread())))
		return false
	}
	if acc == writing || acc == updating {
		b.shadow.written[word] |= mask
	}
	return true
}

func (w *warp) sharedFault(in *inst, lane int, off uint64, kind FaultKind, text string) {
	w.failAt(in, lane, &Fault{Kind: kind, Address: off, Size: in.mem.size * in.mem.count, Space: "shared", Detail: text})
}

// sharedAccess executes a load or store on shared memory. Lanes that lie side by
// side, or read one address, are checked, noted and copied together; where anything
// is wrong with a group, its lanes go one by one.
func (w *warp) sharedAccess(in *inst, m uint32, base *vec, off uint64) {
	op := in.mem
	n := uint64(op.size * op.count)
	acc := op.access()
	up, same := split(base, n, m)
	for r := m; r != 0; {
		i := bits.TrailingZeros32(r)
		size, apart := run(up, same, i)
		r &^= (1<<size - 1) << i
		at := base[i] + off
		if w.sharedGroup(at, n, size, apart, w.index*lanes+i, acc) {
			length := n
			if apart {
				length *= uint64(size)
			}
			w.copyGroup(in, i, size, w.blk.shared[at:at+length])
			continue
		}
		for j := range size {
			at := base[i+j] + off
			if !w.sharedCheck(in, i+j, at, n, acc, !op.store) {
				return
			}
			w.transfer(in, i+j, w.blk.shared[at:at+n])
		}
	}
}

// sharedGroup checks and notes an access by size lanes, n bytes each from at on, side
// by side or all the same. It returns false if anything is wrong with it.
func (w *warp) sharedGroup(at, n uint64, size int, apart bool, thread int, acc access) bool {
	b := w.blk
	length := n
	if apart {
		length *= uint64(size)
	}
	if n < b.shadow.unit || at&(n-1) != 0 || at >= uint64(len(b.shared)) || length > uint64(len(b.shared))-at {
		return false
	}
	write := acc == writing || acc == updating
	for word, end := at>>6, at+length; word<<6 < end; word++ {
		mask := ^uint64(0)
		if first := word << 6; first < at {
			mask <<= at - first
		}
		if last := (word + 1) << 6; last > end {
			mask &= ^uint64(0) >> (last - end)
		}
		if b.run.k.shared.inGap(word, mask) {
			return false
		}
		if write {
			b.shadow.written[word] |= mask
		} else if b.shadow.written[word]&mask != mask {
			return false
		}
	}
	if _, ok := w.noteShared(at, length, n, thread, acc); !ok {
		return false
	}
	if !apart { // once more by another thread: then it is several, and more change nothing
		_, ok := w.noteShared(at, n, n, thread+1, acc)
		return ok
	}
	return true
}

// localAccess executes a load or store on the threads' own memory.
func (w *warp) localAccess(in *inst, m uint32, base *vec, off uint64) {
	b := w.blk
	op := in.mem
	n := uint64(op.size * op.count)
	vars := &b.run.k.local
	size := vars.end
	for r := m; r != 0; r &= r - 1 {
		i := bits.TrailingZeros32(r)
		at := base[i] + off
		kind := FaultKind(0)
		switch {
		case at >= size || n > size-at:
			kind = OutOfBounds
		case vars.touchesGap(at, n):
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
			text := detail("the thread has %d bytes of local memory", vars.size)
			if at < size && vars.touchesGap(at, n) {
				text = vars.describe(at)
			}
			w.failAt(in, i, &Fault{Kind: kind, Address: at, Size: int(n), Space: "local", Detail: text})
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
	_, same := split(base, n, m)
	for r := m; r != 0; {
		i := bits.TrailingZeros32(r)
		size, apart := run(0, same, i)
		if apart {
			size = 1
		}
		r &^= (1<<size - 1) << i
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
		w.copyGroup(in, i, size, params[at:at+n])
	}
}
