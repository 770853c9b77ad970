package train

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/run/checkpoint"
	"mdfa/run/folder"
	"mdfa/run/settings"
)

func TestARunDoesNotGoOnWithOtherFeedback(t *testing.T) {
	got := runTrain(t, "-data", madeUp(t), "-layers", "16", "-max_epochs", "1", "-model", "dfa")
	require.Equal(t, 0, got.code, got.stderr)
	run, err := filepath.Rel(got.dir, got.runFolder(t))
	require.NoError(t, err)
	c, err := checkpoint.LoadState(t.Context(), filepath.Join(got.dir, run))
	require.NoError(t, err)
	c.Feedback.Fingerprint, c.Program = "0123", "abc"
	require.NoError(t, checkpoint.NewWriter(filepath.Join(got.dir, run), nil).State(c))
	failed := finish(t, inFolder(t, got.dir, "-resume", run, "-max_epochs", "2", "-quiet"))
	assert.Equal(t, exitFailed, failed.code)
	assert.Equal(t, "train: this program draws other feedback than the one that wrote "+run+
		"/checkpoints/last.safetensors (version abc): go on with that version, or start a new run without -resume.\n", failed.stderr)
	_, rows := table(t, filepath.Join(got.dir, run, "result.csv"))
	assert.Equal(t, "complete", rows[0]["status"], "what was there stays")
}

func TestEverySettingReachesWhatARunLeaves(t *testing.T) {
	got := runTrain(t, "-data", madeUp(t), "-layers", "16", "-max_epochs", "1", "-lr", "1e-3")
	require.Equal(t, 0, got.code, got.stderr)
	dir := got.runFolder(t)
	run, err := folder.ReadRun(dir)
	require.NoError(t, err)
	c, err := checkpoint.LoadState(t.Context(), dir)
	require.NoError(t, err)
	columns, _ := table(t, filepath.Join(dir, "result.csv"))
	manual, err := os.ReadFile("../../docs/cli.md")
	require.NoError(t, err)
	help := runTrain(t, "-h").stdout
	for _, s := range settings.List {
		assert.Contains(t, run.Flags, s.Name)
		assert.Contains(t, c.Flags, s.Name)
		assert.Contains(t, help, "\n  "+strings.TrimSpace("-"+s.Name+" "+s.Argument))
		assert.Contains(t, string(manual), "\n| `"+strings.TrimSpace("-"+s.Name+" "+s.Argument)+"` | ")
		if s.Result != nil {
			assert.Contains(t, columns, cmp.Or(s.Result.Name, s.Name))
		}
	}
	assert.Equal(t, "0.001", run.Flags["lr"])
	assert.Equal(t, []string{"data", "layers", "lr", "max_epochs"}, run.Given)
	for _, name := range []string{"resume", "quiet", "log"} { // the program's own
		assert.Contains(t, run.Flags, name)
	}
	assert.Len(t, run.Flags, len(settings.List)+3)
}
