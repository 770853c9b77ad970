package loaders

import (
	"context"
	"fmt"

	"mdfa/internal/shards"
)

const (
	// inMemory is how many bytes of prepared images are read into memory at most. More
	// stay in their files, and are read when a batch needs them.
	inMemory = 512 << 20

	// holdOut: where there are no test images, every fifth training image is one. The
	// choice does not depend on the seed, so that no seed trains on another's test.
	holdOut = 5
)

// fromShards makes the contents of a data set of a prepared folder. The set must stay
// open when the contents have a source, as more than limit bytes have. held.source is what is to be said beside the
// folder's name.
func fromShards(ctx context.Context, set *shards.Set, limit int) (held contents, err error) {
	m := set.Manifest
	held = contents{height: m.Size, width: m.Size, channels: m.Channels, classes: len(m.Classes)}
	for _, class := range m.Classes {
		name := class.Name
		if name == "" {
			name = class.ID
		}
		held.classNames = append(held.classNames, name)
	}
	train, test := allImages(set.Train), allImages(set.Test)
	if test.len() == 0 {
		train, test = train.holdOut()
		held.source = fmt.Sprintf(" (no test images there: every %dth training image is held back for the test)", holdOut)
	}
	parts := []struct {
		to   *rawSplit
		from *shardImages
	}{{&held.train, train}, {&held.test, test}, {&held.valid, allImages(set.Valid)}}
	images := 0
	for _, part := range parts {
		images += part.from.len()
	}
	for _, part := range parts {
		if part.from.len() == 0 {
			continue
		}
		if images*m.RecordBytes() > limit {
			*part.to = rawSplit{source: part.from, labels: part.from.labels()}
			continue
		}
		if *part.to, err = part.from.read(ctx, m.RecordBytes()); err != nil {
			return contents{}, err
		}
	}
	if held.train.source == nil {
		set.Close()
	}
	return held, nil
}

// shardImages are some images of a prepared split; rows nil means all of them.
type shardImages struct {
	images *shards.Images
	rows   []int
}

func allImages(images *shards.Images) *shardImages { return &shardImages{images: images} }

func (s *shardImages) len() int {
	if s.rows != nil {
		return len(s.rows)
	}
	return s.images.Len()
}

func (s *shardImages) row(i int) int {
	if s.rows != nil {
		return s.rows[i]
	}
	return i
}

// holdOut splits all images into those that stay and every fifth.
func (s *shardImages) holdOut() (stay, held *shardImages) {
	stay, held = &shardImages{images: s.images, rows: []int{}}, &shardImages{images: s.images, rows: []int{}}
	for row := range s.images.Len() {
		to := stay
		if row%holdOut == holdOut-1 {
			to = held
		}
		to.rows = append(to.rows, row)
	}
	return stay, held
}

func (s *shardImages) labels() []int32 {
	labels := make([]int32, s.len())
	for i := range labels {
		labels[i] = s.images.Labels()[s.row(i)]
	}
	return labels
}

// Image copies image i, as ImageSource asks. A damaged file is an ErrChecksum.
func (s *shardImages) Image(i int, dst []uint8) error {
	if i < 0 || i >= s.len() {
		return fmt.Errorf("image %d of %d", i, s.len())
	}
	if err := s.images.Image(s.row(i), dst); err != nil {
		return err
	}
	return nil
}

// read takes all images into memory.
func (s *shardImages) read(ctx context.Context, size int) (rawSplit, error) {
	raw := rawSplit{images: make([]uint8, s.len()*size), labels: s.labels()}
	for i := range raw.labels {
		if err := ctx.Err(); err != nil {
			return rawSplit{}, fmt.Errorf("reading images: %w", err)
		}
		if err := s.Image(i, raw.images[i*size:(i+1)*size]); err != nil {
			return rawSplit{}, err
		}
	}
	return raw, nil
}
