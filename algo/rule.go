// Package algo trains networks: how the error reaches each layer (bp, fa, dfa, mdfa),
// what one step does on a device, and the protocol around it. It is written against
// the device contract alone and never asks which device it runs on.
package algo

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"mdfa/gpu"
	"mdfa/model"
)

// ErrConfig marks settings that cannot work, as opposed to a run that failed.
var ErrConfig = errors.New("unusable setting")

// Rule says how the error at the logits reaches the hidden layers.
type Rule uint8

// The learning rules.
const (
	BP   Rule = iota // back through the transposed weights
	FA               // back through fixed random matrices
	DFA              // to every hidden layer at once, through one fixed random matrix each
	MDFA             // DFA for a monotone network: feedback >= 0, weights after the first layer >= the floor
)

var ruleNames = []string{"bp", "fa", "dfa", "mdfa"}

// Rules lists the names that ParseRule takes.
func Rules() []string { return slices.Clone(ruleNames) }

// String is the rule's name on the command line.
func (r Rule) String() string {
	if int(r) < len(ruleNames) {
		return ruleNames[r]
	}
	return fmt.Sprintf("Rule(%d)", uint8(r))
}

// ParseRule reads a rule's name.
func ParseRule(text string) (Rule, error) { return parse[Rule]("learning rule", text, ruleNames) }

// Monotone says whether the rule clamps weights and takes non-negative feedback.
func (r Rule) Monotone() bool { return r == MDFA }

// Feedback is the kind of fixed feedback that the rule keeps.
func (r Rule) Feedback() model.Feedback {
	switch r {
	case FA:
		return model.LayerFeedback
	case DFA, MDFA:
		return model.DirectFeedback
	}
	return model.NoFeedback
}

// DrawFeedback draws the rule's fixed feedback: nothing for bp, the arena of
// [model.Network.FARanges] for fa, the matrix [logits, hidden units] for dfa and mdfa.
func (r Rule) DrawFeedback(net *model.Network, init model.Init, seed uint64) ([]float32, error) {
	switch r.Feedback() {
	case model.LayerFeedback:
		arena, _, err := net.FAFeedback(init, seed)
		return arena, err
	case model.DirectFeedback:
		return net.DFAFeedback(init, r.Monotone(), seed)
	}
	return nil, nil
}

// GenerateFeedback is the same feedback for [Config.Feedback]: drawn inside the step, bit by
// bit what DrawFeedback draws, and stored nowhere. Only dfa's and mdfa's can be had so.
func (r Rule) GenerateFeedback(net *model.Network, init model.Init, seed uint64) (gpu.Generator, error) {
	if r.Feedback() != model.DirectFeedback {
		return gpu.Generator{}, fmt.Errorf("%v has no feedback that could be generated; dfa and mdfa have: %w", r, ErrConfig)
	}
	return net.DFAGenerator(init, r.Monotone(), seed)
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

// String is the reduction's name on the command line.
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

// scale is s of the error at the logits, for a batch of n.
func (r Reduction) scale(n int) float32 {
	if r == Sum {
		return 1
	}
	return 1 / float32(n)
}

var optimizerNames = []string{"sgd", "rmsprop", "adam"}

// Optimizers lists the names that ParseOptimizer takes.
func Optimizers() []string { return slices.Clone(optimizerNames) }

// ParseOptimizer reads an optimizer's name.
func ParseOptimizer(text string) (gpu.Optimizer, error) {
	return parse[gpu.Optimizer]("optimizer", text, optimizerNames)
}

// parse finds text among names, in any case; its place there is the value.
func parse[T ~uint8](what, text string, names []string) (T, error) {
	if i := slices.Index(names, strings.ToLower(text)); i >= 0 {
		return T(i), nil
	}
	return 0, fmt.Errorf("%s %q is unknown; there are %s: %w", what, text, strings.Join(names, ", "), ErrConfig)
}
