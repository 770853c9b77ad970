package softgpu

import "slices"

// The modes of a capture: the threads that must not make calls which a capture cannot follow.
const (
	captureGlobal int32 = iota
	captureThreadLocal
	captureRelaxed
)

// StreamBeginCapture is cuStreamBeginCapture.
func (m *Machine) StreamBeginCapture(t Thread, h Handle, mode int32) Result {
	return m.onStream(t, h, "cuStreamBeginCapture", func(ctx *context, s *stream) Result {
		switch {
		case mode < captureGlobal || mode > captureRelaxed:
			return m.refuse(ErrorInvalidValue, "cuStreamBeginCapture: mode %d", mode)
		case s == ctx.null:
			return m.refuse(ErrorStreamCaptureUnsupported, "cuStreamBeginCapture: the legacy default stream cannot be captured")
		case s.capture != nil:
			return m.refuse(ErrorIllegalState, "cuStreamBeginCapture: the stream is being captured")
		}
		c := &capture{ctx: ctx, graph: &graph{ctx: ctx}, origin: s, mode: mode, thread: t, streams: []*stream{s}}
		s.capture, s.tail = c, nil
		ctx.captures[c] = struct{}{}
		return Success
	})
}

// StreamEndCapture is cuStreamEndCapture. The capture ends also when the answer is an error.
func (m *Machine) StreamEndCapture(t Thread, h Handle) (g Handle, r Result) {
	r = m.onStream(t, h, "cuStreamEndCapture", func(ctx *context, s *stream) Result {
		c := s.capture
		switch {
		case c == nil:
			return m.refuse(ErrorIllegalState, "cuStreamEndCapture: the stream is not being captured")
		case c.origin != s:
			m.invalidate(c)
			return m.refuse(ErrorStreamCaptureUnmatched, "cuStreamEndCapture: the capture began in another stream")
		case c.mode != captureRelaxed && c.thread != t:
			m.invalidate(c)
			return m.refuse(ErrorStreamCaptureWrongThread, "cuStreamEndCapture: the capture began on another thread")
		}
		unjoined := c.unjoined()
		for _, member := range c.streams {
			member.capture, member.tail = nil, nil
		}
		delete(ctx.captures, c)
		switch {
		case c.invalid:
			return m.refuse(ErrorStreamCaptureInvalidated, "cuStreamEndCapture: an earlier error has ended the capture")
		case unjoined:
			return m.refuse(ErrorStreamCaptureUnjoined, "cuStreamEndCapture: work of a forked stream is not joined to the stream where the capture began")
		}
		g = m.keep(ctx, c.graph)
		return Success
	})
	return g, r
}

// unjoined says whether a stream that joined has work that the origin does not wait for.
func (c *capture) unjoined() bool {
	joined := ancestors(c.origin.tail)
	for _, s := range c.streams {
		for _, n := range s.tail {
			if !joined[n] {
				return true
			}
		}
	}
	return false
}

// StreamIsCapturing is cuStreamIsCapturing: 0 no, 1 yes, 2 an error has ended it.
func (m *Machine) StreamIsCapturing(t Thread, h Handle) (status int32, r Result) {
	r = m.onStream(t, h, "cuStreamIsCapturing", func(_ *context, s *stream) Result {
		switch {
		case s.capture == nil:
		case s.capture.invalid:
			status = 2
		default:
			status = 1
		}
		return Success
	})
	return status, r
}

// captured adds a task to the graph that a stream is captured in.
func (m *Machine) captured(s *stream, call string, k task) Result {
	if s.capture.invalid {
		return m.refuse(ErrorStreamCaptureInvalidated, "%s in a capture that an error has ended", call)
	}
	n := s.capture.graph.add(k, s.tail)
	s.tail = []*node{n}
	return Success
}

// join makes a stream wait for an event that was recorded in a capture.
func (m *Machine) join(s *stream, e *event) Result {
	const call = "cuStreamWaitEvent"
	_, alive := s.ctx.captures[e.capture]
	switch {
	case !alive:
		return m.refuse(ErrorCapturedEvent, "%s: the capture that the event was recorded in has ended", call)
	case e.capture.invalid:
		return m.refuse(ErrorStreamCaptureInvalidated, "%s: an error has ended the event's capture", call)
	case s == s.ctx.null:
		m.invalidate(e.capture)
		return m.refuse(ErrorStreamCaptureImplicit, "%s: the legacy default stream cannot join a capture", call)
	case s.capture == nil:
		s.capture, s.tail = e.capture, nil
		e.capture.streams = append(e.capture.streams, s)
	case s.capture != e.capture:
		m.invalidate(s.capture)
		m.invalidate(e.capture)
		return m.refuse(ErrorStreamCaptureMerge, "%s: the stream and the event belong to two captures", call)
	}
	for _, n := range e.nodes {
		if !slices.Contains(s.tail, n) {
			s.tail = append(slices.Clone(s.tail), n)
		}
	}
	return Success
}

// invalidate ends a capture with an error; only cuStreamEndCapture remains possible.
func (m *Machine) invalidate(c *capture) { c.invalid = true }

// capturing refuses an operation on a stream that is being captured, and ends
// the capture.
func (m *Machine) capturing(s *stream, call string) Result {
	if s.capture == nil {
		return Success
	}
	if s.capture.invalid {
		return m.refuse(ErrorStreamCaptureInvalidated, "%s in a capture that an error has ended", call)
	}
	m.invalidate(s.capture)
	return m.refuse(ErrorStreamCaptureUnsupported, "%s of a stream that is being captured", call)
}

// implicit refuses work in the legacy default stream while a blocking stream is being
// captured: it would have to wait for that.
func (m *Machine) implicit(s *stream, call string) Result {
	if s != s.ctx.null {
		return Success
	}
	for c := range s.ctx.captures {
		if slices.ContainsFunc(c.streams, func(member *stream) bool { return member.blocking }) {
			m.invalidate(c)
			return m.refuse(ErrorStreamCaptureImplicit, "%s in the legacy default stream, which would wait for a stream that is being captured", call)
		}
	}
	return Success
}

// forbidden refuses a call that is unsafe while streams are captured: it may wait, or
// work in ways that a graph does not hold. A capture's mode says which threads it forbids
// it to (CUDA driver API, cuThreadExchangeStreamCaptureMode).
func (m *Machine) forbidden(t Thread, ctx *context, call string) Result {
	for c := range ctx.captures {
		if c.invalid {
			continue
		}
		if c.mode == captureGlobal || c.mode == captureThreadLocal && c.thread == t {
			m.invalidate(c)
			return m.refuse(ErrorStreamCaptureUnsupported, "%s while a stream is being captured", call)
		}
	}
	return Success
}

// claim begins a call that takes memory: it is refused while streams are captured, and fails if the options order it.
func (m *Machine) claim(t Thread, ctx *context, call string) Result {
	if r := m.forbidden(t, ctx, call); r != Success {
		return r
	}
	return m.allocation(call)
}
