package model

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"mdfa/gpu"
)

// Bounds of a network. Kernels count elements in 32-bit integers, so that no arena,
// feedback matrix or layer may have more than maxElements.
const (
	maxElements = math.MaxInt32
	maxLayers   = 1000
	maxClasses  = 1 << 20
)

// ErrTooLarge marks networks that no device of this project could index.
var ErrTooLarge = errors.New("network is too large")

// Filter is a convolutional layer's Filters output channels, its square kernel and its stride,
// in pixels, and the padding: the number of zeros beyond each side of its input, less than Kernel.
// Pool is the pooling of its outputs.
type Filter struct {
	Filters, Kernel, Stride, Pad int
	Pool                         Pooling
}

// String returns the filter as the command line writes it, "96:5:2", or with padding and pooling
// "96:5:2:1,max:2:2".
func (f Filter) String() string {
	text := fmt.Sprintf("%d:%d:%d", f.Filters, f.Kernel, f.Stride)
	if f.Pad != 0 {
		text += fmt.Sprintf(":%d", f.Pad)
	}
	if f.Pool.Any() {
		text += "," + f.Pool.String()
	}
	return text
}

// NewDense returns a fully-connected network: hidden layers of the given widths, then the
// logit layer. Without a width it is linear (softmax or logistic) regression. The error
// wraps ErrTooLarge if a device could not index the network.
func NewDense(input Shape, hidden []int, classes int, act gpu.Activation) (*Network, error) {
	return New(input, nil, hidden, classes, act)
}

// NewConv returns an all-convolutional network: one convolution for each filter, then the dense logit layer over the last one's outputs in h, w, c order. The error
// names the layer whose kernel does not fit into its input, or wraps ErrTooLarge.
func NewConv(input Shape, filters []Filter, classes int, act gpu.Activation) (*Network, error) {
	return New(input, filters, nil, classes, act)
}

// New returns a network of convolutions and dense layers, either of which may be missing: one
// convolution for each filter, with its pooling, then hidden dense layers of the given widths, then the
// logit layer. The first dense layer takes what the last convolution passes on in h, w, c order. The
// errors are those of [NewConv] and [NewDense].
func New(input Shape, filters []Filter, hidden []int, classes int, act gpu.Activation) (*Network, error) {
	b := newBuilder(input, classes, act, len(filters)+len(hidden))
	for _, f := range filters {
		b.conv(f)
	}
	for _, units := range hidden {
		b.dense(units)
	}
	return b.finish()
}

// builder stacks layers and keeps the first mistake in them.
type builder struct {
	net Network
	at  Shape // input of the next layer
	err error
}

func newBuilder(input Shape, classes int, act gpu.Activation, hidden int) *builder {
	b := &builder{at: input}
	b.net = Network{Input: input, Classes: classes, Logits: classes, Activation: act}
	if classes == 2 {
		b.net.Logits = 1
	}
	switch {
	case classes < 2:
		b.fail("%d classes: a classifier needs at least 2", classes)
	case classes > maxClasses:
		b.err = fmt.Errorf("%d classes: at most %d are possible: %w", classes, maxClasses, ErrTooLarge)
	case !slices.Contains(gpu.Activations(), act):
		b.fail("unknown activation %v: expected %s", act, english.WordSeries(gpu.ActivationNames(), "or"))
	case input.H < 1 || input.W < 1 || input.C < 1:
		b.fail("input %v: height, width and channels must be at least 1", input)
	case !fits(input.H, input.W, input.C):
		b.err = fmt.Errorf("input %v has more than %d elements: %w", input, maxElements, ErrTooLarge)
	case hidden > maxLayers:
		b.err = fmt.Errorf("%d hidden layers: at most %d are possible: %w", hidden, maxLayers, ErrTooLarge)
	}
	return b
}

func (b *builder) fail(format string, args ...any) {
	if b.err == nil {
		b.err = fmt.Errorf(format, args...)
	}
}

func (b *builder) dense(units int) {
	if b.err != nil {
		return
	}
	l := Layer{Kind: Dense, In: Vector(b.at.Size()), Out: Vector(units), Kernel: 1, Stride: 1}
	if units < 1 {
		b.fail("layer %d (%v): a layer needs at least 1 unit", len(b.net.Layers), l)
		return
	}
	b.add(l)
}

func (b *builder) conv(f Filter) {
	if b.err != nil {
		return
	}
	in := b.at
	l := Layer{Kind: Conv, In: in, Out: Shape{C: f.Filters}, Kernel: f.Kernel, Stride: f.Stride, Pad: f.Pad, Pool: f.Pool}
	switch {
	case f.Filters < 1 || f.Kernel < 1 || f.Stride < 1:
		b.fail("layer %d (%v): filters, kernel and stride must be at least 1", len(b.net.Layers), l)
		return
	case f.Pad < 0 || f.Pad >= f.Kernel:
		b.fail("layer %d (%v): the padding must be at least 0 and less than the kernel, so that each window covers some pixel", len(b.net.Layers), l)
		return
	case f.Kernel > in.H+2*f.Pad || f.Kernel > in.W+2*f.Pad:
		b.fail("layer %d (%v) does not fit: its kernel is %dx%d and what reaches it only %dx%d (%v): take a smaller kernel, smaller strides before it, or fewer layers",
			len(b.net.Layers), l, f.Kernel, f.Kernel, in.H, in.W, b.net.String())
		return
	}
	l.Out.H = (in.H+2*f.Pad-f.Kernel)/f.Stride + 1
	l.Out.W = (in.W+2*f.Pad-f.Kernel)/f.Stride + 1
	if p := f.Pool; p.Any() {
		switch {
		case p.Kernel < 1 || p.Stride < 1:
			b.fail("layer %d (%v): kernel and stride of a pooling must be at least 1", len(b.net.Layers), l)
		case p.Kind == gpu.MaxPooling && p.Kernel > gpu.MaxPoolingKernel:
			b.fail("layer %d (%v): the kernel of max pooling must be at most %d", len(b.net.Layers), l, gpu.MaxPoolingKernel)
		case p.Kernel > l.Out.H || p.Kernel > l.Out.W:
			b.fail("layer %d (%v): its pooling does not fit: the kernel is %dx%d and the convolution's output only %dx%d: take a smaller one, or leave it out",
				len(b.net.Layers), l, p.Kernel, p.Kernel, l.Out.H, l.Out.W)
		}
		if b.err != nil {
			return
		}
	}
	b.add(l)
}

// add appends a layer whose numbers are positive, unless their products overflow.
func (b *builder) add(l Layer) {
	if !fits(l.In.H+2*l.Pad, l.In.W+2*l.Pad, l.In.C) || !fits(l.Out.H, l.Out.W, l.Out.C) || !fits(l.Kernel, l.Kernel, l.In.C, l.Out.C) {
		b.err = fmt.Errorf("layer %d (%v) over %v has more than %d outputs or weights: %w",
			len(b.net.Layers), l, l.In, maxElements, ErrTooLarge)
		return
	}
	l.W.Len, l.B.Len = l.Weights(), l.Channels()
	b.net.Layers = append(b.net.Layers, l)
	b.at = l.Passed()
}

// finish adds the logit layer and lays out the arena.
func (b *builder) finish() (*Network, error) {
	b.dense(b.net.Logits)
	if b.err != nil {
		return nil, b.err
	}
	n := &b.net
	units := 0
	for _, l := range n.Hidden() {
		if l.Units() > maxElements-units {
			return nil, fmt.Errorf("the hidden layers have more than %d units: %w", maxElements, ErrTooLarge)
		}
		units += l.Units()
	}
	end := 0
	for _, r := range n.blocks() {
		r.Off = alignUp(end)
		if r.Len > maxElements-Alignment-r.Off {
			return nil, fmt.Errorf("the network has more than %d weights: %w", maxElements, ErrTooLarge)
		}
		end = r.End()
	}
	n.Params = alignUp(end)
	n.Clamp = Range{Off: n.Params}
	if len(n.Layers) > 1 {
		n.Clamp.Off = n.Layers[1].W.Off
		n.Clamp.Len = end - n.Clamp.Off
	}
	return n, nil
}

// fits says whether the product of positive factors is at most maxElements.
func fits(factors ...int) bool {
	product := 1
	for _, f := range factors {
		if f > maxElements/product {
			return false
		}
		product *= f
	}
	return true
}

// defaults are the networks of the paper, by the shape of the images.
var defaults = []struct {
	input   Shape
	hidden  []int
	filters []Filter
}{
	{Shape{28, 28, 1}, []int{200, 200}, smallFilters}, // MNIST, Fashion-MNIST
	{Shape{32, 32, 3}, []int{1024, 1024}, smallFilters},
	{Shape{224, 224, 3}, []int{1024, 1024, 1024, 1024}, []Filter{
		{Filters: 96, Kernel: 9, Stride: 4}, {Filters: 96, Kernel: 3, Stride: 2},
		{Filters: 128, Kernel: 5, Stride: 1}, {Filters: 128, Kernel: 3, Stride: 2},
		{Filters: 192, Kernel: 3, Stride: 1}, {Filters: 192, Kernel: 3, Stride: 2}, {Filters: 384, Kernel: 3, Stride: 1},
	}},
}

var smallFilters = []Filter{{Filters: 96, Kernel: 5, Stride: 2}, {Filters: 96, Kernel: 3, Stride: 2}, {Filters: 96, Kernel: 3, Stride: 1}}

// Default returns the paper's network for images of the given shape: 28x28x1 (MNIST,
// Fashion-MNIST), 32x32x3 (CIFAR) or 224x224x3 (ImageNet), fully connected or
// convolutional. Another shape has no default and is an error.
func Default(input Shape, conv bool, classes int, act gpu.Activation) (*Network, error) {
	var known []string
	for _, d := range defaults {
		if d.input != input {
			known = append(known, d.input.String())
			continue
		}
		if conv {
			return NewConv(input, d.filters, classes, act)
		}
		return NewDense(input, d.hidden, classes, act)
	}
	return nil, fmt.Errorf("no default network for images of %v (there is one for %s): name the layers",
		input, strings.Join(known, ", "))
}
