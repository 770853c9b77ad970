//go:build cuda

package cuda

import (
	"errors"
	"fmt"
	"time"

	"gorgonia.org/cu"

	"mdfa/gpu"
	"mdfa/gpu/cuda/driver"
	"mdfa/gpu/cuda/internal/cuext"
	"mdfa/gpu/internal/state"
)

// AllReduce is one call of NCCL. A recorded step runs it in a stream of its own, beside the operations that do not need
// its result.
func (d *Device) AllReduce(a gpu.AllReduceArgs) error {
	if d.context.ranks == nil {
		return d.state.Accept("all-reduce", a.Check(), a.X)
	}
	return d.submit("all-reduce", a.Check(), func(b *builder) func(*queue) {
		at, n := b.write(a.X), a.X.Len
		b.op.ranks = n > 0
		return func(q *queue) {
			if n > 0 {
				q.issue(launch{kernel: "allreduce", read: 4 * n, written: 4 * n, flops: n}, func() error {
					return q.ranks.comm.AllReduce(uint64(at), n, q.stream)
				})
			}
		}
	})
}

// Group makes a device one of several ranks. Its zero value is a device by itself.
type Group struct {
	Rank, Size int // the rank, counted from 0, of so many
	// Share hands 128 bytes of rank 0 to all ranks: it is called once by Open on every rank, with the bytes on rank 0 and
	// with room for them on the others.
	Share func(id []byte) error
	// Failed returns why a rank is lost, or nil. It is called while the device waits, and may be nil itself: NCCL does not
	// notice every loss.
	Failed func() error
}

// ranks is the device's part in the group.
type ranks struct {
	Group
	comm   cuext.Communicator
	stream blasStream // of the sums in recorded steps; it has no cuBLAS
	lost   error      // why there are no more sums
}

func newRanks(g Group) *ranks {
	if g.Size <= 1 {
		return nil
	}
	return &ranks{Group: g}
}

// openRanks joins the other ranks.
func (c *context) openRanks() error {
	r := c.ranks
	if r == nil {
		return nil
	}
	if r.Rank < 0 || r.Rank >= r.Size || r.Share == nil {
		return fmt.Errorf("rank %d of %d: a rank is counted from 0, and needs a way to share NCCL's unique id", r.Rank, r.Size)
	}
	if _, err := driver.OpenNCCL(); err != nil {
		return fmt.Errorf("%d ranks on GPUs need NCCL: %w; fetch it with make nccl, install pip's nvidia-nccl-cu12 or "+
			"the system's libnccl2, or name its folder in MDFA_NCCL", r.Size, err)
	}
	var id cuext.UniqueID
	if r.Rank == 0 {
		var err error
		if id, err = cuext.NewUniqueID(); err != nil {
			return c.commFailure("ncclGetUniqueId", err)
		}
	}
	if err := r.Share(id[:]); err != nil {
		return fmt.Errorf("sharing NCCL's unique id: %w", err)
	}
	if err := r.stream.open(c.caller); err != nil {
		return err
	}
	var err error
	r.comm, err = cuext.InitRank(r.Size, id, r.Rank)
	return c.commFailure("ncclCommInitRank", err)
}

// commFailure is failure for a call of NCCL.
func (c caller) commFailure(call string, err error) error {
	if err == nil {
		return nil
	}
	return state.LostRank{Reason: c.failure(call, err)}
}

// close leaves the group: in an orderly way, or after a failure at once.
func (r *ranks) close(lost bool) error {
	comm := r.comm
	r.comm = 0
	switch {
	case comm == 0:
		return nil
	case lost:
		return comm.Abort()
	}
	return comm.Destroy()
}

// The pauses between two questions whether the work is done.
const (
	firstPause = 5 * time.Microsecond
	lastPause  = time.Millisecond
)

// await waits for work that may hold a sum over ranks, and so for ever if another rank is lost: it asks whether the work
// is done, and whether a rank is lost.
func (c caller) await(call string, done func() error) error {
	r := c.ranks
	for pause := firstPause; ; pause = min(2*pause, lastPause) {
		if r.lost != nil {
			return r.lost
		}
		err := done()
		if err != nil && !cuext.IsNotReady(err) {
			err = c.failure(call, err)
			if r.comm != 0 && r.comm.AsyncError() != nil {
				r.lose(err)
				return r.lost
			}
			return err
		}
		if failure := r.failure(c); failure != nil {
			r.lose(failure)
			return r.lost
		}
		if err == nil {
			return nil
		}
		time.Sleep(pause)
	}
}

// failure asks whether a rank is lost.
func (r *ranks) failure(c caller) error {
	if r.comm != 0 {
		if err := r.comm.AsyncError(); err != nil {
			return c.failure("ncclAllReduce", err)
		}
	}
	if r.Failed == nil {
		return nil
	}
	return r.Failed()
}

// lose ends the sums, so that the device's work comes to an end.
func (r *ranks) lose(reason error) {
	r.lost = state.LostRank{Reason: fmt.Errorf("all-reduce: %w", reason)}
	if err := r.close(true); err != nil {
		r.lost = state.LostRank{Reason: errors.Join(r.lost, err)}
	}
}

// settle waits for the stream where it may hold a sum over ranks: the calls behind it wait in CUDA, where no loss of a
// rank ends them.
func (c *context) settle() error {
	if c.ranks == nil {
		return nil
	}
	return c.wait(c.queue.stream)
}

// finish waits for a stream without a name for the failure.
func (c caller) finish(s cu.Stream) error {
	if c.ranks == nil {
		return s.Synchronize()
	}
	return c.await("cuStreamQuery", s.Query)
}
