package softgpu

import "slices"

// formatBytes are the sizes of a channel by CUarray_format.
var formatBytes = map[int32]uint64{1: 1, 2: 2, 3: 4, 8: 1, 9: 2, 10: 4, 16: 2, 32: 4}

// ArrayCreate is cuArray3DCreate, and with Depth 0 cuArrayCreate.
func (m *Machine) ArrayCreate(t Thread, d ArrayDescriptor) (Handle, Result) {
	const call = "cuArrayCreate"
	return m.create(t, call, func(ctx *context) (any, Result) {
		bytes, ok := formatBytes[d.Format]
		switch {
		case !ok:
			return nil, m.refuse(ErrorInvalidValue, "%s: format %d", call, d.Format)
		case !slices.Contains([]uint32{1, 2, 4}, d.Channels):
			return nil, m.refuse(ErrorInvalidValue, "%s: %d channels, 1, 2 or 4 are expected", call, d.Channels)
		case d.Width == 0 || d.Height == 0 && d.Depth > 0:
			return nil, m.refuse(ErrorInvalidValue, "%s: %d x %d x %d elements", call, d.Width, d.Height, d.Depth)
		case max(d.Width, d.Height, d.Depth) > textureWidth:
			return nil, m.refuse(ErrorInvalidValue, "%s: %d x %d x %d elements, each size can be %d", call, d.Width, d.Height, d.Depth, textureWidth)
		}
		bytes *= uint64(d.Channels) * d.Width * max(1, d.Height) * max(1, d.Depth)
		addr, r := m.allocate(t, ctx, call, bytes)
		return &array{ctx: ctx, descriptor: d, addr: addr}, r
	})
}

// ArrayGetDescriptor is cuArray3DGetDescriptor, and for the first two dimensions cuArrayGetDescriptor.
func (m *Machine) ArrayGetDescriptor(t Thread, h Handle) (ArrayDescriptor, Result) {
	return get(m, t, h, "cuArrayGetDescriptor", func(a *array) ArrayDescriptor { return a.descriptor })
}

// ArrayDestroy is cuArrayDestroy.
func (m *Machine) ArrayDestroy(t Thread, h Handle) Result {
	const call = "cuArrayDestroy"
	return with(m, t, h, call, func(ctx *context, a *array) Result {
		if r := m.forbidden(t, ctx, call); r != Success {
			return r
		}
		r := m.free(ctx, call, a.addr)
		if r == Success {
			m.drop(ctx, h)
		}
		return r
	})
}
