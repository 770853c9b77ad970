//go:build cuda

package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fewDigits lets the programs find a small data set as mnist: evaluating the real one would take most of the report's
// time.
func fewDigits(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	t.Setenv("MDFA_DATA", dir)
	require.NoError(t, os.Mkdir(filepath.Join(dir, "mnist"), 0o755))
	for prefix, n := range map[string]int{"train": 800, "t10k": 100} {
		images := binary.BigEndian.AppendUint32(nil, 0x803)
		for _, size := range []int{n, 28, 28} {
			images = binary.BigEndian.AppendUint32(images, uint32(size))
		}
		labels := binary.BigEndian.AppendUint32(nil, 0x801)
		labels = binary.BigEndian.AppendUint32(labels, uint32(n))
		for i := range n {
			labels = append(labels, byte(i%10))
			for pixel := range 28 * 28 {
				images = append(images, byte(pixel*(1+i%10)))
			}
		}
		for kind, content := range map[string][]byte{"images-idx3": images, "labels-idx1": labels} {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "mnist", prefix+"-"+kind+"-ubyte"), content, 0o644))
		}
	}
}

// TestReportOnTheSoftwareGPU runs every part but the tests with the programs as they are.
func TestReportOnTheSoftwareGPU(t *testing.T) {
	fewDigits(t)
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
