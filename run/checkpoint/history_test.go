package checkpoint

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo/training"
)

// long is a state after so many epochs.
func long(t testing.TB, epochs int) *Checkpoint {
	c := sample(t, 1)
	last := c.Progress.Epochs[0]
	c.Progress.Epochs = nil
	for n := range epochs {
		last.Number, last.Seconds = n+1, 1/float64(n+3)
		last.Train.Loss = math.Sqrt(float64(n))
		c.Progress.Epochs = append(c.Progress.Epochs, last)
	}
	c.Progress.BestEpoch = epochs
	return c
}

func TestALongHistoryIsKeptInFilesOfItsOwn(t *testing.T) {
	run := t.TempDir()
	dir := filepath.Join(run, Folder)
	w := NewWriter(run, nil)
	for _, epochs := range []int{chunk, 2*chunk - 1, 2 * chunk, 3*chunk - 1, 5*chunk + 7} {
		c := long(t, epochs)
		require.NoError(t, w.State(c))
		require.NoError(t, w.Weights(c))
		got, err := LoadState(t.Context(), run)
		require.NoError(t, err)
		assert.Equal(t, c.Progress, got.Progress)
		best, err := Load(t.Context(), run)
		require.NoError(t, err)
		assert.Equal(t, epochs, best.Epoch())
		assert.Equal(t, c.Progress.Epochs[storedEpochs(epochs):], best.Progress.Epochs)
	}
	assertFiles(t, dir, BestFile, "epochs-1024.json", "epochs-1536.json", "epochs-2048.json", "epochs-512.json", LastFile, PreviousFile)

	// Another process resumes the run and writes the same files.
	before, err := os.Stat(historyFile(dir, chunk))
	require.NoError(t, err)
	c, err := LoadState(t.Context(), run)
	require.NoError(t, err)
	require.NoError(t, NewWriter(run, c).State(c))
	after, err := os.Stat(historyFile(dir, chunk))
	require.NoError(t, err)
	assert.True(t, os.SameFile(before, after), "a file that is right already is not written again")

	// A new folder gets all of them.
	alone := t.TempDir()
	require.NoError(t, NewWriter(alone, c).State(c))
	copied, err := LoadState(t.Context(), alone)
	require.NoError(t, err)
	assert.Equal(t, c.Progress, copied.Progress)

	// Without them a state is no use, and the best weights are.
	require.NoError(t, os.WriteFile(historyFile(dir, chunk), nil, 0o666))
	_, err = LoadState(t.Context(), run)
	require.ErrorIs(t, err, ErrDamaged)
	require.NoError(t, os.Remove(historyFile(dir, chunk)))
	_, err = LoadState(t.Context(), filepath.Join(dir, LastFile))
	require.ErrorIs(t, err, ErrDamaged)
	assert.ErrorContains(t, err, "epochs-512.json: no such file or directory")
	_, err = Load(t.Context(), run)
	require.NoError(t, err)
}

func TestAnotherRunsHistoryIsRefused(t *testing.T) {
	run := t.TempDir()
	c := long(t, 2*chunk)
	require.NoError(t, NewWriter(run, nil).State(c))
	other := t.TempDir()
	c.Progress.Epochs[7].Seconds++
	require.NoError(t, NewWriter(other, nil).State(c))
	text, err := os.ReadFile(historyFile(filepath.Join(other, Folder), chunk))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(historyFile(filepath.Join(run, Folder), chunk), text, 0o666))
	_, err = LoadState(t.Context(), run)
	require.ErrorContains(t, err, "are another run's")
}

// What a save writes does not grow with the number of epochs.
func TestTheSizeOfASaveIsBounded(t *testing.T) {
	run := t.TempDir()
	w := NewWriter(run, nil)
	size := func(epochs int) int64 {
		require.NoError(t, w.State(long(t, epochs)))
		info, err := os.Stat(filepath.Join(run, Folder, LastFile))
		require.NoError(t, err)
		return info.Size()
	}
	assert.InEpsilon(t, size(2*chunk), size(20*chunk), 0.05)
}

func BenchmarkSave(b *testing.B) {
	c := long(b, 60_000)
	w := NewWriter(b.TempDir(), nil)
	require.NoError(b, w.State(c))
	for b.Loop() {
		require.NoError(b, w.State(c))
		require.NoError(b, w.Weights(c))
	}
}

func TestADamagedLastNeverReplacesAWholePrevious(t *testing.T) {
	run := t.TempDir()
	w := NewWriter(run, nil)
	require.NoError(t, w.State(sample(t, 1)))
	require.NoError(t, w.State(sample(t, 2)))
	last := filepath.Join(run, Folder, LastFile)
	require.NoError(t, os.Truncate(last, 100))

	c, err := LoadState(t.Context(), run)
	require.NoError(t, err)
	require.Error(t, c.Skipped)
	w = NewWriter(run, c)
	require.NoError(t, w.State(sample(t, 3)))
	previous, err := Read(t.Context(), filepath.Join(run, Folder, PreviousFile))
	require.NoError(t, err, "it is kept until there is a good one again")
	assert.Equal(t, sample(t, 1).Params, previous.Params)
	require.NoError(t, w.State(sample(t, 4)))
	previous, err = Read(t.Context(), filepath.Join(run, Folder, PreviousFile))
	require.NoError(t, err)
	assert.Equal(t, sample(t, 3).Params, previous.Params)
}

func TestARemovedFolderIsNotMadeAnew(t *testing.T) {
	run := filepath.Join(t.TempDir(), "run")
	require.NoError(t, os.Mkdir(run, 0o777))
	w := NewWriter(run, nil)
	require.NoError(t, w.State(sample(t, 1)))
	require.NoError(t, os.RemoveAll(run))
	for _, write := range []func(*Checkpoint) error{w.State, w.Weights} {
		err := write(sample(t, 2))
		require.ErrorIs(t, err, ErrWrite)
		assert.ErrorContains(t, err, "was removed or renamed meanwhile")
	}
	assert.NoDirExists(t, run)
}

func TestAStateWithoutNumbersIsPassedOver(t *testing.T) {
	run := t.TempDir()
	w := NewWriter(run, nil)
	require.NoError(t, w.State(sample(t, 1)))
	bad := sample(t, 2)
	bad.Params[1] = float32(math.Inf(1))
	require.NoError(t, w.State(bad))
	c, err := LoadState(t.Context(), run)
	require.NoError(t, err)
	assert.Equal(t, sample(t, 1).Params, c.Params)
	assert.ErrorContains(t, c.Skipped, "its weights are NaN or infinite")
	require.NoError(t, w.State(bad))
	_, err = LoadState(t.Context(), run)
	require.ErrorIs(t, err, ErrDamaged)
	c, err = LoadLatest(t.Context(), run) // to look at
	require.NoError(t, err)
	assert.Error(t, c.CheckFinite())
	assert.False(t, training.Finite(c.Params))
}
