package folder

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestARunIsOneProcesssAtATime(t *testing.T) {
	root := t.TempDir()
	r, err := Create(root, "mnist", "bp", start, nil)
	require.NoError(t, err)
	assert.True(t, Locked(r.Dir()))
	_, err = Lock(r.Dir())
	require.ErrorIs(t, err, ErrLocked)
	assert.EqualError(t, err, "a process trains in "+r.Dir()+" at this moment: wait for its end, or stop it.")

	r.Close()
	assert.False(t, Locked(r.Dir()))
	unlock, err := Lock(r.Dir())
	require.NoError(t, err)
	assert.True(t, Locked(r.Dir()))
	unlock()
	assert.False(t, Locked(root), "no run, no lock")
	assertNames(t, root, "mnist")
}

func TestARunThatGoesOnHasItsRowsAndNoResult(t *testing.T) {
	r, err := Create(t.TempDir(), "mnist", "bp", start, nil)
	require.NoError(t, err)
	require.NoError(t, r.AddEpoch(epoch(1, 1)))
	require.NoError(t, r.AddEpoch(epoch(2, 2)))
	require.NoError(t, r.Write(RunFile, []byte("{}\n")))
	require.NoError(t, r.Finish(&Result{Outcome: Outcome{Status: StatusInterrupted}}))
	r.Close()
	require.NoError(t, os.WriteFile(filepath.Join(r.Dir(), ".epochs.csv123"), nil, 0o666))

	unlock, err := Lock(r.Dir())
	require.NoError(t, err)
	again, err := Open(r.Dir(), unlock)
	require.NoError(t, err)
	assertNames(t, r.Dir(), lockFile, EpochsFile, ResultFile, RunFile)
	again.Discard()
	assertNames(t, r.Dir(), lockFile, EpochsFile, ResultFile, RunFile)

	unlock, err = Lock(r.Dir())
	require.NoError(t, err)
	again, err = Open(r.Dir(), unlock)
	require.NoError(t, err)
	require.NoError(t, again.SetEpochs([]Epoch{epoch(1, 1)}))
	require.NoError(t, again.AddEpoch(epoch(2, 3)))
	assert.Equal(t, epochsText("1,0,1", "2,0,3"), read(t, again, EpochsFile))
	assertNames(t, r.Dir(), lockFile, EpochsFile, RunFile)
}

func assertNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	assert.Equal(t, want, names)
}

func TestARunsFolderAppearsWithItsFiles(t *testing.T) {
	root := t.TempDir()
	left := filepath.Join(root, "mnist", begunPrefix+"1-2")
	require.NoError(t, os.MkdirAll(left, 0o777))
	require.NoError(t, os.WriteFile(filepath.Join(left, EpochsFile), nil, 0o666))
	young := filepath.Join(root, "mnist", begunPrefix+"1-3")
	require.NoError(t, os.MkdirAll(young, 0o777))
	old := time.Now().Add(-2 * time.Hour)
	require.NoError(t, os.Chtimes(left, old, old))

	r, err := Create(root, "mnist", "bp", start, nil, File{RunFile, []byte("{}\n")})
	require.NoError(t, err)
	assert.Equal(t, "{}\n", read(t, r, RunFile))
	assert.True(t, Locked(r.Dir()), "the lock has gone with it")
	assertNames(t, filepath.Join(root, "mnist"), filepath.Base(young), filepath.Base(r.Dir()))
	r.Discard()
	assertNames(t, filepath.Join(root, "mnist"), filepath.Base(young))
}
