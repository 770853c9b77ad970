package softgpu

import (
	"errors"
	"fmt"
	"maps"
	"strings"

	"mdfa/softgpu/vm"
)

const (
	firstHandle = 0x0EF0_0000_0000_0000
	handleStep  = 16
)

// New starts a machine.
func New(o Options) *Machine {
	m := &Machine{options: o, objects: map[Handle]any{}, next: firstHandle, threads: map[Thread]*thread{}, ended: map[Handle]struct{}{}}
	m.changed.L = &m.mu
	m.ledger.Kernels = map[string]Kernel{}
	for i := range o.Devices {
		m.devices = append(m.devices, newDevice(i, o))
	}
	return m
}

// thread finds a thread's state.
func (m *Machine) thread(t Thread) *thread {
	th := m.threads[t]
	if th == nil {
		th = &thread{}
		m.threads[t] = th
	}
	return th
}

// add gives an object its handle.
func (m *Machine) add(object any) Handle {
	m.next += handleStep
	m.objects[m.next] = object
	return m.next
}

// object finds an object by its handle; the zero value if the handle names no object of that type.
func object[T any](m *Machine, h Handle) T {
	o, _ := m.objects[h].(T)
	return o
}

// refuse gives an answer and keeps the reason for Explain.
func (m *Machine) refuse(r Result, format string, args ...any) Result {
	m.reason = reason{fmt.Errorf(format, args...)}
	return r
}

// reason is a sentence that may quote errors of the other packages: softgpu's name stands once, in front.
type reason struct{ error }

// Error returns the sentence.
func (e reason) Error() string { return prefix + strings.ReplaceAll(e.error.Error(), prefix, "") }

// Unwrap returns the sentence with the errors that it quotes.
func (e reason) Unwrap() error { return e.error }

const prefix = "softgpu: "

// Refuse is an answer that the binding to C gives by itself, a null pointer for instance, with its reason for Explain.
func (m *Machine) Refuse(r Result, format string, args ...any) Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.refuse(r, format, args...)
}

// Explain is the reason of the last answer that was not Success, or nil; it tells each
// only once.
func (m *Machine) Explain() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	err := m.reason
	m.reason = nil
	return err
}

// Ledger is a copy of the counts so far. Work that is still queued has not run and is
// not among the launches and copies.
func (m *Machine) Ledger() Ledger {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.ledger
	l.Kernels = maps.Clone(m.ledger.Kernels)
	return l
}

func newDevice(ordinal int, o Options) *device {
	return &device{
		ordinal: ordinal, memory: vm.NewMemoryOf(ordinal, o.Memory), limits: o.limits(),
		owners: map[uint64]*context{}, epochs: map[uint64]place{},
	}
}

// Init is cuInit. Flags must be 0.
func (m *Machine) Init(flags uint32) Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	if flags != 0 {
		return m.refuse(ErrorInvalidValue, "cuInit: flags %d, 0 is expected", flags)
	}
	m.ready = true
	return Success
}

// allocation counts something that takes device or pinned memory, and is where an
// ordered "out of memory" happens.
func (m *Machine) allocation(call string) Result {
	m.allocs++
	if m.allocs == m.options.FailAlloc {
		return m.refuse(ErrorOutOfMemory, "%s: allocation %d was ordered to fail", call, m.allocs)
	}
	return Success
}

// Allocations is the number of times that something took device or pinned memory, the
// range of Options.FailAlloc.
func (m *Machine) Allocations() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.allocs
}

// Runs is the number of kernels and products that have run, the range of
// Options.FailLaunch and Options.LoseDevice.
func (m *Machine) Runs() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.runs
}

// ordered is where an ordered fault of a running kernel or product happens.
func (m *Machine) ordered(d *device, name string) error {
	m.runs++
	switch m.runs {
	case m.options.LoseDevice:
		d.lost = fmt.Errorf("softgpu: the device was lost, as ordered, when %s was to run (number %d)", name, m.runs)
		return d.lost
	case m.options.FailLaunch:
		return fmt.Errorf("softgpu: %s (number %d) was ordered to fail", name, m.runs)
	}
	return nil
}

// resultOf is the driver's answer to the finding of a check.
func resultOf(err error) Result {
	var f *vm.Fault
	if !errors.As(err, &f) {
		return ErrorLaunchFailed
	}
	switch f.Kind {
	case vm.OutOfBounds, vm.UseAfterFree, vm.ReadOnly:
		return ErrorIllegalAddress
	case vm.Misaligned:
		return ErrorMisalignedAddress
	case vm.BadAddressSpace:
		return ErrorInvalidAddressSpace
	case vm.BudgetExceeded:
		return ErrorLaunchTimeout
	case vm.BadLaneMask, vm.BadBranchIndex:
		return ErrorIllegalInstruction
	}
	return ErrorLaunchFailed
}

// keep gives an object of the context its handle.
func (m *Machine) keep(ctx *context, object any) Handle {
	h := m.add(object)
	ctx.owned[h] = struct{}{}
	return h
}

// drop forgets an object of the context.
func (m *Machine) drop(ctx *context, h Handle) {
	delete(ctx.owned, h)
	delete(m.objects, h)
}
