//go:build cuda && linux && (amd64 || arm64)

package training

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/feed"
	"mdfa/algo/internal/algotest"
	"mdfa/gpu/cuda"
	"mdfa/softgpu"
)

// TestStreamedStepsOnAGPUAreLean reads the cost of streaming in a step from the ledger: the
// copies of images and labels, and a wait for a copy that is long done.
func TestStreamedStepsOnAGPUAreLean(t *testing.T) {
	algotest.NeedEmu(t)
	dev, machine := algotest.OpenEmu(t, softgpu.DefaultOptions(), cuda.Options{})
	_, trainer := newRunOn(t, dev, algotest.Config(algo.DFA), Schedule{Epochs: 1}, Data{Train: algotest.Coded(103)})
	require.NoError(t, trainer.BeginEpoch(1))
	require.NoError(t, dev.Sync())
	before := machine.Ledger()
	steps := trainer.Steps()
	for range steps {
		require.NoError(t, trainer.Step())
	}
	l := machine.Ledger().Since(before)
	assert.Equal(t, steps-feed.Slots, l.Syncs, "one for each slot that is filled again")
	require.NoError(t, dev.Sync())
	l = machine.Ledger().Since(before)
	assert.Equal(t, steps, l.GraphLaunches)
	assert.Equal(t, 2*steps, l.HostToDevice)
	assert.EqualValues(t, steps*8*(algotest.Features+4), l.HostToDeviceBytes, "bytes go up, not floats")
	assert.Zero(t, l.Allocs+l.HostAllocs+l.Frees+l.DeviceToHost)
}

// TestTrainerGivesEverythingBack closes a trainer before its device, whose memory and
// pinned memory are as before then.
func TestTrainerGivesEverythingBack(t *testing.T) {
	algotest.NeedEmu(t)
	dev, machine := algotest.OpenEmu(t, softgpu.DefaultOptions(), cuda.Options{})
	l, first := newRunOn(t, dev, algotest.Config(algo.DFA), Schedule{Epochs: 1}, Data{Train: algotest.Bands(1, 8)})
	require.NoError(t, first.Close()) // the device keeps the workspace of its first program
	free, pinned := dev.Info().MemoryFree, machine.PinnedLeaks()
	loaded := algotest.Coded(30)
	loaded.Resident = true
	for _, data := range []Data{
		{Train: algotest.Bands(1, 103), Valid: algotest.Bands(2, 41)},
		{Train: algotest.Coded(103), Valid: algotest.Coded(41), Test: loaded},
	} {
		trainer, err := New(t.Context(), l, data, Schedule{Epochs: 1})
		require.NoError(t, err)
		require.NoError(t, trainer.BeginEpoch(1))
		require.NoError(t, trainer.Step())
		require.Less(t, dev.Info().MemoryFree, free)
		require.NoError(t, trainer.Close())
		assert.Equal(t, free, dev.Info().MemoryFree)
		assert.Equal(t, pinned, machine.PinnedLeaks())
		assert.Error(t, trainer.Step(), "after Close")
	}
}
