package main

import (
	"cmp"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/model"
	"mdfa/run/checkpoint"
	"mdfa/run/folder"
	"mdfa/run/settings"
)

func TestFeedbackHasAFingerprintOfItsValues(t *testing.T) {
	net, err := model.NewDense(model.Vector(12), []int{2000, 5}, 10, gpu.Tanh)
	require.NoError(t, err)
	fingerprint := func(args string) checkpoint.Feedback {
		t.Helper()
		opt, err := parse(strings.Fields(args))
		require.NoError(t, err)
		p, err := newPlan(opt)
		require.NoError(t, err)
		_, drawn, err := p.initial(net)
		require.NoError(t, err)
		facts, err := p.feedbackFacts(net, drawn)
		require.NoError(t, err)
		return facts
	}
	assert.Equal(t, checkpoint.Feedback{Kind: "none"}, fingerprint("-model bp"))
	seen := map[string]string{}
	for _, args := range []string{
		"-model fa", "-model fa -seed 1", "-model fa -backward_init N1",
		"-model dfa", "-model dfa -seed 1", "-model dfa -backward_init N1", "-model mdfa",
	} {
		f := fingerprint(args)
		assert.Len(t, f.Fingerprint, 64)
		assert.Empty(t, seen[f.Fingerprint], args)
		seen[f.Fingerprint] = args
		assert.Equal(t, f, fingerprint(args+" -forward_init U0.5"), "the weights do not count")
	}
	assert.Equal(t, fingerprint("-model mdfa"), fingerprint("-model mdfa -feedback generated"))
}

func TestARunDoesNotGoOnWithOtherFeedback(t *testing.T) {
	got := runTrain(t, "-data", madeUp(t), "-layers", "16", "-max_epochs", "1", "-model", "dfa")
	require.Equal(t, 0, got.code, got.stderr)
	run, err := filepath.Rel(got.dir, got.runFolder(t))
	require.NoError(t, err)
	c, err := checkpoint.LoadState(t.Context(), filepath.Join(got.dir, run))
	require.NoError(t, err)
	c.Feedback.Fingerprint, c.Program = "0123", "abc"
	require.NoError(t, checkpoint.WriteState(filepath.Join(got.dir, run), c))
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
