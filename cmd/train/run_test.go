package train

import (
	"bufio"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTrainsOnRealMNIST(t *testing.T) {
	got := runTrain(t, "-model", "mdfa", "-classes", "2", "-max_steps", "20", "-lr", "0.001", "-device", "cpu")
	require.Equal(t, 0, got.code, got.stderr)
	assert.Empty(t, got.stderr)
	lines := strings.Split(got.stdout, "\n")
	assert.Equal(t, "mdfa · fully connected network on mnist, classes 2 and 8 (seed 0)", lines[0])
	assert.Regexp(t, `^device   cpu, \d+ threads?, `, lines[1])
	assert.Equal(t, "data     10,038 train · 1,771 validation · 2,006 test images", lines[2])
	assert.Regexp(t, `(?m)^network  28x28x1 -> dense 200 -> dense 200 -> dense 1 +197,401 weights, feedback 1.6 kB$`, got.stdout)
	assert.Regexp(t, `(?m)^epoch 1/1  loss 0\.\d{4}  train \d\d\.\d\d%  valid \d\d\.\d\d% +[\d,]+ img/s +\d+\.\ds   best$`, got.stdout)
	assert.Regexp(t, `(?m)^test     \d\d\.\d\d%$`, got.stdout)
	assert.NotContains(t, got.stdout, "\x1b", "no colours and no live line without a terminal")

	dir := got.runFolder(t)
	assert.Regexp(t, `results/mnist/mdfa-dense-c2-s0-\d{8}T\d{6}$`, filepath.ToSlash(dir))
	_, rows := table(t, filepath.Join(dir, "result.csv"))
	require.Len(t, rows, 1)
	for column, want := range map[string]string{
		"model": "mdfa", "dataset": "mnist", "classes": "2", "convnet": "false", "layers": "200,200", "filters": "",
		"forward_init": "U1", "backward_init": "U1", "clamp_floor": "0", "lr": "0.001", "batch_size": "64", "max_steps": "20",
		"seed": "0", "status": "complete", "reason": "", "epochs": "1", "steps": "20", "best_epoch": "1",
		"parameters": "197401", "test_top5": "", "device": "cpu",
	} {
		assert.Equal(t, want, rows[0][column], column)
	}
	accuracy, err := strconv.ParseFloat(rows[0]["test_accuracy"], 64)
	require.NoError(t, err)
	assert.Greater(t, accuracy, 0.75, "twenty steps tell 2 from 8 better than a coin does")
	_, epochs := table(t, filepath.Join(dir, "epochs.csv"))
	require.Len(t, epochs, 1)
	assert.Equal(t, rows[0]["best_valid_accuracy"], epochs[0]["valid_accuracy"])
}

func TestSameSeedGivesEqualFilesOnAnyNumberOfThreads(t *testing.T) {
	data := madeUp(t)
	args := []string{"-data", data, "-model", "dfa", "-convnet", "-filters", "8:5:2,8:3:2", "-layers", "12", "-batch_size", "32", "-max_epochs", "3", "-lr", "0.01"}
	var epochs, result []string
	for _, threads := range []string{"1", "2", "2", "3"} {
		cmd := command(t, args...)
		cmd.Env = append(os.Environ(), "GOMAXPROCS="+threads)
		got := finish(t, cmd)
		require.Equal(t, 0, got.code, got.stderr)
		dir := got.runFolder(t)
		epochs = append(epochs, stable(t, filepath.Join(dir, "epochs.csv"), "images_per_second"))
		result = append(result, stable(t, filepath.Join(dir, "result.csv"), "device_detail"))
	}
	assert.Equal(t, 3, strings.Count(epochs[0], "\n"))
	for i := range epochs[1:] {
		assert.Equal(t, epochs[0], epochs[i+1])
		assert.Equal(t, result[0], result[i+1])
	}
	other := runTrain(t, append(args, "-seed", "1")...)
	require.Equal(t, 0, other.code)
	assert.NotEqual(t, epochs[0], stable(t, filepath.Join(other.runFolder(t), "epochs.csv"), "images_per_second"))
}

func TestQuietPrintsTheOutcomeOnly(t *testing.T) {
	got := runTrain(t, "-data", madeUp(t), "-layers", "16", "-max_epochs", "2", "-quiet")
	require.Equal(t, 0, got.code, got.stderr)
	assert.Regexp(t, `^best     epoch \d of 2, validation .*\ntest     .*, top-5 .*\nspeed    .*\nresults  results/mnist/.*\n$`, got.stdout)
}

func TestBackwardInitWithoutFeedbackIsNoted(t *testing.T) {
	args := []string{"-data", madeUp(t), "-layers", "16", "-max_epochs", "1", "-backward_init", "N1"}
	const note = "note     -backward_init is ignored: bp has no feedback\n"
	assert.Contains(t, runTrain(t, args...).stdout, note)
	assert.NotContains(t, runTrain(t, append(args, "-model", "fa")...).stdout, "note ")
}

func TestDivergedRunKeepsWhatItReached(t *testing.T) {
	got := runTrain(t, "-data", madeUp(t), "-layers", "32,32", "-activation", "relu", "-optimizer", "sgd", "-lr", "1e30", "-max_epochs", "5")
	assert.Equal(t, exitFailed, got.code)
	assert.Equal(t, "train: the loss of epoch 1 is NaN: try a smaller learning rate.\n", got.stderr)
	_, rows := table(t, filepath.Join(got.runFolder(t), "result.csv"))
	assert.Equal(t, "failed", rows[0]["status"])
	assert.Equal(t, "the loss of epoch 1 is NaN: try a smaller learning rate", rows[0]["reason"])
	_, epochs := table(t, filepath.Join(got.runFolder(t), "epochs.csv"))
	require.Len(t, epochs, 1)
	assert.Equal(t, "NaN", epochs[0]["train_loss"])
}

// startLong starts a run that trains until it is stopped, and waits for a line of its
// output that matches.
func startLong(t *testing.T, until string, args ...string) (cmd *exec.Cmd, rest func() (stdout, stderr string)) {
	t.Helper()
	return startLongIn(t, command(t), until, args...)
}

// startLongIn is startLong of a command without its arguments.
func startLongIn(t *testing.T, in *exec.Cmd, until string, args ...string) (cmd *exec.Cmd, rest func() (stdout, stderr string)) {
	t.Helper()
	cmd = in
	cmd.Args = append(append(cmd.Args, "-max_epochs", "1000000"), args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	pipe, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(pipe)
	matches := regexp.MustCompile(until)
	for {
		line, err := lines.ReadString('\n')
		require.NoError(t, err, "the program ended early")
		if matches.MatchString(line) {
			break
		}
	}
	return cmd, func() (string, string) {
		text, err := io.ReadAll(lines)
		require.NoError(t, err)
		_ = cmd.Wait() // the caller looks at the state
		return string(text), stderr.String()
	}
}

func TestSignalEndsTheRunWithItsResults(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		t.Run(signal.String(), func(t *testing.T) {
			cmd, rest := startLong(t, `^epoch +2/1000000`, "-data", madeUp(t), "-layers", "16")
			require.NoError(t, cmd.Process.Signal(signal))
			stdout, stderr := rest()
			assert.Equal(t, exitInterrupted, cmd.ProcessState.ExitCode())
			assert.Regexp(t, `^train: interrupted in epoch \d+: the results so far are written\.\n$`, stderr)
			assert.Contains(t, stdout, "\nresults  results/mnist/")

			dir := finished{dir: cmd.Dir}.runFolder(t)
			_, rows := table(t, filepath.Join(dir, "result.csv"))
			assert.Equal(t, "interrupted", rows[0]["status"])
			assert.Regexp(t, `^in epoch \d+$`, rows[0]["reason"])
			_, epochs := table(t, filepath.Join(dir, "epochs.csv"))
			assert.GreaterOrEqual(t, len(epochs), 2)
			assert.Equal(t, strconv.Itoa(len(epochs)), rows[0]["epochs"])
			assert.Empty(t, rows[0]["test_accuracy"])
		})
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	// One step of this network is some 400 GFLOP: far longer than the pause between the signals.
	cmd, rest := startLong(t, `^rule `, "-data", madeUp(t), "-convnet", "-filters", "256:5:1,256:5:1", "-batch_size", "100", "-optimizer", "sgd")
	time.Sleep(300 * time.Millisecond)
	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	time.Sleep(200 * time.Millisecond)
	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	_, stderr := rest()
	state, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
	require.True(t, ok)
	assert.True(t, state.Signaled() && state.Signal() == syscall.SIGINT, "%v", cmd.ProcessState)
	assert.Empty(t, stderr)
}

func TestFullDiskKeepsTheLastCompleteState(t *testing.T) {
	// A limit on the size of files stands for a full disk: the shell counts in blocks of
	// 1024 bytes. run.json has room, and the file of epochs has it for some rows.
	cmd := command(t)
	program := cmd.Path
	cmd.Path = "/bin/bash"
	cmd.Args = []string{"bash", "-c", `ulimit -f 4; exec "$0" "$@"`, program,
		"-data", madeUp(t), "-layers", "16", "-max_epochs", "100", "-checkpoint_every", "-1"}
	got := finish(t, cmd)
	assert.Equal(t, exitFailed, got.code)
	assert.Regexp(t, `^train: results cannot be written to results/mnist/\S+ \(file too large\): .*-out\.\n$`, got.stderr)

	dir := got.runFolder(t)
	_, epochs := table(t, filepath.Join(dir, "epochs.csv"))
	assert.NotEmpty(t, epochs)
	assert.Less(t, len(epochs), 80)
	_, rows := table(t, filepath.Join(dir, "result.csv"))
	assert.Equal(t, "failed", rows[0]["status"])
	assertNothingTemporary(t, dir)
}

func TestDiskFullFromTheStartLeavesNothing(t *testing.T) {
	cmd := command(t)
	program := cmd.Path
	cmd.Path = "/bin/bash"
	cmd.Args = []string{"bash", "-c", `ulimit -f 0; exec "$0" "$@"`, program, "-data", madeUp(t)}
	got := finish(t, cmd)
	assert.Equal(t, exitFailed, got.code)
	assertSentence(t, got, "results cannot be written to results/mnist/")
}

func TestFullStandardOutputIsAnErrorAfterTheRun(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	require.NoError(t, err)
	defer full.Close()
	cmd := command(t, "-data", madeUp(t), "-layers", "16", "-max_epochs", "1")
	cmd.Stdout = full
	got := finish(t, cmd)
	assert.Equal(t, exitFailed, got.code)
	assert.Equal(t, "train: printing to standard output failed: write /dev/stdout: no space left on device.\n", got.stderr)
	_, rows := table(t, filepath.Join(got.runFolder(t), "result.csv"))
	assert.Equal(t, "complete", rows[0]["status"])
}

// assertNothingTemporary checks that no half-written file is left in a run's folder.
func assertNothingTemporary(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		assert.NotRegexp(t, `^\..*\d$`, e.Name())
	}
}

func assertFiles(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	assert.Equal(t, want, names)
}
