package ranks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// patient is longer than any test waits for another rank.
const patient = time.Minute

// options are those of a rank in this process, which torchrun seems to have started.
func options(port, rank, size int) Options {
	variables := map[string]string{"RANK": strconv.Itoa(rank), "WORLD_SIZE": strconv.Itoa(size), "MASTER_ADDR": "127.0.0.1",
		"MASTER_PORT": strconv.Itoa(port)}
	return Options{Version: "1", JoinWait: patient, Patience: patient, Getenv: func(name string) string { return variables[name] },
		interval: 100 * time.Millisecond, silence: 600}
}

// freePort returns the number of a port that no program has; those after it are mostly free too.
func freePort(t *testing.T) int {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer listener.Close()
	return min(listener.Addr().(*net.TCPAddr).Port, 1<<16-2*ports)
}

// together runs f in each of n ranks and returns their errors.
func together(t *testing.T, n int, change func(rank int, o *Options), f func(g *Group) error) []error {
	port := freePort(t)
	errs := make([]error, n)
	var all sync.WaitGroup
	for r := range n {
		all.Go(func() {
			o := options(port, r, n)
			if change != nil {
				change(r, &o)
			}
			g, err := Join(t.Context(), o)
			if err == nil {
				err = g.Leave(f(g))
			}
			errs[r] = err
		})
	}
	all.Wait()
	return errs
}

func everywhere(t *testing.T, errs []error, want string) {
	for r, err := range errs {
		assert.EqualError(t, err, want, "rank %d", r)
	}
}

func hostname(t *testing.T) string {
	host, err := os.Hostname()
	require.NoError(t, err)
	return host
}

func TestOneRankOpensNothing(t *testing.T) {
	g, err := Join(t.Context(), Options{Getenv: func(string) string { return "" }})
	require.NoError(t, err)
	assert.Equal(t, []int{0, 1, 0, 1}, []int{g.Rank(), g.Size(), g.LocalRank(), g.LocalSize()})
	assert.Equal(t, hostname(t), g.Host(0))
	x, y := []float64{1, 2}, []float32{3}
	require.NoError(t, g.Sum(t.Context(), x))
	require.NoError(t, g.AllReduce(y))
	assert.Equal(t, []float64{1, 2}, x)
	assert.Equal(t, []float32{3}, y)
	all, err := g.Gather(t.Context(), []byte("a"))
	require.NoError(t, err)
	assert.Equal(t, [][]byte{[]byte("a")}, all)
	data, err := g.Broadcast(t.Context(), []byte("b"))
	require.NoError(t, err)
	assert.Equal(t, []byte("b"), data)
	require.NoError(t, g.Barrier(t.Context()))
	failed := errors.New("failed")
	assert.Equal(t, failed, g.Leave(failed))
}

func TestRanksExchangeData(t *testing.T) {
	const n = 4
	large := bytes.Repeat([]byte("checkpoint"), 100_000) // several frames
	host := hostname(t)
	errs := together(t, n, nil, func(g *Group) error {
		assert.Equal(t, n, g.Size())
		assert.Equal(t, []int{g.Rank(), n}, []int{g.LocalRank(), g.LocalSize()})
		assert.Equal(t, host, g.Host(n-1))
		for range 3 {
			mine := bytes.Repeat([]byte{byte(g.Rank())}, g.Rank()*largestFrame)
			all, err := g.Gather(t.Context(), mine)
			if err != nil {
				return err
			}
			for r, part := range all {
				assert.True(t, bytes.Equal(part, bytes.Repeat([]byte{byte(r)}, r*largestFrame)))
			}
			var data []byte
			if g.Rank() == 0 {
				data = large
			}
			if data, err = g.Broadcast(t.Context(), data); err != nil {
				return err
			}
			assert.True(t, bytes.Equal(large, data))
			if err := g.Barrier(t.Context()); err != nil {
				return err
			}
		}
		return nil
	})
	for _, err := range errs {
		assert.NoError(t, err)
	}
}

func TestSumAddsInTheOrderOfTheRanks(t *testing.T) {
	const n = 4
	part := func(rank int) []float64 {
		return []float64{[]float64{1, 1e17, -1e17, 1}[rank], math.Pi * float64(rank), math.Inf(1)}
	}
	want := part(0)
	for r := 1; r < n; r++ {
		for i, v := range part(r) {
			want[i] += v
		}
	}
	require.NotEqual(t, 2.0, want[0], "another order gives another sum")
	errs := together(t, n, nil, func(g *Group) error {
		time.Sleep(time.Duration(n-g.Rank()) * time.Millisecond)
		x := part(g.Rank())
		err := g.Sum(t.Context(), x)
		assert.Equal(t, want, x)
		return err
	})
	for _, err := range errs {
		assert.NoError(t, err)
	}
}

func TestAllRanksEndWithTheErrorOfOne(t *testing.T) {
	for _, failing := range []int{0, 2} {
		cause := errors.New("out of memory")
		var reports []string // one rank writes it
		errs := together(t, 4, func(_ int, o *Options) {
			o.Report = func(f *Fault) { reports = append(reports, f.Error()) }
		}, func(g *Group) error {
			if g.Rank() == failing {
				return cause
			}
			<-g.Context().Done()
			return context.Cause(g.Context())
		})
		want := fmt.Sprintf("rank %d on %s: out of memory", failing, hostname(t))
		everywhere(t, errs, want)
		assert.Equal(t, []string{want}, reports)
		for r, err := range errs {
			assert.Equal(t, r == failing, errors.Is(err, cause))
			var f *Fault
			require.ErrorAs(t, err, &f)
			assert.Equal(t, failing, f.Rank)
		}
	}
}

func TestARankWhoseConnectionBreaksEndsAll(t *testing.T) {
	for _, dying := range []int{0, 1} {
		var reports []string
		errs := together(t, 3, func(rank int, o *Options) {
			if rank != dying {
				o.Report = func(f *Fault) { reports = append(reports, f.Error()) }
			}
		}, func(g *Group) error {
			if g.Rank() != dying {
				return g.Sum(t.Context(), []float64{1})
			}
			g.failing.Do(func() { // a rank that is killed reports nothing
				for _, c := range g.connections() {
					c.Close()
				}
				g.end(errors.New("killed"))
			})
			return nil
		})
		want := fmt.Sprintf("rank %d on %s was killed or lost its connection", dying, hostname(t))
		everywhere(t, append(errs[:dying], errs[dying+1:]...), want)
		assert.Equal(t, []string{want}, reports)
	}
}

func TestASilentRankEndsAll(t *testing.T) {
	for _, silent := range []int{0, 1} {
		errs := together(t, 3, func(rank int, o *Options) {
			o.silence = 5
			if rank == silent {
				o.interval = time.Hour // between heartbeats
			}
		}, func(g *Group) error {
			if g.Rank() != silent {
				return g.Barrier(t.Context())
			}
			<-g.Context().Done()
			return context.Cause(g.Context())
		})
		everywhere(t, append(errs[:silent], errs[silent+1:]...), fmt.Sprintf(
			"rank %d on %s has not answered for 500ms: it is stopped, or its machine is off or overloaded", silent, hostname(t)))
	}
}

func TestARankThatHangsEndsAll(t *testing.T) {
	for _, hanging := range []int{0, 2} {
		errs := together(t, 3, func(_ int, o *Options) { o.Patience = time.Second }, func(g *Group) error {
			if g.Rank() == hanging {
				<-g.Context().Done()
				return context.Cause(g.Context())
			}
			return g.Await(func() error { select {} })
		})
		everywhere(t, errs, fmt.Sprintf("rank %d on %s has made no progress for 1s while another rank waited for it", hanging, hostname(t)))
	}
}

func TestASlowRankThatReportsProgressIsWaitedFor(t *testing.T) {
	errs := together(t, 2, func(_ int, o *Options) { o.Patience = time.Second }, func(g *Group) error {
		for i := 0; g.Rank() == 0 && i < 40; i++ {
			time.Sleep(50 * time.Millisecond)
			g.Progress()
		}
		return g.Barrier(t.Context())
	})
	for _, err := range errs {
		assert.NoError(t, err)
	}
}

func TestRanksThatWaitForEachOtherEnd(t *testing.T) {
	errs := together(t, 2, func(_ int, o *Options) { o.Patience = time.Second }, func(g *Group) error {
		if g.Rank() == 0 {
			return g.Barrier(t.Context())
		}
		return g.Await(func() error { select {} }) // for rank 0's part in something else
	})
	for _, err := range errs {
		assert.ErrorContains(t, err, "has made no progress for 1s while another rank waited for it")
	}
}

func TestRanksThatCallDifferentThingsEnd(t *testing.T) {
	host := hostname(t)
	errs := together(t, 3, nil, func(g *Group) error {
		if g.Rank() == 1 {
			return g.Barrier(t.Context())
		}
		return g.Sum(t.Context(), []float64{1})
	})
	everywhere(t, errs, "rank 1 on "+host+" called Barrier (call 2), but rank 0 called Sum (call 2)")
	errs = together(t, 3, nil, func(g *Group) error { return g.Sum(t.Context(), make([]float64, 1+g.Rank()/2)) })
	everywhere(t, errs, "rank 2 on "+host+" called Sum with 2 numbers, but rank 0 with 1")
	errs = together(t, 2, nil, func(g *Group) error {
		if g.Rank() == 1 {
			return nil
		}
		return g.Barrier(t.Context())
	})
	everywhere(t, errs, "rank 1 on "+host+" called Leave (call 2), but rank 0 called Barrier (call 2)")
}

func TestAllReduceWithoutMPISaysWhatToDo(t *testing.T) {
	errs := together(t, 2, nil, func(g *Group) error {
		_, err := g.MPI()
		assert.Equal(t, err, g.AllReduce([]float32{1}))
		assert.NoError(t, g.AllReduce(nil))
		assert.EqualError(t, err, "the sum over ranks on the processor needs MPI, which torchrun does not set up: start the ranks with mpirun")
		return nil
	})
	assert.Equal(t, []error{nil, nil}, errs)
	errs = together(t, 2, func(_ int, o *Options) { o.NoAllReduce = true }, func(g *Group) error {
		assert.ErrorContains(t, g.AllReduce([]float32{1}), "joined to call no AllReduce")
		return nil
	})
	assert.Equal(t, []error{nil, nil}, errs)
}

func TestAwaitPrefersTheFaultToItsEffect(t *testing.T) {
	errs := together(t, 2, nil, func(g *Group) error {
		if g.Rank() == 1 {
			return errors.New("no memory left")
		}
		return g.Await(func() error { return errors.New("the collective was aborted") })
	})
	everywhere(t, errs, "rank 1 on "+hostname(t)+": no memory left")
}

func TestACallEndsWithItsContext(t *testing.T) {
	over := errors.New("over")
	errs := together(t, 2, nil, func(g *Group) error {
		if g.Rank() == 1 {
			<-g.Context().Done()
			return context.Cause(g.Context())
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cancel(over)
		return g.Barrier(ctx)
	})
	everywhere(t, errs, "rank 0 on "+hostname(t)+": over")
}
