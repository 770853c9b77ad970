package main

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
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
