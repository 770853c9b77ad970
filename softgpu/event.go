package softgpu

// event is a mark in a stream.
type event struct {
	ctx     *context
	flags   uint32
	mark    *op      // the last recording; nil: never recorded
	capture *capture // where it was recorded instead, if it was
	nodes   []*node  // what a wait for it depends on there
}

const eventDisableTiming = 2

// event finds an event of the current context.
func (m *Machine) event(ctx *context, call string, h Handle) (*event, Result) {
	e := object[*event](m, h)
	if e == nil || e.ctx != ctx {
		return nil, m.refuse(ErrorInvalidHandle, "%s: no event of the current context", call)
	}
	return e, Success
}

func (m *Machine) onEvent(t Thread, h Handle, call string, f func(ctx *context, e *event) Result) Result {
	return m.call(t, call, func(ctx *context) Result {
		e, r := m.event(ctx, call, h)
		if r != Success {
			return r
		}
		return f(ctx, e)
	})
}

// EventCreate is cuEventCreate.
func (m *Machine) EventCreate(t Thread, flags uint32) (h Handle, r Result) {
	r = m.call(t, "cuEventCreate", func(ctx *context) Result {
		if flags > 7 {
			return m.refuse(ErrorInvalidValue, "cuEventCreate: flags %d", flags)
		}
		if r := m.allocation("cuEventCreate"); r != Success {
			return r
		}
		h = m.keep(ctx, &event{ctx: ctx, flags: flags})
		return Success
	})
	return h, r
}

// EventDestroy is cuEventDestroy; it does not wait.
func (m *Machine) EventDestroy(t Thread, h Handle) Result {
	return m.onEvent(t, h, "cuEventDestroy", func(ctx *context, _ *event) Result {
		m.drop(ctx, h)
		return Success
	})
}

// EventRecord is cuEventRecord.
func (m *Machine) EventRecord(t Thread, h, on Handle) Result {
	return m.onEvent(t, h, "cuEventRecord", func(ctx *context, e *event) Result {
		s, r := m.stream(ctx, "cuEventRecord", on)
		if r != Success {
			return r
		}
		if s.capture != nil {
			if s.capture.invalid {
				return m.refuse(ErrorStreamCaptureInvalidated, "cuEventRecord in a capture that an error has ended")
			}
			e.capture, e.nodes, e.mark = s.capture, append([]*node(nil), s.tail...), nil
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
	return m.onEvent(t, h, "cuEventQuery", func(ctx *context, e *event) Result {
		switch {
		case e.capture != nil:
			m.invalidate(e.capture)
			return m.refuse(ErrorCapturedEvent, "cuEventQuery: the event was recorded in a capture")
		case e.mark == nil:
			return Success
		case e.mark.done:
			m.wait(e.mark)
			return m.sticky(ctx)
		}
		m.force(e.mark.stream.pending[0])
		if r := m.sticky(ctx); r != Success {
			return r
		}
		return ErrorNotReady
	})
}

// EventSynchronize is cuEventSynchronize.
func (m *Machine) EventSynchronize(t Thread, h Handle) Result {
	return m.onEvent(t, h, "cuEventSynchronize", func(ctx *context, e *event) Result {
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
	r = m.onEvent(t, start, "cuEventElapsedTime", func(ctx *context, a *event) Result {
		b, r := m.event(ctx, "cuEventElapsedTime", end)
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
	return m.onEvent(t, h, "cuStreamWaitEvent", func(ctx *context, e *event) Result {
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
