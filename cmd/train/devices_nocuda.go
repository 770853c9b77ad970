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
				return nil, fmt.Errorf("-device %s: this program was built without CUDA: build it with `make cuda`, or use -device cpu", name)
			},
			describe: func() []string { return []string{"not in this build: build it with `make cuda`"} },
		}
	}
	return []deviceEntry{absent("cuda"), absent("emu")}
}
