package report

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestARunOfAnEarlierVersionGetsItsReport(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("../../testdata/earlier/results/mnist/mdfa")))
	_, stderr, code := call(dir)
	require.Zero(t, code, stderr)
	page := read(t, filepath.Join(dir, "report.html"))
	for _, want := range []string{"43.33", "mdfa", "4:7:7"} {
		assert.Contains(t, page, want)
	}
}
