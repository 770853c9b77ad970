package model

import (
	"fmt"
	"strings"

	"mdfa/gpu"
)

// Augment is how training images are moved and mirrored at random, each time that they are trained on: [gpu.Augment]
// has the formula. The zero value leaves them as they are.
type Augment struct {
	Shift int  // up to this number of pixels in each direction
	Flip  bool // each image with probability 1/2
}

// usualShift is the shift without a number: the padding that the field uses for images of 32x32.
const usualShift = 4

// ParseAugment reads "flip", "shift:PIXELS" or "shift", which is shift:4, both with a comma between them, or "none".
// Blanks are ignored.
func ParseAugment(text string) (a Augment, err error) {
	wrong := func() (Augment, error) {
		return Augment{}, fmt.Errorf(`augment %s: expected shift:PIXELS, flip, both as in "shift:4,flip", or none`, quote(text))
	}
	for _, part := range list(text) {
		name, number, numbered := strings.Cut(strings.ToLower(strings.TrimSpace(part)), ":")
		switch {
		case name == "flip" && !numbered && !a.Flip:
			a.Flip = true
		case name == "shift" && a.Shift == 0:
			if a.Shift = usualShift; numbered {
				var ok bool
				if a.Shift, ok = whole(number); !ok || a.Shift == 0 {
					return wrong()
				}
			}
		default:
			return wrong()
		}
	}
	return a, nil
}

// String returns the augmentation as ParseAugment reads it.
func (a Augment) String() string {
	var parts []string
	if a.Shift != 0 {
		parts = append(parts, fmt.Sprintf("shift:%d", a.Shift))
	}
	if a.Flip {
		parts = append(parts, "flip")
	}
	if parts == nil {
		return "none"
	}
	return strings.Join(parts, ",")
}

// Check refuses inputs that are no images, and a shift that can leave nothing of an image.
func (a Augment) Check(input Shape) error {
	switch side := min(input.H, input.W); {
	case a == Augment{}:
	case side == 1:
		return fmt.Errorf("augment %v: the inputs of %v are vectors, and only images can be moved and mirrored", a, input)
	case a.Shift < 0 || a.Shift >= side:
		return fmt.Errorf("augment %v: images of %v can be moved by 1 to %d pixels", a, input, side-1)
	}
	return nil
}

// On returns the augmentation of images of a size as devices take it, without its step. The draws depend on the seed
// in a stream of their own.
func (a Augment) On(input Shape, seed uint64) gpu.Augment {
	return gpu.Augment{
		Height: input.H, Width: input.W, Channels: input.C, Shift: a.Shift, Flip: a.Flip,
		Seed: mix(mix(seed) ^ uint64(augmentation)),
	}
}
