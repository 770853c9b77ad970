//go:build cuda && linux && (amd64 || arm64)

package algo

import (
	"testing"

	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cuda"
	"mdfa/gpu/cuda/driver"
	"mdfa/gpu/cuda/emulated"
	"mdfa/softgpu"
)

// Every cuda build has the software GPU; NVIDIA's is there where the machine has one.
// Each opener chooses the driver anew: the device of the last one is closed by then.
func init() {
	openers["emu"] = func(t *testing.T) gpu.Device {
		driver.Reset()
		dev, machine, err := emulated.Open(softgpu.DefaultOptions(), cuda.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { require.Empty(t, machine.Leaks()) })
		return dev
	}
	if _, err := driver.OpenNVIDIA(); err == nil {
		openers["cuda"] = func(t *testing.T) gpu.Device {
			driver.Reset()
			_, err := driver.OpenNVIDIA()
			require.NoError(t, err)
			dev, err := cuda.Open(cuda.Options{})
			require.NoError(t, err)
			return dev
		}
	}
	driver.Reset()
}
