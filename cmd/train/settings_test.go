package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/cmd/internal/checkpoint"
	"mdfa/gpu"
	"mdfa/model"
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

func TestFlagsAreComparedByWhatTheyMean(t *testing.T) {
	net, err := model.NewConv(model.Shape{H: 9, W: 9, C: 1}, []model.Filter{{Filters: 8, Kernel: 3, Stride: 2}}, 10, gpu.Tanh)
	require.NoError(t, err)
	s := checkpoint.Settings{Network: net.Spec(), Data: checkpoint.Data{Classes: 10, Shape: [3]int{9, 9, 1}}}
	for _, c := range []struct{ flag, a, b string }{
		{"classes", "0", "10"}, {"size", "0", "9"}, {"lr", "1e-3", "0.001"}, {"model", "MDFA", "mdfa"},
		{"forward_init", "u1", "U1.0"}, {"filters", "", "8:3:2"}, {"filters", " 8:3:2", "8:3:2"},
		{"layers", "20, 30", "20,30"}, {"convnet", "1", "true"}, {"layers", "x", "x"},
	} {
		assert.Equal(t, canonical(c.flag, c.a, s), canonical(c.flag, c.b, s), "%v", c)
	}
	for _, c := range []struct{ flag, a, b string }{
		{"classes", "0", "9"}, {"lr", "1e-3", "1e-4"}, {"model", "dfa", "mdfa"}, {"forward_init", "U1", "N1"},
		{"filters", "", "8:3:1"}, {"layers", "20", "30"}, {"convnet", "true", "false"},
	} {
		assert.NotEqual(t, canonical(c.flag, c.a, s), canonical(c.flag, c.b, s), "%v", c)
	}
}
