// Package measure looks into a network that trains: it compares a learning rule's update with backpropagation's, counts
// saturated units, and returns the preactivations of single images. Nothing here changes the training.
package measure

import (
	"math"

	"mdfa/gpu"
)

// Alignment compares a rule's update with backpropagation's, on the same batch and with the same weights. Values
// that are not defined are NaN. docs/alignment.md has the formulas.
type Alignment struct {
	Epoch  int // from 1 on
	Step   int // how many updates of the run the weights had seen, from 0 on
	Layers []LayerAlignment
}

// LayerAlignment holds the measurements of one layer.
type LayerAlignment struct {
	// Gradient compares the rule's gradient of the layer's weights with bp's: before optimizer and L2 penalty,
	// biases not counted. They are the same under bp, and in the logit layer under every rule. NaN for a frozen
	// layer, which has no gradient.
	Gradient Comparison
	// Feedback compares the layer's feedback, as it is before the step, with its counterpart in bp. Feedback by layers: B_l with W_lᵀ,
	// through which the error leaves layer l. Direct feedback: B_l with the product of the weights of all layers
	// above l. NaN for rules without, and where the feedback leads to no layer that learns.
	Feedback Comparison
	// AtFloor is the share of the layer's weights that are at the floor of the clamp or below it; NaN in layers
	// that are not clamped.
	AtFloor float64
	// Saturated is the share of the layer's outputs, over the batch and all units, through which hardly any error
	// comes back, as [gpu.Activation.Saturation] defines it. NaN for the logits.
	Saturated float64
}

// Comparison compares one vector with another.
type Comparison struct {
	Angle     float64 // in degrees, from 0 to 180; NaN if one of them is zero
	NormRatio float64 // the first one's length over the second's; NaN if that is zero
	// SignAgreement is the share of elements of equal sign, among those where neither is zero; NaN if there are
	// no such elements.
	SignAgreement float64
}

var (
	undefined = Comparison{math.NaN(), math.NaN(), math.NaN()}
	theSame   = Comparison{Angle: 0, NormRatio: 1, SignAgreement: 1}
	noBound   = float32(math.NaN())
)

// comparison evaluates the sums of gpu.CompareArgs.
func comparison(sums []float64) Comparison {
	squareA, squareB := sums[gpu.CompareSquareA], sums[gpu.CompareSquareB]
	if squareB == 0 {
		return undefined
	}
	same := sums[gpu.CompareSame]
	cosine := sums[gpu.CompareDot] / math.Sqrt(squareA*squareB) // NaN if squareA is zero
	return Comparison{
		Angle:         math.Acos(max(-1, min(cosine, 1))) * 180 / math.Pi,
		NormRatio:     math.Sqrt(squareA / squareB),
		SignAgreement: same / (same + sums[gpu.CompareOpposed]),
	}
}
