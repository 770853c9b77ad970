//go:build !cuda

package device

import "mdfa/gpu"

// NCCL describes the library by which GPUs of several ranks add up.
func NCCL() string { return "not in this build" }

// gpuDevices are names that this build knows but cannot serve.
func gpuDevices() []entry {
	absent := func(name string, auto bool) entry {
		return entry{
			name: name, auto: auto, absent: true,
			open: func(string, Options) (gpu.Device, error) {
				return nil, absentError{"built without CUDA", "make cuda builds a program with it, or use -device cpu"}
			},
			describe: func() [][]string { return [][]string{{name, "not in this build: make cuda builds one with it"}} },
		}
	}
	return []entry{absent("cuda", true), absent("emu", false)}
}
