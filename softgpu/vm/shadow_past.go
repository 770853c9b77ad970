package vm

import "sync/atomic"

// A record tells of one launch only. Where launches may run at the same time, each
// word has a history besides: the epochs of the last launch that wrote it and of the
// last two that read it since. An earlier launch than these cannot matter if the
// program's order is transitive, except for the third reader and for all but the last
// of several launches that update a word atomically.
//
// A history packs writer 16 | 0 15 | atomically 1 | reader 16 | reader before 16 bits.
const (
	writerShift    = 48
	updatedBit     = uint64(1) << 32
	readerShift    = 16
	epochMask      = 1<<epochBits - 1
	readersOfWords = 1<<(2*epochBits) - 1
)

// history gives the lines' histories. They are made when first asked for.
func (s *raceShadow) history() []atomic.Uint64 {
	if past := s.past.Load(); past != nil {
		return *past
	}
	past := make([]atomic.Uint64, len(s.lines))
	s.past.CompareAndSwap(nil, &past)
	return *s.past.Load()
}

// lineHistory is the history of a line; 0 without one.
func (s *raceShadow) lineHistory(line uint64) uint64 {
	if past := s.past.Load(); past != nil {
		return (*past)[line].Load()
	}
	return 0
}

// concurrent asks whether the launch of that epoch is unordered with this one.
func (p *accessor) concurrent(epoch uint64) bool {
	if epoch != p.asked {
		p.asked, p.answer = epoch, p.unordered(epoch)
	}
	return p.answer
}

// trace judges an access against a history. It returns the new one and, if they
// race, a record that stands for the earlier access.
func (p *accessor) trace(h uint64, acc access) (next, with uint64, race bool) {
	w := h >> writerShift
	atomically := h&updatedBit != 0
	if w != 0 && w != p.epoch && !(atomically && (acc == updating || acc == watching)) && p.concurrent(w) {
		kind := accWrite
		if atomically {
			kind = accAtomic
		}
		return h, w<<epochShft | kind<<kindShift, true
	}
	last, before := h>>readerShift&epochMask, h&epochMask
	switch acc {
	case writing, updating:
		for _, r := range [2]uint64{last, before} {
			if r != 0 && r != p.epoch && p.concurrent(r) {
				return h, r<<epochShft | accRead<<kindShift, true
			}
		}
		next = p.epoch << writerShift
		if acc == updating && (w != p.epoch || atomically) {
			next |= updatedBit
		}
		return next, 0, false
	case watching: // goes with updates: only the record tells of it
		return h, 0, false
	}
	if last == p.epoch || before == p.epoch || w == p.epoch {
		return h, 0, false
	}
	return h&^uint64(readersOfWords) | p.epoch<<readerShift | last, 0, false
}

// clashes reports whether an access conflicts with the record of another launch
// that is not ordered before this one. Reads go with reads, atomics with atomics.
func (p *accessor) clashes(old uint64, acc access) bool {
	var same bool
	switch old >> kindShift & 7 {
	case accRead, accReadBlock, accReadAll, accReadOnly:
		same = acc == reading || acc == readingOnly || acc == watching
	case accAtomic, accAtomicWarp, accAtomicAll:
		same = acc == updating || acc == watching
	}
	return !(same && old&wroteBit == 0) && p.concurrent(old>>epochShft)
}

// split gives every word of a line the line's record and history.
func (f *fineLine) split(record, past uint64) {
	f.bytes, f.bytesPast = nil, nil
	for i := range f.words {
		f.words[i], f.past[i] = record, past
	}
}

// splitBytes gives every byte its word's record and history.
func (f *fineLine) splitBytes() {
	f.bytes, f.bytesPast = new([lineBytes]uint64), new([lineBytes]uint64)
	for i := range f.bytes {
		f.bytes[i], f.bytesPast[i] = f.words[i/4], f.past[i/4]
	}
}

// join judges a new launch's access to the whole of a line that other launches split.
// If it conflicts with no record and leaves one history in all places, that history is
// returned and the line need not be split any longer. A launch that is ordered after
// all others forgets the histories.
func (f *fineLine) join(p *accessor, acc access) (h uint64, ok bool) {
	if p.unordered == nil {
		return 0, true
	}
	for i := range uint64(lineBytes) {
		record, past := f.words[i/4], f.past[i/4]
		if f.bytes != nil {
			record, past = f.bytes[i], f.bytesPast[i]
		} else if i%4 != 0 {
			continue
		}
		if record != 0 && p.clashes(record, acc) {
			return 0, false
		}
		after, _, race := p.trace(past, acc)
		if race || i > 0 && after != h {
			return 0, false
		}
		h = after
	}
	return h, true
}
