package gpu

import "mdfa/gpu/internal/philox"

// Augment moves each image of a batch by up to Shift pixels and mirrors every second one, at random. It is the
// usual augmentation of small photographs: a crop of the image padded with zeros, then a horizontal flip. With
// image i of a batch in the order [Height, Width, Channels], and zeros outside of it:
//
//	out[y, x, c] = image[y + down, m(x) + right, c]     m(x) = Width-1-x if mirrored, else x
//
// With the words w of Philox4x32-10 for the counter (First + i, Step, 0, 0) and the key Seed:
//
//	down  = floor(w[0] · (2·Shift + 1) / 2^32) - Shift     right in the same way from w[1]
//	mirrored if Flip and the highest bit of w[2] is set
//
// A batch depends on Seed, Step and the places of its images alone: a resumed run and every device see the same
// images. The zero value changes nothing.
type Augment struct {
	Height, Width, Channels int
	Shift                   int // in pixels, less than Height and Width
	Flip                    bool
	Seed                    uint64 // its low half is the first word of the key
	First                   int    // the place of image 0 in the batch of all ranks
	Step                    Span   // int32 [1]: the number of training steps before this one
}

// Changes says whether the augmentation can change an image.
func (a Augment) Changes() bool { return a.Shift != 0 || a.Flip }

// Draw returns how image i of the batch in a step is changed.
func (a Augment) Draw(step int32, i int) (down, right int, mirrored bool) {
	words := philox.Words([4]uint32{uint32(a.First + i), uint32(step)}, [2]uint32{uint32(a.Seed), uint32(a.Seed >> 32)})
	offset := func(word uint32) int { return int(uint64(word)*uint64(2*a.Shift+1)>>32) - a.Shift }
	return offset(words[0]), offset(words[1]), a.Flip && words[2]>>31 != 0
}
