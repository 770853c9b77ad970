package vm

import "fmt"

// Range is a stretch of device memory that an operation reads or writes.
type Range struct {
	Addr, Size uint64
	Write      bool
}

// beginLaunch gives a launch its epoch and holds off epoch restarts until
// mem.launches is released for reading.
func (m *Memory) beginLaunch() uint64 {
	m.mu.Lock()
	m.epoch++
	restart := m.epoch >= 1<<epochBits-1
	epoch := m.epoch
	m.mu.Unlock()
	if !restart {
		m.launches.RLock()
		return epoch
	}
	// All 16-bit epochs are used: forget every record and start again.
	m.launches.Lock()
	m.mu.Lock()
	if m.epoch >= 1<<epochBits-1 {
		m.epoch = 0
		for _, a := range *m.live.Load() {
			a.races.reset()
		}
	}
	m.mu.Unlock()
	m.launches.Unlock()
	return m.beginLaunch()
}

// Touch is the race check for an operation that is no kernel: a copy, a fill, a
// matrix product. It takes an epoch as a launch does, tells it to began, and notes
// every range; unordered says, as in Launch, which earlier operations may run at
// the same time. A conflict is a *Fault of kind GlobalRace whose Detail names who.
// Both functions may be nil; neither may start another operation.
func (m *Memory) Touch(who string, ranges []Range, began func(epoch uint64), unordered func(epoch uint64) bool) error {
	epoch := m.beginLaunch()
	defer m.launches.RUnlock()
	if began != nil {
		began(epoch)
	}
	p := accessor{epoch: epoch, clock: 1, seen: []uint64{0}, unordered: unordered}
	for _, r := range ranges {
		if r.Size == 0 {
			continue
		}
		a, f := m.lookup(r.Addr, r.Size)
		if f != nil {
			f.Detail = who
			return f
		}
		acc := reading
		if r.Write {
			acc = writing
		}
		bad, with, ok := a.races.note(&p, r.Addr-a.base, r.Size, acc, false)
		if ok {
			continue
		}
		m.mu.Lock()
		where := m.describe(a.base + bad)
		m.mu.Unlock()
		return &Fault{
			Kind: GlobalRace, Address: a.base + bad, Size: 4, Space: "global", Allocation: where, Earlier: with >> epochShft,
			Detail: fmt.Sprintf("%s by %s, not ordered after an earlier operation's %s", []string{reading: "read", writing: "write"}[acc], who, recordNames[with>>kindShift&7]),
		}
	}
	return nil
}

// View gives n bytes of one live allocation as they lie in device memory: a write
// to them is a write to the device. The slice is valid until the
// allocation is freed. Bounds and lifetime are checked; whether the bytes were
// written is not (RequireWritten), and the caller must report stores (MarkWritten).
func (m *Memory) View(who string, addr, n uint64) ([]byte, error) {
	if n == 0 {
		return nil, nil
	}
	a, f := m.lookup(addr, n)
	if f != nil {
		f.Detail = who
		return nil, f
	}
	off := addr - a.base
	return a.data[off : off+n : off+n], nil
}

// RequireWritten is a *Fault of kind Uninitialised, its Detail naming who, unless
// all n bytes at addr have been written.
func (m *Memory) RequireWritten(who string, addr, n uint64) error {
	if n == 0 {
		return nil
	}
	a, f := m.lookup(addr, n)
	if f != nil {
		f.Detail = who
		return f
	}
	if bad, ok := a.shadow.first(addr-a.base, n); !ok {
		return a.uninitialised(who, bad)
	}
	return nil
}

// MarkWritten notes n bytes at addr as written, as after a store through View.
func (m *Memory) MarkWritten(addr, n uint64) error {
	if n == 0 {
		return nil
	}
	a, f := m.lookup(addr, n)
	if f != nil {
		f.Detail = "mark as written"
		return f
	}
	a.shadow.mark(addr-a.base, n)
	return nil
}
