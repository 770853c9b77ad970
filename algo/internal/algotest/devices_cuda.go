//go:build cuda && linux && (amd64 || arm64)

package algotest

import (
	"testing"

	"github.com/stretchr/testify/assert"
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
	Openers["emu"] = func(t *testing.T) gpu.Device {
		driver.Reset()
		dev, machine, err := emulated.Open(softgpu.DefaultOptions(), cuda.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { require.Empty(t, machine.Leaks()) })
		return dev
	}
	if _, err := driver.OpenNVIDIA(); err == nil {
		Openers["cuda"] = func(t *testing.T) gpu.Device {
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

// NeedEmu skips the test if MDFA_DEVICE leaves the software GPU out.
func NeedEmu(t *testing.T) {
	if name := OnlyDevice(); name != "" && name != "emu" {
		t.Skipf("MDFA_DEVICE is %s, and this test compares the software GPU", name)
	}
}

// OpenEmu opens the software GPU. What the test leaves on it fails the test.
func OpenEmu(t *testing.T, o softgpu.Options, c cuda.Options) (gpu.Device, *softgpu.Machine) {
	t.Helper()
	driver.Reset()
	dev, machine, err := emulated.Open(o, c)
	require.NoError(t, err)
	t.Cleanup(func() {
		require.NoError(t, dev.Close())
		assert.Empty(t, machine.Leaks(), "device memory that was never freed")
		assert.Zero(t, machine.PinnedLeaks(), "pinned memory that was never freed")
	})
	return dev, machine
}
