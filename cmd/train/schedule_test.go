package train

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestAScheduleShowsInEachPlace looks at the header, the tables, the events and TensorBoard's file.
func TestAScheduleShowsInEachPlace(t *testing.T) {
	args := []string{"-data", madeUp(t), "-layers", "8", "-lr", "0.01", "-schedule", "multistep:2,3:0.1", "-warmup", "1", "-max_epochs", "4", "-tensorboard"}
	got := runTrain(t, args...)
	require.Equal(t, 0, got.code, got.stderr)
	assert.Contains(t, got.stdout, "rmsprop, lr 0.01, schedule multistep:2,3:0.1, warmup 1, batch 64 (mean)")
	dir := got.runFolder(t)
	_, rows := table(t, filepath.Join(dir, "epochs.csv"))
	var rates []string
	for _, row := range rows {
		rates = append(rates, row["lr"])
	}
	assert.Equal(t, []string{"0.001", "0.01", "0.01", "0.001"}, rates)
	_, rows = table(t, filepath.Join(dir, "result.csv"))
	assert.Equal(t, []string{"multistep:2,3:0.1", "1"}, []string{rows[0]["schedule"], rows[0]["warmup"]})
	_, text := eventFiles(t, dir)
	assert.Equal(t, 4, strings.Count(text, "training/learning_rate"))

	other := finish(t, inFolder(t, got.dir, "-resume", dir, "-schedule", "cosine"))
	assert.Equal(t, exitUsage, other.code)
	assert.Contains(t, other.stderr, "-schedule cosine: "+dir+" was started with -schedule multistep:2,3:0.1, and goes on with the same")
}
