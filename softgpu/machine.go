package softgpu

import (
	"errors"
	"fmt"
	"sync"

	"mdfa/softgpu/vm"
)

// Handle names an object of the driver: context, stream, event, module, function,
// graph, node, executable graph or cuBLAS handle. No handle is a valid host pointer.
type Handle uint64

// Thread identifies the thread of the host that makes a call.
type Thread uint64

const (
	firstHandle = 0x0EF0_0000_0000_0000
	handleStep  = 16
)

// Machine is a host with software GPUs and the driver for them. Its methods are the
// calls of the driver and of cuBLAS, with Go types; each is safe for concurrent use.
// Where their answer is not Success, Explain has the reason.
type Machine struct {
	mu       sync.Mutex
	options  Options
	devices  []*device
	objects  map[Handle]any
	next     Handle
	threads  map[Thread]*thread
	pinned   []pinned // sorted by address
	ready    bool     // cuInit was called
	ledger   Ledger
	reason   error // what Explain will tell
	allocs   int   // allocations asked for, for FailAlloc
	runs     int   // kernels and products that began to run, for the other faults
	leaked   []vm.Allocation
	launched uint64 // launches so far, for the seeds
	budget   uint64 // instructions of a thread before a kernel is taken for endless; 0: the interpreter's own
}

// New starts a machine.
func New(o Options) *Machine {
	m := &Machine{options: o, objects: map[Handle]any{}, next: firstHandle, threads: map[Thread]*thread{}}
	m.ledger.Kernels = map[string]Kernel{}
	for i := range o.Devices {
		m.devices = append(m.devices, newDevice(i, o))
	}
	return m
}

// thread is what the driver keeps of a thread.
type thread struct {
	contexts []*context // the stack; the last is current
}

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

// object finds an object by its handle; the zero value if there is none of that type.
func object[T any](m *Machine, h Handle) T {
	o, _ := m.objects[h].(T)
	return o
}

// refuse gives an answer and keeps the reason for Explain.
func (m *Machine) refuse(r Result, format string, args ...any) Result {
	m.reason = fmt.Errorf("emu: "+format, args...)
	return r
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

// enter is the beginning of nearly every call: it finds the current context of the
// thread and the error that sticks to it. The caller holds the lock.
func (m *Machine) enter(t Thread, call string) (*context, Result) {
	if !m.ready {
		return nil, m.refuse(ErrorNotInitialized, "%s before cuInit", call)
	}
	stack := m.thread(t).contexts
	if len(stack) == 0 || stack[len(stack)-1] == nil {
		return nil, m.refuse(ErrorInvalidContext, "%s: no context is current on this thread", call)
	}
	ctx := stack[len(stack)-1]
	if ctx.dead {
		return nil, m.refuse(ErrorContextIsDestroyed, "%s: the thread's current context has been destroyed", call)
	}
	if ctx.device.lost != nil {
		m.reason = ctx.device.lost
		return ctx, ErrorUnknown
	}
	if ctx.fault != Success {
		m.reason = ctx.cause
		return ctx, ctx.fault
	}
	return ctx, Success
}

// call runs f with the lock held and the thread's context, unless there is none or an
// error sticks to it.
func (m *Machine) call(t Thread, name string, f func(ctx *context) Result) Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	ctx, r := m.enter(t, name)
	if r != Success {
		return r
	}
	return f(ctx)
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
func (m *Machine) allocation(what string) Result {
	m.allocs++
	if m.allocs == m.options.FailAlloc {
		return m.refuse(ErrorOutOfMemory, "%s: allocation %d was ordered to fail", what, m.allocs)
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
		d.lost = fmt.Errorf("emu: the device was lost, as ordered, when %s was to run (number %d)", name, m.runs)
		return d.lost
	case m.options.FailLaunch:
		return fmt.Errorf("emu: %s (number %d) was ordered to fail", name, m.runs)
	}
	return nil
}

// resultOf is the answer that the driver gives for what a check has found.
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
