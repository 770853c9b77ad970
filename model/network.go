// Package model describes networks: the geometry of their layers, the place of each
// parameter in the arena that a device holds, the initial values of parameters
// and feedback, and the change of images before the first layer. It runs nothing and uses no device.
//
// Layer l of a network computes a_l = h_{l-1}·W_l + b_l, dense or convolutional, for
// l = 0..L, and layer L is the dense logit layer. Code, messages and files
// number layers from 0, like W_0.
package model

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mdfa/gpu"
)

// Alignment is the unit, in float32 elements, in which blocks of an arena are laid
// out: 32 elements are 128 bytes, one cache line of a GPU, so that vector loads of
// every block are aligned if the arena is.
const Alignment = 32

// Shape is one image, or a vector as a 1x1 image of C channels. Elements are ordered
// [H, W, C].
type Shape struct{ H, W, C int }

// Vector returns the shape of n units without a position.
func Vector(n int) Shape { return Shape{H: 1, W: 1, C: n} }

// Size returns the number of elements, H·W·C.
func (s Shape) Size() int { return s.H * s.W * s.C }

// String returns the shape as "28x28x1".
func (s Shape) String() string { return fmt.Sprintf("%dx%dx%d", s.H, s.W, s.C) }

// Range is a range of Len elements of an arena that starts at element Off.
type Range struct{ Off, Len int }

// End returns the first element after the range.
func (r Range) End() int { return r.Off + r.Len }

// Of returns the part of arena that the range covers.
func (r Range) Of(arena []float32) []float32 { return arena[r.Off:r.End():r.End()] }

// Kind tells dense from convolutional layers.
type Kind uint8

// The kinds of layers.
const (
	Dense Kind = iota
	Conv
)

// String returns "dense" or "conv".
func (k Kind) String() string {
	switch k {
	case Dense:
		return "dense"
	case Conv:
		return "conv"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Layer is one layer's geometry and the place of its parameters. A dense layer is
// a 1x1 convolution of a 1x1 image: Kernel and Stride are 1, Pad is 0, In and Out are vectors,
// and every formula below holds for both kinds.
type Layer struct {
	Kind           Kind
	In, Out        Shape
	Kernel, Stride int
	Pad            int     // zeros beyond each side of a convolution's input
	Pool           Pooling // of a convolution's outputs, behind f; none of a dense layer
	W, B           Range   // in the parameter arena: weights (WeightShape), biases [Channels]
}

// FanIn returns the number of inputs of one unit: in, or k·k·c_in.
func (l Layer) FanIn() int { return l.Kernel * l.Kernel * l.In.C }

// FanOut returns the width through which an error enters the layer: out, or k·k·c_out. It
// is the fan-in of the layer's feedback in FA.
func (l Layer) FanOut() int { return l.Kernel * l.Kernel * l.Out.C }

// Passed returns the shape of what the layer passes on to the next one: Out, or what its pooling
// makes of it.
func (l Layer) Passed() Shape {
	if !l.Pool.Any() {
		return l.Out
	}
	pool := l.PoolShape(1)
	return Shape{H: pool.OutH(), W: pool.OutW(), C: l.Out.C}
}

// Units returns the number of outputs per example, before pooling; a convolution has one for
// every position and channel.
func (l Layer) Units() int { return l.Out.Size() }

// Channels returns the number of biases: units of a dense layer, filters of a convolution.
func (l Layer) Channels() int { return l.Out.C }

// WeightShape returns [in, out] or [k, k, c_in, c_out], row-major.
func (l Layer) WeightShape() []int {
	if l.Kind == Conv {
		return []int{l.Kernel, l.Kernel, l.In.C, l.Out.C}
	}
	return []int{l.In.C, l.Out.C}
}

// Weights returns the number of weights, biases not counted.
func (l Layer) Weights() int { return l.FanIn() * l.Out.C }

// ConvShape returns the layer's geometry for a batch of examples, as devices take it.
func (l Layer) ConvShape(batch int) gpu.ConvShape {
	return gpu.ConvShape{
		Batch: batch,
		InH:   l.In.H, InW: l.In.W, InC: l.In.C,
		Kernel: l.Kernel, Stride: l.Stride, Pad: l.Pad, OutC: l.Out.C,
	}
}

// PoolShape returns the geometry of the layer's pooling for a batch of examples, as devices take it.
func (l Layer) PoolShape(batch int) gpu.PoolShape {
	return gpu.PoolShape{
		Kind: l.Pool.Kind, Batch: batch,
		InH: l.Out.H, InW: l.Out.W, Channels: l.Out.C,
		Kernel: l.Pool.Kernel, Stride: l.Pool.Stride,
	}
}

// filter returns a convolution as [New] takes it.
func (l Layer) filter() Filter {
	return Filter{Filters: l.Channels(), Kernel: l.Kernel, Stride: l.Stride, Pad: l.Pad, Pool: l.Pool}
}

// String returns "dense 200" or "conv 96 5/2" (filters, kernel/stride), or with padding and
// pooling "conv 96 5/2 pad 1, max 2/2".
func (l Layer) String() string {
	if l.Kind != Conv {
		return fmt.Sprintf("dense %d", l.Out.C)
	}
	text := fmt.Sprintf("conv %d %d/%d", l.Out.C, l.Kernel, l.Stride)
	if l.Pad != 0 {
		text += fmt.Sprintf(" pad %d", l.Pad)
	}
	if l.Pool.Any() {
		text += fmt.Sprintf(", %s %d/%d", l.Pool.word(), l.Pool.Kernel, l.Pool.Stride)
	}
	return text
}

// Network is a classifier and the layout of its parameter arena:
//
//	[ W_0 | b_0 | b_1 | … | b_L | W_1 | … | W_L ]
//
// Every block starts at a multiple of [Alignment] elements; the padding between
// blocks starts as zero, gets no gradient, and no layer reads it. W_1 to W_L, which
// mDFA clamps, are one contiguous range, Clamp; W_0 and the biases lie outside it.
type Network struct {
	Input      Shape
	Classes    int
	Logits     int // 1 for two classes, Classes otherwise
	Activation gpu.Activation
	Layers     []Layer // the last one is the logit layer
	Params     int     // length of the arena in elements, padding included
	Clamp      Range   // W_1..W_L with the padding between them; empty without a hidden layer
	// Normalization changes the images before the first layer; nil: pixels are divided by 255.
	Normalization *Normalization
}

// Hidden returns every layer but the logit layer.
func (n *Network) Hidden() []Layer { return n.Layers[:len(n.Layers)-1] }

// Filters returns the convolutions, as [New] takes them.
func (n *Network) Filters() []Filter {
	var filters []Filter
	for _, l := range n.Hidden() {
		if l.Kind == Conv {
			filters = append(filters, l.filter())
		}
	}
	return filters
}

// Widths returns the widths of the hidden dense layers, as [New] takes them.
func (n *Network) Widths() []int {
	var widths []int
	for _, l := range n.Hidden() {
		if l.Kind == Dense {
			widths = append(widths, l.Units())
		}
	}
	return widths
}

// HiddenUnits returns the number of hidden outputs per example, over all hidden layers.
func (n *Network) HiddenUnits() int {
	sum := 0
	for _, l := range n.Hidden() {
		sum += l.Units()
	}
	return sum
}

// Weights returns the number of parameters, biases counted and padding not.
func (n *Network) Weights() int {
	sum := 0
	for _, l := range n.Layers {
		sum += l.W.Len + l.B.Len
	}
	return sum
}

// PooledUnits returns the number of outputs of poolings per example, over all layers.
func (n *Network) PooledUnits() int {
	sum := 0
	for _, l := range n.Hidden() {
		if l.Pool.Any() {
			sum += l.Passed().Size()
		}
	}
	return sum
}

// FeedbackColumns returns, for each hidden layer, its columns in the matrix of direct feedback
// [FeedbackRows, HiddenUnits]. The layers lie side by side in their order, unpadded.
func (n *Network) FeedbackColumns() []Range {
	columns := make([]Range, len(n.Hidden()))
	off := 0
	for i, l := range n.Hidden() {
		columns[i] = Range{Off: off, Len: l.Units()}
		off += l.Units()
	}
	return columns
}

// FARanges returns, for each layer l, the range of its FA feedback B_l in an arena for
// feedback, and the arena's length, padding included. B_l is [out, in] for a dense
// layer and has the shape of W_l, [k, k, c_in, c_out], for a convolution; layer 0 passes
// no error on and has the empty range.
func (n *Network) FARanges() (ranges []Range, length int) {
	ranges = make([]Range, len(n.Layers))
	for i, l := range n.Layers[1:] {
		ranges[i+1] = Range{Off: length, Len: l.W.Len}
		length = alignUp(ranges[i+1].End())
	}
	return ranges, length
}

// Choose returns the layers of a choice ([ParseChoice]), in their order. A number that the network
// does not have is an error, and so is the choice of convolutions where there is none.
func (n *Network) Choose(choice []string) (layers []int, err error) {
	for _, text := range choice {
		if text != AllConv {
			layer, err := strconv.Atoi(text)
			if err != nil || layer < 0 || layer >= len(n.Layers) {
				return nil, fmt.Errorf("there is no layer %s: those of %v are 0 to %d", text, n, len(n.Layers)-1)
			}
			layers = append(layers, layer)
			continue
		}
		before := len(layers)
		for i, layer := range n.Layers {
			if layer.Kind == Conv {
				layers = append(layers, i)
			}
		}
		if len(layers) == before {
			return nil, fmt.Errorf("%v has no convolution", n)
		}
	}
	slices.Sort(layers)
	return slices.Compact(layers), nil
}

// Ranges returns the parts of the arena that hold the chosen layers, in its order and as few as
// possible. A part ends where the block of another layer begins, so that all layers together
// are the whole arena.
func (n *Network) Ranges(chosen []bool) (ranges []Range) {
	list := n.blocks()
	for i, b := range list {
		if !chosen[b.layer] {
			continue
		}
		end := n.Params
		if i+1 < len(list) {
			end = list[i+1].Off
		}
		if last := len(ranges) - 1; last >= 0 && ranges[last].End() == b.Off {
			ranges[last].Len = end - ranges[last].Off
		} else {
			ranges = append(ranges, Range{Off: b.Off, Len: end - b.Off})
		}
	}
	return ranges
}

// String returns the network on one line: "28x28x1 -> conv 96 5/2 -> dense 10".
func (n *Network) String() string {
	var b strings.Builder
	b.WriteString(n.Input.String())
	for _, l := range n.Layers {
		b.WriteString(" -> ")
		b.WriteString(l.String())
	}
	return b.String()
}

// block is the weights or the biases of a layer.
type block struct {
	*Range
	layer int
}

// blocks lists every range of the arena in the order of the layout.
func (n *Network) blocks() []block {
	list := []block{{&n.Layers[0].W, 0}}
	for i := range n.Layers {
		list = append(list, block{&n.Layers[i].B, i})
	}
	for i := range n.Layers[1:] {
		list = append(list, block{&n.Layers[i+1].W, i + 1})
	}
	return list
}

func alignUp(n int) int { return (n + Alignment - 1) / Alignment * Alignment }
