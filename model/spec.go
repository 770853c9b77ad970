package model

import "fmt"

// Spec is a network as files keep it: the arguments of [New]. Its JSON
// names are part of the format of checkpoints.
type Spec struct {
	Input      [3]int      `json:"input"` // height, width, channels
	Classes    int         `json:"classes"`
	Activation string      `json:"activation"`
	Layers     []LayerSpec `json:"layers"` // the hidden ones; the logit layer follows from Classes

	Normalization *Normalization `json:"normalization,omitempty"`
}

// LayerSpec is a hidden layer: the units of a dense one, or filters, kernel, stride, padding and
// pooling ("max:2:2") of a convolution.
type LayerSpec struct {
	Kind    string `json:"kind"` // "dense" or "conv"
	Units   int    `json:"units,omitempty"`
	Filters int    `json:"filters,omitempty"`
	Kernel  int    `json:"kernel,omitempty"`
	Stride  int    `json:"stride,omitempty"`
	Pad     int    `json:"pad,omitempty"`
	Pool    string `json:"pool,omitempty"`
}

// filter returns a convolution as [New] takes it.
func (l LayerSpec) filter() (Filter, error) {
	f := Filter{Filters: l.Filters, Kernel: l.Kernel, Stride: l.Stride, Pad: l.Pad}
	if l.Pool == "" {
		return f, nil
	}
	var is bool
	var err error
	if f.Pool, is, err = parsePooling(l.Pool); !is {
		err = fmt.Errorf(`%s is no pooling: expected one such as "max:2:2"`, quote(l.Pool))
	}
	return f, err
}

// String returns the layer as [Layer.String] does.
func (l LayerSpec) String() string {
	layer := Layer{Kind: Dense, Out: Vector(l.Units)}
	if l.Kind == Conv.String() {
		f, _ := l.filter() // Network refuses a pooling that cannot be read
		layer = Layer{Kind: Conv, Out: Vector(f.Filters), Kernel: f.Kernel, Stride: f.Stride, Pad: f.Pad, Pool: f.Pool}
	}
	return layer.String()
}

// Spec describes the network.
func (n *Network) Spec() Spec {
	s := Spec{
		Input:   [3]int{n.Input.H, n.Input.W, n.Input.C},
		Classes: n.Classes, Activation: n.Activation.String(), Layers: []LayerSpec{},
		Normalization: n.Normalization,
	}
	for _, l := range n.Hidden() {
		layer := LayerSpec{Kind: l.Kind.String(), Units: l.Channels()}
		if l.Kind == Conv {
			layer = LayerSpec{Kind: l.Kind.String(), Filters: l.Channels(), Kernel: l.Kernel, Stride: l.Stride, Pad: l.Pad, Pool: l.Pool.String()}
		}
		s.Layers = append(s.Layers, layer)
	}
	return s
}

// Network builds the network. Unknown kinds, a convolution behind a dense layer, sizes that
// New refuses, and normalizations that no images have are errors.
func (s Spec) Network() (*Network, error) {
	n, err := s.network()
	if err != nil || s.Normalization == nil {
		return n, err
	}
	n.Normalization = s.Normalization
	return n, s.Normalization.check(n.Input.C)
}

// network builds the layers.
func (s Spec) network() (*Network, error) {
	act, err := ParseActivation(s.Activation)
	if err != nil {
		return nil, err
	}
	var units []int
	var filters []Filter
	for i, l := range s.Layers {
		switch l.Kind {
		case Dense.String():
			units = append(units, l.Units)
		case Conv.String():
			if units != nil {
				return nil, fmt.Errorf("layer %d is a convolution behind a dense layer: convolutions come first", i)
			}
			f, err := l.filter()
			if err != nil {
				return nil, fmt.Errorf("layer %d: %w", i, err)
			}
			filters = append(filters, f)
		default:
			return nil, fmt.Errorf("layer %d is of the kind %s: expected %v or %v", i, quote(l.Kind), Dense, Conv)
		}
	}
	input := Shape{H: s.Input[0], W: s.Input[1], C: s.Input[2]}
	return New(input, filters, units, s.Classes, act)
}
