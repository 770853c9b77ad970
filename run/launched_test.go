//go:build mpirun

package run_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/ranks"
	"mdfa/ranks/rankstest"
	"mdfa/run"
	"mdfa/run/checkpoint"
)

// The test's program is one of the ranks where these are set.
const (
	modeVariable   = "MDFA_RUN_TEST" // "even", "odd" or "resume"
	deviceVariable = "MDFA_RUN_TEST_DEVICE"
	outVariable    = "MDFA_RUN_TEST_OUT"
)

func TestMain(m *testing.M) {
	mode := os.Getenv(modeVariable)
	if mode == "" {
		os.Exit(m.Run())
	}
	if err := rank(context.Background(), mode); err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

// rank is what the launchers start, or a test alone.
func rank(ctx context.Context, mode string) error {
	g, err := ranks.Join(ctx, ranks.Options{JoinWait: 30 * time.Second})
	if err != nil {
		return err
	}
	return g.Leave(train50(ctx, g, mode))
}

// launchedRun is how a run of the ranks ended.
type launchedRun struct {
	Name    string
	Losses  []float64 // of training and validation, by epoch, and of the test
	Weights uint32    // checksum of the last weights
}

// train50 trains 50 steps under every rule, with a dense or a convolutional network by turns, which "odd" begins with the
// other one, or resumes a longer run.
func train50(ctx context.Context, g *ranks.Group, mode string) error {
	for i, rule := range algo.Rules() {
		s := small(os.Getenv(outVariable), rule.String(), int64(i))
		s.Device, s.MaxSteps, s.MaxEpochs, s.Alignment, s.TensorBoard, s.Report = os.Getenv(deviceVariable), 50, 100, 0, false, false
		s.LR, s.Augment = 0.001, "shift:1,flip"
		if s.Convnet = (i%2 == 1) != (mode == "odd"); s.Convnet {
			s.Layers, s.Filters = "8", "4:3:1:1,max:2:2"
		}
		if mode == "resume" {
			s.MaxSteps, s.CheckpointEvery = 3000, 7
		}
		if err := launched(ctx, g, s); err != nil || mode == "resume" {
			return err
		}
	}
	return nil
}

// launched trains one run, or resumes it, and prints its outcome on rank 0.
func launched(ctx context.Context, g *ranks.Group, s run.Spec) error {
	o := run.Options{Data: stripes(80)}
	if g.Size() > 1 {
		if o.Ranks = g; g.Rank() > 0 {
			return run.Follow(ctx, o)
		}
	}
	r, complete, err := run.Find(ctx, s, o)
	if err != nil || complete != "" {
		return errors.Join(err, run.NoRun(ctx, o))
	}
	outcome, err := r.Train(ctx)
	if err != nil {
		return err
	}
	l := launchedRun{Name: fmt.Sprintf("%v %v", s.Model, s.Convnet), Losses: []float64{outcome.Test.MeanLoss()}}
	for _, e := range outcome.Epochs {
		l.Losses = append(l.Losses, e.Train.MeanLoss(), e.Valid.MeanLoss())
	}
	c, err := checkpoint.LoadState(ctx, outcome.Start.Dir)
	if err != nil {
		return err
	}
	l.Weights = checksum(c.Params)
	return json.NewEncoder(os.Stdout).Encode(l)
}

func checksum(weights []float32) uint32 {
	sum := crc32.NewIEEE()
	for _, w := range weights {
		fmt.Fprintln(sum, w)
	}
	return sum.Sum32()
}

// command starts n ranks of this program, or itself.
func command(mpirun string, n int, mode, device, out string) *exec.Cmd {
	if n == 1 {
		mpirun = ""
	}
	c := rankstest.Command(context.Background(), mpirun, n, modeVariable+"="+mode, deviceVariable+"="+device, outVariable+"="+out)
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return c
}

// launchAll returns the outcomes of all rules on n ranks.
func launchAll(t *testing.T, mpirun string, n int, device, mode string) (all []launchedRun) {
	t.Helper()
	text, err := command(mpirun, n, mode, device, t.TempDir()).CombinedOutput()
	require.NoError(t, err, "%s", text)
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		var l launchedRun
		if json.Unmarshal(lines.Bytes(), &l) == nil {
			all = append(all, l)
		}
	}
	require.Len(t, all, len(algo.Rules()), "%s", text)
	return all
}

// launchedDevices are those of this build on which ranks are tested.
var launchedDevices = []string{"cpu"}

// TestLaunchedRanksTrainAsOne trains every rule on 2, 3 and 4 ranks of each MPI and device, and alone. Each rule has both
// networks, on 2 ranks the one and on 3 the other.
func TestLaunchedRanksTrainAsOne(t *testing.T) {
	for _, device := range launchedDevices {
		alone := map[string][]launchedRun{}
		for _, mode := range []string{"even", "odd"} {
			alone[mode] = launchAll(t, "", 1, device, mode)
		}
		for name, mpirun := range rankstest.Mpiruns(t) {
			for n := 2; n <= 4; n++ {
				t.Run(fmt.Sprintf("%s/%s/%d", device, name, n), func(t *testing.T) {
					mode := []string{"even", "odd"}[n%2]
					want, got := alone[mode], launchAll(t, mpirun, n, device, mode)
					for i := range want {
						require.Equal(t, want[i].Name, got[i].Name)
						require.Len(t, got[i].Losses, len(want[i].Losses))
						for k := range want[i].Losses {
							assert.InEpsilon(t, want[i].Losses[k], got[i].Losses[k], 1e-5, "%s, loss %d", want[i].Name, k)
						}
					}
					if n == 3 {
						assert.Equal(t, got, launchAll(t, mpirun, n, device, mode), "the same ranks give the same bits")
					}
				})
			}
		}
	}
}

// TestLaunchedRanksResumeAfterKills kills one rank or all of two, at random moments, and starts the same command
// again, until the run is complete: as an undisturbed one, to the same bits. Then 1 and 4 ranks resume what was left after one kill.
func TestLaunchedRanksResumeAfterKills(t *testing.T) {
	kills := 4
	if text := os.Getenv("MDFA_KILLS"); text != "" {
		kills, _ = strconv.Atoi(text)
	}
	for _, device := range launchedDevices {
		for name, mpirun := range rankstest.Mpiruns(t) {
			t.Run(device+"/"+name, func(t *testing.T) {
				undisturbed := t.TempDir()
				began := time.Now()
				text, err := command(mpirun, 2, "resume", device, undisturbed).CombinedOutput()
				require.NoError(t, err, "%s", text)
				whole := time.Since(began)
				want := finished(t, undisturbed)
				out := t.TempDir()
				for k := range kills {
					c := command(mpirun, 2, "resume", device, out)
					require.NoError(t, c.Start())
					time.Sleep(time.Duration(rand.Float64() * float64(whole)))
					if k%2 == 0 {
						killOne(t, c.Process.Pid)
					} else {
						_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
						killChildren(c.Process.Pid)
					}
					_ = c.Wait() // mpirun has an error of its own for each kill
				}
				copies := map[int]string{}
				for _, n := range []int{1, 4} {
					copies[n] = t.TempDir()
					require.NoError(t, os.CopyFS(copies[n], os.DirFS(out)))
				}
				for n, folder := range map[int]string{2: out, 1: copies[1], 4: copies[4]} {
					text, err := command(mpirun, n, "resume", device, folder).CombinedOutput()
					require.NoError(t, err, "%d ranks: %s", n, text)
					got := finished(t, folder)
					if n == 2 {
						assert.Equal(t, want.Params, got.Params, "bit-identical")
						continue
					}
					for i, e := range got.Progress.Epochs {
						assert.InEpsilon(t, want.Progress.Epochs[i].Train.MeanLoss(), e.Train.MeanLoss(), 1e-3, "%d ranks, epoch %d", n, i+1)
					}
				}
			})
		}
	}
}

// finished returns the last checkpoint of the only run in a folder, which must be complete.
func finished(t *testing.T, out string) *checkpoint.Checkpoint {
	t.Helper()
	return rows(t, onlyRunIn(t, out))
}

// ranksOf returns the processes below mpirun that run this program.
func ranksOf(mpirun int) (pids []int) {
	text, _ := exec.Command("ps", "-e", "-o", "pid=,ppid=,args=").Output()
	parents := map[int]int{}
	var ours []int
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		pid, _ := strconv.Atoi(fields[0])
		parents[pid], _ = strconv.Atoi(fields[1])
		if fields[2] == os.Args[0] {
			ours = append(ours, pid)
		}
	}
	for _, pid := range ours {
		for above := pid; above > 1; above = parents[above] {
			if parents[above] == mpirun {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// killOne kills a rank, if there is one yet.
func killOne(t *testing.T, mpirun int) {
	t.Helper()
	if pids := ranksOf(mpirun); len(pids) > 0 {
		_ = syscall.Kill(pids[rand.IntN(len(pids))], syscall.SIGKILL)
		return
	}
	_ = syscall.Kill(-mpirun, syscall.SIGKILL)
}

// killChildren kills the ranks that mpirun has left behind.
func killChildren(mpirun int) {
	for _, pid := range ranksOf(mpirun) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}
