package cpu_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cpu"
	"mdfa/gpu/cpu/blas"
	"mdfa/gpu/devicetest"
)

// TestConformance runs the suite on the BLAS that this machine has, and on gonum's,
// which is what a machine without one gets.
func TestConformance(t *testing.T) {
	devicetest.Run(t, func(*testing.T) gpu.Device { return cpu.Open() }, devicetest.Threads(1, 2, 4))
}

func TestConformanceWithoutNativeBLAS(t *testing.T) {
	library, err := blas.Find()
	require.NoError(t, err)
	if !library.Fast() {
		require.Equal(t, "gonum", library.Name(), "TestConformance ran on gonum already")
		return
	}
	devicetest.Run(t, func(*testing.T) gpu.Device { return cpu.OpenWith(cpu.Options{BLAS: blas.Gonum()}) })
}

func TestADeviceHasAsManyWorkersAsAreAskedFor(t *testing.T) {
	for workers, detail := range map[int]string{1: "1 thread, ", 3: "3 threads, "} {
		dev := cpu.OpenWith(cpu.Options{BLAS: blas.Gonum(), Workers: workers})
		assert.Contains(t, dev.Info().Detail, detail)
		require.NoError(t, dev.Close())
	}
}
