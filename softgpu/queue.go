package softgpu

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"mdfa/softgpu/vm"
)

// at is the number for a stream.
func (c clock) at(i int) uint64 {
	if i < len(c) {
		return c[i]
	}
	return 0
}

// merge is the later of both, for each stream. It changes neither.
func (c clock) merge(o clock) clock {
	merged := make(clock, max(len(c), len(o)))
	for i := range merged {
		merged[i] = max(c.at(i), o.at(i))
	}
	return merged
}

// enqueue puts work at the end of a stream, behind the work it has to wait for. The legacy
// default stream and the blocking streams wait for each other (CUDA driver API,
// "Stream synchronization behavior"). Where the queues are deeper than they may be, the
// oldest work runs: so far is the host ahead of a GPU, too, before it has to wait.
func (m *Machine) enqueue(s *stream, weight int, run func(o *op) error, after ...*op) *op {
	ctx := s.ctx
	switch {
	case s == ctx.null:
		for _, b := range ctx.streams {
			if b.blocking {
				after = append(after, b.last)
			}
		}
	case s.blocking:
		after = append(after, ctx.null.last)
	}
	if s.seq == 0 {
		ctx.used++
	}
	s.seq++
	o := &op{stream: s, seq: s.seq, weight: weight, run: run, clock: ctx.host.merge(nil)}
	if s.last != nil {
		o.clock = o.clock.merge(s.last.clock)
	}
	for _, a := range after {
		if a == nil {
			continue
		}
		o.clock = o.clock.merge(a.clock)
		if !a.done && a.stream != s {
			o.after = append(o.after, a)
		}
	}
	own := make(clock, s.id+1)
	own[s.id] = s.seq
	o.clock = o.clock.merge(own)
	s.pending = append(s.pending, o)
	s.last = o
	ctx.queue = append(ctx.queue, o)
	ctx.queued += weight
	for ctx.queued > m.options.QueueDepth && len(ctx.queue) > 0 && ctx.queue[0] != o {
		m.force(ctx.queue[0])
	}
	return o
}

// force runs the stream's work up to o.
func (m *Machine) force(o *op) {
	for m.idle(o.stream.ctx); !o.done; m.idle(o.stream.ctx) {
		head := o.stream.pending[0]
		if i := slices.IndexFunc(head.after, func(a *op) bool { return !a.done }); i >= 0 {
			m.force(head.after[i]) // and look again: other threads may have run work meanwhile
			continue
		}
		o.stream.pending = o.stream.pending[1:]
		m.execute(head)
	}
}

// execute runs an op whose turn it is, unless an error has ended the context.
func (m *Machine) execute(o *op) {
	ctx := o.stream.ctx
	o.done = true
	if i := slices.Index(ctx.queue, o); i >= 0 {
		ctx.queue = slices.Delete(ctx.queue, i, i+1)
	}
	ctx.queued -= o.weight
	if ctx.fault == Success && ctx.device.lost == nil && o.run != nil {
		before := m.ledger.Launches
		err := o.run(o)
		if launches := m.ledger.Launches - before; launches > 0 && ctx.ran(o) {
			m.ledger.Unordered += launches
		}
		if err != nil {
			ctx.fault, ctx.cause = resultOf(err), err
			if ctx.device.lost != nil {
				ctx.fault = ErrorUnknown
			}
		}
	}
	o.time = time.Now()
	o.after, o.run = nil, nil
}

// ran notes that a kernel or product ran in o, and reports whether another stream has had one that is not
// ordered before o.
func (ctx *context) ran(o *op) (unordered bool) {
	for id, seq := range ctx.newest {
		unordered = unordered || id != o.stream.id && seq > o.clock.at(id)
	}
	for len(ctx.newest) <= o.stream.id {
		ctx.newest = append(ctx.newest, 0)
	}
	ctx.newest[o.stream.id] = o.seq
	return unordered
}

// wait runs the stream's work up to o on behalf of the host, which is ordered after it.
func (m *Machine) wait(o *op) {
	m.force(o)
	ctx := o.stream.ctx
	ctx.host = ctx.host.merge(o.clock)
}

// watched reports whether anything could run at the same time, so that a copy or product
// has to report the memory it touches.
func (x *execution) watched() bool { return x.ctx.used > 1 || x.graph != nil && x.graph.forked }

// began notes which work the epoch of a launch belongs to.
func (x *execution) began(epoch uint64) { x.ctx.device.epochs[epoch] = x.at }

// unordered is nil where everything is ordered by itself. Otherwise it tells whether
// the work of an earlier epoch is not ordered before this.
func (x *execution) unordered() func(epoch uint64) bool {
	if !x.watched() {
		return nil
	}
	return func(epoch uint64) bool {
		p, ok := x.ctx.device.epochs[epoch]
		switch {
		case !ok || p.op.stream.ctx != x.ctx:
			return false
		case p.op == x.at.op:
			return !x.graph.before(p.node, x.at.node)
		}
		return x.at.op.clock.at(p.op.stream.id) < p.op.seq
	}
}

// runTask runs one task in its place.
func (m *Machine) runTask(k task, x *execution) error {
	if k.run == nil {
		return nil
	}
	x.at.name = k.name
	err := k.run(x)
	var f *vm.Fault
	if errors.As(err, &f) && f.Earlier != 0 {
		return fmt.Errorf("%w; the earlier operation is %s", err, x.ctx.device.epochs[f.Earlier].name)
	}
	return err
}

// submit gives a task to a stream: to its queue, or to the graph that it is captured in.
func (m *Machine) submit(s *stream, call string, k task) Result {
	if s.capture != nil {
		return m.captured(s, call, k)
	}
	if r := m.implicit(s, call); r != Success {
		return r
	}
	o := m.enqueue(s, 1, func(o *op) error {
		return m.runTask(k, &execution{m: m, ctx: s.ctx, at: place{op: o}})
	})
	if k.comm != nil {
		m.beginLater(o)
	}
	return Success
}

// blocking runs a task in the legacy default stream and waits for it.
func (m *Machine) blocking(t Thread, ctx *context, call string, k task) Result {
	if r := m.forbidden(t, ctx, call); r != Success {
		return r
	}
	m.ledger.Syncs++
	m.wait(m.enqueue(ctx.null, 1, func(o *op) error {
		return m.runTask(k, &execution{m: m, ctx: ctx, at: place{op: o}})
	}))
	return m.sticky(ctx)
}

// drain runs all that waits in the context's streams, as a synchronisation does. The
// order among streams is the seed's.
func (m *Machine) drain(ctx *context) {
	m.idle(ctx)
	order := slices.Clone(ctx.queue)
	if m.options.Seed != 0 {
		rng := rand.New(rand.NewPCG(m.options.Seed, m.launched))
		rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	}
	for _, o := range order {
		m.force(o)
	}
	for _, s := range ctx.all() {
		if s.last != nil {
			ctx.host = ctx.host.merge(s.last.clock)
		}
	}
}

// all is the context's streams, the default one first.
func (ctx *context) all() []*stream {
	list := []*stream{ctx.null}
	for _, s := range ctx.streams {
		list = append(list, s)
	}
	return list
}

// sticky is the answer of a call that has waited.
func (m *Machine) sticky(ctx *context) Result {
	switch {
	case ctx.device.lost != nil:
		m.reason = ctx.device.lost
		return ErrorUnknown
	case ctx.fault != Success:
		m.reason = ctx.cause
		return ctx.fault
	}
	return Success
}
