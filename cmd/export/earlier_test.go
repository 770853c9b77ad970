package export

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestARunOfAnEarlierVersionIsExported(t *testing.T) {
	run, err := filepath.Abs("../../testdata/earlier/results/mnist/mdfa")
	require.NoError(t, err)
	dir := t.TempDir()
	_, stderr, code := program(t, dir, "-o", "net.onnx", run)
	require.Zero(t, code, stderr)
	assert.FileExists(t, filepath.Join(dir, "net.onnx"))
}
