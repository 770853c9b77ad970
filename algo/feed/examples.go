// Package feed brings images to a device: whole sets that stay there, or streams of batches that are read ahead
// while the device computes.
package feed

import (
	"fmt"

	"mdfa/algo"
)

// Source hands out images that are too many for memory.
type Source interface {
	// Image copies image i, [height, width, channels], to dst. Many goroutines call it at the same time.
	Image(i int, dst []uint8) error
}

// InMemory returns a source of images that are in memory, one after the other with features bytes each: to stream them
// instead of keeping them on the device.
func InMemory(images []uint8, features int) Source { return memorySource{images, features} }

type memorySource struct {
	images   []uint8
	features int
}

func (m memorySource) Image(i int, dst []uint8) error {
	copy(dst, m.images[i*m.features:(i+1)*m.features])
	return nil
}

// Examples are images with their labels on the host. The images are in memory or come from a source: exactly one
// of Images and Source is set, unless there are no examples.
type Examples struct {
	Images []uint8 // [n, height, width, channels]
	Source Source  // image i belongs to label i
	Labels []int32 // [n], from 0 on
	// Resident brings the images of a Source to the device once, to stay there as Images do. Otherwise they are
	// streamed: read anew each time that they are needed, and brought to the device in batches while it computes.
	// The results are the same bits.
	Resident bool
}

// Len returns the number of examples.
func (e Examples) Len() int { return len(e.Labels) }

// Streamed says whether the images are read each time that they are needed.
func (e Examples) Streamed() bool { return e.Source != nil && !e.Resident }

// First copies the first n images of features bytes each, or all where there are fewer.
func (e Examples) First(n, features int) ([]uint8, error) {
	n = min(n, e.Len())
	images := make([]uint8, n*features)
	if e.Source == nil {
		copy(images, e.Images)
		return images, nil
	}
	for i := range n {
		if err := e.Source.Image(i, images[i*features:(i+1)*features]); err != nil {
			return nil, err
		}
	}
	return images, nil
}

// Part returns n of the examples, from one on, of features bytes each.
func (e Examples) Part(from, n, features int) Examples {
	if n == e.Len() {
		return e
	}
	e.Labels = e.Labels[from : from+n]
	switch {
	case n == 0:
		return Examples{}
	case e.Source != nil:
		e.Source = partOfSource{e.Source, from}
	default:
		e.Images = e.Images[from*features : (from+n)*features]
	}
	return e
}

type partOfSource struct {
	source Source
	from   int
}

func (p partOfSource) Image(i int, dst []uint8) error { return p.source.Image(p.from+i, dst) }

// Check refuses examples without images, and examples with images from two places. The error names them by name.
func (e Examples) Check(name string, features int) error {
	switch {
	case e.Len() == 0:
		return nil
	case e.Source == nil && e.Images == nil, e.Source != nil && e.Images != nil:
		return fmt.Errorf("the %s images are to come from memory or from a source, one of both: %w", name, algo.ErrConfig)
	case e.Source == nil && len(e.Images) != e.Len()*features:
		return fmt.Errorf("%d bytes of %s images for %d labels, %d for each are needed: %w",
			len(e.Images), name, e.Len(), features, algo.ErrConfig)
	}
	return nil
}

// fromSource returns the same examples with a source.
func (e Examples) fromSource(features int) Examples {
	if e.Source == nil {
		e.Images, e.Source = nil, memorySource{e.Images, features}
	}
	return e
}
