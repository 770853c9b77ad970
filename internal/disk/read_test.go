package disk

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestOnlyRegularFilesAreOpened(t *testing.T) {
	dir := t.TempDir()
	pipe, socket, file, link := filepath.Join(dir, "pipe"), filepath.Join(dir, "socket"), filepath.Join(dir, "file"), filepath.Join(dir, "link")
	require.NoError(t, syscall.Mkfifo(pipe, 0o666))
	listener, err := net.Listen("unix", socket)
	require.NoError(t, err)
	defer func() { _ = listener.Close() }()
	require.NoError(t, os.WriteFile(file, []byte("text"), 0o666))
	require.NoError(t, os.Symlink(file, link))

	for path, want := range map[string]string{
		pipe: "it is a named pipe: expected a regular file", "/dev/zero": "it is a device: expected a regular file", socket: "it is no regular file",
	} {
		_, err := ReadFile(t.Context(), path, 10)
		require.ErrorIs(t, err, ErrNotFile, path)
		assert.EqualError(t, Reason(err), want)
		_, _, err = OpenPart(path)
		require.ErrorIs(t, err, ErrNotFile, path)
	}
	for _, path := range []string{pipe, dir} {
		_, err = Lock(t.Context(), path, nil)
		require.Error(t, err)
		assert.False(t, Locked(path))
	}
	_, err = ReadFile(t.Context(), dir, 10)
	require.ErrorIs(t, err, syscall.EISDIR)
	_, err = ReadFile(t.Context(), filepath.Join(dir, "none"), 10)
	require.ErrorIs(t, err, fs.ErrNotExist)
	for _, path := range []string{file, link} {
		text, err := ReadFile(t.Context(), path, 4)
		require.NoError(t, err)
		assert.Equal(t, "text", string(text))
	}
	_, err = ReadFile(t.Context(), file, 3)
	assert.EqualError(t, Reason(err), "it has 4 B; up to 3 B are read")
}

func TestALinkIsNotWrittenThrough(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	require.NoError(t, os.WriteFile(target, []byte("precious"), 0o666))
	require.NoError(t, os.Symlink(target, link))
	_, _, err := OpenPart(link)
	assert.EqualError(t, Reason(err), "it is a link; remove it")
	_, err = Create(link)
	require.ErrorIs(t, err, fs.ErrExist)
	file, err := Replace(link)
	require.NoError(t, err)
	_, err = file.WriteString("ours")
	require.NoError(t, err)
	require.NoError(t, file.Close())
	text, err := os.ReadFile(target)
	require.NoError(t, err)
	assert.Equal(t, "precious", string(text))

	file, _, err = OpenPart(filepath.Join(dir, "new"))
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

// endless is zeros without end, and ends its context when it has been read often.
type endless struct {
	reads  int
	cancel context.CancelFunc
}

func (e *endless) Read(data []byte) (int, error) {
	if e.reads++; e.reads == 1000 {
		e.cancel()
	}
	if e.reads > 1001 {
		return 0, errors.New("read after its context ended")
	}
	return len(data), nil
}

func TestReadingEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Copy(ctx, io.Discard, &endless{cancel: cancel})
	require.ErrorIs(t, err, context.Canceled)
	_, err = Writer(ctx, io.Discard).Write([]byte("x"))
	require.ErrorIs(t, err, context.Canceled)
	var out bytes.Buffer
	written, err := Writer(t.Context(), &out).Write(make([]byte, 3<<20+1))
	require.NoError(t, err)
	assert.Equal(t, 3<<20+1, written)
	assert.Equal(t, 3<<20+1, out.Len())
	n, err := Copy(t.Context(), io.Discard, bytes.NewReader(make([]byte, 3<<20)))
	require.NoError(t, err)
	assert.EqualValues(t, 3<<20, n)
}
