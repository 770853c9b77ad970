package run

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo/training"
	"mdfa/gpu"
	"mdfa/internal/wording"
	"mdfa/loaders"
)

// everyImage stands for images that are never looked at.
type everyImage struct{}

func (everyImage) Image(int, []uint8) error { return nil }

// allOfImageNet is ImageNet with 1000 classes at 224 pixels and n images, as loaders describe it.
func allOfImageNet(n int) *loaders.Dataset {
	split := func(n int) loaders.Split { return loaders.Split{Source: everyImage{}, Labels: make([]int32, n)} }
	return &loaders.Dataset{
		Name: "imagenet", Height: 224, Width: 224, Channels: 3, Classes: 1000,
		Train: split(n), Valid: split(n / 10), Test: split(n / 10),
	}
}

// arranged is the plan for ImageNet's convnet under dfa, on a device with so much
// memory free. Nothing of the run exists yet.
func arranged(t *testing.T, images int, free int64, cache string) (training.Data, Memory, error) {
	t.Helper()
	return arrangedUnder(t, "dfa", images, free, cache)
}

// arrangedUnder is the same under another rule.
func arrangedUnder(t *testing.T, rule string, images int, free int64, cache string) (training.Data, Memory, error) {
	t.Helper()
	spec := Defaults()
	spec.Dataset, spec.Model, spec.Convnet, spec.Cache, spec.Optimizer = "imagenet", rule, true, cache, "adam"
	r, err := New(spec, Options{})
	require.NoError(t, err)
	data := allOfImageNet(images)
	net, _, err := r.network(data)
	require.NoError(t, err)
	return r.arrange(net, r.config, data, gpu.Info{Kind: "cuda", Name: "GPU", MemoryFree: free, MemoryTotal: 80e9})
}

func TestImageNetsFeedbackIsPlanned(t *testing.T) {
	const positions = 433_984 // units of the seven convolutions
	_, memory, err := arranged(t, 100, 80e9, "auto")
	require.NoError(t, err)
	for _, n := range memory {
		if n.What == "feedback" {
			assert.EqualValues(t, 4*1000*positions, n.Bytes)
		}
	}
	assert.Equal(t, "feedback", memory[0].What, "the largest")
	assert.True(t, strings.HasPrefix(memory.String(), "feedback 1.7 GB · "), memory)
}

// TestLearnedFeedbackIsPlanned counts B of dkp, its gradient and adam's two arenas; kp's gradient is that of the weights.
func TestLearnedFeedbackIsPlanned(t *testing.T) {
	const positions = 433_984
	for rule, arenas := range map[string]int{"dkp": 4, "kp": 3} {
		_, memory, err := arrangedUnder(t, rule, 100, 80e9, "auto")
		require.NoError(t, err)
		for _, n := range memory {
			assert.NotEqual(t, "feedback", n.What)
			if n.What == "feedback and its optimizer" && rule == "dkp" {
				assert.EqualValues(t, 4*1000*positions*arenas, n.Bytes)
			}
			if n.What == "feedback and its optimizer" && rule == "kp" {
				assert.Greater(t, n.Bytes, uint64(4*1_700_000*arenas))
				assert.Less(t, n.Bytes, uint64(4*2_200_000*arenas))
			}
		}
	}
	_, _, err := arrangedUnder(t, "dkp", 100, 6e9, "auto")
	require.Error(t, err)
	assert.Regexp(t, `^the run needs about \d\.\d GB \(feedback and its optimizer 6\.9 GB · .*\), and GPU has 6\.0 GB free: `, err.Error())
}

func TestImageNetThatDoesNotFitIsRefusedWithItsLargestParts(t *testing.T) {
	_, _, err := arranged(t, 100, 1e9, "auto")
	require.Error(t, err)
	assert.Regexp(t, `^the run needs about \d\.\d GB \(feedback 1\.7 GB · patches \d+ MB · activations \d+ MB · .*\), and GPU has 1\.0 GB free: use smaller -layers or -filters, fewer -classes or a smaller -batch_size\.$`, err.Error())
	_, _, err = arranged(t, 100, 1e9, "off")
	assert.ErrorContains(t, err, "(feedback 1.7 GB · ", "without the images it is too large, too")
}

func TestImagesThatDoNotFitAreStreamedUnlessToldOtherwise(t *testing.T) {
	const images = 100_000 // 18 GB
	placed, memory, err := arranged(t, images, 8e9, "auto")
	require.NoError(t, err)
	assert.False(t, placed.Train.Resident || placed.Valid.Resident || placed.Test.Resident)
	assert.LessOrEqual(t, memory.Total(), uint64(8e9))

	placed, memory, err = arranged(t, images, 40e9, "auto")
	require.NoError(t, err)
	assert.True(t, placed.Train.Resident && placed.Valid.Resident && placed.Test.Resident)
	assert.Greater(t, memory.Total(), uint64(18e9))

	_, _, err = arranged(t, images, 8e9, "on")
	require.Error(t, err)
	assert.Regexp(t, `^the run needs about 2\d GB \(images 18 GB · feedback 1\.7 GB`, err.Error())
}

func TestRunsThatCannotFitSayWhatIsBig(t *testing.T) {
	p := Memory{{What: "feedback", Bytes: 1_740_000_000}, {What: "images", Bytes: 55_000_000}, {What: "activations", Bytes: 1000}}
	assert.NoError(t, p.check(gpu.Info{Name: "cpu"}), "memory unknown")
	assert.NoError(t, p.check(gpu.Info{Name: "cpu", MemoryFree: 2e9}))
	err := p.check(gpu.Info{Name: "cpu", MemoryFree: 1e9})
	require.Error(t, err)
	assert.NotErrorIs(t, err, ErrUsage)
	assert.Equal(t, "the run needs about 1.8 GB (feedback 1.7 GB · images 55 MB), and cpu has 1.0 GB free: "+
		"use smaller -layers or -filters, fewer -classes or a smaller -batch_size.", wording.Sentence(err))

	p = append(p, Need{What: "cuBLAS", Bytes: 100_000_000, held: true})
	dev := gpu.Info{Kind: "cuda", Name: "GPU", MemoryFree: 1_795_002_000, MemoryTotal: 8e9}
	assert.NoError(t, p.check(dev), "what the device took for the run counts as free")
	dev.MemoryFree -= 2000
	assert.ErrorContains(t, p.check(dev), "and GPU has 1.9 GB free: use smaller")
	dev.MemoryFree = 3e9
	assert.ErrorContains(t, p.tooLarge(dev), "and GPU had 3.1 GB free but gave less: end other programs that use it, or use smaller")
}
