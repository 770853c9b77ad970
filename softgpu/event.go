package softgpu

import "slices"

const eventDisableTiming = 2

// EventCreate is cuEventCreate.
func (m *Machine) EventCreate(t Thread, flags uint32) (Handle, Result) {
	return m.create(t, "cuEventCreate", func(ctx *context) (any, Result) {
		if flags > 7 {
			return nil, m.refuse(ErrorInvalidValue, "cuEventCreate: flags %d", flags)
		}
		return &event{ctx: ctx, flags: flags}, m.allocation("cuEventCreate")
	})
}

// EventDestroy is cuEventDestroy; it does not wait.
func (m *Machine) EventDestroy(t Thread, h Handle) Result {
	return with(m, t, h, "cuEventDestroy", func(ctx *context, _ *event) Result {
		m.drop(ctx, h)
		return Success
	})
}

// EventRecord is cuEventRecord.
func (m *Machine) EventRecord(t Thread, h, on Handle) Result {
	return with(m, t, h, "cuEventRecord", func(ctx *context, e *event) Result {
		s, r := m.stream(ctx, "cuEventRecord", on)
		if r != Success {
			return r
		}
		if s.capture != nil {
			if s.capture.invalid {
				return m.refuse(ErrorStreamCaptureInvalidated, "cuEventRecord in a capture that an error has ended")
			}
			e.capture, e.nodes, e.mark = s.capture, slices.Clone(s.tail), nil
			return Success
		}
		if r := m.implicit(s, "cuEventRecord"); r != Success {
			return r
		}
		e.mark, e.capture, e.nodes = m.enqueue(s, 0, nil), nil, nil
		return Success
	})
}

// EventQuery is cuEventQuery. Like StreamQuery it runs one piece of work.
func (m *Machine) EventQuery(t Thread, h Handle) Result {
	return with(m, t, h, "cuEventQuery", func(ctx *context, e *event) Result {
		switch {
		case e.capture != nil:
			m.invalidate(e.capture)
			return m.refuse(ErrorCapturedEvent, "cuEventQuery: the event was recorded in a capture")
		case e.mark == nil:
			return Success
		case e.mark.done && !ctx.exchanging:
			m.wait(e.mark)
			return m.sticky(ctx)
		}
		m.advance(e.mark.stream)
		if r := m.sticky(ctx); r != Success {
			return r
		}
		return ErrorNotReady
	})
}

// EventSynchronize is cuEventSynchronize.
func (m *Machine) EventSynchronize(t Thread, h Handle) Result {
	return with(m, t, h, "cuEventSynchronize", func(ctx *context, e *event) Result {
		if e.capture != nil {
			m.invalidate(e.capture)
			return m.refuse(ErrorCapturedEvent, "cuEventSynchronize: the event was recorded in a capture")
		}
		m.ledger.Syncs++
		if e.mark != nil {
			m.wait(e.mark)
		}
		return m.sticky(ctx)
	})
}

// EventElapsedTime is cuEventElapsedTime, in milliseconds of the interpreter's own time.
func (m *Machine) EventElapsedTime(t Thread, start, end Handle) (ms float32, r Result) {
	r = with(m, t, start, "cuEventElapsedTime", func(ctx *context, a *event) Result {
		b, r := find[*event](m, ctx, "cuEventElapsedTime", end)
		switch {
		case r != Success:
			return r
		case a.mark == nil || b.mark == nil || (a.flags|b.flags)&eventDisableTiming != 0:
			return m.refuse(ErrorInvalidHandle, "cuEventElapsedTime: an event was not recorded, or has no time")
		case !a.mark.done || !b.mark.done:
			return m.refuse(ErrorNotReady, "cuEventElapsedTime: the work before an event has not run")
		}
		ms = float32(b.mark.time.Sub(a.mark.time).Seconds() * 1e3)
		return Success
	})
	return ms, r
}

// StreamWaitEvent is cuStreamWaitEvent: later work of the stream runs after the event.
// With an event of a capture the stream joins that capture.
func (m *Machine) StreamWaitEvent(t Thread, on, h Handle, flags uint32) Result {
	return with(m, t, h, "cuStreamWaitEvent", func(ctx *context, e *event) Result {
		s, r := m.stream(ctx, "cuStreamWaitEvent", on)
		switch {
		case r != Success:
			return r
		case flags != 0:
			return m.refuse(ErrorInvalidValue, "cuStreamWaitEvent: flags %d, 0 is expected", flags)
		case e.capture != nil:
			return m.join(s, e)
		case s.capture != nil:
			m.invalidate(s.capture)
			return m.refuse(ErrorStreamCaptureIsolation, "cuStreamWaitEvent: a captured stream cannot wait for work outside the capture")
		}
		if r := m.implicit(s, "cuStreamWaitEvent"); r != Success {
			return r
		}
		if e.mark != nil {
			m.enqueue(s, 0, nil, e.mark)
		}
		return Success
	})
}
