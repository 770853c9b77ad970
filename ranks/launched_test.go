//go:build mpirun

package ranks

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"mdfa/ranks/rankstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// modeVariable makes the test's program one of the ranks: "sum", or what happens to which rank, such as "kill 1".
const modeVariable = "MDFA_RANKS_TEST"

func TestMain(m *testing.M) {
	if mode := os.Getenv(modeVariable); mode != "" {
		os.Exit(program(mode))
	}
	os.Exit(m.Run())
}

// program is what the launchers start.
func program(mode string) int {
	g, err := Join(context.Background(), Options{
		Patience: 3 * time.Second,
		Report:   func(f *Fault) { fmt.Printf("fault: %v\n", f) },
	})
	if err != nil {
		fmt.Println("join:", err)
		return 1
	}
	name, err := g.MPI()
	fmt.Printf("rank %d of %d, local %d of %d, %s, %v\n", g.Rank(), g.Size(), g.LocalRank(), g.LocalSize(), name, err)
	if err := g.Leave(work(g, mode)); err != nil {
		fmt.Printf("rank %d ends: %v\n", g.Rank(), err)
		return 1
	}
	return 0
}

// nilPointer fails as a program does, to see that MPI has left Go's handling of signals alone.
func nilPointer(p *int) (err error) {
	defer func() { err = fmt.Errorf("%v", recover()) }()
	return fmt.Errorf("%d", *p)
}

const numbers = 10_000_000

// element is what a rank gives for index i. Sums of it are exact in float32.
func element(rank, i int) float32 { return float32((rank+1)*(i%1000) + i%7) }

func work(g *Group, mode string) error {
	what, victim, _ := strings.Cut(mode, " ")
	switch {
	case what == "sum":
		return sums(g)
	case victim != strconv.Itoa(g.Rank()):
	case what == "kill":
		time.Sleep(time.Second)
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	case what == "stop":
		time.Sleep(time.Second)
		_ = syscall.Kill(os.Getpid(), syscall.SIGSTOP)
		select {}
	case what == "hang":
		select {}
	case what == "nil":
		return nilPointer(nil)
	case what == "error":
		return errors.New("the loss is NaN")
	}
	x := make([]float32, 1000)
	for {
		if err := g.AllReduce(x); err != nil {
			return err
		}
	}
}

func sums(g *Group) error {
	x := make([]float32, numbers)
	for i := range x {
		x[i] = element(g.Rank(), i)
	}
	if err := g.AllReduce(x); err != nil {
		return err
	}
	for i := range x {
		var want float32
		for r := range g.Size() {
			want += element(r, i)
		}
		if x[i] != want {
			return fmt.Errorf("the sum at %d is %v, not %v", i, x[i], want)
		}
	}
	var first uint32
	for again := range 2 {
		random := rand.New(rand.NewPCG(1, uint64(g.Rank())))
		for i := range x {
			x[i] = random.Float32() - 0.5
		}
		if err := g.AllReduce(x); err != nil {
			return err
		}
		sum := crc32.ChecksumIEEE(unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), 4*len(x)))
		all, err := g.Gather(context.Background(), []byte(fmt.Sprint(sum)))
		if err != nil {
			return err
		}
		for r, other := range all {
			if string(other) != fmt.Sprint(sum) {
				return fmt.Errorf("rank %d has another sum", r)
			}
		}
		if again > 0 && sum != first {
			return errors.New("the second sum is another")
		}
		first = sum
	}
	return nil
}

func launch(t *testing.T, mpirun string, n int, mode string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := rankstest.Command(ctx, mpirun, n, modeVariable+"="+mode).CombinedOutput()
	require.NoError(t, ctx.Err(), "the ranks did not end:\n%s", out)
	return string(out), err
}

func TestLaunchedRanksSum(t *testing.T) {
	for name, mpirun := range rankstest.Mpiruns(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for n := range 4 {
				out, err := launch(t, mpirun, n+1, "sum")
				require.NoError(t, err, out)
				for r := range n + 1 {
					assert.Contains(t, out, fmt.Sprintf("rank %d of %d, local ", r, n+1))
				}
			}
		})
	}
}

func TestLaunchedRanksEndTogether(t *testing.T) {
	host, err := os.Hostname()
	require.NoError(t, err)
	for name, mpirun := range rankstest.Mpiruns(t) {
		for mode, want := range map[string]string{
			"kill 0":  "rank 0 on " + host + " was killed or lost its connection",
			"kill 1":  "rank 1 on " + host + " was killed or lost its connection",
			"stop 1":  "rank 1 on " + host + " has not answered for 6s: it is stopped, or its machine is off or overloaded",
			"hang 1":  "rank 1 on " + host + " has made no progress for 3s while another rank waited for it",
			"nil 1":   "rank 1 on " + host + ": runtime error: invalid memory address or nil pointer dereference",
			"error 1": "rank 1 on " + host + ": the loss is NaN",
		} {
			t.Run(name+" "+mode, func(t *testing.T) {
				t.Parallel()
				out, err := launch(t, mpirun, 3, mode)
				assert.Error(t, err)
				if strings.HasPrefix(mode, "kill") && strings.Contains(out, "BAD TERMINATION OF ONE OF YOUR APPLICATION PROCESSES") {
					return // MPICH's mpirun kills the others at once and says why
				}
				assert.Equal(t, 1, strings.Count(out, "fault: "+want+"\n"), out)
			})
		}
	}
}
