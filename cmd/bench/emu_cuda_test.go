//go:build cuda

package bench

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestQuickOnTheSoftwareGPUIsWhatTheSchemaSays(t *testing.T) {
	for _, c := range checkQuick(t, "emu").Cells {
		require.NotZero(t, c.Profile)
		assert.Positive(t, c.Profile.Launches)
		assert.Zero(t, c.Profile.FloorBytesPerSecond, "time means nothing there")
		assert.GreaterOrEqual(t, float64(c.Profile.FLOPs), c.ProductFLOPs, "the products are among the kernels")
		assert.Positive(t, c.DeviceMemoryBytes)
	}
}

func TestPredictionIsABoundForEachCard(t *testing.T) {
	name := filepath.Join(t.TempDir(), "bench.json")
	text := runBench(t, "-device", "emu", "-predict", "h100,t4", "-datasets", "mnist", "-models", "bp,dfa", "-batch_sizes", "16", "-json", name)
	assert.Contains(t, text, "a bound from published peak rates, not a measurement")
	r := validated(t, name)
	assert.Empty(t, r.Cells)
	require.Len(t, r.Bounds, 2*2*2)
	for i := 0; i < len(r.Bounds); i += 2 {
		fast, slow := r.Bounds[i], r.Bounds[i+1]
		assert.Equal(t, [2]string{"h100", "t4"}, [2]string{fast.GPU, slow.GPU})
		assert.Equal(t, fast.FLOPs, slow.FLOPs)
		assert.Less(t, fast.ArithmeticSeconds, slow.ArithmeticSeconds)
		assert.LessOrEqual(t, fast.Seconds, slow.Seconds, "launches take as long on both")
		assert.InEpsilon(t, 16/fast.Seconds, fast.MostImagesASecond, 1e-9)
	}
}

func TestSoftwareGPUThatIsTooSmallSkipsCells(t *testing.T) {
	t.Setenv("MDFA_EMU", "memory=64MiB")
	name := filepath.Join(t.TempDir(), "bench.json")
	text := runBench(t, "-device", "emu", "-datasets", "cifar,mnist", "-nets", "fc", "-models", "bp", "-batch_sizes", "8", "-time", "10ms", "-json", name)
	r := validated(t, name)
	require.Len(t, r.Cells, 2)
	assert.NotEmpty(t, r.Cells[0].Skipped)
	assert.NotZero(t, r.Cells[1].Step, "what fits is measured all the same")
	assert.Contains(t, text, "cifar-fc bp 8: does not fit: ")
}
