package softgpu

import "slices"

// ArrayDescriptor is the shape of a CUDA array: CUDA_ARRAY3D_DESCRIPTOR, sizes in elements. Height is 0 for an array
// of one dimension, Depth for one of two.
type ArrayDescriptor struct {
	Width, Height, Depth uint64
	Format               int32 // CUarray_format
	Channels             uint32
	Flags                uint32
}

// array is a CUDA array. Only textures could read it, which the machine does not have, so it is a shape and as much
// memory as it takes.
type array struct {
	ctx        *context
	descriptor ArrayDescriptor
	addr       uint64
}

// formatBytes are the sizes of a channel by CUarray_format.
var formatBytes = map[int32]uint64{1: 1, 2: 2, 3: 4, 8: 1, 9: 2, 10: 4, 16: 2, 32: 4}

// ArrayCreate is cuArray3DCreate, and with Depth 0 cuArrayCreate.
func (m *Machine) ArrayCreate(t Thread, d ArrayDescriptor) (h Handle, r Result) {
	const call = "cuArrayCreate"
	r = m.call(t, call, func(ctx *context) Result {
		bytes, ok := formatBytes[d.Format]
		switch {
		case !ok:
			return m.refuse(ErrorInvalidValue, "%s: format %d", call, d.Format)
		case !slices.Contains([]uint32{1, 2, 4}, d.Channels):
			return m.refuse(ErrorInvalidValue, "%s: %d channels, 1, 2 or 4 are expected", call, d.Channels)
		case d.Width == 0 || d.Height == 0 && d.Depth > 0:
			return m.refuse(ErrorInvalidValue, "%s: %d x %d x %d elements", call, d.Width, d.Height, d.Depth)
		case max(d.Width, d.Height, d.Depth) > textureWidth:
			return m.refuse(ErrorInvalidValue, "%s: %d x %d x %d elements, each size can be %d", call, d.Width, d.Height, d.Depth, textureWidth)
		}
		bytes *= uint64(d.Channels) * d.Width * max(1, d.Height) * max(1, d.Depth)
		addr, r := m.allocate(t, ctx, call, bytes)
		if r != Success {
			return r
		}
		h = m.keep(ctx, &array{ctx: ctx, descriptor: d, addr: addr})
		return Success
	})
	return h, r
}

func (m *Machine) onArray(t Thread, h Handle, call string, f func(ctx *context, a *array) Result) Result {
	return m.call(t, call, func(ctx *context) Result {
		a := object[*array](m, h)
		if a == nil || a.ctx != ctx {
			return m.refuse(ErrorInvalidHandle, "%s: no array of the current context", call)
		}
		return f(ctx, a)
	})
}

// ArrayGetDescriptor is cuArray3DGetDescriptor, and for the first two dimensions cuArrayGetDescriptor.
func (m *Machine) ArrayGetDescriptor(t Thread, h Handle) (d ArrayDescriptor, r Result) {
	r = m.onArray(t, h, "cuArrayGetDescriptor", func(_ *context, a *array) Result {
		d = a.descriptor
		return Success
	})
	return d, r
}

// ArrayDestroy is cuArrayDestroy.
func (m *Machine) ArrayDestroy(t Thread, h Handle) Result {
	const call = "cuArrayDestroy"
	return m.onArray(t, h, call, func(ctx *context, a *array) Result {
		if r := m.forbidden(t, ctx, call); r != Success {
			return r
		}
		if err := ctx.device.memory.Free(a.addr); err != nil {
			return m.refuse(ErrorInvalidValue, "%s: %w", call, err)
		}
		delete(ctx.device.owners, a.addr)
		m.ledger.Frees++
		m.drop(ctx, h)
		return Success
	})
}

// Refuse is an answer that the binding to C gives by itself, a null pointer for instance, with its reason for Explain.
func (m *Machine) Refuse(r Result, format string, args ...any) Result {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.refuse(r, format, args...)
}
