package vm

import (
	"encoding/binary"
	"fmt"
)

// Write copies host bytes to device memory.
func (m *Memory) Write(addr uint64, src []byte) error {
	if len(src) == 0 {
		return nil
	}
	a, f := m.lookup(addr, uint64(len(src)))
	if f != nil {
		f.Detail = "host write"
		return f
	}
	off := addr - a.base
	copy(a.data[off:], src)
	a.shadow.mark(off, uint64(len(src)))
	return nil
}

// Read copies device memory to the host. Bytes that were never written are a
// Fault of kind Uninitialised; nothing is copied then.
func (m *Memory) Read(addr uint64, dst []byte) error {
	if len(dst) == 0 {
		return nil
	}
	a, f := m.lookup(addr, uint64(len(dst)))
	if f != nil {
		f.Detail = "host read"
		return f
	}
	off := addr - a.base
	if bad, ok := a.shadow.first(off, uint64(len(dst))); !ok {
		return a.uninitialised("host read", bad)
	}
	copy(dst, a.data[off:])
	return nil
}

func (a *alloc) uninitialised(who string, off uint64) *Fault {
	return &Fault{
		Kind: Uninitialised, Address: a.base + off, Size: 1, Space: "global",
		Allocation: fmt.Sprintf("byte %d of allocation %d %q of %d bytes", off, a.id, a.tag, a.size),
		Detail:     who,
	}
}

// Memset fills count elements of width 1, 2 or 4 bytes with a value.
func (m *Memory) Memset(addr uint64, value uint32, width int, count uint64) error {
	if width != 1 && width != 2 && width != 4 {
		return fmt.Errorf("softgpu: memset: width %d, expected 1, 2 or 4", width)
	}
	if count == 0 {
		return nil
	}
	if addr%uint64(width) != 0 {
		return &Fault{Kind: Misaligned, Address: addr, Size: width, Space: "global", Detail: "memset"}
	}
	if count > m.limit {
		count = m.limit/uint64(width) + 1 // out of bounds in any case; keeps the product small
	}
	n := count * uint64(width)
	a, f := m.lookup(addr, n)
	if f != nil {
		f.Detail = "memset"
		return f
	}
	var pattern [4]byte
	binary.LittleEndian.PutUint32(pattern[:], value)
	off := addr - a.base
	dst := a.data[off : off+n]
	copy(dst, pattern[:width])
	for done := width; done < len(dst); done *= 2 {
		copy(dst[done:], dst[:done])
	}
	a.shadow.mark(off, n)
	return nil
}

// Copy copies n bytes within device memory; the ranges may overlap. Bytes that
// were never written stay so at the destination.
func (m *Memory) Copy(dst, src, n uint64) error {
	if n == 0 {
		return nil
	}
	from, f := m.lookup(src, n)
	if f == nil {
		var to *alloc
		if to, f = m.lookup(dst, n); f == nil {
			so, do := src-from.base, dst-to.base
			copy(to.data[do:do+n], from.data[so:so+n])
			to.shadow.copyFrom(&from.shadow, do, so, n)
			return nil
		}
	}
	f.Detail = "device copy"
	return f
}
