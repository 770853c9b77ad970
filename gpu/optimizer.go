package gpu

import (
	"fmt"
	"math"
)

// Optimizer is an update rule. RMSProp and Adam are TensorFlow 1's, Momentum and AdamW are PyTorch's. Its row in
// the table below defines it; the devices' own loops and kernels are tested against the row.
type Optimizer uint8

// The optimizers.
const (
	SGD Optimizer = iota
	RMSProp
	Adam
	AdamW    // Adam with the epsilon outside of the corrected root
	Momentum // SGD with a velocity; the last one, since it is no choice of its own beside SGD
	// NumOptimizers is the number of rows.
	NumOptimizers = iota
)

// MaxStates is the most state arenas that an optimizer keeps: S1 and S2 of [OptimizeArgs].
const MaxStates = 2

// Constants of the update rules. kernels.cu has the same ones, which a test compares.
const (
	RMSPropDecay   = 0.9
	RMSPropEpsilon = 1e-10
	AdamBeta1      = 0.9
	AdamBeta2      = 0.999
	AdamEpsilon    = 1e-8
)

// optimizer is a row of the table.
type optimizer struct {
	name    string
	states  int     // number of state arenas, up to MaxStates
	initial float32 // first value of the states
	counts  bool    // whether the update depends on t, the number of the step, counted from 1
	flops   int     // floating point operations of one element, decay and L2 included
	// update returns the new weight for a gradient g that includes L2, and updates the states.
	update func(a OptimizeArgs, w, g, t float64, s *[MaxStates]float64) float64
}

var optimizers = [NumOptimizers]optimizer{
	SGD: {
		name: "sgd", flops: 5,
		// w -= lr·g
		update: func(a OptimizeArgs, w, g, _ float64, _ *[MaxStates]float64) float64 { return w - float64(a.LR)*g },
	},
	RMSProp: {
		name: "rmsprop", states: 1, initial: 1, flops: 12,
		// s = 0.9·s + 0.1·g²      w -= lr·g / sqrt(s + 1e-10)
		update: func(a OptimizeArgs, w, g, _ float64, s *[MaxStates]float64) float64 {
			s[0] = RMSPropDecay*s[0] + (1-RMSPropDecay)*g*g
			return w - float64(a.LR)*g/math.Sqrt(s[0]+RMSPropEpsilon)
		},
	},
	Adam: {
		name: "adam", states: 2, counts: true, flops: 14,
		// m = 0.9·m + 0.1·g       v = 0.999·v + 0.001·g²
		// w -= lr·sqrt(1 - 0.999^t)/(1 - 0.9^t) · m / (sqrt(v) + 1e-8)
		update: func(a OptimizeArgs, w, g, t float64, s *[MaxStates]float64) float64 {
			moments(g, s)
			return w - AdamRate(float64(a.LR), t)*s[0]/(math.Sqrt(s[1])+AdamEpsilon)
		},
	},
	AdamW: {
		name: "adamw", states: 2, counts: true, flops: 14,
		// m, v as in Adam
		// w -= lr · m/(1 - 0.9^t) / (sqrt(v/(1 - 0.999^t)) + 1e-8)
		update: func(a OptimizeArgs, w, g, t float64, s *[MaxStates]float64) float64 {
			moments(g, s)
			return w - float64(a.LR)*s[0]/(1-math.Pow(AdamBeta1, t))/(math.Sqrt(s[1]/(1-math.Pow(AdamBeta2, t)))+AdamEpsilon)
		},
	},
	Momentum: {
		name: "momentum", states: 1, flops: 9,
		// v = momentum·v + g      w -= lr·v, or with Nesterov w -= lr·(g + momentum·v)
		// v begins at 0, so that the first step has v = g.
		update: func(a OptimizeArgs, w, g, _ float64, s *[MaxStates]float64) float64 {
			s[0] = float64(a.Momentum)*s[0] + g
			if a.Nesterov {
				return w - float64(a.LR)*(g+float64(a.Momentum)*s[0])
			}
			return w - float64(a.LR)*s[0]
		},
	},
}

// moments updates m and v of Adam.
func moments(g float64, s *[MaxStates]float64) {
	s[0] = AdamBeta1*s[0] + (1-AdamBeta1)*g
	s[1] = AdamBeta2*s[1] + (1-AdamBeta2)*g*g
}

// AdamRate returns the learning rate of step t with both bias corrections, lr·sqrt(1 - 0.999^t)/(1 - 0.9^t).
func AdamRate(lr, t float64) float64 {
	return lr * math.Sqrt(1-math.Pow(AdamBeta2, t)) / (1 - math.Pow(AdamBeta1, t))
}

// AdamWEpsilon returns the epsilon with which Adam's formula gives AdamW's step t: with c = sqrt(1 - 0.999^t),
//
//	m/(1 - 0.9^t) / (sqrt(v)/c + 1e-8) = c/(1 - 0.9^t) · m / (sqrt(v) + 1e-8·c)
func AdamWEpsilon(t float64) float64 { return AdamEpsilon * math.Sqrt(1-math.Pow(AdamBeta2, t)) }

// Optimizers lists the optimizers.
func Optimizers() []Optimizer {
	var list []Optimizer
	for o := range Optimizer(NumOptimizers) {
		list = append(list, o)
	}
	return list
}

// OptimizerNames lists the names that people choose from: sgd with a momentum is Momentum.
func OptimizerNames() []string { return names(Optimizers()[:Momentum]) }

// row returns an empty row for a value outside the table.
func (o Optimizer) row() optimizer {
	if o >= NumOptimizers {
		return optimizer{name: fmt.Sprintf("Optimizer(%d)", uint8(o))}
	}
	return optimizers[o]
}

// String returns the optimizer's name on the command line and in files.
func (o Optimizer) String() string { return o.row().name }

// States returns the number of state arenas that the optimizer keeps.
func (o Optimizer) States() int { return o.row().states }

// InitialState returns the value that state arenas start with.
func (o Optimizer) InitialState() float32 { return o.row().initial }

// Counts says whether the update depends on the number of the step.
func (o Optimizer) Counts() bool { return o.row().counts }

// FLOPs counts the floating point operations for one element, decay and L2 included.
func (o Optimizer) FLOPs() int { return o.row().flops }

// Update computes the new weight in float64, without the floor, and updates the first States
// values of s. t counts steps from 1. Spans are not used.
func (a OptimizeArgs) Update(w, g, t float64, s *[MaxStates]float64) float64 {
	w -= float64(a.LR) * float64(a.Decay) * w
	return optimizers[a.Kind].update(a, w, g+float64(a.L2)*w, t, s)
}
