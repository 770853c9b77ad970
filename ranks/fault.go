package ranks

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// A Fault is what ended the ranks. All ranks have the same one.
type Fault struct {
	Rank int    // the rank that failed
	Host string // its host
	Text string // one sentence, without a full stop
	Lost bool   // the rank was killed or hangs

	err error // of the rank that failed
}

// Error returns the sentence.
func (f *Fault) Error() string { return f.Text }

// Unwrap returns the error that the rank gave to [Group.Leave]; nil in the other ranks.
func (f *Fault) Unwrap() error { return f.err }

// faultf makes the Fault of a rank, whose sentence begins with the rank and its host.
func (g *Group) faultf(rank int, format string, args ...any) *Fault {
	host := g.Host(rank)
	name := fmt.Sprintf("rank %d", rank)
	if host != "" {
		name += " on " + host
	}
	return &Fault{Rank: rank, Host: host, Text: name + fmt.Sprintf(format, args...)}
}

// lost makes the Fault of the rank on the other side of a connection that broke. The system's reason is left out: it
// is another one in each rank.
func (g *Group) lost(c *connection, err error) *Fault {
	f := g.faultf(c.rank, " was killed or lost its connection")
	if errors.Is(err, errSilent) {
		f = g.faultf(c.rank, " has not answered for %v: it is stopped, or its machine is off or overloaded", time.Duration(c.patience)*c.interval)
	}
	f.Lost = true
	return f
}

// fail ends the group. One rank reports the fault, rank 0 or if that is lost rank 1, before the others hear of it: when
// they exit, mpirun kills the rest. Those that have lost rank 0 tell it, in case that it answers again.
func (g *Group) fail(f *Fault) {
	g.failing.Do(func() {
		rootLost := f.Lost && f.Rank == 0
		switch {
		case g.rank == 0 && !rootLost, g.rank == 1 && rootLost:
			if g.report != nil {
				g.report(f)
			}
		case rootLost:
			time.Sleep(reportTime)
		}
		for _, c := range g.connections() {
			if g.rank == 0 || rootLost {
				g.told.Go(func() { tell(c, f) })
			}
		}
		g.told.Wait()
		g.end(f)
		for _, c := range g.connections() {
			c.Close()
		}
	})
}

// reportTime is what the ranks that have lost rank 0 give to the one that reports it.
const reportTime = 300 * time.Millisecond

// tell sends a fault, for at most a second: the other side may be stopped.
func tell(c *connection, f *Fault) {
	text, _ := json.Marshal(f) // of strings and numbers
	if c.SetWriteDeadline(time.Now().Add(time.Second)) == nil {
		_ = c.write(frameFault, text) // whoever is gone needs no answer
	}
}

// status is how far a rank has come.
type status struct {
	count uint64 // of operations entered and left, and of calls of Progress
	waits bool   // for other ranks
}

func (g *Group) status() status {
	return status{count: g.count.Load(), waits: g.waiting.Load()}
}

// watch finds a rank that hangs: it has made no progress for the patience of the options while another waits for it, or
// all wait, for different things. Rank 0 runs it.
func (g *Group) watch(patience time.Duration) {
	last := make([]status, g.size)
	still := make([]time.Duration, g.size) // without progress, as far as its heartbeats say
	for {
		select {
		case <-g.ctx.Done():
			return
		case <-g.left:
			return
		case <-time.After(g.interval):
		}
		waits := 0
		for r := range last {
			now := last[r]
			if r == 0 {
				now = g.status()
				still[r] += g.interval
			} else {
				select {
				case now = <-g.peers[r].status:
					still[r] += g.interval
				default: // whether it is lost is not decided here
				}
			}
			if now != last[r] {
				still[r] = 0
			}
			if last[r] = now; now.waits {
				waits++
			}
		}
		if waits == 0 {
			continue
		}
		slowest, all := -1, true
		for r, s := range last {
			all = all && still[r] >= patience
			if still[r] >= patience && (waits == g.size || !s.waits) && (slowest < 0 || s.count < last[slowest].count) {
				slowest = r
			}
		}
		if slowest >= 0 && (all || waits < g.size) {
			f := g.faultf(slowest, " has made no progress for %v while another rank waited for it", patience)
			f.Lost = true
			g.fail(f)
			return
		}
	}
}
