package algo

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cpu"
)

// openers has every device of this build. The cuda build adds the software GPU, and
// NVIDIA's where there is one.
var openers = map[string]func(t *testing.T) gpu.Device{
	"cpu": func(*testing.T) gpu.Device { return cpu.Open() },
}

// onlyDevice is the one device to test on, or "" for all of them.
func onlyDevice() string { return os.Getenv("MDFA_DEVICE") }

// onEachDevice runs a test on the devices of this build, or on the one that
// MDFA_DEVICE names.
func onEachDevice(t *testing.T, test func(t *testing.T, dev gpu.Device)) {
	if onlyDevice() != "" {
		require.Contains(t, openers, onlyDevice(), "MDFA_DEVICE names a device that this build or machine has not")
	}
	for name, open := range openers {
		if onlyDevice() != "" && onlyDevice() != name {
			continue
		}
		t.Run(name, func(t *testing.T) {
			dev := open(t)
			defer func() { require.NoError(t, dev.Close()) }()
			test(t, dev)
		})
	}
}
