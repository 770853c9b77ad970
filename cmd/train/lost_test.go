package train

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo/training"
	"mdfa/run/checkpoint"
)

// The l2 makes the weights grow by half at each step, until they are infinite within the
// epoch.
func TestARunThatDivergesWithinAnEpochKeepsAStateFromBefore(t *testing.T) {
	args := []string{"-data", madeUp(t), "-layers", "8", "-batch_size", "1", "-model", "bp", "-optimizer", "sgd",
		"-lr", "0.01", "-l2", "250", "-max_epochs", "3"}
	got := runTrain(t, append(args, "-checkpoint_every", "1")...)
	assert.Equal(t, exitFailed, got.code)
	assert.Regexp(t, `^train: (weights are NaN or infinite|the loss) after step \d+ of epoch 1( is \S+)?: try a smaller learning rate; results/mnist/\S+/checkpoints/last\.safetensors holds the state after step \d+ of epoch 1\.\n$`, got.stderr)
	run := got.runFolder(t)
	_, rows := table(t, filepath.Join(run, "result.csv"))
	assert.Equal(t, "failed", rows[0]["status"])
	assertFiles(t, filepath.Join(run, "checkpoints"), "last.safetensors", "previous.safetensors")
	for _, name := range []string{"last.safetensors", "previous.safetensors"} {
		c, err := checkpoint.Read(t.Context(), filepath.Join(run, "checkpoints", name))
		require.NoError(t, err)
		assert.NoError(t, c.CheckFinite())
		assert.True(t, training.Finite([]float32{float32(c.Progress.Sums.Loss)}))
	}
	relative, err := filepath.Rel(got.dir, run)
	require.NoError(t, err)
	again := finish(t, inFolder(t, got.dir, "-resume", relative))
	assert.Equal(t, exitFailed, again.code)
	assert.Contains(t, again.stdout, "\nresume   in epoch 1, after step ")
	assert.Equal(t, got.stderr, again.stderr, "it comes to the same end")

	// Without checkpoints, and at the end of the training, it is noticed, too.
	for _, steps := range []string{"0", "250"} {
		got = runTrain(t, append(args, "-checkpoint_every", "-1", "-max_steps", steps)...)
		assert.Equal(t, exitFailed, got.code)
		assert.Regexp(t, `^train: [^\n]*: try a smaller learning rate\.\n$`, got.stderr)
	}
	got = runTrain(t, args...)
	assert.Equal(t, exitFailed, got.code)
	assert.NoDirExists(t, filepath.Join(got.runFolder(t), "checkpoints"), "no best weights either")
}

func TestARemovedRunFolderEndsTheRunAndStaysAway(t *testing.T) {
	for name, every := range map[string][]string{"after an epoch": nil, "within an epoch": {"-checkpoint_every", "3"}, "without checkpoints": {"-checkpoint_every", "-1"}} {
		t.Run(name, func(t *testing.T) {
			cmd, rest := startLong(t, `^epoch +2/`, append([]string{"-data", madeUp(t), "-layers", "16", "-alignment", "5"}, every...)...)
			run := finished{dir: cmd.Dir}.runFolder(t)
			require.NoError(t, os.Rename(run, filepath.Join(t.TempDir(), "gone"))) // at once, unlike removing
			stdout, stderr := rest()
			assert.NotContains(t, stdout, "\nresults ")
			assert.Equal(t, exitFailed, cmd.ProcessState.ExitCode())
			assert.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
			assert.Contains(t, stderr, "was removed or renamed meanwhile")
			assert.NoDirExists(t, run)
		})
	}
}

func TestOfTwoProcessesThatBeginTheSameRunOneTrains(t *testing.T) {
	args := []string{"-data", madeUp(t), "-layers", "16", "-max_epochs", "40", "-resume", "auto"}
	for range 5 {
		dir := t.TempDir()
		var started [3]*exec.Cmd
		var stderr [3]strings.Builder
		for i := range started {
			started[i] = inFolder(t, dir, args...)
			started[i].Stderr = &stderr[i]
			require.NoError(t, started[i].Start())
		}
		for i, cmd := range started {
			_ = cmd.Wait() // the exit code says how it ended
			if cmd.ProcessState.ExitCode() != 0 {
				assert.Regexp(t, `^train: (another process has just begun the same run in results/mnist/\S+: wait for its end|a process trains in results/mnist/\S+ at this moment: wait for its end), or stop it[^\n]*\.\n$`, stderr[i].String())
			}
		}
		finished{dir: dir}.runFolder(t) // there is one
	}
}
