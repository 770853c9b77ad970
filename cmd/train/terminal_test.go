package train

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

	"mdfa/algo/training"
	"mdfa/cmd/internal/cli"
	"mdfa/internal/progress"
	"mdfa/loaders"
	"mdfa/run"
	"mdfa/run/settings"
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

// screen plays the output that a terminal got, as far as this program uses one: cursor up,
// clear to the end, colours. It returns the lines that are left.
func screen(t *testing.T, sent string) []string {
	t.Helper()
	sent = regexp.MustCompile(`\x1b\[[0-9;]*m`).ReplaceAllString(sent, "")
	var lines []string
	for line := range strings.Lines(sent) {
		for {
			before, rest, found := strings.Cut(line, "\x1b[J")
			if !found {
				break
			}
			if shown, up := strings.CutSuffix(before, "\r\x1b[1A"); up { // only the live line is redrawn
				require.NotContains(t, shown, "\x1b")
				lines = lines[:len(lines)-1]
			} else {
				require.Equal(t, "\r", before, "the first drawing")
			}
			line = rest
		}
		lines = append(lines, strings.TrimRight(line, "\n"))
	}
	for _, line := range lines {
		assert.NotContains(t, line, "\x1b")
	}
	return lines
}

// slowRun has epochs that take longer than the time between two drawings of the live line, on
// any machine: each image is a batch.
func slowRun(t *testing.T) []string {
	return []string{"-data", madeUp(t), "-layers", "1000,1000", "-batch_size", "1", "-max_epochs", "4"}
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

// TestWhatATerminalEchoesIsDrawnOver has Ctrl-C typed while the live line is drawn. The terminal prints
// ^C where the cursor is, and sends SIGINT.
func TestWhatATerminalEchoesIsDrawnOver(t *testing.T) {
	cmd := command(t, "-data", madeUp(t), "-layers", "600,600", "-batch_size", "8", "-max_epochs", "1000000")
	cmd.Env = append(os.Environ(), "TERM=xterm")
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 90})
	require.NoError(t, err)
	defer terminal.Close()
	var sent bytes.Buffer
	buffer := make([]byte, 1<<12)
	typed := 0
	for {
		n, err := terminal.Read(buffer)
		sent.Write(buffer[:n])
		if err != nil {
			require.ErrorIs(t, err, syscall.EIO) // how Linux says that the other side is gone
			break
		}
		switch drawn := strings.Count(sent.String(), "╸"); { // the tip of the bar
		case typed == 0 && drawn > 0:
			_, err = terminal.WriteString("xy")
			typed++
		case typed == 1 && drawn > 3:
			_, err = terminal.WriteString("\x03")
			typed++
		}
		require.NoError(t, err)
	}
	_ = cmd.Wait() // the exit code says it
	assert.Equal(t, exitInterrupted, cmd.ProcessState.ExitCode())
	text := strings.ReplaceAll(sent.String(), "\r\n", "\n")
	assert.Contains(t, text, "xy")
	assert.Contains(t, text, "^C")
	left := screen(t, text)
	for _, line := range left {
		assert.NotRegexp(t, `\^C|xy|epepoch|╸`, line)
	}
	assert.Contains(t, strings.Join(left, "\n"), "train: interrupted in epoch ")
}

func TestTheLiveLineSaysWhatTrainingWaitsFor(t *testing.T) {
	master, slave, err := pty.Open()
	require.NoError(t, err)
	defer master.Close()
	defer slave.Close()
	go func() { _, _ = io.Copy(io.Discard, master) }() // until it is closed
	one := loaders.Split{Labels: make([]int32, 1)}
	spec := run.Defaults()
	spec.BatchSize = 8
	start := &run.Start{
		Facts: &settings.Facts{Spec: spec}, Epochs: 2, StepsPerEpoch: 3, Steps: 6, Data: &loaders.Dataset{Classes: 2, Valid: one, Test: one},
	}
	o := newTerminal(cli.NewConsole(slave), []string{"train"})
	o.Started(start)
	require.NotNil(t, o.out.Live)
	defer o.close()
	loss := func() (float64, error) { return 1, nil }
	for epoch := 1; epoch <= 2; epoch++ {
		for step, want := range []string{1: "", 2: "", 3: "validating"} {
			if step > 0 {
				o.state = progress.State{}
				o.Step(epoch, step, loss)
				assert.Equal(t, want, o.state.Doing, "epoch %d, step %d", epoch, step)
			}
		}
		require.NoError(t, o.Epoch(training.Epoch{Number: epoch, Steps: 3}))
		assert.Equal(t, []string{1: "validating", 2: "testing"}[epoch], o.state.Doing)
	}
	start.Data.Valid = loaders.Split{}
	o.Step(2, 3, loss)
	assert.Empty(t, o.state.Doing, "nothing is validated")
}

func TestTheHeaderBreaksBetweenWords(t *testing.T) {
	const columns = 64
	args := []string{"-data", madeUp(t), "-layers", "16", "-max_epochs", "1"}
	wide := runTrain(t, args...)
	require.Equal(t, 0, wide.code, wide.stderr)
	sent := onTerminal(t, columns, []string{"NO_COLOR=1"}, args...)
	var joined string
	for _, line := range screen(t, sent) {
		if !strings.Contains(line, "/") { // a path stays whole
			assert.LessOrEqual(t, cli.Visible(line), columns, line)
		}
		if rest, hangs := strings.CutPrefix(line, "         "); hangs {
			joined += " " + rest
		} else {
			joined += "\n" + line
		}
	}
	for line := range strings.Lines(wide.stdout) {
		if label, _, _ := strings.Cut(line, " "); label == "memory" || label == "rule" || label == "device" {
			assert.Contains(t, joined, "\n"+line)
		}
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
			assert.LessOrEqual(t, cli.Visible(strings.TrimRight(line, "\n")), columns, line)
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
