package loaders

import (
	"context"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRunsShareADataSetAndItsFiles(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, map[string][]byte{
		"train-images-idx3-ubyte": pictures(200), "train-labels-idx1-ubyte": digits(200),
		"t10k-images-idx3-ubyte": pictures(50), "t10k-labels-idx1-ubyte": digits(50),
	})
	var shared Shared
	load := func(seed int64) *Dataset {
		t.Helper()
		data, err := shared.Load(t.Context(), "mnist", Options{Dir: dir, Seed: seed, Progress: func(Progress) {}})
		require.NoError(t, err)
		alone, err := Load(t.Context(), "mnist", Options{Dir: dir, Seed: seed})
		require.NoError(t, err)
		assert.Equal(t, alone, data)
		return data
	}
	first := load(1)
	other := load(2)
	assert.Same(t, first, load(1))
	assert.Same(t, other, load(2))

	// Files are read once, and a data set that nobody uses is forgotten.
	held := &shared.content.train.images[0]
	runtime.KeepAlive(first) // to here
	runtime.GC()
	runtime.GC()
	assert.Nil(t, shared.sets[keyOf("mnist", Options{Dir: dir, Seed: 1})].Value())
	assert.NotNil(t, shared.sets[keyOf("mnist", Options{Dir: dir, Seed: 2})].Value(), "the last one")
	load(1)
	assert.Same(t, held, &shared.content.train.images[0])

	_, err := shared.Load(t.Context(), "mnist", Options{Dir: t.TempDir()})
	require.ErrorIs(t, err, ErrNotFound)
	load(3)
	ctx, stop := context.WithCancel(t.Context())
	stop()
	_, err = shared.Load(ctx, "mnist", Options{Dir: dir})
	assert.ErrorIs(t, err, context.Canceled)
}
