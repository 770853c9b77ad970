package train

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestPatienceEndsARunAndSaysSo trains with a rate of 0, so that the first epoch stays the best.
func TestPatienceEndsARunAndSaysSo(t *testing.T) {
	args := []string{"-data", madeUp(t), "-layers", "16", "-lr", "0", "-max_epochs", "9", "-patience"}
	const reason = "no better validation accuracy for 2 epochs"
	got := runTrain(t, append(args, "2")...)
	require.Equal(t, 0, got.code, got.stderr)
	assert.Contains(t, got.stdout, "\nbest     epoch 1 of 3, ")
	assert.Contains(t, got.stdout, "\nended    early: "+reason+"\n")
	dir := got.runFolder(t)
	_, rows := table(t, filepath.Join(dir, "result.csv"))
	for column, want := range map[string]string{"status": "complete", "reason": reason, "epochs": "3", "patience": "2", "best_by": "accuracy"} {
		assert.Equal(t, want, rows[0][column], column)
	}

	auto := finish(t, inFolder(t, got.dir, append(args, "2", "-resume", "auto")...))
	require.Equal(t, 0, auto.code, auto.stderr)
	assert.Regexp(t, `^results/mnist/\S+ is complete: 3 epochs, `, auto.stdout)

	again := finish(t, inFolder(t, got.dir, "-resume", dir, "-log", "json"))
	require.Equal(t, 0, again.code, again.stderr)
	var texts, reasons []string
	for line := range strings.Lines(again.stdout) {
		var event struct{ Event, Text, Status, Reason string }
		require.NoError(t, json.Unmarshal([]byte(line), &event))
		switch event.Event {
		case "note":
			texts = append(texts, event.Text)
		case "outcome":
			reasons = append(reasons, event.Status+": "+event.Reason)
		case "epoch":
			assert.Fail(t, "an epoch is trained")
		}
	}
	assert.Equal(t, []string{reason + ": the run is only tested again (a larger -patience trains on)"}, texts)
	assert.Equal(t, []string{"complete: " + reason}, reasons)

	more := finish(t, inFolder(t, got.dir, append(args, "4", "-resume", "auto")...))
	require.Equal(t, 0, more.code, more.stderr)
	assert.Contains(t, more.stdout, "\nresume   after epoch 3, from ")
	assert.Contains(t, more.stdout, "\nbest     epoch 1 of 5, ")
	whole := runTrain(t, append(args, "4")...)
	require.Equal(t, 0, whole.code, whole.stderr)
	assertSame(t, endOf(t, whole.runFolder(t)), endOf(t, dir))
}

func TestAnotherBestIsAnotherRun(t *testing.T) {
	args := []string{"-data", madeUp(t), "-layers", "16", "-max_epochs", "2", "-best", "loss"}
	got := runTrain(t, args...)
	require.Equal(t, 0, got.code, got.stderr)
	dir := got.runFolder(t)
	_, rows := table(t, filepath.Join(dir, "result.csv"))
	assert.Equal(t, "loss", rows[0]["best_by"])
	other := finish(t, inFolder(t, got.dir, "-resume", dir, "-best", "accuracy"))
	assert.Equal(t, exitUsage, other.code)
	assert.Contains(t, other.stderr, "-best accuracy: "+dir+" was started with -best loss, and goes on with the same")
}
