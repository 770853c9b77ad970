package vm

import "fmt"

// Bytes that lie between two variables of a kernel in shared and in local memory, so that
// an access that leaves one does not reach the next. They count towards no limit.
const (
	sharedGap = 1024
	localGap  = 256
)

// layout places a kernel's variables of one space, with a gap between each two.
type layout struct {
	gap   uint64
	size  uint64 // bytes that a GPU would need: variables, aligned
	end   uint64 // where the last variable ends, gaps included
	vars  []placed
	empty []uint64 // one bit a byte: in a gap; nil without gaps
}

// placed is a variable at its address.
type placed struct {
	name     string
	at, size uint64
}

// place gives a variable its address. Its size is 0 where the launch says it: such a
// variable is the last.
func (l *layout) place(name string, size, align uint64) uint64 {
	l.size = alignUp(l.size, align) + size
	at := alignUp(l.end, align)
	if len(l.vars) > 0 {
		at = alignUp(l.end+l.gap, align)
		l.forbid(l.end, at)
	}
	l.vars = append(l.vars, placed{name, at, size})
	l.end = at + size
	return at
}

// forbid puts a range of bytes into a gap.
func (l *layout) forbid(from, to uint64) {
	for n := int(to+63) / 64; len(l.empty) < n; {
		l.empty = append(l.empty, 0)
	}
	for i := from; i < to; i++ {
		l.empty[i/64] |= 1 << (i % 64)
	}
}

// inGap reports whether any byte of a mask's 64 lies in a gap.
func (l *layout) inGap(word, mask uint64) bool {
	return word < uint64(len(l.empty)) && l.empty[word]&mask != 0
}

// touchesGap reports whether any of n bytes lies in a gap.
func (l *layout) touchesGap(at, n uint64) bool {
	if l.empty == nil {
		return false
	}
	found := false
	spans(at, n, func(word, mask uint64) bool {
		found = found || l.inGap(word, mask)
		return !found
	})
	return found
}

// describe says between which variables an address in a gap lies.
func (l *layout) describe(at uint64) string {
	i := len(l.vars) - 2
	for ; i > 0 && l.vars[i].at > at; i-- {
	}
	v, next := l.vars[i], l.vars[i+1]
	end := v.at + v.size
	return fmt.Sprintf("the access leaves its variable: %s (%d bytes) ends %d bytes before, and %s begins %d bytes after",
		v.name, v.size, max(at, end)-end, next.name, next.at-at)
}
