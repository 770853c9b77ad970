package cli_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// update writes docs/cli.md anew: `make docs`.
var update = flag.Bool("update", false, "write docs/cli.md")

const (
	docs = "../../../docs/cli.md"

	// mark ends the part of docs/cli.md that people write.
	mark = "<!-- What follows is made from the programs' flags by `make docs`. -->\n"
)

// TestDocumentedCommandLinesAreThePrograms builds every program and asks it for its page.
func TestDocumentedCommandLinesAreThePrograms(t *testing.T) {
	dir := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-o", dir+string(filepath.Separator), "./cmd/...")
	build.Dir = "../../.."
	text, err := build.CombinedOutput()
	require.NoError(t, err, "%s", text)
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	programs := []string{"train"} // what people come for stands first
	for _, e := range entries {
		if !slices.Contains(programs, e.Name()) {
			programs = append(programs, e.Name())
		}
	}

	var pages strings.Builder
	for _, name := range programs {
		cmd := exec.CommandContext(t.Context(), filepath.Join(dir, name), "-manual")
		cmd.Env = []string{"PATH=" + os.Getenv("PATH")} // a page may not depend on the machine
		page, err := cmd.Output()
		require.NoError(t, err, name)
		require.True(t, strings.HasPrefix(string(page), "## "+name+"\n"), name)
		help, err := exec.CommandContext(t.Context(), filepath.Join(dir, name), "-h").Output()
		require.NoError(t, err, name)
		for line := range strings.Lines(string(help)) {
			assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 80, "%s -h: %s", name, line)
		}
		pages.WriteString("\n" + string(page))
	}

	old, err := os.ReadFile(docs)
	require.NoError(t, err)
	preface, written, found := strings.Cut(string(old), mark)
	require.True(t, found, "%s has lost the line %s", docs, mark)
	if *update {
		require.NoError(t, os.WriteFile(docs, []byte(preface+mark+pages.String()), 0o644))
		return
	}
	assert.Equal(t, pages.String(), written, "docs/cli.md is not what the programs say: run make docs and commit it")
}
