package bench

import (
	"context"
	"encoding/hex"
	"fmt"

	"mdfa/algo/feed"
	"mdfa/internal/imageprep"
	"mdfa/internal/shards"
)

// preparedBytes is the size of the prepared set: many times a processor's cache, so that
// it is read from memory, and small enough to stay in the system's page cache.
const preparedBytes = 256 << 20

// classes is the number of classes of the prepared set.
const classes = 10

// writePrepared prepares the photographs and writes them to dir repeatedly, in
// imagenet-prep's format: total bytes of images, but at least one image.
func writePrepared(ctx context.Context, dir string, photos []photograph, size, total int) error {
	record := imageprep.Bytes(size)
	n := max(1, total/record)
	photos = photos[:min(n, len(photos))]
	plan := shards.Plan{RecordBytes: record, ShardImages: max(1, shards.DefaultShardBytes/record), Classes: classes}
	w, err := shards.NewWriter(dir, shards.Train, plan)
	if err != nil {
		return err
	}
	defer w.Close()
	prepared := make([][]byte, len(photos))
	for i, p := range photos {
		prepared[i] = make([]byte, record)
		if err := p.prepare(ctx, size, prepared[i]); err != nil {
			return err
		}
	}
	for i := range n {
		k := i % len(photos)
		if err := w.Add(prepared[k], i%classes, photos[k].name, shards.Position{}); err != nil {
			return err
		}
	}
	m := &shards.Manifest{
		Format: 1, Size: size, Channels: imageprep.Channels, ShardImages: plan.ShardImages,
		Plan: hex.EncodeToString(plan.ID[:]), Source: shards.Source{Kind: "folder"},
		Classes: make([]shards.Class, classes),
		Test:    shards.Split{PerClass: make([]int, classes)},
	}
	if m.Train, err = w.Finish(); err != nil {
		return err
	}
	for i := range m.Classes {
		m.Classes[i].ID = fmt.Sprint(i)
	}
	return m.Write(dir)
}

// prepared returns the training images of an open set, to be streamed.
func prepared(set *shards.Set) feed.Examples {
	return feed.Examples{Source: set.Train, Labels: set.Train.Labels()}
}
