//go:build cuda

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestReportOnTheSoftwareGPU runs every part but the tests with the programs as they are.
func TestReportOnTheSoftwareGPU(t *testing.T) {
	bin := t.TempDir()
	text, err := exec.Command("go", "build", "-tags", "cuda", "-o", filepath.Join(bin, "mdfa"), "mdfa/cmd/mdfa").CombinedOutput()
	require.NoError(t, err, "%s", text)
	for _, name := range []string{"train", "bench", "inspect"} {
		require.NoError(t, os.Symlink("mdfa", filepath.Join(bin, name)))
	}
	r := &runner{device: "emu", quick: true, bin: bin, tests: "true", out: filepath.Join(t.TempDir(), "report"), progress: io.Discard}
	require.NoError(t, r.run(t.Context()), "%q", r.failures)
	text, err = os.ReadFile(filepath.Join(r.out, "report.md"))
	require.NoError(t, err)
	assert.Contains(t, string(text), "| software GPU | passed | bit-identical |\n")
	assert.Regexp(t, fmt.Sprintf(`\| software GPU \| convolutional(?: \| \d+\.\d\d %%){%d} \|\n`, len(rules)), string(text))
	for _, model := range rules {
		assert.Regexp(t, `\| software GPU \| fully connected \| `+model+` \| \d+ \| \d+ \| \d+ launches \| \d launches \|\n`, string(text))
		assert.Regexp(t, `\| software GPU \| convolutional \| `+model+` \| \d+ \| \d+ \| \d+ launches \| \d launches \|\n`, string(text))
	}
	assert.Regexp(t, `(?s)## The benchmark, float32\n.*\| mnist-fc \| mdfa \|.*## The benchmark, tf32\n.*\| mnist-fc \| mdfa \|`, string(text))
}
