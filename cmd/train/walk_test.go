package train

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/cmd/internal/runtest"
	"mdfa/run/checkpoint"
)

// faulty builds the program with internal/disk's failures on demand.
func faulty(t *testing.T) string {
	t.Helper()
	dir, err := runtest.Programs(strings.TrimPrefix(buildTags+",faults", ","), "train")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "train")
}

// randomName is the part of a path that differs between two runs.
var randomName = regexp.MustCompile(`\.new-\d+-\d+|-\d{8}T\d{6}`)

// TestEveryFailedWriteLeavesARunThatGoesOn makes each change to the files of a run fail in
// turn, alone, with all that follow it, and by the end of the process. Each time the program must
// say so in a sentence, and the resumed run must be bit-identical to the undisturbed one.
// Of changes of one kind to one file the last is taken, in one of the ways; with MDFA_TEST_KILLS
// each one, in all of them.
func TestEveryFailedWriteLeavesARunThatGoesOn(t *testing.T) {
	args := []string{"-data", madeUp(t), "-model", "mdfa", "-layers", "16", "-batch_size", "32", "-lr", "0.01",
		"-max_epochs", "3", "-checkpoint_every", "6", "-alignment", "5", "-resume", "auto"}
	program := faulty(t)
	start := func(dir string, env ...string) finished {
		cmd := inFolder(t, dir, args...)
		cmd.Path = program
		cmd.Env = append(os.Environ(), env...)
		return finish(t, cmd)
	}
	dir := t.TempDir()
	whole := start(dir, "MDFA_FAULT_LOG="+filepath.Join(dir, "log"))
	require.Equal(t, 0, whole.code, whole.stderr)
	want := endOf(t, whole.runFolder(t))
	text, err := os.ReadFile(filepath.Join(dir, "log"))
	require.NoError(t, err)
	changes := strings.Split(strings.TrimSpace(randomName.ReplaceAllString(string(text), "")), "\n")
	last := map[string]int{}
	for i, change := range changes {
		last[change] = i
	}
	kinds := map[string]int{}
	walked := 0
	for i, change := range changes {
		if os.Getenv(killsEnv) == "" && last[change] != i {
			continue
		}
		modes := []string{"", "+", "!"}
		if os.Getenv(killsEnv) == "" {
			modes = modes[walked%3 : walked%3+1]
		}
		for _, mode := range modes {
			walked++
			kinds[strings.Fields(change)[0]]++
			about := fmt.Sprintf("change %d%s: %s", i+1, mode, change)
			dir := t.TempDir()
			got := start(dir, fmt.Sprintf("MDFA_FAULT=%d%s", i+1, mode))
			switch {
			case mode == "!":
				require.Equal(t, -1, got.code, about)
				assert.Empty(t, got.stderr, about)
			case got.code == 0: // the log of all runs, which ends no run, or a link, for which there is another way
				assert.Empty(t, got.stderr, about)
				if !strings.HasPrefix(change, "link ") {
					assert.Contains(t, got.stdout, "the run is not in the log", about)
				}
			default:
				assert.Equal(t, exitFailed, got.code, about)
				assert.Regexp(t, `^train: [^\n]+(no space left on device|input/output error)[^\n]+\.\n$`, got.stderr, about)
			}
			folders, err := filepath.Glob(filepath.Join(dir, "results", "*", "[^.]*"))
			require.NoError(t, err)
			for _, run := range folders {
				if _, err := checkpoint.LoadState(t.Context(), run); err != nil {
					assert.ErrorIs(t, err, checkpoint.ErrAbsent, about)
				}
			}
			again := start(dir)
			require.Equal(t, 0, again.code, "%s: %s", about, again.stderr)
			run := again.runFolder(t)
			assertSame(t, want, endOf(t, run), about)
			assertNothingTemporary(t, run)
			assertFiles(t, filepath.Join(run, "checkpoints"), "best.safetensors", "epochs-1.json", "epochs-2.json", "last.safetensors", "previous.safetensors")
			if t.Failed() {
				t.Logf("%s\n%s%s%s", about, got.stdout, got.stderr, again.stdout)
				return
			}
		}
	}
	for _, kind := range []string{"create", "write", "fsync", "rename", "link", "mkdir"} {
		assert.Positive(t, kinds[kind], kind)
	}
	t.Logf("%d changes, %d failures: %v", len(changes), walked, kinds)
}

// The damaged last checkpoint must not replace the one that the run is resumed from, whatever
// fails while the new one is written.
func TestARunFromPreviousIsNotLostToAFailedSave(t *testing.T) {
	args := []string{"-data", madeUp(t), "-layers", "16", "-batch_size", "32", "-report=false", "-max_epochs"}
	program := faulty(t)
	begin := func(epochs string) finished {
		cmd := command(t, append(args, epochs)...)
		cmd.Path = program
		got := finish(t, cmd)
		require.Equal(t, 0, got.code, got.stderr)
		return got
	}
	want := endOf(t, begin("4").runFolder(t))
	damaged := begin("3")
	run, err := filepath.Rel(damaged.dir, damaged.runFolder(t))
	require.NoError(t, err)
	require.NoError(t, os.Truncate(filepath.Join(damaged.dir, run, "checkpoints", "last.safetensors"), 1000))
	start := func(dir, env string) finished {
		cmd := inFolder(t, dir, "-resume", run, "-max_epochs", "4")
		cmd.Path = program
		cmd.Env = append(os.Environ(), env)
		return finish(t, cmd)
	}
	fail := func(fault string) string {
		dir := t.TempDir()
		require.NoError(t, os.CopyFS(dir, os.DirFS(damaged.dir)))
		if start(dir, "MDFA_FAULT="+fault).code != 0 {
			again := start(dir, "MDFA_FAULT_LOG="+filepath.Join(dir, "log"))
			require.Equal(t, 0, again.code, again.stderr)
		}
		assertSame(t, want, endOf(t, filepath.Join(dir, run)), fault)
		assertNothingTemporary(t, filepath.Join(dir, run, "checkpoints"))
		return dir
	}
	text, err := os.ReadFile(filepath.Join(fail("1"), "log"))
	require.NoError(t, err)
	failed := 0
	for i, change := range strings.Split(string(text), "\n") {
		state := strings.Contains(change, "last.safetensors") || strings.Contains(change, "previous.safetensors")
		if state || os.Getenv(killsEnv) != "" {
			fail(strconv.Itoa(i + 1))
			failed++
		}
		if os.Getenv(killsEnv) != "" {
			fail(fmt.Sprintf("%d!", i+1))
			failed++
		}
	}
	assert.GreaterOrEqual(t, failed, 8, "create, write, fsync and rename of two saves")
	t.Logf("%d failures", failed)
}
