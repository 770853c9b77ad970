package loaders

import (
	"cmp"
	"context"
	"fmt"

	"mdfa/internal/shards"
)

const (
	// inMemory bounds the bytes of prepared images that are read into memory. Larger sets stay in their
	// files, and an image is read when a batch needs it.
	inMemory = 512 << 20

	// holdOut: if there are no test images, every fifth training image is one. The
	// choice does not depend on the seed, so that no seed trains on another's test.
	holdOut = 5
)

// readPrepared opens a prepared folder. Its images are read into memory if they have no
// more than limit bytes.
func readPrepared(ctx context.Context, dir string, limit int) (contents, error) {
	set, err := shards.Open(ctx, dir)
	if err != nil {
		return contents{}, err
	}
	held, err := fromShards(ctx, set, limit)
	if err != nil {
		set.Close()
		return contents{}, err
	}
	held.source = sourceOf(dir) + held.source
	held.leftOut = leftOut(set.Manifest)
	return held, nil
}

// fromShards returns the contents of a prepared folder. The set is closed if they are in memory and must
// stay open otherwise. held.source is a remark that follows the folder's name.
func fromShards(ctx context.Context, set *shards.Set, limit int) (held contents, err error) {
	m := set.Manifest
	held = contents{height: m.Size, width: m.Size, channels: m.Channels, classes: len(m.Classes)}
	for _, class := range m.Classes {
		held.classNames = append(held.classNames, cmp.Or(class.Name, class.ID))
		held.classIDs = append(held.classIDs, class.ID)
	}
	held.train, held.test, held.valid = inFiles(set.Train), inFiles(set.Test), inFiles(set.Valid)
	if len(held.test.labels) == 0 {
		held.train, held.test = held.train.holdOut()
		held.source = fmt.Sprintf(" (no test images there: every %dth training image is held back for the test)", holdOut)
	}
	parts := []*rawSplit{&held.train, &held.test, &held.valid}
	bytes := 0
	for _, part := range parts {
		bytes += len(part.labels) * m.RecordBytes()
	}
	if bytes > limit {
		return held, nil
	}
	for _, part := range parts {
		if err := part.load(ctx, m.RecordBytes()); err != nil {
			return contents{}, err
		}
	}
	set.Close()
	return held, nil
}

// inFiles returns the images of a prepared split, which stay in their files.
func inFiles(images *shards.Images) rawSplit {
	if images.Len() == 0 {
		return rawSplit{}
	}
	return rawSplit{source: images, labels: images.Labels()}
}

// holdOut divides images into those that stay and every fifth.
func (r rawSplit) holdOut() (stay, held rawSplit) {
	var stays, helds []int
	for row := range r.labels {
		if row%holdOut == holdOut-1 {
			helds = append(helds, row)
		} else {
			stays = append(stays, row)
		}
	}
	return r.only(stays), r.only(helds)
}

// only returns the named rows of a split whose images stay in files.
func (r rawSplit) only(rows []int) rawSplit {
	labels := make([]int32, len(rows))
	for i, row := range rows {
		labels[i] = r.labels[row]
	}
	return rawSplit{source: rowsOf{r.source, rows}, labels: labels}
}

// load reads all images, of size bytes each, into memory.
func (r *rawSplit) load(ctx context.Context, size int) error {
	images := make([]uint8, len(r.labels)*size)
	for i := range r.labels {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("reading images: %w", err)
		}
		if err := r.source.Image(i, images[i*size:(i+1)*size]); err != nil {
			return err
		}
	}
	r.images, r.source = images, nil
	return nil
}

// leftOut says which photographs a prepared folder left out.
func leftOut(m *shards.Manifest) LeftOut {
	var left LeftOut
	left.Files, left.Of = m.LeftOut()
	for _, name := range shards.Splits {
		split := m.Split(name)
		for _, skipped := range split.Skipped[:min(len(split.Skipped), maxExamples-len(left.Examples))] {
			left.Examples = append(left.Examples, LeftOutFile{File: name + "/" + skipped.File, Reason: skipped.Reason})
		}
	}
	return left
}
