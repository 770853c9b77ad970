package main

import (
	"cmp"
	"context"
	"fmt"
	"strconv"

	"mdfa/algo/feed"
	"mdfa/loaders"
	"mdfa/run/checkpoint"
)

// openSplit loads the run's own data set and takes a split of it, cut as in training.
func openSplit(ctx context.Context, o options, c *checkpoint.Checkpoint) (*images, error) {
	data, err := loaders.Load(ctx, c.Data.Name, loaders.Options{
		Dir: cmp.Or(o.data, c.Flags["data"]), Classes: c.Data.Classes, Coarse: c.Data.Coarse,
		Size: sizeFlag(c), Seed: c.Seed,
	})
	if err != nil {
		return nil, err
	}
	if err := sameData(data, c.Data); err != nil {
		return nil, err
	}
	split := map[string]*loaders.Split{splitTrain: &data.Train, splitValid: &data.Valid, splitTest: &data.Test}[o.split]
	if split.Len() == 0 {
		return nil, fmt.Errorf("-split %s: %s has no such images", o.split, c.Data.Name)
	}
	e := &feed.Examples{Images: split.Images, Labels: split.Labels}
	if split.Source != nil {
		e.Source = split.Source
	}
	return &images{split: e, name: o.split, labels: split.Labels, faults: make([]error, split.Len()), input: c.Network.Input}, nil
}

// sizeFlag returns the run's -size, 0 if it was not given.
func sizeFlag(c *checkpoint.Checkpoint) int {
	size, err := strconv.Atoi(c.Flags["size"])
	if err != nil {
		return 0
	}
	return size
}

// sameData refuses data that the network was not trained on: the accuracy would be one over other
// images.
func sameData(data *loaders.Dataset, want checkpoint.Data) error {
	if got := data.Checksum(); got != want.Checksum {
		return fmt.Errorf("%s in %s is not what the network was trained on: its checksum is %.12s…, and training saw %.12s…: name the folder of those files with -data",
			data.Name, data.Source, got, want.Checksum)
	}
	return nil
}
