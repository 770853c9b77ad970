package fetch

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Linux has a device on which every write finds the disk full.
func TestGetSaysThatTheDiskIsFull(t *testing.T) {
	o := newOrigin(t, published(1000))
	dir := t.TempDir()
	require.NoError(t, os.Symlink("/dev/full", filepath.Join(dir, "data.tar.gz.partial")))
	_, err := quick().Get(t.Context(), dir, o.file())
	require.ErrorIs(t, err, ErrStorage)
	require.ErrorIs(t, err, syscall.ENOSPC)
	assert.EqualError(t, err, "the disk is full; what has arrived is kept, and the next try goes on from there")
	assert.Len(t, o.asked(), 1, "another try would find it full as well")
}
