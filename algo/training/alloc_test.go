//go:build !race

// The race detector makes sync.Pool forget at random, purego's too: code that allocates
// nothing can be seen only without it. make test runs these tests by themselves.

package training

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/internal/algotest"
	"mdfa/gpu"
	"mdfa/gpu/cpu"
	"mdfa/gpu/cpu/blas"
)

// openFast opens the CPU device with a BLAS library that allocates nothing. Without one it skips the test: gonum's
// Sgemm allocates by itself.
func openFast(t *testing.T) gpu.Device {
	t.Helper()
	library, err := blas.Find()
	require.NoError(t, err)
	if !library.Fast() {
		require.Equal(t, "gonum", library.Name())
		t.Skip("there is no OpenBLAS, and gonum's Sgemm allocates by itself")
	}
	dev := cpu.Open()
	t.Cleanup(func() { require.NoError(t, dev.Close()) })
	return dev
}

func TestStepsAllocateNothing(t *testing.T) {
	dev := openFast(t)
	for _, rule := range algo.Rules() {
		_, trainer, _ := newRun(t, dev, algotest.Config(rule), Schedule{Epochs: 1})
		require.NoError(t, trainer.BeginEpoch(1))
		allocations := testing.AllocsPerRun(10, func() {
			if err := trainer.Step(); err != nil {
				panic(err)
			}
		})
		assert.Zero(t, allocations, rule.String())
	}
}

// TestStreamedStepsAllocateNothing counts the workers' allocations, too.
func TestStreamedStepsAllocateNothing(t *testing.T) {
	dev := openFast(t)
	_, trainer := newRunOn(t, dev, algotest.Config(algo.DFA), Schedule{Epochs: 1}, Data{Train: algotest.Coded(103)})
	require.NoError(t, trainer.BeginEpoch(1))
	allocations := testing.AllocsPerRun(trainer.Steps()-2, func() { // one more run warms up
		if err := trainer.Step(); err != nil {
			panic(err)
		}
	})
	assert.Zero(t, allocations)
	require.NoError(t, trainer.Close())
}
