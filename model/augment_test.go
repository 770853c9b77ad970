package model

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestAugmentationsAreReadAndWrittenBack(t *testing.T) {
	for text, want := range map[string]string{
		"none": "none", "": "none", " None ": "none", "flip": "flip", "FLIP": "flip", "shift": "shift:4", "shift:4": "shift:4",
		"shift:12,flip": "shift:12,flip", " flip , shift:2 ": "shift:2,flip",
	} {
		a, err := ParseAugment(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, a.String(), text)
		again, err := ParseAugment(a.String())
		require.NoError(t, err)
		assert.Equal(t, a, again)
	}
	for _, text := range []string{"mirror", "shift:", "shift:0", "shift:-1", "shift:x", "shift:2.5", "shift:4:4", "flip:2", "flip,", "flip,flip", "shift,shift:2", "none,flip"} {
		_, err := ParseAugment(text)
		assert.ErrorContains(t, err, `expected shift:PIXELS, flip, both as in "shift:4,flip", or none`, text)
	}
}

func TestAugmentationsFitTheImages(t *testing.T) {
	for text, input := range map[string]Shape{
		"none": Vector(7), "flip": {2, 2, 1}, "shift:27,flip": {28, 28, 1}, "shift:2": {3, 9, 3},
	} {
		a, err := ParseAugment(text)
		require.NoError(t, err)
		assert.NoError(t, a.Check(input), text)
	}
	for want, input := range map[string]Shape{
		"augment shift:4,flip: the inputs of 1x784x1 are vectors, and only images can be moved and mirrored": {1, 784, 1},
		"augment shift:4,flip: the inputs of 1x1x784 are vectors":                                            Vector(784),
		"augment shift:4,flip: images of 4x9x3 can be moved by 1 to 3 pixels":                                {4, 9, 3},
	} {
		assert.ErrorContains(t, Augment{Shift: 4, Flip: true}.Check(input), want)
	}
	assert.Error(t, Augment{Shift: -1}.Check(Shape{4, 4, 1}))
}

func TestAugmentationHasItsOwnStream(t *testing.T) {
	a := Augment{Shift: 4, Flip: true}.On(Shape{32, 32, 3}, 7)
	assert.Equal(t, mix(mix(7)^4), a.Seed, "as it was when the first runs were augmented")
	assert.NotEqual(t, a.Seed, Augment{}.On(Shape{32, 32, 3}, 8).Seed)
}
