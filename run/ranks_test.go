package run_test

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu/cpu"
	"mdfa/gpu/cpu/blas"
	"mdfa/ranks"
	"mdfa/run"
	"mdfa/run/checkpoint"
	"mdfa/run/folder"
)

// join joins a rank of this process to the others, as if torchrun had started it.
func join(t *testing.T, port, rank, size int) (*ranks.Group, error) {
	variables := map[string]string{"RANK": strconv.Itoa(rank), "WORLD_SIZE": strconv.Itoa(size), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": strconv.Itoa(port)}
	return ranks.Join(t.Context(), ranks.Options{Version: "1", JoinWait: time.Minute, Getenv: func(name string) string { return variables[name] }})
}

// onRanks runs f on each of n ranks, with options of its own, and returns what the ranks return when they leave. The devices
// add up through a group of their own, since there is no MPI.
func onRanks(t *testing.T, n int, f func(rank int, o run.Options) error) []error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := min(listener.Addr().(*net.TCPAddr).Port, 60000)
	require.NoError(t, listener.Close())
	errs := make([]error, n)
	var all sync.WaitGroup
	for rank := range n {
		all.Go(func() {
			sums, err := join(t, port+100, rank, n)
			if !assert.NoError(t, err) {
				return
			}
			g, err := join(t, port+200, rank, n)
			if err != nil { // another rank has failed already
				errs[rank] = sums.Leave(err)
				return
			}
			dev := cpu.OpenWith(cpu.Options{BLAS: blas.Gonum(), Workers: 1, AllReduce: func(x []float32) error {
				wide := make([]float64, len(x))
				for i, v := range x {
					wide[i] = float64(v)
				}
				err := sums.Sum(g.Context(), wide)
				for i, v := range wide {
					x[i] = float32(v)
				}
				return err
			}})
			errs[rank] = g.Leave(f(rank, run.Options{Device: dev, Data: stripes(80), Ranks: g}))
			_ = dev.Close()
			_ = sums.Leave(errs[rank])
		})
	}
	all.Wait()
	return errs
}

// lead trains a run on rank 0; the other ranks follow.
func lead(t *testing.T, choose func(o run.Options) (*run.Run, error)) func(rank int, o run.Options) error {
	return func(rank int, o run.Options) error {
		if rank > 0 {
			return run.Follow(t.Context(), o)
		}
		r, err := choose(o)
		if err != nil {
			return err
		}
		_, err = r.Train(t.Context())
		return err
	}
}

// onlyRunIn returns the folder of the only run below a folder.
func onlyRunIn(t *testing.T, out string) string {
	t.Helper()
	runs, err := filepath.Glob(filepath.Join(out, "stripes", "*"))
	require.NoError(t, err)
	require.Len(t, runs, 1)
	return runs[0]
}

// TestRanksLeaveTheRunOfOne trains, resumes, and starts from the weights of another run, on three ranks and on one.
func TestRanksLeaveTheRunOfOne(t *testing.T) {
	first := train(t, normalized(t.TempDir()), stripes(80)).Start.Dir
	for name, change := range map[string]func(*run.Spec){
		"from drawn weights": func(s *run.Spec) {},
		"from another run":   func(s *run.Spec) { s.InitFrom = first },
	} {
		t.Run(name, func(t *testing.T) {
			out := []string{t.TempDir(), t.TempDir()}
			spec := func(i, epochs int) run.Spec {
				s := normalized(out[i])
				s.MaxEpochs = epochs
				change(&s)
				return s
			}
			train(t, spec(0, 4), stripes(80))
			require.Equal(t, []error{nil, nil, nil}, onRanks(t, 3, lead(t, func(o run.Options) (*run.Run, error) { return run.New(spec(1, 2), o) })))
			more, begun := run.Defaults(), onlyRunIn(t, out[1])
			more.MaxEpochs = 4
			require.Equal(t, []error{nil, nil}, onRanks(t, 2, lead(t, func(o run.Options) (*run.Run, error) {
				return run.Resume(t.Context(), begun, more, o)
			})))
			assert.InDeltaSlice(t, lastWeights(t, onlyRunIn(t, out[0])), lastWeights(t, onlyRunIn(t, out[1])), 1e-5)
			one, several := rows(t, onlyRunIn(t, out[0])), rows(t, onlyRunIn(t, out[1]))
			require.Len(t, several.Progress.Epochs, len(one.Progress.Epochs))
			for i, e := range several.Progress.Epochs {
				assert.InEpsilon(t, one.Progress.Epochs[i].Train.MeanLoss(), e.Train.MeanLoss(), 1e-5)
				assert.Equal(t, one.Progress.Epochs[i].Valid.Count, e.Valid.Count)
			}
			texts := make([]string, 2)
			for i := range texts {
				text, err := os.ReadFile(filepath.Join(onlyRunIn(t, out[i]), "confusion.csv"))
				require.NoError(t, err)
				texts[i] = string(text)
			}
			assert.Equal(t, texts[0], texts[1], "rank 0 has the logits of all")
		})
	}
}

// rows reads the checkpoint of a complete run.
func rows(t *testing.T, dir string) *checkpoint.Checkpoint {
	t.Helper()
	f, err := folder.Read(t.Context(), dir)
	require.NoError(t, err)
	require.Equal(t, folder.StatusComplete, f.Status())
	c, err := checkpoint.LoadState(t.Context(), dir)
	require.NoError(t, err)
	return c
}

func TestRanksWithOtherImagesAreRefused(t *testing.T) {
	out := t.TempDir()
	errs := onRanks(t, 3, func(rank int, o run.Options) error {
		if rank == 2 {
			o.Data = stripes(83)
		}
		return lead(t, func(o run.Options) (*run.Run, error) { return run.New(small(out, "dfa", 0), o) })(rank, o)
	})
	for _, err := range errs {
		assert.ErrorContains(t, err, "rank 2 on ")
		assert.ErrorContains(t, err, "has other images of stripes than rank 0")
	}
	assert.Empty(t, ls(t, out), "nothing was begun")
}

func ls(t *testing.T, dir string) []os.DirEntry {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	return entries
}

func TestRanksNeedAnImageOfEachBatch(t *testing.T) {
	errs := onRanks(t, 3, lead(t, func(o run.Options) (*run.Run, error) {
		s := small(t.TempDir(), "dfa", 0)
		s.BatchSize = 2
		return run.New(s, o)
	}))
	assert.ErrorIs(t, errs[0], run.ErrUsage)
	for _, err := range errs {
		assert.ErrorContains(t, err, "-batch_size 2 is less than the 3 ranks")
	}
}

func TestRanksHaveNothingToDoForACompleteRun(t *testing.T) {
	assert.Equal(t, []error{nil, nil}, onRanks(t, 2, func(rank int, o run.Options) error {
		if rank > 0 {
			return run.Follow(t.Context(), o)
		}
		return run.NoRun(t.Context(), o)
	}))
}

// TestRanksAreInterruptedTogether ends the context of rank 1 alone.
func TestRanksAreInterruptedTogether(t *testing.T) {
	out := t.TempDir()
	started := make(chan struct{})
	errs := onRanks(t, 2, func(rank int, o run.Options) error {
		s := small(out, "mdfa", 0)
		s.MaxEpochs = 100000
		if rank == 0 {
			o.Followers = []run.Follower{&begun{started: started}}
			r, err := run.New(s, o)
			if err != nil {
				return err
			}
			_, err = r.Train(t.Context())
			assert.ErrorIs(t, err, run.ErrInterrupted)
			return nil
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() {
			<-started
			cancel()
		}()
		assert.ErrorIs(t, run.Follow(ctx, o), run.ErrInterrupted)
		return nil
	})
	assert.Equal(t, []error{nil, nil}, errs)
	f, err := folder.Read(t.Context(), onlyRunIn(t, out))
	require.NoError(t, err)
	assert.Equal(t, folder.StatusInterrupted, f.Status())
}

// begun closes a channel when an epoch has ended.
type begun struct {
	run.Ignore
	started chan struct{}
	once    sync.Once
}

func (b *begun) Step(int, int, func() (float64, error)) { b.once.Do(func() { close(b.started) }) }
