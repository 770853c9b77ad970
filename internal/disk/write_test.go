package disk

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAFileIsCompleteOrWhatItWas(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "file")
	require.NoError(t, WriteFile(path, []byte("old")))
	broken := errors.New("broken")
	require.ErrorIs(t, Save(path, func(w io.Writer) error {
		_, _ = w.Write([]byte("half"))
		return broken
	}, nil), broken)
	require.ErrorIs(t, Save(path, func(io.Writer) error { return nil }, func() error { return broken }), broken)
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "old", string(text))

	require.NoError(t, os.Chmod(path, 0o640))
	require.NoError(t, WriteFile(path, []byte("new")))
	require.NoError(t, Append(path, []byte("er")))
	text, err = os.ReadFile(path)
	require.NoError(t, err)
	assert.Equal(t, "newer", string(text))
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o640), info.Mode(), "its permissions stay")
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1)

	missing := filepath.Join(dir, "missing", "file")
	require.ErrorIs(t, WriteFile(missing, nil), fs.ErrNotExist)
	require.ErrorIs(t, Append(filepath.Join(dir, "none"), nil), fs.ErrNotExist)
	require.NoError(t, Remove(missing))
	require.ErrorIs(t, Mkdir(missing), fs.ErrNotExist)
	require.NoError(t, Mkdir(dir))
}

func TestRemediesFitTheCause(t *testing.T) {
	for cause, want := range map[error]string{
		syscall.ENOSPC: "the disk is full", syscall.EDQUOT: "the disk is full", syscall.EFBIG: "raise the limit",
		syscall.EROFS: "not permitted", syscall.EACCES: "not permitted", syscall.ENOTDIR: "a file is where a folder should be",
	} {
		assert.Contains(t, remedy(&fs.PathError{Err: cause}), want)
	}
	assert.Empty(t, remedy(syscall.EIO))
}

func TestALockIsForAllThatTheUmaskLetsIn(t *testing.T) {
	before := syscall.Umask(0o002)
	defer syscall.Umask(before)
	path := filepath.Join(t.TempDir(), ".lock")
	held, err := Lock(t.Context(), path, nil)
	require.NoError(t, err)
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o664), info.Mode())
	assert.True(t, Locked(path))

	ctx, stop := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer stop()
	waited := 0
	_, err = Lock(ctx, path, func() { waited++ })
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Equal(t, 1, waited)

	held.Remove()
	assert.NoFileExists(t, path)
	held, err = Lock(t.Context(), path, nil)
	require.NoError(t, err)
	held.Release()
	assert.False(t, Locked(path))
	assert.FileExists(t, path)
}

func TestALockWhoseFileIsRemovedMeanwhileDoesNotCount(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".lock")
	first, err := Lock(t.Context(), path, nil)
	require.NoError(t, err)
	waiting := make(chan struct{})
	second := make(chan *Held)
	go func() {
		held, err := Lock(t.Context(), path, func() { close(waiting) })
		assert.NoError(t, err)
		second <- held
	}()
	<-waiting
	first.Remove()
	held := <-second
	assert.True(t, Locked(path), "the lock is on the file that has the name")
	held.Release()
}
