// Package algotest holds the devices, data and small networks that the tests of the engine share.
package algotest

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cpu"
)

// Openers has every device of this build. The cuda build adds the software GPU, and
// NVIDIA's where there is one.
var Openers = map[string]func(t *testing.T) gpu.Device{
	"cpu": func(*testing.T) gpu.Device { return cpu.Open() },
}

// OnlyDevice returns the one device to test on, or "" for all of them.
func OnlyDevice() string { return os.Getenv("MDFA_DEVICE") }

// OnEachOpener runs a test, which opens and closes its device itself, for the devices of this build, or for the one
// that MDFA_DEVICE names.
func OnEachOpener(t *testing.T, test func(t *testing.T, open func(t *testing.T) gpu.Device)) {
	if OnlyDevice() != "" {
		require.Contains(t, Openers, OnlyDevice(), "MDFA_DEVICE names a device that this build or machine does not have")
	}
	for name, open := range Openers {
		if OnlyDevice() != "" && OnlyDevice() != name {
			continue
		}
		t.Run(name, func(t *testing.T) { test(t, open) })
	}
}

// OnEachDevice runs a test on the devices of [OnEachOpener].
func OnEachDevice(t *testing.T, test func(t *testing.T, dev gpu.Device)) {
	OnEachOpener(t, func(t *testing.T, open func(t *testing.T) gpu.Device) {
		dev := open(t)
		defer func() { require.NoError(t, dev.Close()) }()
		test(t, dev)
	})
}
