package gpu

import (
	"fmt"
	"math"
)

// Optimizer is an update rule, in the form that TensorFlow 1 gave it. Its row in the table below
// defines it; the devices' own loops and kernels are tested against the row.
type Optimizer uint8

// The optimizers.
const (
	SGD Optimizer = iota
	RMSProp
	Adam
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
	flops   int     // floating point operations of one element, L2 included
	// update returns the new weight for a gradient g that includes L2, and updates the states.
	update func(w, g, lr, t float64, s *[MaxStates]float64) float64
}

var optimizers = [NumOptimizers]optimizer{
	SGD: {
		name: "sgd", flops: 4,
		// w -= lr·g
		update: func(w, g, lr, _ float64, _ *[MaxStates]float64) float64 { return w - lr*g },
	},
	RMSProp: {
		name: "rmsprop", states: 1, initial: 1, flops: 11,
		// s = 0.9·s + 0.1·g²      w -= lr·g / sqrt(s + 1e-10)
		update: func(w, g, lr, _ float64, s *[MaxStates]float64) float64 {
			s[0] = RMSPropDecay*s[0] + (1-RMSPropDecay)*g*g
			return w - lr*g/math.Sqrt(s[0]+RMSPropEpsilon)
		},
	},
	Adam: {
		name: "adam", states: 2, counts: true, flops: 13,
		// m = 0.9·m + 0.1·g       v = 0.999·v + 0.001·g²
		// w -= lr·sqrt(1 - 0.999^t)/(1 - 0.9^t) · m / (sqrt(v) + 1e-8)
		update: func(w, g, lr, t float64, s *[MaxStates]float64) float64 {
			s[0] = AdamBeta1*s[0] + (1-AdamBeta1)*g
			s[1] = AdamBeta2*s[1] + (1-AdamBeta2)*g*g
			return w - AdamRate(lr, t)*s[0]/(math.Sqrt(s[1])+AdamEpsilon)
		},
	},
}

// AdamRate returns the learning rate of step t with both bias corrections, lr·sqrt(1 - 0.999^t)/(1 - 0.9^t).
func AdamRate(lr, t float64) float64 {
	return lr * math.Sqrt(1-math.Pow(AdamBeta2, t)) / (1 - math.Pow(AdamBeta1, t))
}

// Optimizers lists the optimizers.
func Optimizers() []Optimizer {
	var list []Optimizer
	for o := range Optimizer(NumOptimizers) {
		list = append(list, o)
	}
	return list
}

// OptimizerNames lists the optimizers' names.
func OptimizerNames() []string { return names(Optimizers()) }

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

// FLOPs counts the floating point operations for one element, L2 included.
func (o Optimizer) FLOPs() int { return o.row().flops }

// Update computes the new weight in float64, without the floor, and updates the first States
// values of s. The gradient g includes L2; t counts steps from 1.
func (o Optimizer) Update(w, g, lr, t float64, s *[MaxStates]float64) float64 {
	return optimizers[o].update(w, g, lr, t, s)
}
