package predict

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestARunOfAnEarlierVersionClassifies(t *testing.T) {
	images := write(t, filepath.Join(t.TempDir(), "images"), idxImages(28, 28, make([]byte, 28*28)))
	got := call("../../testdata/earlier/results/mnist/mdfa", images)
	require.Zero(t, got.code, got.stderr)
	assert.Contains(t, got.stdout, "images")
}
