//go:build cuda

package cuda_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cuda"
)

// TestDevicesOnOneGPUAreNotOrdered runs the steps of two devices in turn, each by its executor's thread. The software GPU
// runs them when the host waits, those of the first device before those of the second.
func TestDevicesOnOneGPUAreNotOrdered(t *testing.T) {
	const steps = 4
	for name, c := range map[string]struct {
		devices   int
		between   func(next, last *cuda.Device) error // two steps; or nil
		unordered int                                 // steps
	}{
		"two devices":                {2, nil, steps / 2},
		"one device, two programs":   {1, nil, 0},
		"an event":                   {2, cuda.Follow, 0},
		"a wait for the last device": {2, func(_, last *cuda.Device) error { return last.Sync() }, 0},
		"a wait for the next device": {2, func(next, _ *cuda.Device) error { return next.Sync() }, steps - 1},
	} {
		t.Run(name, func(t *testing.T) {
			o := small()
			o.QueueDepth = 1000 // nothing runs before the host waits
			m := machine(t, o)
			var devices []*cuda.Device
			for range c.devices {
				devices = append(devices, open(t, m, cuda.Options{}))
			}
			var programs []gpu.Program
			for i := range 2 {
				n := newNetwork(t, devices[i%c.devices])
				program, err := n.d.Record(n.step)
				require.NoError(t, err)
				require.Greater(t, cuda.Streams(program), 1, "what overlaps within a step does not count")
				require.NoError(t, n.d.Sync())
				programs = append(programs, program)
			}
			before := m.Ledger()
			for step := range steps {
				next, last := devices[step%c.devices], devices[(step+1)%c.devices]
				if step > 0 && c.between != nil {
					require.NoError(t, c.between(next, last))
				}
				require.NoError(t, programs[step%2].Run())
			}
			for _, d := range devices {
				require.NoError(t, d.Sync())
			}
			l := m.Ledger().Since(before)
			require.Equal(t, steps, l.GraphLaunches)
			assert.Equal(t, l.Launches/steps*c.unordered, l.Unordered)
		})
	}
}
