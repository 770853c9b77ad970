package softgpu

// The frame of most calls: the lock, the thread's context, and an object of it.

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

// call runs f with the lock held and the thread's context, unless the thread has no context or an
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

// find gives an object of a context by its handle.
func find[T member](m *Machine, ctx *context, call string, h Handle) (o T, r Result) {
	o, ok := m.objects[h].(T)
	if !ok || o.owner() != ctx {
		return o, m.refuse(ErrorInvalidHandle, "%s: no %s of the current context", call, o.kind())
	}
	return o, Success
}

// with runs f as call does, with an object of the context.
func with[T member](m *Machine, t Thread, h Handle, call string, f func(ctx *context, o T) Result) Result {
	return m.call(t, call, func(ctx *context) Result {
		o, r := find[T](m, ctx, call, h)
		if r != Success {
			return r
		}
		return f(ctx, o)
	})
}

// get is with for a call that only reads.
func get[T member, V any](m *Machine, t Thread, h Handle, call string, f func(o T) V) (v V, r Result) {
	r = with(m, t, h, call, func(_ *context, o T) Result {
		v = f(o)
		return Success
	})
	return v, r
}

// ask is get for the context itself.
func ask[V any](m *Machine, t Thread, call string, f func(ctx *context) V) (v V, r Result) {
	r = m.call(t, call, func(ctx *context) Result {
		v = f(ctx)
		return Success
	})
	return v, r
}

// create makes an object of the thread's context and gives it a handle.
func (m *Machine) create(t Thread, call string, build func(ctx *context) (any, Result)) (h Handle, r Result) {
	r = m.call(t, call, func(ctx *context) Result {
		o, r := build(ctx)
		if r == Success {
			h = m.keep(ctx, o)
		}
		return r
	})
	return h, r
}

// The special stream handles of cuda.h.
const (
	streamLegacy    Handle = 1
	streamPerThread Handle = 2
)

// stream finds a stream by its handle, in the current context.
func (m *Machine) stream(ctx *context, call string, h Handle) (*stream, Result) {
	switch h {
	case 0, streamLegacy:
		return ctx.null, Success
	case streamPerThread:
		return nil, m.refuse(ErrorNotSupported, "%s: the per-thread default stream", call)
	}
	return find[*stream](m, ctx, call, h)
}

// onStream runs f with the thread's context and one of its streams.
func (m *Machine) onStream(t Thread, h Handle, call string, f func(ctx *context, s *stream) Result) Result {
	return m.call(t, call, func(ctx *context) Result {
		s, r := m.stream(ctx, call, h)
		if r != Success {
			return r
		}
		return f(ctx, s)
	})
}
