package algo

import (
	"fmt"
	"slices"

	"mdfa/gpu"
	"mdfa/model"
)

// Config is how a learner trains its network.
type Config struct {
	Rule      *Rule
	Optimizer gpu.Optimizer
	LR, L2    float32
	Decay     float32 // decoupled weight decay: all parameters lose LR·Decay of themselves before the step
	Momentum  float32 // from 0 to below 1. It makes gpu.SGD gpu.Momentum; others have none
	Nesterov  bool    // Nesterov's form of the momentum
	// FeedbackLR is the learning rate of learned feedback; 0: LR.
	FeedbackLR float32
	// FeedbackOptimizer updates learned feedback, with the same Momentum; nil: Optimizer.
	FeedbackOptimizer *gpu.Optimizer
	Floor             float32 // lower bound of W_1..W_L under rules that clamp
	Reduction         Reduction
	Batch             int // examples in a training step, of all ranks
	EvalBatch         int // examples in an evaluation step; 0: chosen by the network's size
	Ranks             Ranks
	// Frozen are the layers, from 0, that keep their weights and biases bit by bit: no gradient, no L2, no clamp and no
	// change of the optimizer's state reaches them. Hidden layers of rules with LogitsOnly are frozen in any case.
	Frozen []int
	// Feedback draws direct feedback inside the step instead of reading a stored matrix;
	// gpu.DrawNone: it is stored.
	Feedback gpu.Generator
	// Magnitudes draw M_l inside the step, one generator for each layer: [Rule.DrawMagnitudes].
	Magnitudes []gpu.Generator
	// Augment moves and mirrors the images of training batches, with draws from AugmentSeed and the number of the step.
	Augment     model.Augment
	AugmentSeed uint64
}

// generated says whether the step draws the feedback, which is then not stored.
func (c Config) generated() bool { return c.Feedback.Draw != gpu.DrawNone }

// Kind returns Optimizer, and [gpu.Momentum] for sgd with a momentum.
func (c Config) Kind() gpu.Optimizer { return c.withMomentum(c.Optimizer) }

func (c Config) withMomentum(o gpu.Optimizer) gpu.Optimizer {
	if o == gpu.SGD && c.Momentum != 0 {
		return gpu.Momentum
	}
	return o
}

// Stored returns the kind of feedback that takes memory: none where the step draws it.
func (c Config) Stored() model.Feedback {
	if c.generated() || c.Rule.drawsMagnitudes() {
		return model.NoFeedback
	}
	return c.Rule.Feedback
}

// DrawFeedback draws the feedback of the rule. It returns what is stored, as [Rule.DrawFeedback] does, and sets the
// magnitudes that the step draws.
func (c *Config) DrawFeedback(net *model.Network, init model.Init, seed uint64) (stored []float32, err error) {
	if c.Magnitudes, err = c.Rule.DrawMagnitudes(net, init, seed); err != nil {
		return nil, err
	}
	return c.Rule.DrawFeedback(net, init, seed)
}

// checkMagnitudes refuses magnitudes that the rule does not draw, and missing ones.
func (c Config) checkMagnitudes(net *model.Network) error {
	want := 0
	if c.Rule.drawsMagnitudes() {
		want = len(net.Layers)
	}
	if len(c.Magnitudes) != want {
		return fmt.Errorf("%d generators of magnitudes: %v needs %d for %v: %w", len(c.Magnitudes), c.Rule, want, net, ErrConfig)
	}
	return nil
}

// Learning says for each layer of a network whether it learns.
func (c Config) Learning(net *model.Network) []bool {
	learns := make([]bool, len(net.Layers))
	for i := range learns {
		learns[i] = !slices.Contains(c.Frozen, i) && (i == len(net.Hidden()) || !c.Rule.LogitsOnly)
	}
	return learns
}

// HiddenLearn says whether a hidden layer of a network learns, so that errors must reach it.
func (c Config) HiddenLearn(net *model.Network) bool {
	return slices.Contains(c.Learning(net)[:len(net.Hidden())], true)
}

// CheckFrozen refuses to freeze layers that a network does not have, or all of its layers.
func (c Config) CheckFrozen(net *model.Network) error {
	for _, layer := range c.Frozen {
		if layer < 0 || layer >= len(net.Layers) {
			return fmt.Errorf("layer %d cannot be frozen: the layers of %v are 0 to %d: %w", layer, net, len(net.Layers)-1, ErrConfig)
		}
	}
	if !slices.Contains(c.Learning(net), true) {
		return fmt.Errorf("every layer of %v is frozen, so that nothing is left to learn: %w", net, ErrConfig)
	}
	return nil
}

// FeedbackUpdate returns the optimizer and the learning rate of learned feedback.
func (c Config) FeedbackUpdate() (gpu.Optimizer, float32) {
	optimizer, rate := c.Optimizer, c.LR
	if c.FeedbackOptimizer != nil {
		optimizer = *c.FeedbackOptimizer
	}
	if c.FeedbackLR != 0 {
		rate = c.FeedbackLR
	}
	return c.withMomentum(optimizer), rate
}

// FeedbackArenas returns the number of arenas, each as large as the feedback, that the training keeps on the device: the
// feedback, and where it learns its gradient, unless that is a part of the weights', and its optimizer's state.
func (c Config) FeedbackArenas() int {
	switch optimizer, _ := c.FeedbackUpdate(); {
	case c.Stored() == model.NoFeedback:
		return 0
	case !c.Rule.LearnsFeedback():
		return 1
	case c.Rule.Mirrors():
		return 1 + optimizer.States()
	default:
		return 2 + optimizer.States()
	}
}

// StepsPerEpoch returns the number of full batches in n training examples.
func (c Config) StepsPerEpoch(n int) int { return n / c.Batch }

// check refuses settings that no network can train with.
func (c Config) check() error {
	if err := c.Rule.check(); err != nil {
		return err
	}
	switch {
	case c.Batch < 1:
		return fmt.Errorf("a batch of %d: at least 1 example is needed: %w", c.Batch, ErrConfig)
	case c.EvalBatch < 0:
		return fmt.Errorf("an evaluation batch of %d: at least 1 example is needed: %w", c.EvalBatch, ErrConfig)
	case !(c.LR >= 0) || !(c.L2 >= 0):
		return fmt.Errorf("learning rate %g and l2 %g must be numbers from 0 on: %w", c.LR, c.L2, ErrConfig)
	case !(c.Decay >= 0) || c.LR*c.Decay > 1:
		return fmt.Errorf("a weight decay of %g with learning rate %g: their product must be from 0 to 1: %w", c.Decay, c.LR, ErrConfig)
	case !(c.Momentum >= 0) || c.Momentum >= 1:
		return fmt.Errorf("a momentum of %g: expected a number from 0 to below 1: %w", c.Momentum, ErrConfig)
	case c.Momentum != 0 && c.Kind() != gpu.Momentum:
		return fmt.Errorf("momentum %g with %v: only sgd has one: %w", c.Momentum, c.Optimizer, ErrConfig)
	case c.Nesterov && c.Momentum == 0:
		return fmt.Errorf("nesterov without a momentum: set one: %w", ErrConfig)
	case !(c.FeedbackLR >= 0):
		return fmt.Errorf("learning rate %g of the feedback must be a number from 0 on: %w", c.FeedbackLR, ErrConfig)
	case c.FeedbackLR*c.Decay > 1:
		return fmt.Errorf("a weight decay of %g with learning rate %g of the feedback: their product must be from 0 to 1: %w", c.Decay, c.FeedbackLR, ErrConfig)
	case (c.FeedbackLR != 0 || c.FeedbackOptimizer != nil) && !c.Rule.LearnsFeedback():
		return fmt.Errorf("a learning rate or an optimizer for the feedback, which does not learn under %v: %w", c.Rule, ErrConfig)
	case c.generated() && !c.Rule.Generable():
		return c.Rule.notGenerable()
	case c.Rule.Clamped && !(c.Floor >= 0):
		return fmt.Errorf("a clamp floor of %g: a monotone network needs 0 or more: %w", c.Floor, ErrConfig)
	}
	return c.Ranks.check(c.Batch)
}

// Reduction says whether the error at the logits is scaled by the batch.
type Reduction uint8

// The reductions.
const (
	Mean Reduction = iota // gradient of the batch-mean loss
	Sum                   // gradient of the batch-summed loss
)

var reductionNames = []string{"mean", "sum"}

// Reductions lists the names that ParseReduction takes.
func Reductions() []string { return slices.Clone(reductionNames) }

// String returns the reduction's name on the command line.
func (r Reduction) String() string {
	if int(r) < len(reductionNames) {
		return reductionNames[r]
	}
	return fmt.Sprintf("Reduction(%d)", uint8(r))
}

// ParseReduction reads a reduction's name.
func ParseReduction(text string) (Reduction, error) {
	return parse[Reduction]("reduction", text, reductionNames)
}

// scale returns the factor s of the error at the logits, for a batch of n.
func (r Reduction) scale(n int) float32 {
	if r == Sum {
		return 1
	}
	return 1 / float32(n)
}

// ParseOptimizer reads an optimizer's name.
func ParseOptimizer(text string) (gpu.Optimizer, error) {
	return parse[gpu.Optimizer]("optimizer", text, gpu.OptimizerNames())
}
