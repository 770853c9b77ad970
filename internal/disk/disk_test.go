package disk

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestReasonIsWhatTheSystemSaid(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	_, err := os.Open(missing)
	assert.Equal(t, syscall.ENOENT, Reason(fmt.Errorf("opening: %w", err)))
	assert.Equal(t, syscall.ENOENT, Reason(os.Rename(missing, missing+"2")))
	assert.Equal(t, fs.ErrClosed, Reason(fs.ErrClosed), "nothing to strip")
	assert.NoError(t, Reason(nil))
}

func TestFoldersAreSynced(t *testing.T) {
	dir := t.TempDir()
	assert.NoError(t, SyncFolder(dir))
	assert.ErrorIs(t, SyncFolder(filepath.Join(dir, "missing")), fs.ErrNotExist)
}
