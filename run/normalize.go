package run

import (
	"context"
	"fmt"
	"math"
	"math/big"

	"mdfa/algo/feed"
	"mdfa/loaders"
	"mdfa/model"
)

// normalize gives the network the mean and deviation of the training images, or those of the run that is resumed. A
// note names the channels that are the same everywhere.
func (r *Run) normalize(ctx context.Context, net *model.Network, data *loaders.Dataset) (notes []string, err error) {
	if !r.spec.Normalize || !r.leads() { // the other ranks get rank 0's
		return nil, nil
	}
	if o := r.resumed; o != nil && o.settings().Network.Normalization != nil {
		net.Normalization = o.settings().Network.Normalization
		return nil, nil
	}
	report := r.options.Progress
	if report == nil || data.Train.Source == nil { // images in memory take no time
		report = func(loaders.Progress) {}
	}
	net.Normalization, err = measureChannels(ctx, examples(&data.Train, net.Input.Size(), true), net.Input, report)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%w before training began", ErrInterrupted)
	}
	if err != nil {
		return nil, err
	}
	for c, d := range net.Normalization.Deviation {
		if d == 0 {
			notes = append(notes, fmt.Sprintf("channel %d has one value in all training images: -normalize subtracts it and does not scale the channel", c+1))
		}
	}
	return notes, nil
}

// measureChannels returns mean and deviation of each channel. They are computed from whole numbers, so that the order of the
// images has no effect on a bit.
func measureChannels(ctx context.Context, e feed.Examples, input model.Shape, report func(loaders.Progress)) (*model.Normalization, error) {
	const batchBytes = 4 << 20
	progress := loaders.Progress{Name: "mean and deviation of the training images", Unit: "images", Total: int64(e.Len())}
	counts := make([][256]int64, input.C) // of each byte
	err := feed.Each(ctx, "training", e, input.Size(), max(1, batchBytes/input.Size()), func(_ int, images []byte) error {
		for i := 0; i < len(images); i += input.C {
			for c := range counts {
				counts[c][images[i+c]]++
			}
		}
		progress.Done += int64(len(images) / input.Size())
		report(progress)
		return nil
	})
	if err != nil {
		return nil, err
	}
	progress.Finished = true
	report(progress)
	n := &model.Normalization{}
	for c := range counts {
		mean, deviation := moments(&counts[c])
		n.Mean, n.Deviation = append(n.Mean, mean), append(n.Deviation, deviation)
	}
	return n, nil
}

// moments returns mean and deviation of bytes divided by 255. With n bytes, their sum s and the sum of their squares q,
// the mean is s/n and the deviation sqrt(n·q - s²)/n, exact up to the last operations.
func moments(counts *[256]int64) (mean, deviation float64) {
	var n, sum, squares int64
	for b, count := range counts {
		n += count
		sum += int64(b) * count
		squares += int64(b*b) * count
	}
	spread := new(big.Int).Mul(big.NewInt(n), big.NewInt(squares))
	spread.Sub(spread, new(big.Int).Mul(big.NewInt(sum), big.NewInt(sum)))
	square, _ := new(big.Float).SetInt(spread).Float64()
	all := 255 * float64(n)
	return float64(sum) / all, math.Sqrt(square) / all
}
