//go:build cuda && !race

// The race detector makes the runtime allocate where it does not otherwise.

package cuda_test

import (
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/gpu/cuda"
)

// TestRunAllocatesNothing looks at where memory was allocated, since the software GPU
// below allocates as it likes.
func TestRunAllocatesNothing(t *testing.T) {
	defer func(rate int) { runtime.MemProfileRate = rate }(runtime.MemProfileRate)
	runtime.MemProfileRate = 1
	d := open(t, machine(t, small()), cuda.Options{})
	args := dense(t, d, gpu.Tanh)
	program, err := d.Record(func() error { return d.Dense(args) })
	require.NoError(t, err)
	require.NoError(t, program.Run())
	require.NoError(t, d.Sync())

	before := allocations(t)
	require.NotEmpty(t, before, "what Record allocated")
	const steps = 50
	for range steps {
		require.NoError(t, program.Run())
	}
	for where, n := range allocations(t) {
		assert.Less(t, n-before[where], int64(steps), where)
	}
}

// TestFeedAllocatesNothing looks at the same of a feed's calls.
func TestFeedAllocatesNothing(t *testing.T) {
	defer func(rate int) { runtime.MemProfileRate = rate }(runtime.MemProfileRate)
	runtime.MemProfileRate = 1
	d := open(t, machine(t, small()), cuda.Options{})
	const slots = 2
	f, programs, _ := feedOf(t, d, slots)
	write := func(host [][]byte) { host[0][0]++ }
	round := func(step int) {
		slot := step % slots
		require.NoError(t, f.Acquire(slot))
		require.NoError(t, f.Fill(slot, write))
		require.NoError(t, f.Send(slot))
		require.NoError(t, f.Run(slot, programs[slot]))
	}
	for step := range 2 * slots {
		round(step)
	}
	require.NoError(t, d.Sync())

	before := allocations(t)
	require.NotEmpty(t, before, "what NewFeed allocated")
	const steps = 50
	for step := range steps {
		round(step)
	}
	for where, n := range allocations(t) {
		assert.Less(t, n-before[where], int64(steps), where)
	}
}

// allocations counts objects by the functions that asked for them, where that was
// package cuda and not the software GPU.
func allocations(t *testing.T) map[string]int64 {
	t.Helper()
	runtime.GC() // a profile is as old as the last collection but one
	runtime.GC()
	records := make([]runtime.MemProfileRecord, 1<<16)
	n, ok := runtime.MemProfile(records, true)
	require.True(t, ok)
	counts := map[string]int64{}
	for _, r := range records[:n] {
		var stack []string
		frames := runtime.CallersFrames(r.Stack())
		for more := true; more; {
			var f runtime.Frame
			f, more = frames.Next()
			stack = append(stack, f.Function)
		}
		where := strings.Join(stack, " < ")
		if strings.Contains(where, "mdfa/gpu/cuda.") && !strings.Contains(where, "mdfa/softgpu") {
			counts[where] += r.AllocObjects
		}
	}
	return counts
}
