//go:build !cuda

package main

import "mdfa/gpu"

// gpuDevices are names that this build knows but cannot serve.
func gpuDevices() []deviceEntry {
	absent := func(name string, auto bool) deviceEntry {
		return deviceEntry{
			name: name, auto: auto,
			open: func(string, gpuOptions) (gpu.Device, error) {
				return nil, absentError{"built without CUDA", "make cuda builds a program with it, or use -device cpu"}
			},
			describe: func() [][]string { return [][]string{{name, "not in this build: make cuda builds one with it"}} },
		}
	}
	return []deviceEntry{absent("cuda", true), absent("emu", false)}
}
