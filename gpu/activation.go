package gpu

import (
	"fmt"
	"math"
	"strings"
)

// Activation is a nonlinearity f of the hidden layers. Its row in the table below defines it;
// every device has its own loops or kernels for f and f', which are tested against the row.
type Activation uint8

// The activations. Every f is non-decreasing, as mDFA requires, and turns NaN into NaN.
const (
	Tanh Activation = iota
	ReLU
	PL
	Sigmoid
	// Linear leaves a as it is. No network trains with it: it serves to read the preactivations
	// of a layer, and to carry errors through layers without f'.
	Linear
	// NumActivations is the number of rows.
	NumActivations = iota
)

// slopeSource names the value of a unit from which f' is computed.
type slopeSource uint8

const (
	fromOutput slopeSource = iota // h = f(a)
	fromPre                       // a, where h does not determine f'
	constant                      // f' is 1 everywhere
)

// activation is a row of the table.
type activation struct {
	name string
	note string // explains the name in help texts; may be empty
	f    func(a float64) float64
	// slope is f', computed from h or a, as source says.
	slope  func(v float64) float64
	source slopeSource
	// A unit is saturated where its h or a, as source says, is at most low or at least high: f' is
	// 0 there, or below 2 % of its maximum. NaN means that there is no such bound.
	low, high float32
	flops     int // floating point operations of f for one element, as KernelProfile counts them
	onnx      ONNXNode
	internal  bool // not offered to users
}

var activations = [NumActivations]activation{
	Tanh: {
		name: "tanh", f: math.Tanh,
		slope: func(h float64) float64 { return 1 - h*h }, source: fromOutput,
		low: -0.99, high: 0.99,
		flops: 1, onnx: ONNXNode{Op: "Tanh"},
	},
	ReLU: { // f'(0) is 1: DFA learns from weights of zero because of it
		name: "relu", f: func(a float64) float64 { return max(a, 0) },
		slope: func(a float64) float64 { return inside(a, 0, math.Inf(1)) }, source: fromPre,
		low: math.Nextafter32(0, -1), high: noBound,
		onnx: ONNXNode{Op: "Relu"},
	},
	PL: { // f' is 1 on the closed interval
		name: "pl", note: "clipped to -1..1", f: func(a float64) float64 { return min(max(a, -1), 1) },
		slope: func(a float64) float64 { return inside(a, -1, 1) }, source: fromPre,
		low: math.Nextafter32(-1, -2), high: math.Nextafter32(1, 2),
		onnx: ONNXNode{Op: "Clip", Inputs: []ONNXInput{{"low", -1}, {"high", 1}}},
	},
	Sigmoid: {
		name: "sigmoid", f: func(a float64) float64 { return 1 / (1 + math.Exp(-a)) },
		slope: func(h float64) float64 { return h * (1 - h) }, source: fromOutput,
		low: 0.005, high: 0.995, // where tanh(a/2) is ±0.99
		flops: 3, onnx: ONNXNode{Op: "Sigmoid"},
	},
	Linear: {
		name: "linear", f: func(a float64) float64 { return a },
		slope: func(float64) float64 { return 1 }, source: constant,
		low: noBound, high: noBound,
		onnx: ONNXNode{Op: "Identity"}, internal: true,
	},
}

var noBound = float32(math.NaN())

// inside returns 1 for v in [low, high] and 0 elsewhere, NaN included.
func inside(v, low, high float64) float64 {
	if v >= low && v <= high {
		return 1
	}
	return 0
}

// ONNXNode is the operator that computes f in an ONNX graph: its first input is a, the others
// are constants.
type ONNXNode struct {
	Op     string
	Inputs []ONNXInput
}

// ONNXInput is a scalar that an operator takes beside a.
type ONNXInput struct {
	Name  string
	Value float32
}

// Activations lists the activations that a network can be trained with.
func Activations() []Activation {
	var list []Activation
	for a := range Activation(NumActivations) {
		if !activations[a].internal {
			list = append(list, a)
		}
	}
	return list
}

// ActivationNames lists the names of [Activations].
func ActivationNames() []string { return names(Activations()) }

func names[T fmt.Stringer](rows []T) (list []string) {
	for _, row := range rows {
		list = append(list, row.String())
	}
	return list
}

// ActivationHelp returns the list of [Activations] in a help text.
func ActivationHelp() string {
	var list []string
	for _, a := range Activations() {
		text := a.String()
		if note := activations[a].note; note != "" {
			text += " (" + note + ")"
		}
		list = append(list, text)
	}
	return strings.Join(list, ", ")
}

// row returns an empty row for a value outside the table.
func (a Activation) row() activation {
	if !a.known() {
		return activation{name: fmt.Sprintf("Activation(%d)", uint8(a))}
	}
	return activations[a]
}

func (a Activation) known() bool { return a < NumActivations }

// String returns the activation's name on the command line and in files.
func (a Activation) String() string { return a.row().name }

// F computes f in float64.
func (a Activation) F(pre float64) float64 { return activations[a].f(pre) }

// Slope computes f' in float64, from the preactivation if NeedsPre, else from h = f(a).
func (a Activation) Slope(v float64) float64 { return activations[a].slope(v) }

// NeedsPre says whether f' has to be computed from the preactivation a, because h = f(a) does not
// determine it: h = 0 of relu and h = ±1 of pl are ambiguous.
func (a Activation) NeedsPre() bool { return a.known() && activations[a].source == fromPre }

// Saturation returns the bounds outside of which a unit passes hardly any error back: it is
// saturated where its preactivation (if NeedsPre, else its output) is at most low or at least
// high. NaN means that there is no such bound.
func (a Activation) Saturation() (low, high float32) { return activations[a].low, activations[a].high }

// FLOPs counts the floating point operations of f for one element, as [KernelProfile] does.
func (a Activation) FLOPs() int { return activations[a].flops }

// ONNX returns the operator that computes f.
func (a Activation) ONNX() ONNXNode { return activations[a].onnx }

// Hidden is the output of one hidden layer: a forward pass writes it, and f' is computed from it.
type Hidden struct {
	Act Activation
	H   Span // f(a), [batch · size]; backward passes need it only where f' is computed from it
	Pre Span // a, [batch · size]; none unless Act.NeedsPre
}

// Sums returns the span for the layer's products before f: Pre, or H itself where a is not kept.
func (h Hidden) Sums() Span {
	if h.Act.NeedsPre() {
		return h.Pre
	}
	return h.H
}

// SlopeSource returns the span from which f' is computed, none where f' is constant.
func (h Hidden) SlopeSource() Span {
	if h.Act.row().source == constant {
		return Span{}
	}
	return h.Sums()
}
