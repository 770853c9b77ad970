package predict

import (
	"context"
	"fmt"
	"strings"

	"mdfa/algo/feed"
	"mdfa/model"
)

// unknown is the label of an image whose true class is unknown, or was not among the network's classes.
const unknown = -1

// images holds the images for the network, in order.
type images struct {
	list   []picture
	split  *feed.Examples // a part of the data set, instead of a list
	name   string         // of the split
	labels []int32        // by image
	notes  []string       // how the images were fitted
	faults []error        // by image, once it was read
	input  model.Shape
	invert bool
	ctx    context.Context // of the program: Image gets none
}

// picture is one image: a photograph's file, or bytes of a file of many images.
type picture struct {
	name   string
	path   string // of a photograph
	pixels []uint8
	shape  model.Shape // of pixels
	fault  error       // why it has no pixels
}

func (im *images) len() int { return len(im.labels) }

// nameOf returns the name of an image.
func (im *images) nameOf(i int) string {
	if im.split != nil {
		return fmt.Sprintf("%s/%d", im.name, i)
	}
	return im.list[i].name
}

// examples returns the images for a predictor. Labels only counts them.
func (im *images) examples() feed.Examples {
	if im.split != nil {
		e := *im.split
		e.Resident = false
		return e
	}
	return feed.Examples{Source: im, Labels: make([]int32, len(im.list))}
}

// Image reads and fits image i. If it cannot be read, its pixels are zeros and its fault is kept, so
// that the other images follow.
func (im *images) Image(i int, dst []uint8) error {
	p := im.list[i]
	err := p.fault
	switch {
	case err != nil:
	case p.path == "":
		err = fitPixels(im.ctx, p, im.input, dst)
	default:
		err = fitFile(im.ctx, p.path, im.input, im.invert, dst)
	}
	if im.ctx.Err() != nil {
		return im.ctx.Err()
	}
	if err != nil {
		clear(dst)
		im.faults[i] = named(p.name, err)
	}
	return nil
}

// named adds the name of the file to an error that lacks it.
func named(name string, err error) error {
	if strings.HasPrefix(err.Error(), name) {
		return err
	}
	return fmt.Errorf("%s: %w", name, err)
}
