package folder

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	columns = []string{"epoch", "loss"}
	start   = time.Date(2026, 11, 24, 10, 15, 2, 0, time.UTC)
)

func read(t *testing.T, r *Writer, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.Dir(), name))
	require.NoError(t, err)
	return string(text)
}

func TestRunHoldsItsEpochsThenItsResult(t *testing.T) {
	root := filepath.Join(t.TempDir(), "a", "b")
	r, err := Create(root, "mnist", "bp-s0", start, columns, nil)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(root, "mnist", "bp-s0-20261124T101502"), r.Dir())
	assert.Equal(t, "epoch,loss\n", read(t, r, EpochsFile))

	require.NoError(t, r.AddEpoch([]Cell{{"epoch", "1"}, {"loss", "0.5"}}))
	require.NoError(t, r.AddEpoch([]Cell{{"epoch", "2"}, {"loss", "a, \"b\""}}))
	assert.Equal(t, "epoch,loss\n1,0.5\n2,\"a, \"\"b\"\"\"\n", read(t, r, EpochsFile))

	require.NoError(t, r.Finish([]Cell{{"model", "bp"}, {"status", "complete"}}))
	assert.Equal(t, "model,status\nbp,complete\n", read(t, r, ResultFile))
	require.NoError(t, r.WriteProfile([]byte("{}\n")))
	assert.Equal(t, "{}\n", read(t, r, ProfileFile))
	entries, err := os.ReadDir(r.Dir())
	require.NoError(t, err)
	assert.Len(t, entries, 4, "the lock; no temporary file stays")
}

func TestRowsOfOtherColumnsAreRefused(t *testing.T) {
	r, err := Create(t.TempDir(), "g", "n", start, columns, nil)
	require.NoError(t, err)
	assert.Error(t, r.AddEpoch([]Cell{{"loss", "1"}, {"epoch", "1"}}))
	assert.Equal(t, "epoch,loss\n", read(t, r, EpochsFile))
}

func TestRunsOfTheSameSecondGetFoldersOfTheirOwn(t *testing.T) {
	root := t.TempDir()
	const runs = 8
	dirs := make([]string, runs)
	var all sync.WaitGroup
	for i := range runs {
		all.Go(func() {
			r, err := Create(root, "mnist", "bp", start, columns, nil)
			if assert.NoError(t, err) {
				dirs[i] = r.Dir()
			}
		})
	}
	all.Wait()
	want := []string{filepath.Join(root, "mnist", "bp-20261124T101502")}
	for _, n := range []string{"2", "3", "4", "5", "6", "7", "8"} {
		want = append(want, want[0]+"-"+n)
	}
	assert.ElementsMatch(t, want, dirs)
}

func TestDiscardLeavesNothingOfItsOwn(t *testing.T) {
	root := t.TempDir()
	r, err := Create(filepath.Join(root, "new"), "mnist", "bp", start, columns, nil)
	require.NoError(t, err)
	r.Discard()
	assert.NoDirExists(t, filepath.Join(root, "new"))
	assert.DirExists(t, root, "it was there before")
}

func TestDiscardKeepsOtherRuns(t *testing.T) {
	root := filepath.Join(t.TempDir(), "new")
	first, err := Create(root, "mnist", "bp", start, columns, nil)
	require.NoError(t, err)
	second, err := Create(root, "mnist", "bp", start, columns, nil)
	require.NoError(t, err)
	first.Discard()
	assert.NoDirExists(t, first.Dir())
	assert.FileExists(t, filepath.Join(second.Dir(), EpochsFile))
}

func TestFailedWriteKeepsTheFileBefore(t *testing.T) {
	r, err := Create(t.TempDir(), "g", "n", start, columns, nil)
	require.NoError(t, err)
	require.NoError(t, r.AddEpoch([]Cell{{"epoch", "1"}, {"loss", "1"}}))
	moved := r.Dir() + ".away"
	require.NoError(t, os.Rename(r.Dir(), moved))

	err = r.AddEpoch([]Cell{{"epoch", "2"}, {"loss", "2"}})
	require.ErrorIs(t, err, ErrWrite)
	assert.ErrorIs(t, err, syscall.ENOENT)
	assert.NotContains(t, err.Error(), "epochs.csv", "the sentence names the folder and the reason")

	require.NoError(t, os.Rename(moved, r.Dir()))
	assert.Equal(t, "epoch,loss\n1,1\n", read(t, r, EpochsFile))
	require.NoError(t, r.AddEpoch([]Cell{{"epoch", "3"}, {"loss", "3"}}))
	assert.Equal(t, "epoch,loss\n1,1\n3,3\n", read(t, r, EpochsFile), "the row that failed is not written later")
}

func TestPlacesThatCannotBeWrittenAreExplained(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	_, err := Create(file, "mnist", "bp", start, columns, nil)
	assert.EqualError(t, err, "results cannot be written to "+file+
		" (not a directory): a file is where a folder should be: move it, or name another folder with -out.")
	for cause, want := range map[error]string{
		syscall.ENOSPC: "the disk is full", syscall.EDQUOT: "the disk is full",
		syscall.EROFS: "not permitted", syscall.EACCES: "not permitted", syscall.EFBIG: "raise the limit",
	} {
		err := explain("there", &os.PathError{Op: "write", Path: "there/.x123", Err: cause})
		assert.ErrorIs(t, err, cause)
		assert.Contains(t, err.Error(), want)
		assert.NotContains(t, err.Error(), ".x123")
	}
}
