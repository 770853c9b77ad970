package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/gpu"
	"mdfa/loaders"
)

// everyImage stands for images that are never looked at.
type everyImage struct{}

func (everyImage) Image(int, []uint8) error { return nil }

// allOfImageNet is what the loaders say of the 1000 classes at 224 pixels, of n images.
func allOfImageNet(n int) *loaders.Dataset {
	split := func(n int) loaders.Split { return loaders.Split{Source: everyImage{}, Labels: make([]int32, n)} }
	return &loaders.Dataset{
		Name: "imagenet", Height: 224, Width: 224, Channels: 3, Classes: 1000,
		Train: split(n), Valid: split(n / 10), Test: split(n / 10),
	}
}

// arranged is what the program plans for ImageNet's convnet under dfa, on a device with
// so much memory free. Nothing of the run exists yet.
func arranged(t *testing.T, images int, free int64, args ...string) (algo.Data, memoryPlan, error) {
	t.Helper()
	opt, err := parse(append([]string{"-dataset", "imagenet", "-model", "dfa", "-convnet"}, args...))
	require.NoError(t, err)
	p, err := newPlan(opt)
	require.NoError(t, err)
	data := allOfImageNet(images)
	net, err := p.network(data)
	require.NoError(t, err)
	return p.arrange(net, data, gpu.Info{Kind: "cuda", Name: "GPU", MemoryFree: free, MemoryTotal: 80e9})
}

func TestImageNetsFeedbackIsPlanned(t *testing.T) {
	const positions = 433_984 // units of the seven convolutions
	_, memory, err := arranged(t, 100, 80e9)
	require.NoError(t, err)
	for _, n := range memory {
		if n.what == "feedback" {
			assert.EqualValues(t, 4*1000*positions, n.bytes)
		}
	}
	assert.Equal(t, "feedback", memory[0].what, "the largest")
	assert.True(t, strings.HasPrefix(memory.String(), "feedback 1.7 GB · "), memory)
}

func TestImageNetThatDoesNotFitIsRefusedWithItsLargestParts(t *testing.T) {
	_, _, err := arranged(t, 100, 1e9)
	require.Error(t, err)
	assert.Regexp(t, `^the run needs about \d\.\d GB \(feedback 1\.7 GB · patches \d+ MB · activations \d+ MB · .*\), and GPU has 1\.0 GB free: use smaller -layers or -filters, fewer -classes or a smaller -batch_size$`, err.Error())
	_, _, err = arranged(t, 100, 1e9, "-cache", "off")
	assert.ErrorContains(t, err, "(feedback 1.7 GB · ", "without the images it is too large, too")
}

func TestImagesThatDoNotFitAreStreamedUnlessToldOtherwise(t *testing.T) {
	const images = 100_000 // 18 GB
	placed, memory, err := arranged(t, images, 8e9)
	require.NoError(t, err)
	assert.False(t, placed.Train.Resident || placed.Valid.Resident || placed.Test.Resident)
	assert.LessOrEqual(t, memory.total(), uint64(8e9))

	placed, memory, err = arranged(t, images, 40e9)
	require.NoError(t, err)
	assert.True(t, placed.Train.Resident && placed.Valid.Resident && placed.Test.Resident)
	assert.Greater(t, memory.total(), uint64(18e9))

	_, _, err = arranged(t, images, 8e9, "-cache", "on")
	require.Error(t, err)
	assert.Regexp(t, `^the run needs about 2\d GB \(images 18 GB · feedback 1\.7 GB`, err.Error())
}
