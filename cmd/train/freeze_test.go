package train

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/model"
	"mdfa/run/checkpoint"
)

// layerWeights are a layer's weights and biases in the last checkpoint of a run.
func layerWeights(t *testing.T, dir string, layer int) []model.Tensor {
	t.Helper()
	c, err := checkpoint.LoadState(t.Context(), dir)
	require.NoError(t, err)
	return c.Network.Split(c.Params)[2*layer : 2*layer+2]
}

// TestFrozenLayersStayAsTheyWereDrawn compares with a run that has a learning rate of 0.
func TestFrozenLayersStayAsTheyWereDrawn(t *testing.T) {
	args := []string{"-data", madeUp(t), "-convnet", "-filters", "6:5:2,4:3:2", "-max_epochs", "2", "-optimizer", "sgd", "-l2", "0.1", "-lr"}
	drawn := runTrain(t, append(args, "0")...)
	require.Equal(t, 0, drawn.code, drawn.stderr)
	for flags, c := range map[string]struct {
		frozen []int
		shown  string
	}{
		"-model dfa -freeze conv":     {[]int{0, 1}, "frozen 0,1"},
		"-model mdfa -freeze 1":       {[]int{1}, "frozen 1"},
		"-model bp -freeze 2,0":       {[]int{0, 2}, "frozen 0,2"},
		"-model shallow -freeze 0":    {[]int{0, 1}, "frozen 0,"},
		"-model shallow":              {[]int{0, 1}, "shallow, tanh, init U1 · "},
		"-model shallow -freeze none": {[]int{0, 1}, "shallow, tanh, init U1 · "},
	} {
		t.Run(flags, func(t *testing.T) {
			t.Parallel()
			got := runTrain(t, append(append(args, "0.1", "-alignment", "5"), strings.Fields(flags)...)...)
			require.Equal(t, 0, got.code, got.stderr)
			assert.Contains(t, got.stdout, c.shown)
			dir := got.runFolder(t)
			_, aligned := table(t, filepath.Join(dir, "alignment.csv"))
			require.NotEmpty(t, aligned)
			for layer := range 3 {
				frozen := false
				for _, f := range c.frozen {
					frozen = frozen || f == layer
				}
				was, is := layerWeights(t, drawn.runFolder(t), layer), layerWeights(t, dir, layer)
				if !strings.Contains(flags, "mdfa") { // which draws others
					assert.Equal(t, frozen, assert.ObjectsAreEqual(was, is), "layer %d", layer)
				}
				for i := range is {
					assert.True(t, frozen == (is[1].Data[0] == 0), "layer %d, tensor %d: biases begin at 0", layer, i)
				}
				for _, row := range aligned[len(aligned)-3:][layer : layer+1] {
					assert.Equal(t, frozen, row["angle_bp"] == "", "layer %d", layer)
					assert.NotEqual(t, "NaN", row["at_floor"])
				}
			}
		})
	}
}

func TestFrozenLayersBelongToTheRun(t *testing.T) {
	args := []string{"-data", madeUp(t), "-convnet", "-filters", "4:5:3", "-max_epochs"}
	got := runTrain(t, append(args, "1", "-freeze", "conv")...)
	require.Equal(t, 0, got.code, got.stderr)
	dir := got.runFolder(t)
	_, rows := table(t, filepath.Join(dir, "result.csv"))
	assert.Equal(t, "0", rows[0]["freeze"])

	other := finish(t, inFolder(t, got.dir, "-resume", dir, "-freeze", "1", "-max_epochs", "2"))
	assert.Equal(t, exitUsage, other.code)
	assert.Contains(t, other.stderr, "-freeze 1: "+dir+" was started with -freeze 0, and goes on with the same")
	auto := finish(t, inFolder(t, got.dir, append(args, "2", "-resume", "auto", "-quiet")...))
	require.Equal(t, 0, auto.code, auto.stderr)
	assert.NotContains(t, auto.stdout, dir, "without frozen layers it is another run")
	again := finish(t, inFolder(t, got.dir, append(args, "2", "-resume", "auto", "-freeze", "0")...))
	require.Equal(t, 0, again.code, again.stderr)
	assert.Contains(t, again.stdout, "after epoch 1, from ")

	whole := runTrain(t, append(args, "2", "-freeze", "conv")...)
	require.Equal(t, 0, whole.code, whole.stderr)
	assertSame(t, endOf(t, whole.runFolder(t)), endOf(t, dir))
}
