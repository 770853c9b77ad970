package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// onTerminal runs the program on a terminal of a given width and returns every byte
// that it sent there.
func onTerminal(t *testing.T, columns uint16, env []string, args ...string) string {
	t.Helper()
	cmd := command(t, args...)
	cmd.Env = append(append(os.Environ(), "TERM=xterm", "NO_COLOR="), env...)
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: columns})
	require.NoError(t, err)
	defer terminal.Close()
	var sent bytes.Buffer
	_, err = io.Copy(&sent, terminal)
	if !errors.Is(err, syscall.EIO) { // how Linux says that the other side is gone
		require.NoError(t, err)
	}
	require.NoError(t, cmd.Wait(), sent.String())
	return strings.ReplaceAll(sent.String(), "\r\n", "\n")
}

// screen plays what a terminal was sent, as far as this program uses one: cursor up,
// clear to the end, colours. It returns the lines that are left.
func screen(t *testing.T, sent string) []string {
	t.Helper()
	sent = regexp.MustCompile(`\x1b\[[0-9;]*m`).ReplaceAllString(sent, "")
	var lines []string
	for line := range strings.Lines(sent) {
		for {
			up, rest, found := strings.Cut(line, "A\x1b[J")
			if !found {
				break
			}
			require.Equal(t, "\x1b[1", up, "only the live line is redrawn")
			lines = lines[:len(lines)-1]
			line = rest
		}
		lines = append(lines, strings.TrimRight(line, "\n"))
	}
	for _, line := range lines {
		assert.NotContains(t, line, "\x1b")
	}
	return lines
}

// slowRun takes about a second or two, so that the live line is drawn several times.
func slowRun(t *testing.T) []string {
	return []string{"-data", madeUp(t), "-layers", "600,600", "-batch_size", "8", "-max_epochs", "4"}
}

func TestTerminalShowsALiveLineAndCleansUp(t *testing.T) {
	sent := onTerminal(t, 90, nil, slowRun(t)...)
	assert.Regexp(t, `epoch \d/4 ━*╸? +\d+%  loss \d\.\d{4}   [\d,]+ img/s   eta \d+s`, sent)
	assert.Contains(t, sent, "\x1b[1m", "a bold headline")
	lines := screen(t, sent)
	for _, line := range lines {
		assert.NotContains(t, line, "eta", "the live line is gone at the end")
	}
	left := strings.Join(lines, "\n")
	for _, want := range []string{"epoch 1/4  loss", "epoch 2/4  loss", "epoch 3/4  loss", "epoch 4/4  loss", "test     ", "results  "} {
		assert.Equal(t, 1, strings.Count(left, want), "%s in\n%s", want, left)
	}
}

func TestNarrowTerminalNeverWrapsTheEpochs(t *testing.T) {
	const columns = 44
	sent := onTerminal(t, columns, nil, slowRun(t)...)
	plain := regexp.MustCompile(`\x1b\[[0-9;]*[mAJ]`).ReplaceAllString(sent, "")
	seen := 0
	for line := range strings.Lines(plain) {
		if strings.HasPrefix(line, "epoch ") {
			seen++
			assert.LessOrEqual(t, visible(strings.TrimRight(line, "\n")), columns, line)
		}
	}
	assert.GreaterOrEqual(t, seen, 4)
}

func TestNoColorIsRespected(t *testing.T) {
	args := []string{"-data", madeUp(t), "-layers", "16", "-max_epochs", "2"}
	assert.NotRegexp(t, `\x1b\[[0-9;]*m`, onTerminal(t, 90, []string{"NO_COLOR=1"}, args...))
	assert.Regexp(t, `\x1b\[[0-9;]*m`, onTerminal(t, 90, nil, args...))
}

func TestDumbTerminalGetsPlainLines(t *testing.T) {
	sent := onTerminal(t, 90, []string{"TERM=dumb"}, "-data", madeUp(t), "-layers", "16", "-max_epochs", "4")
	assert.NotContains(t, sent, "\x1b")
	assert.NotContains(t, sent, "eta")
	assert.Contains(t, sent, "epoch 4/4  loss")
}
