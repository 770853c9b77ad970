// Package ranks joins the processes that mpirun, srun or torchrun started, the ranks, into one group: it tells each its
// rank, carries small data of the host between them, sums arrays with the launcher's MPI, and ends all of them when one
// fails. Without a launcher there is one rank, and nothing is opened.
//
// The ranks are joined by TCP connections to rank 0. A connection must know the job's token: a random number that
// travels by MPI, or else the job's number. That keeps other jobs out; it does not keep out an attacker on the network.
package ranks

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// A Group is the ranks of one run, seen from one of them. All ranks make the same calls of Sum, Broadcast, Gather,
// Barrier, AllReduce and Leave in the same order, each from one goroutine at a time. If a rank fails, all calls return
// a [*Fault]; after any error only Leave may be called.
type Group struct {
	rank, size, local int
	launcher          string
	hosts             []string
	peers             []*connection // by rank; of rank 0
	root              *connection   // to rank 0; of the others
	joining           sync.Mutex    // guards hosts, peers and root while ranks join
	interval          time.Duration
	report            func(*Fault)

	mpi    *mpi
	mpiErr error // why there is none

	operations uint64 // so far
	count      atomic.Uint64
	waiting    atomic.Bool

	ctx     context.Context
	end     context.CancelCauseFunc
	failing sync.Once
	told    sync.WaitGroup
	leaving atomic.Bool   // of rank 0: all ranks have called Leave
	left    chan struct{} // closed when this rank has left without a fault
}

// Rank returns the number of this process, from 0 on.
func (g *Group) Rank() int { return g.rank }

// Size returns the number of ranks.
func (g *Group) Size() int { return g.size }

// Several reports whether there are other ranks. A nil group has none.
func (g *Group) Several() bool { return g != nil && g.size > 1 }

// Launcher names the program that started the ranks, such as "srun", or is empty.
func (g *Group) Launcher() string { return g.launcher }

// Host returns the name of the host on which a rank runs, or "" before it has joined.
func (g *Group) Host(rank int) string {
	g.joining.Lock()
	defer g.joining.Unlock()
	return g.hosts[rank]
}

// LocalRank returns the number of this rank among those of its host, by the launcher or else by the names of the hosts.
func (g *Group) LocalRank() int {
	if g.local >= 0 {
		return g.local
	}
	return g.onThisHost(g.rank)
}

// LocalSize returns the number of ranks on this rank's host.
func (g *Group) LocalSize() int { return g.onThisHost(g.size) }

// onThisHost counts the ranks on this host, up to a rank.
func (g *Group) onThisHost(below int) int {
	n := 0
	for _, host := range g.hosts[:below] {
		if host == g.hosts[g.rank] {
			n++
		}
	}
	return n
}

// Context returns a context that ends when a rank fails; its cause is the [*Fault].
func (g *Group) Context() context.Context { return g.ctx }

// Progress notes that this rank has come a step further. A rank that neither calls it nor waits for others counts as
// hanging after Options.Patience, if another rank waits. It is cheap, and safe for concurrent use.
func (g *Group) Progress() { g.count.Add(1) }

// Barrier waits until all ranks have called it.
func (g *Group) Barrier(ctx context.Context) error {
	_, err := g.exchange(ctx, opBarrier, nil, func([][]byte) ([]byte, *Fault) { return nil, nil })
	return err
}

// Sum adds the numbers of all ranks, element by element and in the order of the ranks, so that the same ranks get the
// same bits, and leaves the sums in x in all ranks. A flag among the numbers lets the ranks agree: after a signal to
// any of them its sum is above 0 in all, at the same step.
func (g *Group) Sum(ctx context.Context, x []float64) error {
	result, err := g.exchange(ctx, opSum, floatBytes(x), func(parts [][]byte) ([]byte, *Fault) {
		sum := floats(parts[0])
		for r, part := range parts {
			if len(part) != len(parts[0]) {
				return nil, g.faultf(r, " called Sum with %d numbers, but rank 0 with %d", len(part)/8, len(sum))
			}
			for i, v := range floats(part) {
				if r > 0 {
					sum[i] += v
				}
			}
		}
		return floatBytes(sum), nil
	})
	if err == nil {
		copy(x, floats(result))
	}
	return err
}

func floatBytes(x []float64) []byte {
	b, _ := binary.Append(nil, binary.LittleEndian, x) // it fails for types without a size alone
	return b
}

func floats(b []byte) []float64 {
	x := make([]float64, len(b)/8)
	_, _ = binary.Decode(b, binary.LittleEndian, x) // as above, and for too few bytes
	return x
}

// Broadcast returns the data of rank 0 in all ranks. What the others give is ignored. It does not return before all
// ranks have called it.
func (g *Group) Broadcast(ctx context.Context, data []byte) ([]byte, error) {
	if g.rank > 0 {
		data = nil
	}
	return g.exchange(ctx, opBroadcast, data, func(parts [][]byte) ([]byte, *Fault) { return parts[0], nil })
}

// Gather returns the data of all ranks in all ranks, by rank. They may be of different lengths.
func (g *Group) Gather(ctx context.Context, data []byte) ([][]byte, error) {
	result, err := g.exchange(ctx, opGather, data, func(parts [][]byte) ([]byte, *Fault) {
		var all []byte
		for _, part := range parts {
			all = binary.AppendUvarint(all, uint64(len(part)))
			all = append(all, part...)
		}
		return all, nil
	})
	if err != nil {
		return nil, err
	}
	parts := make([][]byte, g.size)
	for r := range parts {
		n, width := binary.Uvarint(result)
		if width <= 0 || n > uint64(len(result)-width) {
			return nil, errors.New("internal error: Gather's result is cut off")
		}
		parts[r], result = result[width:width+int(n)], result[width+int(n):]
	}
	return parts, nil
}

// exchange carries the parts of all ranks to rank 0, which combines them, and the result back to all.
func (g *Group) exchange(ctx context.Context, op operation, part []byte, combine func([][]byte) ([]byte, *Fault)) ([]byte, error) {
	if g.size == 1 {
		result, _ := combine([][]byte{part}) // one part agrees with itself
		return result, ctx.Err()
	}
	defer g.wait()()
	g.operations++
	m := message{op: op, number: g.operations, data: part}
	if g.rank > 0 {
		if err := g.root.send(m); err != nil {
			return nil, g.broken(g.root, err)
		}
		m, err := g.next(ctx, g.root)
		return m.data, err
	}
	parts := [][]byte{part}
	for _, c := range g.peers[1:] {
		theirs, err := g.next(ctx, c)
		if err != nil {
			return nil, err
		}
		if theirs.op != m.op || theirs.number != m.number {
			g.fail(g.faultf(c.rank, " called %v (call %d), but rank 0 called %v (call %d)", theirs.op, theirs.number, m.op, m.number))
			return nil, context.Cause(g.ctx)
		}
		parts = append(parts, theirs.data)
	}
	result, f := combine(parts)
	if f != nil {
		g.fail(f)
		return nil, context.Cause(g.ctx)
	}
	m.data = result
	g.leaving.Store(op == opLeave)
	for _, c := range g.peers[1:] {
		if err := c.send(m); err != nil {
			return nil, g.broken(c, err)
		}
	}
	return result, nil
}

// next waits for a message.
func (g *Group) next(ctx context.Context, c *connection) (message, error) {
	select {
	case m := <-c.inbox:
		return m, nil
	case <-g.ctx.Done():
		return message{}, context.Cause(g.ctx)
	case <-ctx.Done():
		return message{}, context.Cause(ctx)
	}
}

// broken ends the group since a write failed. The reader of that connection may know the fault that the other side has
// reported, so it goes first.
func (g *Group) broken(c *connection, err error) error {
	select {
	case <-g.ctx.Done():
	case <-time.After(time.Second):
		g.fail(g.lost(c, err))
	}
	return context.Cause(g.ctx)
}

// wait marks this rank as waiting for others, until the function that it returns is called.
func (g *Group) wait() (end func()) {
	g.count.Add(1)
	g.waiting.Store(true)
	return func() {
		g.waiting.Store(false)
		g.count.Add(1)
	}
}

// Await runs f, which waits for other ranks in a way that this package does not know, such as a collective of GPUs. If
// a rank fails meanwhile, Await returns the [*Fault] and leaves f running: the process must end then.
func (g *Group) Await(f func() error) error {
	if g.size == 1 {
		return f()
	}
	done := make(chan error, 1)
	go func() { done <- f() }()
	return g.await(done)
}

func (g *Group) await(done <-chan error) error {
	defer g.wait()()
	select {
	case err := <-done:
		if err == nil {
			return nil
		}
		// A collective mostly fails because another rank does, which the control channel will say.
		select {
		case <-g.ctx.Done():
		case <-time.After(2 * time.Second):
			return err
		}
	case <-g.ctx.Done():
	}
	return context.Cause(g.ctx)
}

// AllReduce sums x over the ranks, element by element, in place and with the launcher's MPI.
// The order of the additions is MPI's choice. After an error MPI may still write to x.
func (g *Group) AllReduce(x []float32) error {
	if g.size == 1 || len(x) == 0 {
		return nil
	}
	if g.mpi == nil {
		return g.mpiErr
	}
	return g.await(g.mpi.allReduce(x))
}

// MPI names the library that AllReduce uses, or says why there is none. With one rank there is neither.
func (g *Group) MPI() (string, error) {
	if g.mpi == nil {
		return "", g.mpiErr
	}
	return g.mpi.name, nil
}

// Leave ends this rank's part in the group, and MPI. Must be called once, before the program exits. With a nil error it
// waits until all ranks have called it. With an error it ends all ranks by a [*Fault] whose sentence has that error. It
// returns the Fault that ended the group, which may be an earlier one of another rank.
func (g *Group) Leave(err error) error {
	if g.size == 1 {
		return err
	}
	if err == nil {
		_, err = g.exchange(context.Background(), opLeave, nil, func([][]byte) ([]byte, *Fault) { return nil, nil })
	}
	if err == nil {
		close(g.left)
		for _, c := range g.connections() {
			c.Close()
		}
		return g.mpi.finalize()
	}
	if g.ctx.Err() == nil {
		f := g.faultf(g.rank, ": %v", err)
		f.err = err
		if g.rank > 0 {
			tell(g.root, f)
			select { // rank 0 may know an earlier one
			case <-g.ctx.Done():
			case <-time.After(2 * time.Second):
			}
		}
		g.fail(f)
	}
	fault := context.Cause(g.ctx)
	if f, ok := fault.(*Fault); ok && f.Rank == g.rank && !f.Lost {
		own := *f // others hold f
		own.err = err
		return &own
	}
	return fault
}

// connections returns those that there are so far.
func (g *Group) connections() []*connection {
	g.joining.Lock()
	defer g.joining.Unlock()
	var all []*connection
	for _, c := range append([]*connection{g.root}, g.peers...) {
		if c != nil {
			all = append(all, c)
		}
	}
	return all
}

// follow reads a connection until it ends.
func (g *Group) follow(c *connection) {
	go c.beat(g.status)
	f, err := c.receive()
	switch {
	case f != nil && err == nil:
		g.fail(f)
	case g.rank > 0 && c.left, g.leaving.Load():
	default:
		g.fail(g.lost(c, err))
	}
}
