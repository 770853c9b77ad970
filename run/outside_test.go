package run_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/run/folder"
)

// TestAnOutsideProgramAddsARule builds the program of docs/rules.md as a module of its own, without a network, and
// has it train. The program must stay short.
func TestAnOutsideProgramAddsARule(t *testing.T) {
	source, err := os.ReadFile(filepath.Join("testdata", "outside", "main.go"))
	require.NoError(t, err)
	assert.Less(t, strings.Count(string(source), "\n"), 40, "lines of the program")
	root, err := filepath.Abs("..")
	require.NoError(t, err)
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	dir := t.TempDir()
	for name, text := range map[string]string{
		"main.go": string(source),
		"go.mod":  "module outside\n\ngo 1.26.0\n\nrequire mdfa v0.0.0\n\nreplace mdfa => " + root + "\n",
		"go.sum":  string(sums),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	command := func(name string, args ...string) string {
		c := exec.CommandContext(t.Context(), name, args...)
		c.Dir = dir
		c.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
		out, err := c.CombinedOutput()
		require.NoError(t, err, string(out))
		return string(out)
	}
	command("go", "build", "-o", "outside", ".")
	assert.Regexp(t, `^mixed: [89]\d% of the test images are right\n$`, command(filepath.Join(dir, "outside")))

	runs, err := filepath.Glob(filepath.Join(dir, "results", "mnist", "mixed-dense-c10-s0-*"))
	require.NoError(t, err)
	require.Len(t, runs, 1)
	left, err := folder.Read(t.Context(), runs[0])
	require.NoError(t, err)
	assert.Equal(t, "mixed", left.Run.Rule)
}
