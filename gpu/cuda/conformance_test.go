//go:build cuda

package cuda_test

import (
	"testing"

	"mdfa/gpu"
	"mdfa/gpu/cuda"
	"mdfa/gpu/devicetest"
	"mdfa/softgpu"
)

// TestConformance runs the suite on software GPUs. Each seed orders warps, blocks and
// late streams differently. All checks of the software GPU are on: a read past a buffer,
// of memory never written, or of a result not waited for fails the operation.
func TestConformance(t *testing.T) {
	of := func(change func(*softgpu.Options)) softgpu.Options {
		o := small()
		change(&o)
		return o
	}
	for name, c := range map[string]struct {
		machine softgpu.Options
		device  cuda.Options
	}{
		"natural order": {machine: of(func(o *softgpu.Options) { o.Workers = 1 })},
		"seed 1":        {machine: of(func(o *softgpu.Options) { o.Seed = 1 })},
		// Patches of a few images at a time, and kernels whose threads take many turns.
		"small workspace, one multiprocessor": {
			machine: of(func(o *softgpu.Options) { o.Seed, o.Multiprocessors, o.QueueDepth = 2, 1, 1000 }),
			device:  cuda.Options{WorkspaceBytes: 1 << 10},
		},
		"every launch waited for": {
			machine: of(func(o *softgpu.Options) { o.Seed = 3 }),
			device:  cuda.Options{Sync: true},
		},
	} {
		if raceDetector && c.machine.Seed != 1 {
			continue // one round takes it a minute, and shows it all that happens at the same time
		}
		t.Run(name, func(t *testing.T) {
			m := machine(t, c.machine)
			devicetest.Run(t, func(t *testing.T) gpu.Device { return open(t, m, c.device) }, devicetest.Slow())
		})
	}
}
