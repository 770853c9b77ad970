//go:build !cuda

package main

import (
	"fmt"

	"mdfa/gpu"
)

// gpuDevices are names that this build knows but cannot serve.
func gpuDevices() []deviceEntry {
	absent := func(name string) deviceEntry {
		return deviceEntry{
			name: name,
			open: func(string) (gpu.Device, error) {
				return nil, fmt.Errorf("-device %s: this build has no CUDA device, it computes on the processor: use -device cpu", name)
			},
			describe: func() []string { return []string{"not in this build"} },
		}
	}
	return []deviceEntry{absent("cuda"), absent("emu")}
}
