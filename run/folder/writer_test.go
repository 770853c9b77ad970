package folder

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/run/settings"
)

var start = time.Date(2026, 11, 24, 10, 15, 2, 0, time.UTC)

// epoch is a row of epochs.csv.
func epoch(number int, loss float64) Epoch { return Epoch{Number: number, TrainLoss: Known(loss)} }

// epochsText is epochs.csv with such rows, "1,0,0.5" and so on.
func epochsText(rows ...string) string {
	text := strings.Join(EpochColumns.Names(), ",") + "\n"
	for _, row := range rows {
		text += row + ",,,,,,false,,,\n"
	}
	return text
}

func read(t *testing.T, r *Writer, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(r.Dir(), name))
	require.NoError(t, err)
	return string(text)
}

func TestRunHoldsItsEpochsThenItsResult(t *testing.T) {
	root := filepath.Join(t.TempDir(), "a", "b")
	r, err := Create(root, "mnist", "bp-s0", start, nil)
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(root, "mnist", "bp-s0-20261124T101502"), r.Dir())
	assert.Equal(t, epochsText(), read(t, r, EpochsFile))

	require.NoError(t, r.AddEpoch(epoch(1, 0.5)))
	require.NoError(t, r.AddEpoch(epoch(2, 0.25)))
	assert.Equal(t, epochsText("1,0,0.5", "2,0,0.25"), read(t, r, EpochsFile))

	require.NoError(t, r.Finish(&Result{
		Settings: []settings.Fact{{Name: "model", Text: "bp"}}, Outcome: Outcome{Status: StatusFailed, Reason: "a, \"b\"", Epochs: Known(2)},
	}))
	lines := strings.Split(read(t, r, ResultFile), "\n")
	assert.True(t, strings.HasPrefix(lines[0], "version,go,device,model,parameters,status,reason,epochs,"), lines[0])
	assert.True(t, strings.HasPrefix(lines[1], ",,,bp,0,failed,\"a, \"\"b\"\"\",2,"), lines[1])
	require.NoError(t, r.Write(ProfileFile, []byte("{}\n")))
	assert.Equal(t, "{}\n", read(t, r, ProfileFile))
	entries, err := os.ReadDir(r.Dir())
	require.NoError(t, err)
	assert.Len(t, entries, 4, "the lock; no temporary file stays")
}

func TestRunsOfTheSameSecondGetFoldersOfTheirOwn(t *testing.T) {
	root := t.TempDir()
	const runs = 8
	dirs := make([]string, runs)
	var all sync.WaitGroup
	for i := range runs {
		all.Go(func() {
			r, err := Create(root, "mnist", "bp", start, nil)
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
	r, err := Create(filepath.Join(root, "new"), "mnist", "bp", start, nil)
	require.NoError(t, err)
	r.Discard()
	assert.NoDirExists(t, filepath.Join(root, "new"))
	assert.DirExists(t, root, "it was there before")
}

func TestDiscardKeepsOtherRuns(t *testing.T) {
	root := filepath.Join(t.TempDir(), "new")
	first, err := Create(root, "mnist", "bp", start, nil)
	require.NoError(t, err)
	second, err := Create(root, "mnist", "bp", start, nil)
	require.NoError(t, err)
	first.Discard()
	assert.NoDirExists(t, first.Dir())
	assert.FileExists(t, filepath.Join(second.Dir(), EpochsFile))
}

func TestFailedWriteKeepsTheFileBefore(t *testing.T) {
	r, err := Create(t.TempDir(), "g", "n", start, nil)
	require.NoError(t, err)
	require.NoError(t, r.AddEpoch(epoch(1, 1)))
	moved := r.Dir() + ".away"
	require.NoError(t, os.Rename(r.Dir(), moved))

	err = r.AddEpoch(epoch(2, 2))
	require.ErrorIs(t, err, ErrWrite)
	assert.ErrorIs(t, err, syscall.ENOENT)
	assert.NotContains(t, err.Error(), "epochs.csv", "the sentence names the folder and the reason")

	require.NoError(t, os.Rename(moved, r.Dir()))
	assert.Equal(t, epochsText("1,0,1"), read(t, r, EpochsFile))
	require.NoError(t, r.AddEpoch(epoch(3, 3)))
	assert.Equal(t, epochsText("1,0,1", "3,0,3"), read(t, r, EpochsFile), "the row that failed is not written later")
}

func TestPlacesThatCannotBeWrittenAreExplained(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	_, err := Create(file, "mnist", "bp", start, nil)
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
