//go:build cuda

package train

import (
	"fmt"
	"math"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// lossTolerance is the largest difference of the devices' mean losses, relative to the loss:
// both add in float32, in another order each, over a handful of steps.
const lossTolerance = 1e-5

func TestTrainsOnPhotographsOnTheSoftwareGPU(t *testing.T) {
	args := []string{"-dataset", "imagenet", "-data", preparedFolder(t, imageNetTars(t)), "-classes", "9", "-model", "mdfa",
		"-convnet", "-filters", "4:5:4,4:3:2", "-batch_size", "8", "-max_epochs", "1"}
	cpu := runTrain(t, append(args, "-device", "cpu")...)
	require.Equal(t, 0, cpu.code, cpu.stderr)
	_, want := table(t, filepath.Join(cpu.runFolder(t), "epochs.csv"))

	var epochs []string
	for _, cache := range []string{"on", "off"} {
		got := onEmu(t, "seed=5", append(args, "-cache", cache)...)
		require.Equal(t, 0, got.code, got.stderr)
		assert.Regexp(t, `(?m)^test     \d+\.\d\d%, top-5 \d+\.\d\d%$`, got.stdout)
		epochs = append(epochs, stable(t, filepath.Join(got.runFolder(t), "epochs.csv"), "images_per_second"))
		_, rows := table(t, filepath.Join(got.runFolder(t), "epochs.csv"))
		loss := parseShare(t, want[0]["train_loss"])
		assert.LessOrEqual(t, math.Abs(parseShare(t, rows[0]["train_loss"])-loss), lossTolerance*loss)
	}
	assert.Equal(t, epochs[0], epochs[1], "resident and streamed")
}

func TestPhotographsThatDoNotFitTheDeviceAreRefused(t *testing.T) {
	got := onEmu(t, "memory=1MiB", "-dataset", "imagenet", "-data", preparedFolder(t, imageNetTars(t)), "-model", "dfa", "-convnet")
	assert.Equal(t, exitFailed, got.code)
	assertSentence(t, got, "the run needs about ")
	assert.Regexp(t, `\(activations \d+ MB · .*feedback 2\.1 MB.*\), and software GPU has .* free: `+
		`use smaller -layers or -filters, fewer -classes or a smaller -batch_size\.\n$`, got.stderr)
}

func TestImagesThatDoNotFitTheDeviceAreStreamedToIt(t *testing.T) {
	files := cifar10Files()
	for i := range 5 {
		files[fmt.Sprintf("data_batch_%d.bin", i+1)] = cifarRecords(1200, 10) // 18 MB in all
	}
	dir := t.TempDir()
	writeFiles(t, dir, files)
	const between = "memory=22MiB" // streamed the run takes some 14 MB, resident some 25
	args := []string{"-dataset", "cifar10", "-data", dir, "-layers", "2", "-max_steps", "2"}
	got := onEmu(t, between, args...)
	require.Equal(t, 0, got.code, got.stderr)
	assert.Contains(t, got.stdout, "\ncache    images are streamed to the device: they do not fit into its memory\n")

	got = onEmu(t, between, append(args, "-cache", "on")...)
	assert.Equal(t, exitFailed, got.code)
	assertSentence(t, got, "the run needs about 2")
	assert.Contains(t, got.stderr, " MB (images 19 MB · activations 6.3 MB")
}
