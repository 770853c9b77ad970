package train

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"mdfa/cmd/internal/runtest"

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
	dir, err := runtest.Programs(buildTags, "train", "imagenet-prep")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
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
	stdout, stderr, code := runtest.Finish(t, cmd)
	return finished{stdout, stderr, code, cmd.Dir}
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

// The data set and the comparison of runs, which other programs' tests use too.
var (
	madeUp     = runtest.Digits
	table      = runtest.Table
	stable     = runtest.Stable
	endOf      = runtest.EndOf
	assertSame = runtest.AssertSame
)
