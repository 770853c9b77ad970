package main

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMain builds the program once, and the one that prepares its photographs: these
// tests run them as a user would.
func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

// From TestMain to the tests.
const (
	programEnv = "TRAIN_TEST_PROGRAM"
	prepEnv    = "TRAIN_TEST_PREP" // imagenet-prep
)

// buildTags are those of the program that is tested: this binary's own.
var buildTags = ""

func buildAndRun(m *testing.M) (int, error) {
	if signal.Ignored(syscall.SIGHUP) {
		// As under nohup: programs that the tests start inherit an ignored signal, but not a handled one.
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	dir, err := os.MkdirTemp("", "train")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	text, err := exec.Command("go", "build", "-tags", buildTags, "-o", dir+string(filepath.Separator), ".", "../imagenet-prep").CombinedOutput()
	if err != nil {
		return 1, fmt.Errorf("building the programs: %w\n%s", err, text)
	}
	for variable, name := range map[string]string{programEnv: "train", prepEnv: "imagenet-prep"} {
		if err := os.Setenv(variable, filepath.Join(dir, name)); err != nil {
			return 1, err
		}
	}
	return m.Run(), nil
}

// command is the program with arguments, in an empty folder and without colours.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Getenv(programEnv), args...)
	cmd.Dir = t.TempDir()
	return cmd
}

// finished is the output, exit code and folder of a run of the program.
type finished struct {
	stdout, stderr string
	code           int
	dir            string // where it ran
}

func finish(t *testing.T, cmd *exec.Cmd) finished {
	t.Helper()
	var stdout, stderr bytes.Buffer
	if cmd.Stdout == nil {
		cmd.Stdout = &stdout
	}
	cmd.Stderr = &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return finished{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode(), cmd.Dir}
}

func runTrain(t *testing.T, args ...string) finished {
	t.Helper()
	return finish(t, command(t, args...))
}

// runFolder is the only run's folder under the default results.
func (f finished) runFolder(t *testing.T) string {
	t.Helper()
	folders, err := filepath.Glob(filepath.Join(f.dir, "results", "*", "[^.]*"))
	require.NoError(t, err)
	require.Len(t, folders, 1, f.stderr)
	return folders[0]
}

// table reads a CSV: the header, and the rows by column.
func table(t *testing.T, path string) (header []string, rows []map[string]string) {
	t.Helper()
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	lines, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	require.NoError(t, err)
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, name := range lines[0] {
			row[name] = line[i]
		}
		rows = append(rows, row)
	}
	return lines[0], rows
}

// stable is a CSV without the columns from the named one on.
func stable(t *testing.T, path, from string) string {
	t.Helper()
	header, rows := table(t, path)
	var b strings.Builder
	for _, row := range rows {
		for _, name := range header {
			if name == from {
				break
			}
			fmt.Fprintf(&b, "%s=%s ", name, row[name])
		}
		b.WriteByte('\n')
	}
	require.Contains(t, header, from)
	return b.String()
}

// Sizes of the made-up data set: enough for its validation split and top-5.
const (
	madeUpTrain = 400
	madeUpTest  = 60
)

// madeUp writes a small data set in MNIST's format and returns its folder: noise, with
// a bright row that tells the class.
func madeUp(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for prefix, n := range map[string]int{"train": madeUpTrain, "t10k": madeUpTest} {
		images := binary.BigEndian.AppendUint32(nil, 0x803)
		for _, size := range []int{n, 28, 28} {
			images = binary.BigEndian.AppendUint32(images, uint32(size))
		}
		labels := binary.BigEndian.AppendUint32(nil, 0x801)
		labels = binary.BigEndian.AppendUint32(labels, uint32(n))
		rng := rand.New(rand.NewPCG(1, uint64(n)))
		for i := range n {
			label := i % 10
			labels = append(labels, byte(label))
			for pixel := range 28 * 28 {
				value := byte(rng.IntN(100))
				if pixel/28 == 2*label {
					value = 255
				}
				images = append(images, value)
			}
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, prefix+"-images-idx3-ubyte"), images, 0o644))
		require.NoError(t, os.WriteFile(filepath.Join(dir, prefix+"-labels-idx1-ubyte"), labels, 0o644))
	}
	return dir
}
