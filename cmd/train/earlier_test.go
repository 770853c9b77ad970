package train

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/run/folder"
)

// TestARunOfAnEarlierVersionIsResumed resumes the run in testdata/earlier, which an earlier version left in the middle
// of an epoch, and compares it with that version's own run to the end.
func TestARunOfAnEarlierVersionIsResumed(t *testing.T) {
	earlier := filepath.Join("..", "..", "testdata", "earlier")
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(dir, "results"), os.DirFS(filepath.Join(earlier, "results"))))
	run := filepath.Join("results", "mnist", "mdfa")
	_, before := table(t, filepath.Join(dir, run, "epochs.csv"))

	cmd := inFolder(t, dir, "-resume", run, "-data", madeUp(t), "-max_steps", "0", "-device", "cpu")
	cmd.Env = append(cmd.Env, "MDFA_BLAS=gonum")
	got := finish(t, cmd)
	require.Zero(t, got.code, got.stderr)

	_, after := table(t, filepath.Join(dir, run, "epochs.csv"))
	for column, value := range before[0] {
		assert.Equal(t, value, after[0][column], "%s of the first epoch's row is kept", column)
	}

	// Other processors may round the last bits in another way.
	clocks := []string{"images_per_second", "train_seconds", "data_wait_seconds"}
	assertTable(t, filepath.Join(earlier, "whole"), filepath.Join(dir, run), "epochs.csv", clocks...)
	assertTable(t, filepath.Join(earlier, "whole"), filepath.Join(dir, run), "alignment.csv")
	assertTable(t, filepath.Join(earlier, "whole"), filepath.Join(dir, run), "result.csv",
		append(clocks, "version", "go", "device_detail", "data", "time")...)
}

// TestARunOfAnEarlierVersionIsFound gives the command of the run again. It kept all classes, which that version
// recorded as 0.
func TestARunOfAnEarlierVersionIsFound(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(dir, "results"), os.DirFS(filepath.Join("..", "..", "testdata", "earlier", "results"))))
	run, err := folder.ReadRun(filepath.Join(dir, "results", "mnist", "mdfa"))
	require.NoError(t, err)
	require.Equal(t, "0", run.Flags["classes"])
	command := strings.Fields("-data " + run.Flags["data"] + " -model mdfa -convnet -filters 4:7:7 -optimizer adam -lr 1e-2 -l2 0.001 -batch_size 64 " +
		"-alignment 4 -max_epochs 4 -max_steps 8 -checkpoint_every 3 -report=false -resume auto")
	for _, classes := range []string{"all", "10", "0"} {
		found := finish(t, inFolder(t, dir, append(command, "-classes", classes)...))
		require.Zero(t, found.code, found.stderr)
		assert.Contains(t, found.stdout, filepath.Join("results", "mnist", "mdfa")+" is complete: ", classes)
	}
	other := finish(t, inFolder(t, dir, append(command, "-classes", "9")...))
	assert.NotZero(t, other.code, "a new run, whose data are not there")
}

// assertTable compares a table of two folders, numbers within 0.1 %, without the columns left out.
func assertTable(t *testing.T, want, got, name string, leftOut ...string) {
	t.Helper()
	wantHeader, wantRows := table(t, filepath.Join(want, name))
	gotHeader, gotRows := table(t, filepath.Join(got, name))
	require.Subset(t, gotHeader, wantHeader, "%s keeps its columns", name)
	require.Len(t, gotRows, len(wantRows), name)
	for i, row := range wantRows {
		for _, column := range leftOut {
			delete(row, column)
		}
		for column, value := range row {
			x, err := strconv.ParseFloat(value, 64)
			if err != nil || x == 0 {
				assert.Equal(t, value, gotRows[i][column], "%s, row %d, %s", name, i+1, column)
				continue
			}
			y, err := strconv.ParseFloat(gotRows[i][column], 64)
			require.NoError(t, err, "%s, row %d, %s", name, i+1, column)
			assert.InEpsilon(t, x, y, 1e-3, "%s, row %d, %s", name, i+1, column)
		}
	}
}
