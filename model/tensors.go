package model

import (
	"fmt"
	"slices"
)

// Tensor is a layer's weights or biases under the name that files give them.
type Tensor struct {
	Name  string // "layers.0.weight"
	Shape []int
	Data  []float32 // row-major
}

// Split names the blocks of a parameter arena (or of one laid out like it): for each layer
// l from 0 on, "layers.l.weight", [in, out] or [k, k, c_in, c_out], and "layers.l.bias",
// [units] or [c_out]. The data are views of the arena; the padding between blocks is in
// none of them.
func (n *Network) Split(arena []float32) []Tensor {
	var tensors []Tensor
	for i, l := range n.Layers {
		tensors = append(tensors,
			Tensor{fmt.Sprintf("layers.%d.weight", i), l.WeightShape(), l.W.Of(arena)},
			Tensor{fmt.Sprintf("layers.%d.bias", i), []int{l.Channels()}, l.B.Of(arena)})
	}
	return tensors
}

// Join is the arena of tensors that Split has named, in any order, with padding of zeros.
// A tensor that is missing, is there twice, has another shape, or belongs to no layer is
// an error.
func (n *Network) Join(tensors []Tensor) ([]float32, error) {
	given := map[string]Tensor{}
	for _, t := range tensors {
		if _, twice := given[t.Name]; twice {
			return nil, fmt.Errorf("model: tensor %s is there twice", quote(t.Name))
		}
		given[t.Name] = t
	}
	arena := make([]float32, n.Params)
	for _, to := range n.Split(arena) {
		from, ok := given[to.Name]
		switch {
		case !ok:
			return nil, fmt.Errorf("model: tensor %s of %v is missing", to.Name, n)
		case !slices.Equal(from.Shape, to.Shape) || len(from.Data) != len(to.Data):
			return nil, fmt.Errorf("model: tensor %s has the shape %v and %d elements; %v was expected for %v",
				to.Name, from.Shape, len(from.Data), to.Shape, n)
		}
		copy(to.Data, from.Data)
		delete(given, to.Name)
	}
	for name := range given {
		return nil, fmt.Errorf("model: tensor %s belongs to no layer of %v", quote(name), n)
	}
	return arena, nil
}
