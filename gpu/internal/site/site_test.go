package site

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestFoldersOfPackages(t *testing.T) {
	one, two := filepath.Join(t.TempDir(), "[x]*"), t.TempDir()
	want := []string{filepath.Join(one, "lib/python3.12/site-packages"), filepath.Join(two, "lib/python3.9/dist-packages")}
	for _, folder := range want {
		require.NoError(t, os.MkdirAll(folder, 0o777))
	}
	assert.Equal(t, want, below(one, "", two, one))
	assert.Empty(t, below(filepath.Join(two, "absent")))

	t.Setenv("VIRTUAL_ENV", one)
	t.Setenv("CONDA_PREFIX", two)
	assert.Subset(t, Packages(), want)
}
