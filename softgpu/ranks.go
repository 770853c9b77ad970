package softgpu

import (
	"fmt"
	"os"
	"slices"
	"time"

	"mdfa/softgpu/nccl"
	"mdfa/softgpu/vm"
)

// CommResult is the answer of an NCCL call: ncclResult_t.
type CommResult int32

// The answers of NCCL that the machine gives.
const (
	CommSuccess            CommResult = 0
	CommUnhandledCUDAError CommResult = 1
	CommSystemError        CommResult = 2
	CommInvalidArgument    CommResult = 4
	CommInvalidUsage       CommResult = 5
	CommRemoteError        CommResult = 6
)

// commVersion is the version of NCCL that the machine stands for, 2.21.0.
const commVersion = 22100

// communicator is one rank of an NCCL communicator.
type communicator struct {
	ctx    *context
	rank   int
	comm   *nccl.Comm
	queued int   // sums that wait in streams
	last   place // of the sum that ran last
	number int   // of that sum, from 1
	failed error // why there is no later sum
	ended  string
}

func (c *communicator) owner() *context { return c.ctx }
func (*communicator) kind() string      { return "communicator" }

// commResult is NCCL's answer for the driver's.
func commResult(r Result) CommResult {
	switch r {
	case Success:
		return CommSuccess
	case ErrorInvalidValue, ErrorInvalidHandle:
		return CommInvalidArgument
	}
	return CommUnhandledCUDAError
}

// refuseComm gives an answer of NCCL and keeps the reason for Explain.
func (m *Machine) refuseComm(r CommResult, format string, args ...any) CommResult {
	m.refuse(ErrorInvalidValue, format, args...)
	return r
}

// CommVersion is ncclGetVersion.
func (m *Machine) CommVersion() (int, CommResult) { return commVersion, CommSuccess }

// CommUniqueID is ncclGetUniqueId. The ranks meet in this process.
func (m *Machine) CommUniqueID() ([128]byte, CommResult) {
	id, err := nccl.NewID(time.Duration(m.options.RankLimit) * time.Second)
	if err != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		return id, m.refuseComm(CommSystemError, "ncclGetUniqueId: %w", err)
	}
	return id, CommSuccess
}

// CommInitRank is ncclCommInitRank for the thread's current context. It returns when all ranks have come.
func (m *Machine) CommInitRank(t Thread, size int, id [128]byte, rank int) (Handle, CommResult) {
	const call = "ncclCommInitRank"
	m.mu.Lock()
	defer m.mu.Unlock()
	ctx, r := m.enter(t, call)
	if r == Success {
		r = m.claim(t, ctx, call)
	}
	if r != Success {
		return 0, commResult(r)
	}
	if size < 1 || rank < 0 || rank >= size {
		return 0, m.refuseComm(CommInvalidArgument, "%s: rank %d of %d, counted from 0", call, rank, size)
	}
	host, _ := os.Hostname() // without it the process is enough
	gpu := fmt.Sprintf("%s/%d/%p/%d", host, os.Getpid(), m, ctx.device.ordinal)
	m.mu.Unlock() // other ranks may be threads of this process
	comm, err := nccl.Join(id, nccl.Rank{Number: rank, Size: size, GPU: gpu})
	m.mu.Lock()
	if err != nil {
		return 0, m.refuseComm(CommInvalidUsage, "%s: %w", call, err)
	}
	return m.keep(ctx, &communicator{ctx: ctx, rank: rank, comm: comm}), CommSuccess
}

// onComm runs f with a communicator.
func (m *Machine) onComm(h Handle, call string, f func(c *communicator) CommResult) CommResult {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := object[*communicator](m, h)
	switch {
	case c == nil:
		return m.refuseComm(CommInvalidArgument, "%s: no communicator", call)
	case c.ended != "":
		return m.refuseComm(CommInvalidArgument, "%s: the communicator of rank %d was %s before", call, c.rank, c.ended)
	}
	return f(c)
}

// CommAllReduce is ncclAllReduce: the sum over all ranks, in place or to memory that does not overlap.
func (m *Machine) CommAllReduce(t Thread, from, to, count uint64, kind, operation int32, h, on Handle) CommResult {
	const call = "ncclAllReduce"
	return m.onComm(h, call, func(c *communicator) CommResult {
		ctx, r := m.enter(t, call)
		switch {
		case r != Success:
			return commResult(r)
		case ctx != c.ctx:
			return m.refuseComm(CommInvalidUsage, "%s: the communicator belongs to another context than the current one", call)
		}
		s, r := m.stream(ctx, call, on)
		if r != Success {
			return commResult(r)
		}
		what := nccl.Call{Count: count, Type: kind, Operation: operation}
		bytes, err := what.Check()
		if err != nil {
			return m.refuseComm(CommInvalidArgument, "%s: %w", call, err)
		}
		if from != to && from < to+bytes && to < from+bytes {
			return m.refuseComm(CommInvalidArgument, "%s: %d bytes from %#x to %#x: they overlap, and are not the same", call, bytes, from, to)
		}
		for _, addr := range []uint64{from, to} {
			if r := m.inDevice(ctx, call, addr, bytes); r != Success {
				return commResult(r)
			}
		}
		if bytes == 0 {
			return CommSuccess
		}
		if s.capture == nil {
			c.queued++
		}
		return commResult(m.submit(s, call, task{name: call, comm: c, run: func(x *execution) error {
			if x.graph == nil {
				c.queued--
			}
			return m.allReduce(c, what, from, to, bytes, x)
		}}))
	})
}

// allReduce runs one sum, with the checks of a kernel. Other threads may make calls while it waits for the other ranks;
// the context's work waits.
func (m *Machine) allReduce(c *communicator, what nccl.Call, from, to, bytes uint64, x *execution) error {
	const who = "ncclAllReduce"
	if c.ended == aborted {
		return nil // as NCCL's kernels do then
	}
	if c.ended == destroyed {
		return fmt.Errorf("softgpu: %s of rank %d runs after ncclCommDestroy", who, c.rank)
	}
	c.number++
	if !x.follows(c.last) {
		return fmt.Errorf("softgpu: %s number %d of rank %d is not ordered after number %d: the ranks may take them in different orders",
			who, c.number, c.rank, c.number-1)
	}
	c.last = x.at
	if err := m.ordered(x.ctx.device, who); err != nil {
		return err
	}
	memory := x.ctx.device.memory
	if err := memory.RequireWritten(who, from, bytes); err != nil {
		return err
	}
	ranges := []vm.Range{{Addr: to, Size: bytes, Write: true}}
	if from != to {
		ranges = append(ranges, vm.Range{Addr: from, Size: bytes})
	}
	if err := x.touch(who, ranges...); err != nil {
		return err
	}
	source, err := memory.View(who, from, bytes)
	if err != nil {
		return err
	}
	data := slices.Clone(source)

	x.ctx.exchanging = true
	m.mu.Unlock()
	sum, err := c.comm.AllReduce(what, data)
	m.mu.Lock()
	x.ctx.exchanging = false
	m.changed.Broadcast()
	switch {
	case c.ended == aborted:
		return nil
	case err != nil:
		c.failed = err
		return err
	}
	if err := memory.Write(to, sum); err != nil { // it may have been freed meanwhile
		return err
	}
	m.ledger.count("allreduce", Kernel{BytesRead: bytes, BytesWritten: bytes, FLOPs: what.Count})
	return nil
}

// follows reports whether the work at an earlier place is ordered before this.
func (x *execution) follows(p place) bool {
	switch {
	case p.op == nil || p.op.stream.ctx != x.ctx:
		return true
	case p.op == x.at.op:
		return x.graph.before(p.node, x.at.node)
	}
	return x.at.op.clock.at(p.op.stream.id) >= p.op.seq
}

// idle waits for a sum that a thread of the context runs.
func (m *Machine) idle(ctx *context) {
	for ctx.exchanging {
		m.changed.Wait()
	}
}

// patience is the time after which a sum over ranks begins by itself: the other ranks may wait for it while this one
// waits for something else.
const patience = 50 * time.Millisecond

// beginLater runs work that holds a sum over ranks, if nothing has made it run by then.
func (m *Machine) beginLater(o *op) {
	o.ranks = true
	time.AfterFunc(patience, func() { m.begin(o) })
}

func (m *Machine) begin(o *op) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.force(o)
}

// advance runs one piece of a stream's work for a call that does not wait. A sum over ranks begins in the background.
func (m *Machine) advance(s *stream) {
	switch {
	case s.ctx.exchanging || len(s.pending) == 0:
	case s.pending[0].ranks:
		go m.begin(s.pending[0])
	default:
		m.force(s.pending[0])
	}
}

// CommAsyncError is ncclCommGetAsyncError.
func (m *Machine) CommAsyncError(h Handle) (state int32, r CommResult) {
	r = m.onComm(h, "ncclCommGetAsyncError", func(c *communicator) CommResult {
		if c.failed != nil {
			state = int32(CommRemoteError)
		}
		return CommSuccess
	})
	return state, r
}

// How a communicator can end.
const (
	aborted   = "aborted"
	destroyed = "destroyed"
)

// CommAbort is ncclCommAbort. Sums that have not ended leave their memory as it is.
func (m *Machine) CommAbort(h Handle) CommResult {
	return m.onComm(h, "ncclCommAbort", func(c *communicator) CommResult {
		c.ended = aborted
		c.comm.Abort()
		m.forgetComm(c, h)
		return CommSuccess
	})
}

// CommDestroy is ncclCommDestroy. The program must have waited for its sums.
func (m *Machine) CommDestroy(h Handle) CommResult {
	return m.onComm(h, "ncclCommDestroy", func(c *communicator) CommResult {
		if c.queued > 0 {
			return m.refuseComm(CommInvalidUsage, "ncclCommDestroy: %d sums of rank %d have not run", c.queued, c.rank)
		}
		m.idle(c.ctx)
		c.ended = destroyed
		c.comm.Destroy()
		m.forgetComm(c, h)
		return CommSuccess
	})
}

// forgetComm takes a communicator off its context. Its handle stays known, so that a later call can be explained.
func (m *Machine) forgetComm(c *communicator, h Handle) {
	delete(c.ctx.owned, h)
	m.ended[h] = struct{}{}
}

// CommLeaks is the number of NCCL communicators that were made, and neither destroyed nor aborted, also where their context
// has ended.
func (m *Machine) CommLeaks() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.orphans
	for h, o := range m.objects {
		if _, is := o.(*communicator); is {
			if _, ended := m.ended[h]; !ended {
				n++
			}
		}
	}
	return n
}

// usable refuses a graph with sums of a communicator that has ended.
func (m *Machine) usable(call string, x *executable) Result {
	for _, k := range x.tasks {
		if k.comm != nil && k.comm.ended != "" {
			return m.refuse(ErrorInvalidValue, "%s: the graph holds a sum of rank %d's communicator, which was %s before", call, k.comm.rank, k.comm.ended)
		}
	}
	return Success
}
