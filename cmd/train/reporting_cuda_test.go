//go:build cuda

package train

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestARunOnTheSoftwareGPUHasAReport(t *testing.T) {
	got := onEmu(t, "", "-data", madeUp(t), "-model", "dfa", "-layers", "8", "-max_epochs", "1")
	require.Equal(t, 0, got.code, got.stderr)
	dir := got.runFolder(t)
	html, err := os.ReadFile(filepath.Join(dir, "report.html"))
	require.NoError(t, err)
	for _, part := range []string{"<h2>Confusion matrix</h2>", "<h2>First layer</h2>", "<h2>Weights</h2>"} {
		assert.Contains(t, string(html), part)
	}
}
