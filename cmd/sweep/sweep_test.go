package sweep

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/cmd/internal/cli"
	"mdfa/cmd/internal/runtest"
	"mdfa/run/folder"
)

func TestRunsOfASweepAreThoseOfTrain(t *testing.T) {
	data := runtest.Digits(t)
	want := trained(t, data)
	var dir string
	var got finished
	for _, jobs := range []string{"1", "3", "auto"} {
		dir = t.TempDir()
		got = runIn(t, dir, "sweep", append(small(data), "-jobs", jobs)...)
		require.Equal(t, 0, got.code, got.stderr)
		assertSame(t, want, ends(t, dir))
	}
	assert.Len(t, regexp.MustCompile(`(?m)^\d/8  (bp|mdfa)  classes \d  seed \d  valid \d+\.\d\d%  test \d+\.\d\d%  \d\.\ds   .*\d left`).FindAllString(got.stdout, -1), 8, got.stdout)
	assert.Contains(t, got.stdout, "\n8 runs · 8 complete\n")
	assert.NotContains(t, got.stdout, "0 running")

	record, err := folder.ReadRun(firstRun(t, dir))
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(programs, "train"), record.Command[0])
	assert.Contains(t, strings.Join(record.Command, " "), "-report=false")
	again := runIn(t, t.TempDir(), "train", append(record.Command[1:], "-quiet")...)
	assert.Equal(t, 0, again.code, again.stderr)
}

// firstRun is the folder of a run.
func firstRun(t *testing.T, dir string) string {
	t.Helper()
	dirs, err := folder.RunsBelow(filepath.Join(dir, "results"))
	require.NoError(t, err)
	require.NotEmpty(t, dirs)
	return dirs[0]
}

func TestTheSameCommandTrainsWhatIsLeft(t *testing.T) {
	data, dir := runtest.Digits(t), t.TempDir()
	args := small(data)
	got := runIn(t, dir, "sweep", append(args, "-where", "seed=0")...)
	require.Equal(t, 0, got.code, got.stderr)
	assert.Contains(t, got.stdout, "\n4 runs · 4 complete\n")
	first := ends(t, dir)

	list := runIn(t, dir, "sweep", append(args, "-list")...)
	require.Equal(t, 0, list.code, list.stderr)
	assert.Regexp(t, `(?m)^bp  classes 2  seed 0    valid \d+\.\d\d%  test \d+`, list.stdout)
	assert.Regexp(t, `(?m)^mdfa  classes 4  seed 1  -$`, list.stdout)
	assert.Regexp(t, `(?m)^8 runs · 4 complete · 4 left · about \d+s to go$`, list.stdout)
	assert.Len(t, ends(t, dir), 4, "it trains nothing")

	got = runIn(t, dir, "sweep", args...)
	require.Equal(t, 0, got.code, got.stderr)
	assert.Regexp(t, `^8 runs · 4 complete · 4 left`, got.stdout)
	assert.NotContains(t, got.stdout, "seed 0")
	all := ends(t, dir)
	assert.Len(t, all, 8)
	for name, end := range first {
		runtest.AssertSame(t, end, all[name])
	}

	got = runIn(t, dir, "sweep", append(args, "-model", "fa")...)
	require.Equal(t, 0, got.code, got.stderr)
	assert.Contains(t, got.stdout, "\n12 runs · 12 complete\n")
	got = runIn(t, dir, "sweep", append(args, "-quiet")...)
	require.Equal(t, 0, got.code, got.stderr)
	assert.Regexp(t, `^8 runs · 8 complete\n`, got.stdout)
	assert.Contains(t, got.stdout, "against bp")
}

func TestARunThatDivergesStopsNoOther(t *testing.T) {
	data, dir := runtest.Digits(t), t.TempDir()
	args := append(base(data), "-lr", "1e30", "-optimizer", "sgd", "-activation", "relu", "-model", "bp,shallow", "-seed", "0,1")
	got := runIn(t, dir, "sweep", args...)
	require.Equal(t, 1, got.code, got.stdout)
	assert.Regexp(t, `^sweep: \d runs of 8 failed \(results/mnist/\S+, .*\): -list says why, and -retry_failed starts them again\.\n$`, got.stderr)
	assert.Contains(t, got.stdout, "failed: ")
	assert.Contains(t, got.stdout, "try a smaller learning rate")
	assert.Regexp(t, `(?m)^8 runs · \d complete · \d failed$`, got.stdout)
	first := got.stderr

	again := runIn(t, dir, "sweep", args...)
	assert.Equal(t, 1, again.code)
	assert.Equal(t, first, again.stderr)
	assert.NotContains(t, again.stdout, "try a smaller", "a failed run is not started again")
	list := runIn(t, dir, "sweep", append(args, "-list")...)
	assert.Contains(t, list.stdout, "try a smaller learning rate")
	retried := runIn(t, dir, "sweep", append(args, "-retry_failed")...)
	assert.Equal(t, 1, retried.code)
	assert.Contains(t, retried.stdout, "try a smaller learning rate")
}

func TestAKilledSweepEndsAsAnUndisturbedOne(t *testing.T) {
	data := runtest.Digits(t)
	args := append(small(data), "-max_epochs", "30", "-checkpoint_every", "7")
	whole := t.TempDir()
	start := time.Now()
	got := runIn(t, whole, "sweep", args...)
	require.Equal(t, 0, got.code, got.stderr)
	took := time.Since(start)
	want := ends(t, whole)
	rng := rand.New(rand.NewPCG(uint64(start.UnixNano()), 0))
	dir, killed := t.TempDir(), 0
	for {
		cmd := command(t, dir, "sweep", args...)
		require.NoError(t, cmd.Start())
		signal := []os.Signal{syscall.SIGKILL, syscall.SIGTERM}[rng.IntN(2)]
		timer := time.AfterFunc(time.Duration(rng.Int64N(int64(took/2))), func() { _ = cmd.Process.Signal(signal) })
		err := cmd.Wait()
		timer.Stop()
		if err == nil {
			break
		}
		killed++
	}
	t.Logf("%d kills", killed)
	assertSame(t, want, ends(t, dir))
}

func TestCtrlCSavesTheRunsAndSaysHowToGoOn(t *testing.T) {
	data, dir := runtest.Digits(t), t.TempDir()
	args := append(base(data), "-max_epochs", "100000", "-seed", "0,1")
	cmd := command(t, dir, "sweep", args...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool {
		found, _ := filepath.Glob(filepath.Join(dir, "results/mnist/*/checkpoints/last.safetensors"))
		return len(found) > 0
	}, time.Minute, 10*time.Millisecond)
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	_ = cmd.Wait()
	assert.Equal(t, cli.ExitInterrupted, cmd.ProcessState.ExitCode())
	assert.Equal(t, "sweep: interrupted with 0 runs complete and 2 left, which are saved as far as they have come.\n", stderr.String())
	assert.Contains(t, stdout.String(), "\nresume   to go on, the same command: "+filepath.Join(programs, "sweep")+" -data ")
	list := runIn(t, dir, "sweep", append(args, "-list")...)
	assert.Regexp(t, `(?m)^bp  seed 0  cut off after \d+ epochs? of 100000 \(results/mnist/bp-`, list.stdout)
}

func TestAFolderThatCannotBeWrittenEndsTheSweep(t *testing.T) {
	data, dir := runtest.Digits(t), t.TempDir()
	args := append(base(data), "-seed", "0-3", "-jobs", "1")
	cmd := command(t, dir, "sweep", args...)
	// The shell counts in blocks of 1024 bytes: a checkpoint has more.
	limited := exec.CommandContext(t.Context(), "sh", append([]string{"-c", `ulimit -f 8 && exec "$0" "$@"`}, cmd.Args...)...)
	limited.Dir, limited.Env = dir, cmd.Env
	got := finish(t, limited)
	assert.Equal(t, 1, got.code)
	assert.Regexp(t, `^sweep: the checkpoint results/mnist/\S+ cannot be written \(file too large\): files may not grow that large here: raise the limit and resume the run; .*\n$`, got.stderr)
	assert.Contains(t, got.stdout, "\nresume   to go on, the same command: ")
	dirs, err := folder.RunsBelow(filepath.Join(dir, "results"))
	require.NoError(t, err)
	assert.Len(t, dirs, 1, "no other run was begun")
	got = runIn(t, dir, "sweep", append(args, "-retry_failed")...)
	require.Equal(t, 0, got.code, got.stderr)
	assert.Contains(t, got.stdout, "\n4 runs · 4 complete\n")
}

func TestBadValuesGiveASentence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"-out", file}, 1, "sweep: -out " + file + " cannot be read (not a directory): expected a folder of runs, or the name of a new one."},
		{[]string{"-out", file, "-list"}, 1, "cannot be read (not a directory)"},
		{[]string{"-seed", "0..9"}, 2, "-seed 0..9: expected a whole number from 0 to 4294967295, or several, such as 0-9 or 1,3."},
		{[]string{"-resume", "auto"}, 2, "-resume is not for sweeps: the same command resumes the runs that were cut off."},
		{[]string{"-seed", "3-1"}, 2, "-seed 3-1: expected a range from a smaller to a larger number, such as 0-9."},
		{[]string{"-model", "bp,ab"}, 2, "-model \"ab\" is unknown; there are "},
		{[]string{"-classes", "2,99"}, 2, "-classes 99: mnist has only 10 classes; give 2 to 10 (leave the flag out to use all)."},
		{[]string{"-data", runtest.Digits(t), "-seed", "0", "-batch_size", "341"}, 1, "1 run of 1 failed (bp  seed 0): -batch_size 341 is larger than the 340 training images: take a smaller one."},
		{[]string{"-jobs", "0"}, 2, "-jobs 0: expected a whole number from 1 on, or auto."},
		{[]string{"-profile"}, 2, "-profile measures a GPU that trains one run at a time, and a sweep trains several: give -jobs 1."},
		{[]string{"-device", "cpu,cpu"}, 2, "-device names cpu twice: leave it out once; -jobs says how many runs a device trains at a time."},
		{[]string{"-device", "cpu,abacus"}, 2, "-device \"abacus\": unknown; there are auto, cuda, cpu, emu."},
		{[]string{"-where", "model=xx"}, 2, "-where leaves none of the grid's 1 runs."},
		{[]string{"-data", "/nowhere"}, 1, "/nowhere"},
		{[]string{"-max_epochs", "1,2"}, 2, "-max_epochs 1,2: runs are not told apart by it: give one value for all runs."},
	} {
		got := runIn(t, t.TempDir(), "sweep", c.args...)
		assert.Equal(t, c.code, got.code, c.args)
		assert.Contains(t, got.stderr, c.want)
		assert.Equal(t, 1, strings.Count(got.stderr, "\n"), got.stderr)
	}
}
