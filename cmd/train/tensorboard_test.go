package train

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// `make test-interop` reads these files with TensorBoard itself.

// eventFiles are those of a run, one after the other.
func eventFiles(t *testing.T, run string) (names []string, text string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(run, "tensorboard", "*"))
	require.NoError(t, err)
	for _, name := range names {
		file, err := os.ReadFile(name)
		require.NoError(t, err)
		text += string(file)
	}
	return names, text
}

func TestTensorBoardFilesChangeNothingOfTheRun(t *testing.T) {
	args := []string{"-data", madeUp(t), "-model", "mdfa", "-layers", "8,6", "-max_epochs", "2", "-batch_size", "2", "-alignment", "50", "-report=false"}
	plain := runTrain(t, args...)
	require.Equal(t, 0, plain.code, plain.stderr)
	names, _ := eventFiles(t, plain.runFolder(t))
	assert.Empty(t, names)

	got := runTrain(t, append(args, "-tensorboard")...)
	require.Equal(t, 0, got.code, got.stderr)
	for _, file := range []string{"epochs.csv", "alignment.csv"} {
		want, err := os.ReadFile(filepath.Join(plain.runFolder(t), file))
		require.NoError(t, err)
		have, err := os.ReadFile(filepath.Join(got.runFolder(t), file))
		require.NoError(t, err)
		if file == "epochs.csv" {
			assert.Equal(t, stable(t, filepath.Join(plain.runFolder(t), file), "images_per_second"),
				stable(t, filepath.Join(got.runFolder(t), file), "images_per_second"))
			continue
		}
		assert.Equal(t, string(want), string(have))
	}
	names, text := eventFiles(t, got.runFolder(t))
	require.Len(t, names, 1)
	for tag, times := range map[string]int{
		"loss/steps": 3, // 170 steps an epoch: 100, 200 and 300
		"loss/train": 2, "accuracy/train": 2, "loss/valid": 2, "accuracy/valid": 2 * 2, "accuracy/valid_top5": 2, "accuracy/test": 1,
		"training/learning_rate": 2, "training/images_per_second": 2,
		"weights/layers.0.weight": 2, "weights/layers.2.bias": 2, "preactivations/layers.0": 2, "preactivations/layers.1": 2,
		"preactivations/layers.2": 0, "filters/layers.0": 2, "angle_bp/layers.0": 7, "at_floor/layers.0": 0, "at_floor/layers.1": 7,
	} {
		assert.Equal(t, times, strings.Count(text, tag), tag)
	}
}

func TestTensorBoardGoesOnWithTheRun(t *testing.T) {
	first := runTrain(t, "-data", madeUp(t), "-layers", "8", "-max_epochs", "1", "-tensorboard")
	require.Equal(t, 0, first.code, first.stderr)
	run := first.runFolder(t)
	again := runTrain(t, "-resume", run, "-max_epochs", "2")
	require.Equal(t, 0, again.code, again.stderr)
	names, text := eventFiles(t, run)
	assert.Len(t, names, 2, "the flag is the run's")
	assert.Equal(t, 2, strings.Count(text, "loss/train"))
	again = runTrain(t, "-resume", run, "-max_epochs", "3", "-tensorboard=false")
	require.Equal(t, 0, again.code, again.stderr)
	names, _ = eventFiles(t, run)
	assert.Len(t, names, 2)
}

func TestRunGoesOnWithoutTensorBoardFilesThatCannotBeWritten(t *testing.T) {
	cmd := command(t)
	program := cmd.Path
	cmd.Path = "/bin/bash"
	// Files of up to 100 KiB: enough for all others of so small a run.
	cmd.Args = []string{"bash", "-c", `ulimit -f 100; exec "$0" "$@"`, program,
		"-data", madeUp(t), "-layers", "4", "-max_epochs", "30", "-tensorboard", "-report=false"}
	got := finish(t, cmd)
	assert.Equal(t, exitFailed, got.code)
	assert.Regexp(t, `^train: TensorBoard's files cannot be written to results/mnist/\S+/tensorboard \(file too large\): `+
		`the run went on without them\.\n$`, got.stderr)
	_, rows := table(t, filepath.Join(got.runFolder(t), "result.csv"))
	assert.Equal(t, "complete", rows[0]["status"])
	assert.Equal(t, "30", rows[0]["epochs"])
}
