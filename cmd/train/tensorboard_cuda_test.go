//go:build cuda

package train

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTensorBoardFilesOfTheSoftwareGPU(t *testing.T) {
	got := onEmu(t, "seed=5", "-data", madeUp(t), "-model", "mdfa", "-convnet", "-filters", "2:9:4", "-batch_size", "16", "-max_steps", "2",
		"-tensorboard", "-alignment", "1", "-report=false")
	require.Equal(t, 0, got.code, got.stderr)
	_, text := eventFiles(t, got.runFolder(t))
	for tag, times := range map[string]int{"loss/train": 1, "weights/layers.1.weight": 1, "preactivations/layers.0": 1, "filters/layers.0": 1, "angle_bp/layers.0": 2} {
		assert.Equal(t, times, strings.Count(text, tag), tag)
	}
}
