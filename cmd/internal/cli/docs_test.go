package cli_test

import (
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/cmd/internal/runtest"
)

// update writes docs/cli.md anew: `make docs`.
var update = flag.Bool("update", false, "write docs/cli.md")

const (
	docs = "../../../docs/cli.md"

	// mark ends the part of docs/cli.md that people write.
	mark = "<!-- What follows is made from the programs' flags by `make docs`. -->\n"
)

// TestDocumentedCommandLinesAreThePrograms asks every command for its page.
func TestDocumentedCommandLinesAreThePrograms(t *testing.T) {
	dir, err := runtest.Programs("", "train", "imagenet-prep")
	require.NoError(t, err)
	defer os.RemoveAll(dir)
	run := func(name string, args ...string) string {
		cmd := exec.CommandContext(t.Context(), filepath.Join(dir, name), args...)
		cmd.Env = []string{"PATH=" + os.Getenv("PATH")} // a page may not depend on the machine
		text, err := cmd.Output()
		require.NoError(t, err, "%s %s", name, args)
		return string(text)
	}
	page := "\n" + run("mdfa", "-manual")
	commands := regexp.MustCompile(`(?m)^## (\S+)$`).FindAllStringSubmatch(page, -1)
	require.Equal(t, "mdfa", commands[0][1])
	require.Greater(t, len(commands), 5)
	for _, command := range commands[1:] {
		name := command[1]
		assert.Contains(t, page, "\n"+run("mdfa", name, "-manual"), name)
		help := run("mdfa", name, "-h")
		assert.Equal(t, help, run("mdfa", "help", name), name)
		assert.Contains(t, help, "Examples\n  mdfa "+name+" ", "the examples are as the program was called")
		for line := range strings.Lines(help + run("mdfa")) {
			assert.LessOrEqual(t, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")), 80, "%s -h: %s", name, line)
		}
	}
	for _, name := range []string{"train", "imagenet-prep"} {
		assert.Equal(t, run("mdfa", name, "-manual"), run(name, "-manual"), "a link is the command")
		assert.NotContains(t, run(name, "-h"), "mdfa "+name, "the examples are as the program was called")
	}

	old, err := os.ReadFile(docs)
	require.NoError(t, err)
	preface, written, found := strings.Cut(string(old), mark)
	require.True(t, found, "%s has lost the line %s", docs, mark)
	if *update {
		require.NoError(t, os.WriteFile(docs, []byte(preface+mark+page), 0o644))
		return
	}
	assert.Equal(t, page, written, "docs/cli.md is not what the programs say: run make docs and commit it")
}
