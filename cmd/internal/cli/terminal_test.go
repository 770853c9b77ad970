package cli

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLinesBreakBetweenWordsBelowTheirText(t *testing.T) {
	const line = "\x1b[2mdevice   \x1b[0mcpu, 2 threads      3 kB (no NVIDIA driver: libcuda.so.1 was not found)"
	for columns, want := range map[int]string{
		0:   line,
		100: line,
		40: "\x1b[2mdevice   \x1b[0mcpu, 2 threads      3 kB (no\n" +
			"         NVIDIA driver: libcuda.so.1 was\n" +
			"         not found)",
		30: "\x1b[2mdevice   \x1b[0mcpu, 2 threads      3\n" +
			"         kB (no NVIDIA driver:\n" +
			"         libcuda.so.1 was not\n" +
			"         found)",
		15: line,
	} {
		got := Hang(line, 9, columns)
		assert.Equal(t, want, got, columns)
		for l := range strings.SplitSeq(got, "\n") {
			if columns >= 29 {
				assert.LessOrEqual(t, Visible(l), columns)
			}
		}
	}
	wide := strings.Repeat("漢字 ", 6) + "end" // 5 columns each
	assert.Equal(t, wide, Hang(wide, 2, 33))
	assert.Equal(t, strings.Repeat("漢字 ", 6)[:len("漢字 ")*6-1]+"\n  end", Hang(wide, 2, 32))
}

func TestACommandOfSeveralLinesCanBePasted(t *testing.T) {
	words := []string{"./bin/train", "-data", "my  own data/of 2026", "-out", "Anna's runs", "-layers", "400,400", "-lr", "0.001", "-max_epochs", "20"}
	lines := CommandLines(40, words...)
	assert.Greater(t, len(lines), 2)
	for _, line := range lines {
		assert.LessOrEqual(t, len(line), 40)
	}
	out, err := exec.CommandContext(t.Context(), "bash", "-c", `printf '%s\0' `+strings.Join(lines, "\n     ")).Output()
	require.NoError(t, err)
	assert.Equal(t, strings.Join(words, "\x00")+"\x00", string(out))
	assert.Equal(t, []string{"train -model bp"}, CommandLines(40, "train", "-model", "bp"))
}

func TestColumnsAreThoseOfATerminal(t *testing.T) {
	master, slave, err := pty.Open()
	require.NoError(t, err)
	defer master.Close()
	defer slave.Close()
	require.NoError(t, pty.Setsize(slave, &pty.Winsize{Rows: 24, Cols: 72}))
	t.Setenv("TERM", "xterm")
	assert.Equal(t, 72, Columns(slave))
	t.Setenv("TERM", "dumb")
	assert.Zero(t, Columns(slave))
	file, err := os.CreateTemp(t.TempDir(), "")
	require.NoError(t, err)
	defer file.Close()
	assert.Zero(t, Columns(file))
	assert.Zero(t, Columns(new(strings.Builder)))
}
