package softgpu

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// TestLaunchesThatNothingOrdersAreCounted lets two programs launch a kernel in turn, each with memory of its own.
func TestLaunchesThatNothingOrdersAreCounted(t *testing.T) {
	const turns = 3
	const all = 2*turns - 1 // but the first
	blocking := func(h *host) Handle {
		s, r := h.m.StreamCreate(one, 0)
		h.ok(r)
		return s
	}
	two := func(h *host) (a, b Handle) { return h.stream(), h.stream() }
	same := func(h *host) (a, b Handle) { a = h.stream(); return a, a }
	twoBlocking := func(h *host) (a, b Handle) { return blocking(h), blocking(h) }
	wait := func(h *host, last, next Handle, _ uint64) {
		e := h.event()
		h.ok(h.m.EventRecord(one, e, last))
		h.ok(h.m.StreamWaitEvent(one, next, e, 0))
	}
	for name, c := range map[string]struct {
		streams func(h *host) (a, b Handle)
		between func(h *host, last, next Handle, p uint64) // two turns; or nil
		want    int
	}{
		"two streams":                {two, nil, all},
		"one stream":                 {same, nil, 0},
		"two blocking streams":       {twoBlocking, nil, all},
		"the default stream":         {func(h *host) (a, b Handle) { return 0, blocking(h) }, nil, 0},
		"it waits for blocking ones": {func(h *host) (a, b Handle) { return 0, h.stream() }, nil, all},
		"a fill in the default stream between blocking ones": {twoBlocking, func(h *host, _, _ Handle, p uint64) {
			h.ok(h.m.MemsetAsync(one, p, 0, 4, 1, 0))
		}, 0},
		"a fill in the next stream": {two, func(h *host, _, next Handle, p uint64) {
			h.ok(h.m.MemsetAsync(one, p, 0, 4, 1, next))
		}, all},
		"an event": {two, wait, 0},
		"the host waits for the last": {two, func(h *host, last, _ Handle, _ uint64) {
			h.ok(h.m.StreamSynchronize(one, last))
		}, 0},
		"the host waits for the next": {two, func(h *host, _, next Handle, _ uint64) {
			h.ok(h.m.StreamSynchronize(one, next))
		}, all},
	} {
		for kind, launches := range map[string]int{"kernels": 1, "graphs": 2} {
			t.Run(name+", "+kind, func(t *testing.T) {
				h := start(t)
				h.load(goodKernels)
				a, b := c.streams(h)
				spare := map[Handle]uint64{a: h.put(1), b: h.put(1)}
				step := func(on Handle) func() {
					p := h.put(1)
					if launches == 1 {
						return func() { h.scale(on, p, 2) }
					}
					recorder := h.stream() // the default stream cannot be captured
					x := h.capture(recorder, func() { h.scale(recorder, p, 2); h.scale(recorder, p, 3) })
					return func() { h.ok(h.m.GraphLaunch(one, x, on)) }
				}
				ofA, ofB := step(a), step(b)
				for i := range turns {
					if i > 0 && c.between != nil {
						c.between(h, b, a, spare[a])
					}
					ofA()
					if c.between != nil {
						c.between(h, a, b, spare[b])
					}
					ofB()
				}
				h.ok(h.m.CtxSynchronize(one))
				assert.Equal(t, c.want*launches, h.m.Ledger().Unordered)
			})
		}
	}
}

func TestPartsOfOneGraphDoNotCountAsUnordered(t *testing.T) {
	h := start(t)
	h.load(goodKernels)
	a, b, p, q := h.stream(), h.stream(), h.put(1), h.put(1)
	x := h.fork(a, b, true, func() { h.scale(a, p, 2) }, func() { h.scale(b, q, 2) })
	h.ok(h.m.GraphLaunch(one, x, a))
	h.ok(h.m.CtxSynchronize(one))
	assert.Zero(t, h.m.Ledger().Unordered)
}
