package model

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"mdfa/gpu"
)

// purpose separates the random streams of one seed.
type purpose uint64

const (
	forwardWeights purpose = iota + 1
	directFeedback
	layerFeedback
	augmentation
)

// stream returns the generator for one tensor: a PCG whose 128 bits of state are mixed
// from the seed, the purpose and the layer's index. Each tensor has its own, so that its
// values depend only on its shape and initializer: adding a layer, or choosing another
// rule, does not change the other tensors.
func stream(seed uint64, p purpose, layer int) *rand.Rand {
	high := mix(mix(mix(seed)^uint64(p)) ^ uint64(layer))
	return rand.New(rand.NewPCG(high, mix(high)))
}

// mix makes one step of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom
// Number Generators, OOPSLA 2014): a bijection whose outputs look independent.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// InitialParams returns the parameter arena before the first step: weights drawn by init,
// biases and padding zero. With monotone (mDFA) the first layer draws from
// init.FreeFirst and all others from init.Monotone. The same arguments give the same
// bits; the fans are [Layer.FanIn] and [Layer.FanOut].
func (n *Network) InitialParams(init Init, monotone bool, seed uint64) ([]float32, error) {
	arena := make([]float32, n.Params)
	for i, l := range n.Layers {
		in := init
		if monotone {
			var err error
			if i == 0 {
				in = init.FreeFirst()
			} else if in, err = init.Monotone(); err != nil {
				return nil, err
			}
		}
		if err := in.Draw(l.W.Of(arena), l.FanIn(), l.FanOut(), stream(seed, forwardWeights, i)); err != nil {
			return nil, n.drawError("the weights", i, err)
		}
	}
	return arena, nil
}

// DFAGenerator returns the formula of direct feedback, non-negative if asked for, which a
// device draws where it is used ([gpu.FeedbackArgs]). fan_in is the number of rows, and
// Glorot's bound, which is another in each layer, an error. A hidden
// layer's values depend only on the seed, the layer's index, the initializer and that number.
func (n *Network) DFAGenerator(kind Feedback, init Init, monotone bool, seed uint64) (gpu.Generator, error) {
	if err := init.CheckDirect(); err != nil {
		return gpu.Generator{}, err
	}
	if monotone {
		var err error
		if init, err = init.Monotone(); err != nil {
			return gpu.Generator{}, err
		}
	}
	rows := n.FeedbackRows(kind)
	g, err := init.Generator(rows, rows, mix(mix(seed)^uint64(directFeedback)))
	if err != nil {
		return gpu.Generator{}, fmt.Errorf("the feedback of the hidden layers: %w", err)
	}
	return g, nil
}

// DFAFeedback returns the feedback that [Network.DFAGenerator] draws, bit by bit, as a matrix:
// row-major [FeedbackRows, HiddenUnits], with the columns of [Network.FeedbackColumns].
// The error wraps ErrTooLarge if no device could index the matrix; the caller must check
// first that it fits into memory ([Network.Memory]).
func (n *Network) DFAFeedback(kind Feedback, init Init, monotone bool, seed uint64) ([]float32, error) {
	g, err := n.DFAGenerator(kind, init, monotone, seed)
	if err != nil {
		return nil, err
	}
	size, rows := n.FeedbackLen(kind), n.FeedbackRows(kind)
	if size > maxElements {
		return nil, fmt.Errorf("feedback [%d, %d] has more than %d elements: take fewer classes or a smaller network: %w",
			rows, n.HiddenUnits(), maxElements, ErrTooLarge)
	}
	matrix := make([]float32, size)
	units := n.HiddenUnits()
	for i, columns := range n.FeedbackColumns() {
		for row := range rows {
			g.Fill(columns.Of(matrix[row*units:]), i, row, 0)
		}
	}
	return matrix, nil
}

// FAFeedback returns the feedback arena of FA and, for each layer, its range there:
// [Network.FARanges] has shapes and layout. fan_in is the width through which the
// error enters, [Layer.FanOut]: out for a dense layer, and k·k·c_out for a convolution,
// the number of products in one element of its transposed convolution where windows
// overlap at every position. fan_out is [Layer.FanIn].
func (n *Network) FAFeedback(init Init, seed uint64) ([]float32, []Range, error) {
	ranges, length := n.FARanges()
	arena := make([]float32, length)
	for i, l := range n.Layers[1:] {
		layer := i + 1
		if err := init.Draw(ranges[layer].Of(arena), l.FanOut(), l.FanIn(), stream(seed, layerFeedback, layer)); err != nil {
			return nil, nil, n.drawError("the feedback", layer, err)
		}
	}
	return arena, ranges, nil
}

// TransposeFeedback turns the dense blocks of an arena of FA feedback from [out, in] to [in, out], which is how the weights
// lie. Convolutions have one layout.
func (n *Network) TransposeFeedback(arena []float32) {
	ranges, _ := n.FARanges()
	for i, l := range n.Layers[1:] {
		if l.Kind == Conv {
			continue
		}
		b := ranges[i+1].Of(arena)
		drawn, in, out := slices.Clone(b), l.FanIn(), l.Units()
		for o := range out {
			for j := range in {
				b[j*out+o] = drawn[o*in+j]
			}
		}
	}
}

// FAGenerators returns for each layer the formula of numbers with the distribution of FA's B_l,
// which the step draws where it needs them; the first layer has none. The fans are those of
// [Network.FAFeedback], the values are others.
func (n *Network) FAGenerators(init Init, seed uint64) ([]gpu.Generator, error) {
	generators := make([]gpu.Generator, len(n.Layers))
	for i, l := range n.Layers[1:] {
		g, err := init.Generator(l.FanOut(), l.FanIn(), mix(mix(seed)^uint64(layerFeedback)))
		if err != nil {
			return nil, n.drawError("the feedback", i+1, err)
		}
		generators[i+1] = g
	}
	return generators, nil
}

func (n *Network) drawError(tensor string, layer int, err error) error {
	return fmt.Errorf("%s of layer %d (%v): %w", tensor, layer, n.Layers[layer], err)
}
