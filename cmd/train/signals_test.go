package train

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// warned ends a run after its first epochs: by a signal or, without one, by closing the
// pipe that it prints to. It returns its standard error.
func warned(t *testing.T, dir string, signal syscall.Signal, args []string) string {
	t.Helper()
	cmd := inFolder(t, dir, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(stdout)
	for {
		line, err := lines.ReadString('\n')
		require.NoError(t, err, "the program ended early")
		if strings.HasPrefix(line, "epoch ") {
			break
		}
	}
	time.Sleep(time.Duration(rand.N(20)) * time.Millisecond)
	if signal == syscall.SIGPIPE {
		require.NoError(t, stdout.Close())
	} else {
		require.NoError(t, cmd.Process.Signal(signal))
		_, err = io.Copy(io.Discard, lines)
		require.NoError(t, err)
	}
	_ = cmd.Wait() // the exit code says how it ended
	require.Equal(t, exitInterrupted, cmd.ProcessState.ExitCode(), stderr.String())
	return stderr.String()
}

func TestEverySignalLeavesARunThatGoesOnToTheSameBits(t *testing.T) {
	args := []string{"-data", madeUp(t), "-model", "mdfa", "-layers", "24,16", "-batch_size", "8", "-lr", "0.01",
		"-max_epochs", "60", "-checkpoint_every", "1000000", "-alignment", "7", "-report=false"}
	whole := runTrain(t, args...)
	require.Equal(t, 0, whole.code, whole.stderr)
	want := endOf(t, whole.runFolder(t))
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGHUP, syscall.SIGINT, syscall.SIGUSR1, syscall.SIGPIPE} {
		t.Run(fmt.Sprintf("%d %v", signal, signal), func(t *testing.T) {
			dir := t.TempDir()
			stderr := warned(t, dir, signal, args)
			assert.Regexp(t, `^train: interrupted in epoch \d+: the results so far are written\.\n$`, stderr)
			run := finished{dir: dir}.runFolder(t)
			assertNothingTemporary(t, run)
			again := finish(t, inFolder(t, dir, append(args, "-resume", "auto")...))
			require.Equal(t, 0, again.code, again.stderr)
			assert.Contains(t, again.stdout, "\nresume   ")
			assertSame(t, want, endOf(t, run))
		})
	}
}

func TestARunUnderNohupOutlivesItsTerminal(t *testing.T) {
	cmd := command(t, "-data", madeUp(t), "-layers", "16", "-max_epochs", "30")
	cmd.Args = append([]string{"sh", "-c", `trap "" HUP; exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	pipe, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewReader(pipe)
	for line := ""; !strings.HasPrefix(line, "epoch "); {
		line, err = lines.ReadString('\n')
		require.NoError(t, err)
	}
	require.NoError(t, cmd.Process.Signal(syscall.SIGHUP))
	_, err = io.Copy(io.Discard, lines)
	require.NoError(t, err)
	require.NoError(t, cmd.Wait())
	_, rows := table(t, filepath.Join(finished{dir: cmd.Dir}.runFolder(t), "result.csv"))
	assert.Equal(t, "complete", rows[0]["status"])
}

// A terminal that closes sends SIGHUP, and writing to it fails from then on. A shell that
// ends sends another SIGHUP.
func TestAClosedTerminalLeavesACheckpoint(t *testing.T) {
	cmd := command(t, "-data", madeUp(t), "-layers", "400", "-max_epochs", "1000000", "-checkpoint_every", "1000000", "-report=false")
	cmd.Env = append(os.Environ(), "TERM=xterm")
	terminal, err := pty.Start(cmd)
	require.NoError(t, err)
	screen := bufio.NewReader(terminal)
	second := regexp.MustCompile(`epoch +2/`)
	for line := ""; !second.MatchString(line); {
		line, err = screen.ReadString('\n')
		require.NoError(t, err)
	}
	require.NoError(t, terminal.Close())
	_ = cmd.Process.Signal(syscall.SIGHUP) // it may have ended
	_ = cmd.Wait()                         // the exit code says how it ended
	assert.Equal(t, exitInterrupted, cmd.ProcessState.ExitCode(), "%v", cmd.ProcessState)
	run := finished{dir: cmd.Dir}.runFolder(t)
	assertFiles(t, filepath.Join(run, "checkpoints"), "best.safetensors", "last.safetensors")
	_, rows := table(t, filepath.Join(run, "result.csv"))
	assert.Equal(t, "interrupted", rows[0]["status"])
}

func TestAReaderThatHasReadEnoughIsNoError(t *testing.T) {
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	require.NoError(t, reader.Close())
	cmd := command(t, "-help")
	cmd.Stdout = writer
	got := finish(t, cmd)
	require.NoError(t, writer.Close())
	assert.Equal(t, 141, got.code)
	assert.Empty(t, got.stderr)
}
