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
// [units] or [c_out]. The data are views of the arena, without the padding between blocks.
func (n *Network) Split(arena []float32) []Tensor {
	tensors := n.tensors()
	for i, l := range n.Layers {
		tensors[2*i].Data, tensors[2*i+1].Data = l.W.Of(arena), l.B.Of(arena)
	}
	return tensors
}

// tensors returns the names and shapes of Split, without data.
func (n *Network) tensors() []Tensor {
	var tensors []Tensor
	for i, l := range n.Layers {
		tensors = append(tensors,
			Tensor{Name: fmt.Sprintf("layers.%d.weight", i), Shape: l.WeightShape()},
			Tensor{Name: fmt.Sprintf("layers.%d.bias", i), Shape: []int{l.Channels()}})
	}
	return tensors
}

// SplitFeedback names the parts of learned feedback (or of an arena laid out like it). By layers, where it lies like the
// weights, they are "layers.l.weight", shaped like W_l, for each layer l from 1 on. Direct feedback is one part,
// "direct" [logits, hidden units]. The data are views of the arena.
func (n *Network) SplitFeedback(kind Feedback, arena []float32) []Tensor {
	tensors := n.feedbackTensors(kind)
	if kind.Direct() {
		tensors[0].Data = arena
		return tensors
	}
	ranges, _ := n.FARanges()
	for i := range tensors {
		tensors[i].Data = ranges[i+1].Of(arena)
	}
	return tensors
}

// feedbackTensors returns the names and shapes of SplitFeedback, without data.
func (n *Network) feedbackTensors(kind Feedback) (tensors []Tensor) {
	switch kind {
	case NoFeedback:
	case LayerFeedback:
		for i, l := range n.Layers[1:] {
			tensors = append(tensors, Tensor{Name: fmt.Sprintf("layers.%d.weight", i+1), Shape: l.WeightShape()})
		}
	case DirectFeedback, ClassFeedback:
		tensors = append(tensors, Tensor{Name: "direct", Shape: []int{n.FeedbackRows(kind), n.HiddenUnits()}})
	}
	return tensors
}

// Join returns the arena of tensors with the names of Split, in any order, with padding of zeros.
// A tensor that is missing, occurs twice, has another shape, or belongs to no layer is
// an error.
func (n *Network) Join(tensors []Tensor) ([]float32, error) {
	given, err := n.match(n.tensors(), tensors)
	if err != nil {
		return nil, err
	}
	arena := make([]float32, n.Params) // only now: a file must not make it larger than itself
	fill(n.Split(arena), given)
	return arena, nil
}

// JoinFeedback is Join for the tensors of SplitFeedback.
func (n *Network) JoinFeedback(kind Feedback, tensors []Tensor) ([]float32, error) {
	given, err := n.match(n.feedbackTensors(kind), tensors)
	if err != nil {
		return nil, err
	}
	arena := make([]float32, n.FeedbackLen(kind))
	fill(n.SplitFeedback(kind, arena), given)
	return arena, nil
}

func fill(parts []Tensor, given map[string]Tensor) {
	for _, to := range parts {
		copy(to.Data, given[to.Name].Data)
	}
}

// match returns the tensors by name, if they are those that are wanted.
func (n *Network) match(wanted, tensors []Tensor) (map[string]Tensor, error) {
	given := map[string]Tensor{}
	for _, t := range tensors {
		if _, twice := given[t.Name]; twice {
			return nil, fmt.Errorf("tensor %s is there twice", quote(t.Name))
		}
		given[t.Name] = t
	}
	for _, to := range wanted {
		from, ok := given[to.Name]
		size := 1
		for _, length := range to.Shape {
			size *= length
		}
		switch {
		case !ok:
			return nil, fmt.Errorf("tensor %s of %v is missing", to.Name, n)
		case !slices.Equal(from.Shape, to.Shape) || len(from.Data) != size:
			return nil, fmt.Errorf("tensor %s has the shape %v and %d elements; %v was expected for %v",
				to.Name, from.Shape, len(from.Data), to.Shape, n)
		}
	}
	if len(given) > len(wanted) {
		for _, to := range wanted {
			delete(given, to.Name)
		}
		for name := range given {
			return nil, fmt.Errorf("tensor %s belongs to no layer of %v", quote(name), n)
		}
	}
	return given, nil
}
