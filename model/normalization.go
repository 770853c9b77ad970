package model

import (
	"fmt"
	"strings"
)

// Normalization shifts and scales the pixels x of an image, 0 to 255, before the first layer, for each channel c:
//
//	h = (x/255 - Mean[c]) / Deviation[c]
//
// A deviation of 0 counts as 1. Its JSON names are part of the format of checkpoints.
type Normalization struct {
	Mean      []float64 `json:"mean"`      // [channels], of pixels divided by 255
	Deviation []float64 `json:"deviation"` // [channels]
}

// Divisor returns what a channel is divided by.
func (n *Normalization) Divisor(channel int) float64 {
	if d := n.Deviation[channel]; d != 0 {
		return d
	}
	return 1
}

// Bytes returns the mean and the scale of each channel as devices take them, with h = (x - mean)·scale.
func (n *Normalization) Bytes() (mean, scales []float32) {
	const white = 255
	for c, m := range n.Mean {
		mean = append(mean, float32(white*m))
		scales = append(scales, float32(1/(white*n.Divisor(c))))
	}
	return mean, scales
}

// String returns the numbers to four digits: "mean 0.4914 0.4822 0.4465, deviation 0.2470 0.2435 0.2616".
func (n *Normalization) String() string {
	list := func(values []float64) string {
		var b strings.Builder
		for _, v := range values {
			fmt.Fprintf(&b, " %.4f", v)
		}
		return b.String()
	}
	return "mean" + list(n.Mean) + ", deviation" + list(n.Deviation)
}

// check refuses numbers that no images with these channels have.
func (n *Normalization) check(channels int) error {
	if len(n.Mean) != channels || len(n.Deviation) != channels {
		return fmt.Errorf("a normalization of %d means and %d deviations for images of %d channels", len(n.Mean), len(n.Deviation), channels)
	}
	for c := range channels {
		if !(n.Mean[c] >= 0 && n.Mean[c] <= 1) || !(n.Deviation[c] >= 0 && n.Deviation[c] <= 1) {
			return fmt.Errorf("a normalization with mean %g and deviation %g: expected numbers from 0 to 1", n.Mean[c], n.Deviation[c])
		}
	}
	return nil
}
