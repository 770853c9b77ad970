//go:build cuda && linux && (amd64 || arm64)

package cuda_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cuda"
	"mdfa/gpu/cuda/driver"
	"mdfa/gpu/devicetest"
)

// TestConformanceOnNVIDIA runs the whole suite on the machine's first GPU.
func TestConformanceOnNVIDIA(t *testing.T) {
	driver.Reset() // a process has one driver at a time
	t.Cleanup(driver.Reset)
	if _, err := driver.OpenNVIDIA(); err != nil {
		t.Skipf("needs a real GPU: %v", err)
	}
	devicetest.Run(t, func(t *testing.T) gpu.Device {
		d, err := cuda.Open(cuda.Options{Kind: "cuda"})
		require.NoError(t, err)
		return d
	})
}
