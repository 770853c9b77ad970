package softgpu

import (
	"fmt"
	"slices"
	"unsafe"

	"mdfa/softgpu/vm"
)

// notYet fills the target of an asynchronous copy to the host until the copy has run: NaN in
// any float.
const notYet = 0xFF

// touch tells the race check the memory that a copy or fill uses, if anything could run
// at the same time.
func (x *execution) touch(who string, ranges ...vm.Range) error {
	if !x.watched() {
		return nil
	}
	return x.ctx.device.memory.Touch(who, ranges, x.began, x.unordered())
}

// toDevice is the task of copying host memory, which is read when the task runs.
func (m *Machine) toDevice(ctx *context, dst uint64, src []byte) task {
	return task{name: "copy to the device", run: func(x *execution) error {
		n := uint64(len(src))
		if err := x.touch("copy to the device", vm.Range{Addr: dst, Size: n, Write: true}); err != nil {
			return err
		}
		m.ledger.HostToDevice++
		m.ledger.HostToDeviceBytes += n
		return ctx.device.memory.Write(dst, src)
	}}
}

// toHost is the task of copying device memory to the host.
func (m *Machine) toHost(ctx *context, dst []byte, src uint64) task {
	return task{name: "copy to the host", run: func(x *execution) error {
		n := uint64(len(dst))
		if err := x.touch("copy to the host", vm.Range{Addr: src, Size: n}); err != nil {
			return err
		}
		m.ledger.DeviceToHost++
		m.ledger.DeviceToHostBytes += n
		return ctx.device.memory.Read(src, dst)
	}}
}

// withinDevice is the task of copying device memory. The ranges must not overlap.
func (m *Machine) withinDevice(ctx *context, dst, src, n uint64) task {
	return task{name: "copy", run: func(x *execution) error {
		if dst < src+n && src < dst+n && n > 0 {
			return fmt.Errorf("softgpu: copy of %d bytes from %#x to %#x: they overlap", n, src, dst)
		}
		if err := x.touch("copy", vm.Range{Addr: src, Size: n}, vm.Range{Addr: dst, Size: n, Write: true}); err != nil {
			return err
		}
		m.ledger.DeviceToDevice++
		m.ledger.DeviceToDeviceBytes += n
		return ctx.device.memory.Copy(dst, src, n)
	}}
}

// inDevice refuses, at the call, addresses that no device memory has, as the driver does.
func (m *Machine) inDevice(ctx *context, call string, addr, n uint64) Result {
	if n == 0 {
		return Success
	}
	if _, err := ctx.device.memory.View(call, addr, n); err != nil {
		return m.refuse(ErrorInvalidValue, "%s: %w", call, err)
	}
	return Success
}

// transfer gives n bytes of host memory for a copy from or to addr. It refuses a null pointer, and an address that no
// device memory has.
func (m *Machine) transfer(ctx *context, call string, p unsafe.Pointer, addr, n uint64) ([]byte, Result) {
	if n == 0 {
		return nil, Success
	}
	if p == nil {
		return nil, m.refuse(ErrorInvalidValue, "%s: the host pointer is null", call)
	}
	return unsafe.Slice((*byte)(p), n), m.inDevice(ctx, call, addr, n)
}

// MemcpyHtoD is cuMemcpyHtoD; it waits until the bytes are there.
func (m *Machine) MemcpyHtoD(t Thread, dst uint64, src unsafe.Pointer, n uint64) Result {
	const call = "cuMemcpyHtoD"
	return m.call(t, call, func(ctx *context) Result {
		from, r := m.transfer(ctx, call, src, dst, n)
		if r != Success {
			return r
		}
		return m.blocking(t, ctx, call, m.toDevice(ctx, dst, from))
	})
}

// MemcpyHtoDAsync is cuMemcpyHtoDAsync. Pinned memory is read when the copy runs;
// other memory is staged at once (CUDA driver API, "API synchronization behavior").
func (m *Machine) MemcpyHtoDAsync(t Thread, dst uint64, src unsafe.Pointer, n uint64, on Handle) Result {
	const call = "cuMemcpyHtoDAsync"
	return m.onStream(t, on, call, func(ctx *context, s *stream) Result {
		from, r := m.transfer(ctx, call, src, dst, n)
		if r != Success {
			return r
		}
		if m.pinnedAt(uintptr(src), uintptr(n)) == nil {
			if r := m.capturing(s, call+" from pageable memory"); r != Success {
				return r
			}
			from = slices.Clone(from)
		}
		return m.submit(s, call, m.toDevice(ctx, dst, from))
	})
}

// MemcpyDtoH is cuMemcpyDtoH; it waits until the bytes are there.
func (m *Machine) MemcpyDtoH(t Thread, dst unsafe.Pointer, src, n uint64) Result {
	const call = "cuMemcpyDtoH"
	return m.call(t, call, func(ctx *context) Result {
		to, r := m.transfer(ctx, call, dst, src, n)
		if r != Success {
			return r
		}
		return m.blocking(t, ctx, call, m.toHost(ctx, to, src))
	})
}

// MemcpyDtoHAsync is cuMemcpyDtoHAsync. Pinned memory is written when the copy runs;
// for other memory the call waits.
func (m *Machine) MemcpyDtoHAsync(t Thread, dst unsafe.Pointer, src, n uint64, on Handle) Result {
	const call = "cuMemcpyDtoHAsync"
	return m.onStream(t, on, call, func(ctx *context, s *stream) Result {
		to, r := m.transfer(ctx, call, dst, src, n)
		if r != Success {
			return r
		}
		isPinned := m.pinnedAt(uintptr(dst), uintptr(n)) != nil
		if !isPinned {
			if r := m.capturing(s, call+" to pageable memory"); r != Success {
				return r
			}
		}
		if r := m.submit(s, call, m.toHost(ctx, to, src)); r != Success {
			return r
		}
		switch {
		case !isPinned:
			m.ledger.Syncs++
			m.wait(s.last)
			return m.sticky(ctx)
		case s.capture == nil && !s.last.done:
			for i := range to {
				to[i] = notYet
			}
		}
		return Success
	})
}

// MemcpyDtoD is cuMemcpyDtoD. Like CUDA's it does not wait.
func (m *Machine) MemcpyDtoD(t Thread, dst, src, n uint64) Result {
	return m.MemcpyDtoDAsync(t, dst, src, n, 0)
}

// MemcpyDtoDAsync is cuMemcpyDtoDAsync.
func (m *Machine) MemcpyDtoDAsync(t Thread, dst, src, n uint64, on Handle) Result {
	const call = "cuMemcpyDtoD"
	return m.onStream(t, on, call, func(ctx *context, s *stream) Result {
		if r := m.inDevice(ctx, call, src, n); r != Success {
			return r
		}
		if r := m.inDevice(ctx, call, dst, n); r != Success {
			return r
		}
		return m.submit(s, call, m.withinDevice(ctx, dst, src, n))
	})
}

// Memcpy is cuMemcpy: both addresses may be of device or of pinned memory.
func (m *Machine) Memcpy(t Thread, dst, src, n uint64) Result {
	return m.call(t, "cuMemcpy", func(ctx *context) Result {
		k, r := m.memcpyTask(ctx, "cuMemcpy", dst, src, n)
		if r != Success {
			return r
		}
		return m.blocking(t, ctx, "cuMemcpy", k)
	})
}

// MemcpyAsync is cuMemcpyAsync.
func (m *Machine) MemcpyAsync(t Thread, dst, src, n uint64, on Handle) Result {
	const call = "cuMemcpyAsync"
	return m.onStream(t, on, call, func(ctx *context, s *stream) Result {
		k, r := m.memcpyTask(ctx, call, dst, src, n)
		if r != Success {
			return r
		}
		return m.submit(s, call, k)
	})
}

// memcpyTask copies between any two of device and pinned memory.
func (m *Machine) memcpyTask(ctx *context, call string, dst, src, n uint64) (task, Result) {
	to, from := m.pinnedAt(uintptr(dst), uintptr(n)), m.pinnedAt(uintptr(src), uintptr(n))
	if to == nil {
		if r := m.inDevice(ctx, call, dst, n); r != Success {
			return task{}, r
		}
	}
	if from == nil {
		if r := m.inDevice(ctx, call, src, n); r != Success {
			return task{}, r
		}
	}
	switch {
	case to != nil && from != nil:
		target, source := to.bytes(uintptr(dst), uintptr(n)), from.bytes(uintptr(src), uintptr(n))
		return task{name: "copy on the host", run: func(*execution) error {
			copy(target, source)
			return nil
		}}, Success
	case to != nil:
		return m.toHost(ctx, to.bytes(uintptr(dst), uintptr(n)), src), Success
	case from != nil:
		return m.toDevice(ctx, dst, from.bytes(uintptr(src), uintptr(n))), Success
	}
	return m.withinDevice(ctx, dst, src, n), Success
}

// Memset is cuMemsetD8, D16 and D32: n values of width bytes. Like CUDA's it does not
// wait for device memory.
func (m *Machine) Memset(t Thread, dst uint64, value uint32, width int, n uint64) Result {
	return m.MemsetAsync(t, dst, value, width, n, 0)
}

// MemsetAsync is cuMemsetD8Async and its siblings.
func (m *Machine) MemsetAsync(t Thread, dst uint64, value uint32, width int, n uint64, on Handle) Result {
	const call = "cuMemset"
	return m.onStream(t, on, call, func(ctx *context, s *stream) Result {
		if width != 1 && width != 2 && width != 4 {
			return m.refuse(ErrorInvalidValue, "%s: values of %d bytes", call, width)
		}
		if dst%uint64(width) != 0 {
			return m.refuse(ErrorInvalidValue, "%s: %#x is not a multiple of %d", call, dst, width)
		}
		size := n * uint64(width)
		if r := m.inDevice(ctx, call, dst, size); r != Success {
			return r
		}
		return m.submit(s, call, task{name: "memset", run: func(x *execution) error {
			if err := x.touch("memset", vm.Range{Addr: dst, Size: size, Write: true}); err != nil {
				return err
			}
			if err := ctx.device.memory.Memset(dst, value, width, n); err != nil {
				return err
			}
			m.ledger.Memsets++
			m.ledger.MemsetsBytes += size
			return nil
		}})
	})
}
