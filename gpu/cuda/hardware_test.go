//go:build cuda && linux && (amd64 || arm64)

package cuda_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cuda"
	"mdfa/gpu/cuda/driver"
	"mdfa/gpu/devicetest"
)

// TestConformanceOnNVIDIA runs the whole suite on the machine's first GPU. With
// MDFA_DEVICE=cuda the machine has to have one.
func TestConformanceOnNVIDIA(t *testing.T) {
	driver.Reset() // a process has one driver at a time
	t.Cleanup(driver.Reset)
	if _, err := driver.OpenNVIDIA(); err != nil {
		if os.Getenv("MDFA_DEVICE") == "cuda" {
			t.Fatalf("MDFA_DEVICE=cuda, and there is no real GPU: %v", err)
		}
		t.Skipf("needs a real GPU: %v", err)
	}
	devicetest.Run(t, func(t *testing.T) gpu.Device {
		d, err := cuda.Open(cuda.Options{Kind: "cuda"})
		require.NoError(t, err)
		return d
	})
}
