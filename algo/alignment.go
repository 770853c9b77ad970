package algo

import (
	"context"
	"math"
	"time"

	"mdfa/gpu"
	"mdfa/model"
)

// AlignmentObserver is an [Observer] that is told of what [Schedule.AlignmentEvery] asks
// for. An error ends the run.
type AlignmentObserver interface {
	Alignment(Alignment) error
}

// Alignment says how a rule's step lies to backpropagation's, on the same batch and with
// the same weights. What is not defined is NaN. docs/alignment.md has the formulas.
type Alignment struct {
	Epoch  int // from 1 on
	Step   int // how many updates of the run the weights had seen, from 0 on
	Layers []LayerAlignment
}

// LayerAlignment is what was measured of one layer.
type LayerAlignment struct {
	// Gradient compares the rule's gradient of the layer's weights with bp's: before
	// optimizer and weight decay, biases not counted. Under bp, and in the logit layer under
	// every rule, they are the same.
	Gradient Comparison
	// Feedback compares the layer's fixed feedback with what bp has in its place: in fa B_l
	// with W_lᵀ, through which the error leaves layer l; in dfa and mdfa B_l with the product
	// of the weights of all layers above l. Where the rule has none it is NaN.
	Feedback Comparison
	// AtFloor is the share of the layer's weights that are at mdfa's floor or below it; NaN
	// in layers that are not clamped.
	AtFloor float64
	// Saturated is the share of the layer's outputs, over the batch and all units, through
	// which hardly any error comes back, as [gpu.Activation.Saturation] defines it. NaN for the
	// logits.
	Saturated float64
}

// Comparison is how one vector lies to another.
type Comparison struct {
	Angle     float64 // in degrees, from 0 to 180; NaN if one of them is zero
	NormRatio float64 // the first one's length over the second's; NaN if that is zero
	// SignAgreement is the share of elements of equal sign, among those where neither is
	// zero; NaN if there are none.
	SignAgreement float64
}

var (
	undefined = Comparison{math.NaN(), math.NaN(), math.NaN()}
	theSame   = Comparison{Angle: 0, NormRatio: 1, SignAgreement: 1}
	noBound   = float32(math.NaN())
)

// comparison makes sense of what a device has summed up.
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

// makeStep makes the step of an epoch that follows so many others of the run, measures it
// where that is asked for, and returns how long it waited for images.
func (t *Trainer) makeStep(ctx context.Context, epoch, done int, observer Observer) (time.Duration, error) {
	told, wanted := observer.(AlignmentObserver)
	if !wanted || !t.alignment.due(done) {
		return t.training.step(ctx, false)
	}
	if t.alignment.weights != nil {
		if err := t.alignment.weights.Run(); err != nil {
			return 0, err
		}
	}
	wait, err := t.training.step(ctx, true)
	if err != nil {
		return wait, err
	}
	a, err := t.alignment.read(epoch, done)
	if err != nil {
		return wait, err
	}
	return wait, told.Alignment(a)
}

// read waits for the device and fetches what was measured last.
func (m *alignment) read(epoch, step int) (Alignment, error) {
	l := m.learner
	all, err := gpu.Read[float64](l.dev, gpu.All(m.sums))
	if err != nil {
		return Alignment{}, err
	}
	sums := func(what measured, layer int) []float64 {
		r := m.place(what, layer)
		return all[r.Off : r.Off+r.Len]
	}
	a := Alignment{Epoch: epoch, Step: step}
	for i, layer := range l.net.Layers {
		la := LayerAlignment{Gradient: theSame, Feedback: undefined, AtFloor: math.NaN(), Saturated: math.NaN()}
		hidden := i < len(l.hidden)
		if hidden {
			s := sums(saturatedUnits, i)
			la.Saturated = (s[gpu.CompareLow] + s[gpu.CompareHigh]) / float64(l.cfg.Batch*layer.Units())
		}
		if hidden && !l.cfg.Rule.Exact {
			la.Gradient = comparison(sums(ruleGradient, i))
		}
		switch kind := l.cfg.Rule.Feedback; {
		case kind == model.LayerFeedback && i > 0, kind == model.DirectFeedback && hidden:
			la.Feedback = comparison(sums(fixedFeedback, i))
		}
		if l.cfg.Rule.Clamped && i > 0 {
			la.AtFloor = sums(flooredWeights, i)[gpu.CompareLow] / float64(layer.Weights())
		}
		a.Layers = append(a.Layers, la)
	}
	return a, nil
}
