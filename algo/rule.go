// Package algo trains networks by learning rules. A [Rule] says how the error at the logits reaches the hidden
// layers; a [Learner] makes the step that all rules share, as operations of a device. The package uses the
// contract of package gpu alone and never asks which device it runs on.
package algo

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"mdfa/gpu"
	"mdfa/model"
)

var (
	// ErrConfig marks settings that cannot work, as opposed to a run that failed.
	ErrConfig = errors.New("unusable setting")
	// ErrDiverged marks a run whose loss or weights are NaN or infinite.
	ErrDiverged = errors.New("the run diverged")
)

// Rule is a learning rule: the feedback it keeps, how it brings the error at the logits to the hidden
// layers, and the promises it makes about weights and feedback. The step, the trainer, checkpoints, measurements,
// help and reports take everything they need to know of a rule from here. The package's own rules have a
// file each; a program may bring another in [Config], and [Register] it to have it found by name.
type Rule struct {
	Name  string // on the command line and in files: lower-case letters and digits
	Title string // in words, for people: "direct feedback alignment"
	Year  int    // of the first publication: [Rules] are in this order

	// Feedback is the shape of the feedback that the rule keeps. It is fixed unless there is a FeedbackGrad.
	Feedback model.Feedback
	// FeedbackGrad makes the operations that compute gB, the gradient of learned feedback, and returns it, laid out
	// like the feedback: [Step.UpperWeightGrads] or [Step.OuterProducts]. It is called once, while the step is recorded,
	// after the weight gradients, and sees weights and feedback from before the update. Learned feedback by layers
	// lies like the weights, with B_l [in, out] of a dense layer.
	FeedbackGrad func(s *Step) (gpu.Span, error)
	// Magnitudes says where M_l comes from in feedback by layers with the signs of the weights, B_l = M_l ∘ sign(W_l)ᵀ.
	Magnitudes Magnitudes
	// ErrorSigns sends s·sign(e) through direct feedback in the place of e: [Step.ErrorSigns], which takes memory.
	ErrorSigns bool
	// NonNegative promises feedback >= 0: [Rule.DrawFeedback] draws such, and [NewLearner] refuses any other.
	NonNegative bool
	// Clamped keeps W_1..W_L at [Config.Floor] or above: they start non-negative, and every update ends
	// with the clamp.
	Clamped bool
	// LogitsOnly freezes all hidden layers: only the logit layer learns. Such a rule has neither feedback nor products.
	LogitsOnly bool
	// Exact promises the gradients of backpropagation: measurements need not compute those as well.
	Exact bool
	// Products tells benchmarks which matrix products Deltas computes.
	Products Products

	// Deltas computes the error d_l at the preactivations of every hidden layer l ([Step.Delta]) and its
	// bias gradient ([Step.BiasGrad]), from the error at the logits. It makes operations of the step's
	// device and nothing else: it is called once, while the step is recorded, and not at all if no hidden layer
	// learns. Errors of frozen layers are needed only on the way to a layer that learns ([Step.Learns]).
	Deltas func(s *Step) error
}

// Products are the matrix products that bring the error to the hidden layers.
type Products uint8

// The kinds of products. A rule must name one.
const (
	NoProducts     Products = iota + 1 // none
	LayerProducts                      // one through each layer but the first, as large as its forward product
	DirectProducts                     // one for all hidden layers: [n, logits]·[logits, hidden units]
)

// Magnitudes are the ways to get the magnitudes M_l of feedback that takes its signs from the weights.
type Magnitudes uint8

// The magnitudes. Those that are drawn are absolute values of what fa's B_l is drawn from.
const (
	NoMagnitudes     Magnitudes = iota // the feedback does not depend on the weights
	EqualMagnitudes                    // one number for each layer, the root mean square of fa's B_l
	StoredMagnitudes                   // drawn once and stored: they are the fixed feedback of the rule
	FreshMagnitudes                    // drawn anew by every training step, from the seed and the number of the step
)

var ruleName = regexp.MustCompile(`^[a-z][a-z0-9]*$`)

// check refuses a rule that says too little for the engine, or contradicts itself.
func (r *Rule) check() error {
	var missing string
	switch {
	case r == nil:
		return fmt.Errorf("no learning rule: %w", ErrConfig)
	case !ruleName.MatchString(r.Name):
		missing = "a name of lower-case letters and digits"
	case r.Title == "":
		missing = "a title"
	case r.Year <= 0:
		missing = "the year of its publication"
	case r.Products < NoProducts || r.Products > DirectProducts:
		missing = "the products that it takes"
	case r.Deltas == nil:
		missing = "a function for the errors of the hidden layers"
	case r.NonNegative && r.Feedback == model.NoFeedback:
		missing = "the feedback that it promises to be non-negative"
	case r.LogitsOnly && r.Feedback != model.NoFeedback:
		missing = "a use for its feedback, since only the logit layer learns"
	case r.LogitsOnly && r.Products != NoProducts:
		missing = "a use for its products, since only the logit layer learns"
	case r.LearnsFeedback() && r.Feedback == model.NoFeedback:
		missing = "the feedback that it learns"
	case r.LearnsFeedback() && r.NonNegative:
		missing = "a way to keep its feedback non-negative while it learns"
	case r.Magnitudes > FreshMagnitudes:
		missing = "magnitudes that exist"
	case r.Magnitudes != NoMagnitudes && r.Feedback != model.LayerFeedback:
		missing = "the feedback by layers whose magnitudes it names"
	case r.Magnitudes != NoMagnitudes && r.NonNegative:
		missing = "feedback that keeps its promise to be non-negative, since its signs are those of the weights"
	case r.Magnitudes != NoMagnitudes && r.LearnsFeedback():
		missing = "a way to learn feedback that follows from the weights"
	case r.ErrorSigns && r.Feedback != model.DirectFeedback:
		missing = "the direct feedback that carries the signs of the error"
	case r.Exact && r.Feedback != model.NoFeedback:
		missing = "a use for its feedback, since its gradients are exact"
	default:
		return nil
	}
	return fmt.Errorf("learning rule %q lacks %s: %w", r.Name, missing, ErrConfig)
}

var registry []*Rule

// Register adds a rule to [Rules] and returns it. It panics if the rule is incomplete or its name taken,
// which is a mistake of the program. Must be called while the program starts: in init, or as the initial
// value of a package's variable.
func Register(r *Rule) *Rule {
	if err := r.check(); err != nil {
		panic("algo: " + err.Error())
	}
	if slices.Contains(RuleNames(), r.Name) {
		panic("algo: there are two learning rules " + r.Name)
	}
	registry = append(registry, r)
	slices.SortStableFunc(registry, func(a, b *Rule) int { return a.Year - b.Year })
	return r
}

// Rules lists the registered rules in the order of their publication.
func Rules() []*Rule { return slices.Clone(registry) }

// RuleNames lists the names of the registered rules that pass all tests, in the order of [Rules].
func RuleNames(tests ...func(*Rule) bool) (names []string) {
	for _, r := range registry {
		if !slices.ContainsFunc(tests, func(test func(*Rule) bool) bool { return !test(r) }) {
			names = append(names, r.Name)
		}
	}
	return names
}

// ParseRule finds a registered rule by its name, in any case.
func ParseRule(text string) (*Rule, error) {
	i, err := parse[int]("learning rule", text, RuleNames())
	if err != nil {
		return nil, err
	}
	return registry[i], nil
}

// String returns the rule's name.
func (r *Rule) String() string { return r.Name }

// Monotone says whether the rule keeps networks monotone from the first layer's outputs on: it clamps
// weights and takes non-negative feedback.
func (r *Rule) Monotone() bool { return r.Clamped && r.NonNegative }

// Clamps says whether the rule keeps weights at the floor or above.
func (r *Rule) Clamps() bool { return r.Clamped }

// HasFeedback says whether the rule keeps feedback.
func (r *Rule) HasFeedback() bool { return r.Feedback != model.NoFeedback }

// LearnsFeedback says whether the rule's feedback learns.
func (r *Rule) LearnsFeedback() bool { return r.FeedbackGrad != nil }

// Mirrors says whether the feedback of a layer learns beside its weights, and lies like them.
func (r *Rule) Mirrors() bool { return r.LearnsFeedback() && r.Feedback == model.LayerFeedback }

// TakesSigns says whether the rule's feedback has the signs of the weights.
func (r *Rule) TakesSigns() bool { return r.Magnitudes != NoMagnitudes }

// drawsMagnitudes says whether the step draws the magnitudes, which are then not stored.
func (r *Rule) drawsMagnitudes() bool {
	return r.Magnitudes == EqualMagnitudes || r.Magnitudes == FreshMagnitudes
}

// Generable says whether the step can draw the rule's feedback anew instead of storing it.
func (r *Rule) Generable() bool { return r.Feedback.Direct() && !r.LearnsFeedback() }

// notGenerable returns the error for generated feedback of a rule that needs it stored, or has none.
func (r *Rule) notGenerable() error {
	others := english.WordSeries(RuleNames((*Rule).Generable), "and")
	return fmt.Errorf("%v has no feedback that could be generated; %s have: %w", r, others, ErrConfig)
}

// DrawParams draws the parameters before the first step: see [model.Network.InitialParams].
func (r *Rule) DrawParams(net *model.Network, init model.Init, seed uint64) ([]float32, error) {
	return net.InitialParams(init, r.Clamped, seed)
}

// DrawFeedback draws the rule's feedback, that before the first step if it learns: the arena of
// [model.Network.FARanges] for feedback by layers, the matrix [model.Network.FeedbackRows, hidden units] for direct
// feedback, and nil for none. The elements of feedback that lies like the weights are those of fa. Magnitudes are their
// absolute values; those that the step draws are left to [Rule.DrawMagnitudes].
func (r *Rule) DrawFeedback(net *model.Network, init model.Init, seed uint64) ([]float32, error) {
	if r.drawsMagnitudes() {
		return nil, nil
	}
	if err := r.CheckFeedbackInit(init); err != nil {
		return nil, err
	}
	switch r.Feedback {
	case model.LayerFeedback:
		arena, _, err := net.FAFeedback(init, seed)
		if err == nil && (r.Mirrors() || r.TakesSigns()) {
			net.TransposeFeedback(arena)
		}
		if r.TakesSigns() {
			for i, m := range arena {
				arena[i] = float32(math.Abs(float64(m)))
			}
		}
		return arena, err
	case model.DirectFeedback, model.ClassFeedback:
		return net.DFAFeedback(r.Feedback, init, r.NonNegative, seed)
	case model.NoFeedback:
	}
	return nil, nil
}

// DrawMagnitudes returns the generators of the magnitudes that the step draws, for [Config.Magnitudes]: one for each
// layer, or nil for rules that store magnitudes or have none.
func (r *Rule) DrawMagnitudes(net *model.Network, init model.Init, seed uint64) ([]gpu.Generator, error) {
	if !r.drawsMagnitudes() {
		return nil, nil
	}
	if err := r.CheckFeedbackInit(init); err != nil {
		return nil, err
	}
	generators, err := net.FAGenerators(init, seed)
	if r.Magnitudes == EqualMagnitudes {
		for i, g := range generators {
			generators[i] = gpu.Generator{Draw: gpu.DrawConstant, High: g.RMS()}
		}
	}
	return generators, err
}

// CheckFeedbackInit refuses an initializer that cannot draw the direct or the non-negative feedback of the rule, and one
// that draws nothing but zeros where the feedback would stay like that. Feedback that learns may begin at zero.
func (r *Rule) CheckFeedbackInit(init model.Init) error {
	if r.Feedback.Direct() {
		if err := init.CheckDirect(); err != nil {
			return err
		}
	}
	if r.NonNegative {
		if _, err := init.Monotone(); err != nil {
			return err
		}
	}
	switch {
	case init.Value != 0 || !r.HasFeedback() || r.LearnsFeedback():
		return nil
	case r.TakesSigns():
		return fmt.Errorf("initializer %v: under %v the feedback is the signs of the weights times numbers that it draws, and with 0 no error reaches a hidden layer: take another, such as U1: %w", init, r, ErrConfig)
	}
	return fmt.Errorf("initializer %v: the feedback of %v is fixed, and with 0 no error reaches a hidden layer: take another, such as U1, or a rule whose feedback learns (%s): %w",
		init, r, english.WordSeries(RuleNames((*Rule).LearnsFeedback), "or"), ErrConfig)
}

// GenerateFeedback returns a generator of the same feedback for [Config.Feedback]: the step draws it, bit-identical to
// DrawFeedback's, and does not store it. Only direct feedback can be generated.
func (r *Rule) GenerateFeedback(net *model.Network, init model.Init, seed uint64) (gpu.Generator, error) {
	if !r.Generable() {
		return gpu.Generator{}, r.notGenerable()
	}
	if err := r.CheckFeedbackInit(init); err != nil {
		return gpu.Generator{}, err
	}
	return net.DFAGenerator(r.Feedback, init, r.NonNegative, seed)
}

// checkFeedback refuses feedback, stored or generated, that breaks the promises of the rule.
func (r *Rule) checkFeedback(stored []float32, generated gpu.Generator) error {
	if !r.NonNegative {
		return nil
	}
	if slices.ContainsFunc(stored, func(b float32) bool { return !(b >= 0) }) || negative(generated) {
		return fmt.Errorf("%v needs feedback of at least 0: %w", r, ErrConfig)
	}
	return nil
}

// negative says whether a generator may draw numbers below zero, or NaN.
func negative(g gpu.Generator) bool {
	switch g.Draw {
	case gpu.DrawNone, gpu.DrawAbsNormal:
		return false
	case gpu.DrawConstant:
		return !(g.High >= 0)
	case gpu.DrawUniform:
		return !(g.Low >= 0)
	case gpu.DrawSymmetric, gpu.DrawNormal:
	}
	return true
}

// parse finds text among names, in any case; its place there is the value.
func parse[T ~uint8 | ~int](kind, text string, names []string) (T, error) {
	if i := slices.Index(names, strings.ToLower(text)); i >= 0 {
		return T(i), nil
	}
	return 0, fmt.Errorf("%s %q is unknown; there are %s: %w", kind, text, strings.Join(names, ", "), ErrConfig)
}
