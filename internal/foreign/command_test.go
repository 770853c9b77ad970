package foreign

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAShellReadsTheWordsOfACommand gives the line to bash, which prints the words that it reads.
func TestAShellReadsTheWordsOfACommand(t *testing.T) {
	words := []string{
		"train", "results/mnist/mdfa-c10-s0", "my runs/a", "", "it's", "~", "~/runs", "$HOME", "`id`", "a;b", "*", "[1-", `back\slash`, `"`,
		"#1", "a=b", "é", "\x1b[2J", "new\nline", "tab\t'quote'", "\x1b\\'\"", "\u202egpj", "\xff", "!", "{a,b}", "-", "(x)",
	}
	line := Command(words...)
	assert.False(t, strings.ContainsFunc(line, unprintable), line)
	out, err := exec.CommandContext(t.Context(), "bash", "-c", `printf '%s\0' `+line).Output()
	require.NoError(t, err)
	assert.Equal(t, words, strings.Split(strings.TrimSuffix(string(out), "\x00"), "\x00"))
	assert.Equal(t, "train -data 'my data' -seed=3", Command("train", "-data", "my data", "-seed=3"))
}
