package sweep

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"mdfa/cmd/internal/runtest"
	"mdfa/run/folder"
)

// buildTags are those of the programs that are tested: this binary's own.
var buildTags = ""

// programs is the folder of sweep and train.
var programs string

// TestMain builds sweep and train once: these tests run them as a user would.
func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (_ int, err error) {
	if programs, err = runtest.Programs(buildTags, "sweep", "train"); err != nil {
		return 1, err
	}
	defer os.RemoveAll(programs)
	return m.Run(), nil
}

// finished is the output and exit code of a program.
type finished struct {
	stdout, stderr string
	code           int
}

// command is a program in a folder, in which it finds no cluster.
func command(t *testing.T, dir, name string, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(programs, name), args...)
	cmd.Dir = dir
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SLURM_") && !strings.HasPrefix(v, "JOB_COMPLETION_INDEX=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	return cmd
}

func finish(t *testing.T, cmd *exec.Cmd) finished {
	t.Helper()
	stdout, stderr, code := runtest.Finish(t, cmd)
	return finished{stdout, stderr, code}
}

// runIn runs a program in a folder.
func runIn(t *testing.T, dir, name string, args ...string) finished {
	t.Helper()
	return finish(t, command(t, dir, name, args...))
}

// base are the settings that all runs of these tests share.
func base(data string) []string {
	return []string{"-data", data, "-layers", "16", "-batch_size", "20", "-lr", "0.01", "-max_epochs", "3", "-report=false"}
}

// small is a grid of eight short runs.
func small(data string) []string {
	return append(base(data), "-model", "bp,mdfa", "-classes", "2,4", "-seed", "0-1")
}

// ends are the ends of all runs below results, by their folders' names without the time.
func ends(t *testing.T, dir string) map[string]runtest.End {
	t.Helper()
	dirs, err := folder.RunsBelow(filepath.Join(dir, "results"))
	require.NoError(t, err)
	all := map[string]runtest.End{}
	for _, one := range dirs {
		name := filepath.Base(one)
		name = name[:strings.LastIndex(name, "-20")]
		require.NotContains(t, all, name, "a run was trained twice")
		all[name] = runtest.EndOf(t, one)
	}
	return all
}

// trained are the ends of the runs of small, each by train alone.
func trained(t *testing.T, data string, more ...string) map[string]runtest.End {
	t.Helper()
	dir := t.TempDir()
	for _, model := range []string{"bp", "mdfa"} {
		for _, classes := range []string{"2", "4"} {
			for _, seed := range []string{"0", "1"} {
				got := runIn(t, dir, "train", append(append(base(data), "-model", model, "-classes", classes, "-seed", seed, "-quiet"), more...)...)
				require.Equal(t, 0, got.code, got.stderr)
			}
		}
	}
	return ends(t, dir)
}

// assertSame compares the ends of runs.
func assertSame(t *testing.T, want, got map[string]runtest.End) {
	t.Helper()
	require.Len(t, got, len(want))
	for name := range want {
		require.Contains(t, got, name)
		runtest.AssertSame(t, want[name], got[name], name)
	}
}
