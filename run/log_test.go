package run

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestARunThatGoesOnElsewhereIsInTheLogThere(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"results/mnist/a", "other/mnist/a", "moved"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, dir), 0o777))
	}
	require.NoError(t, os.WriteFile(filepath.Join(root, "other", "runs.csv"), nil, 0o666))
	for dir, want := range map[string]string{"results/mnist/a": "results mnist/a", "other/mnist/a": "other mnist/a", "moved": " "} {
		log, folder := logPlace(filepath.Join(root, "results"), filepath.Join(root, dir))
		assert.Equal(t, want, strings.TrimPrefix(strings.TrimPrefix(log, root), "/")+" "+folder, dir)
	}
	t.Chdir(root)
	log, folder := logPlace("results", filepath.Join(root, "results/mnist/a/"))
	assert.Equal(t, []string{"results", "mnist/a"}, []string{log, folder})
}
