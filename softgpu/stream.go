package softgpu

const streamNonBlocking = 1

// StreamCreate is cuStreamCreate.
func (m *Machine) StreamCreate(t Thread, flags uint32) (Handle, Result) {
	return m.StreamCreateWithPriority(t, flags, 0)
}

// StreamCreateWithPriority is cuStreamCreateWithPriority; the priority is clamped to
// the range there is and changes nothing.
func (m *Machine) StreamCreateWithPriority(t Thread, flags uint32, priority int32) (h Handle, r Result) {
	r = m.call(t, "cuStreamCreate", func(ctx *context) Result {
		if flags > streamNonBlocking {
			return m.refuse(ErrorInvalidValue, "cuStreamCreate: flags %d", flags)
		}
		if r := m.allocation("cuStreamCreate"); r != Success {
			return r
		}
		s := &stream{
			ctx: ctx, id: ctx.clocks, flags: flags, blocking: flags != streamNonBlocking,
			priority: max(greatestPriority, min(leastPriority, priority)),
		}
		ctx.clocks++
		h = m.keep(ctx, s)
		ctx.streams[h] = s
		return Success
	})
	return h, r
}

// StreamDestroy is cuStreamDestroy. Work that waits in the stream is still done.
func (m *Machine) StreamDestroy(t Thread, h Handle) Result {
	return m.onStream(t, h, "cuStreamDestroy", func(ctx *context, s *stream) Result {
		if s == ctx.null {
			return m.refuse(ErrorInvalidHandle, "cuStreamDestroy: the default stream")
		}
		if s.capture != nil {
			m.invalidate(s.capture)
		}
		if s.last != nil {
			m.force(s.last) // its clock is no longer merged into anything
		}
		delete(ctx.streams, h)
		m.drop(ctx, h)
		return Success
	})
}

// StreamSynchronize is cuStreamSynchronize.
func (m *Machine) StreamSynchronize(t Thread, h Handle) Result {
	return m.onStream(t, h, "cuStreamSynchronize", func(ctx *context, s *stream) Result {
		if r := m.capturing(s, "cuStreamSynchronize"); r != Success {
			return r
		}
		if r := m.implicit(s, "cuStreamSynchronize"); r != Success {
			return r
		}
		m.ledger.Syncs++
		if s == ctx.null { // it waits for the blocking streams
			m.enqueue(s, 0, nil)
		}
		if s.last != nil {
			m.wait(s.last)
		}
		return m.sticky(ctx)
	})
}

// StreamQuery is cuStreamQuery. It runs one piece of the stream's work, so that a
// program that polls comes to an end.
func (m *Machine) StreamQuery(t Thread, h Handle) Result {
	return m.onStream(t, h, "cuStreamQuery", func(ctx *context, s *stream) Result {
		if r := m.capturing(s, "cuStreamQuery"); r != Success {
			return r
		}
		if len(s.pending) == 0 && !ctx.exchanging {
			if s.last != nil {
				m.wait(s.last)
			}
			return m.sticky(ctx)
		}
		m.advance(s)
		if r := m.sticky(ctx); r != Success {
			return r
		}
		return ErrorNotReady
	})
}

// StreamGetFlags is cuStreamGetFlags.
func (m *Machine) StreamGetFlags(t Thread, h Handle) (flags uint32, r Result) {
	r = m.onStream(t, h, "cuStreamGetFlags", func(_ *context, s *stream) Result {
		flags = s.flags
		return Success
	})
	return flags, r
}

// StreamGetPriority is cuStreamGetPriority.
func (m *Machine) StreamGetPriority(t Thread, h Handle) (priority int32, r Result) {
	r = m.onStream(t, h, "cuStreamGetPriority", func(_ *context, s *stream) Result {
		priority = s.priority
		return Success
	})
	return priority, r
}
