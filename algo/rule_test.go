package algo_test

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/internal/algotest"
	"mdfa/gpu"
	"mdfa/gpu/cpu"
	"mdfa/model"
)

// changed is a copy of a rule with a change.
func changed(rule *algo.Rule, change func(*algo.Rule)) *algo.Rule {
	another := *rule
	change(&another)
	return &another
}

func TestRulesAreFoundByName(t *testing.T) {
	assert.Subset(t, algo.Rules(), []*algo.Rule{algo.BP, algo.FA, algo.DFA, algo.MDFA})
	assert.True(t, slices.IsSortedFunc(algo.Rules(), func(a, b *algo.Rule) int { return a.Year - b.Year }))
	for _, rule := range algo.Rules() {
		for _, text := range []string{rule.Name, strings.ToUpper(rule.Name)} {
			found, err := algo.ParseRule(text)
			require.NoError(t, err)
			assert.Same(t, rule, found)
		}
	}
	_, err := algo.ParseRule("dfaa")
	assert.ErrorIs(t, err, algo.ErrConfig)
	assert.ErrorContains(t, err, "there are "+strings.Join(algo.RuleNames(), ", "))
}

// TestHalfARuleIsRefused takes one field away from each rule, whatever fields there are. Feedback and promises
// may be absent.
func TestHalfARuleIsRefused(t *testing.T) {
	optional := []string{"Feedback", "FeedbackGrad", "NonNegative", "Clamped", "LogitsOnly", "Exact"}
	for _, rule := range algo.Rules() {
		for i := range reflect.TypeFor[algo.Rule]().NumField() {
			name := reflect.TypeFor[algo.Rule]().Field(i).Name
			half := changed(rule, func(r *algo.Rule) { reflect.ValueOf(r).Elem().Field(i).SetZero() })
			if !slices.Contains(optional, name) || name == "Feedback" && (rule.NonNegative || rule.LearnsFeedback()) {
				_, err := algo.NewLearner(nil, nil, algo.Config{Rule: half, Batch: 1}, nil, nil)
				assert.ErrorIs(t, err, algo.ErrConfig, "%v without %s", rule, name)
				assert.Panics(t, func() { algo.Register(half) }, "%v without %s", rule, name)
			}
		}
		assert.Panics(t, func() { algo.Register(changed(rule, func(*algo.Rule) {})) }, "a name is taken")
	}
	_, err := algo.NewLearner(nil, nil, algo.Config{Batch: 1}, nil, nil)
	assert.ErrorIs(t, err, algo.ErrConfig, "no rule")
}

// TestARuleForTheLogitsAloneHasNothingBelowThem refuses feedback and products that nothing could use.
func TestARuleForTheLogitsAloneHasNothingBelowThem(t *testing.T) {
	for what, change := range map[string]func(*algo.Rule){
		"feedback": func(r *algo.Rule) { r.Feedback = model.DirectFeedback },
		"products": func(r *algo.Rule) { r.Products = algo.DirectProducts },
	} {
		_, err := algo.NewLearner(nil, nil, algo.Config{Rule: changed(algo.Shallow, change), Batch: 1}, nil, nil)
		assert.ErrorIs(t, err, algo.ErrConfig)
		assert.ErrorContains(t, err, "a use for its "+what)
	}
}

// TestFeedbackThatMirrorsTheWeightsIsDrawnAsFAs compares the two layouts element by element.
func TestFeedbackThatMirrorsTheWeightsIsDrawnAsFAs(t *testing.T) {
	net, err := model.NewConv(model.Shape{H: 6, W: 5, C: 2}, []model.Filter{{Filters: 3, Kernel: 2, Stride: 1}, {Filters: 4, Kernel: 2, Stride: 2}}, 5, gpu.Tanh)
	require.NoError(t, err)
	fa, err := algo.FA.DrawFeedback(net, algotest.Init(t, "U1"), 1)
	require.NoError(t, err)
	kp, err := algo.KP.DrawFeedback(net, algotest.Init(t, "U1"), 1)
	require.NoError(t, err)
	ranges, _ := net.FARanges()
	assert.Equal(t, ranges[1].Of(fa), ranges[1].Of(kp), "a convolution's")
	last := net.Layers[2]
	for in := range last.FanIn() {
		for out := range last.Units() {
			require.Equal(t, ranges[2].Of(fa)[out*last.FanIn()+in], ranges[2].Of(kp)[in*last.Units()+out])
		}
	}
}

// TestLearnedFeedbackIsHeldToItsPromises holds what a rule must say of feedback that learns, and a configuration of
// feedback that does not.
func TestLearnedFeedbackIsHeldToItsPromises(t *testing.T) {
	positive := changed(algo.KP, func(r *algo.Rule) { r.NonNegative = true })
	_, err := algo.NewLearner(nil, nil, algo.Config{Rule: positive, Batch: 1}, nil, nil)
	assert.ErrorContains(t, err, "lacks a way to keep its feedback non-negative while it learns")
	for _, rule := range []*algo.Rule{algo.BP, algo.FA, algo.DFA} {
		_, err = algo.NewLearner(nil, nil, algo.Config{Rule: rule, Batch: 1, FeedbackLR: 0.1}, nil, nil)
		assert.ErrorContains(t, err, "which does not learn under "+rule.Name)
		assert.ErrorIs(t, err, algo.ErrConfig)
	}
	_, err = algo.NewLearner(nil, nil, algo.Config{Rule: algo.KP, Batch: 1, FeedbackLR: -1}, nil, nil)
	assert.ErrorContains(t, err, "learning rate -1 of the feedback")
}

// TestEveryRuleIsInThePages looks for each rule in README and docs.
func TestEveryRuleIsInThePages(t *testing.T) {
	for _, page := range []string{"README.md", "docs/alignment.md"} {
		text, err := os.ReadFile(filepath.Join("..", page))
		require.NoError(t, err)
		for _, rule := range algo.Rules() {
			assert.Contains(t, string(text), rule.Name, page)
		}
	}
}

// TestRulesDoWhatTheySay counts the operations that bring the error to the hidden layers, and looks at what
// they leave there.
func TestRulesDoWhatTheySay(t *testing.T) {
	for _, rule := range algo.Rules() {
		t.Run(rule.Name, func(t *testing.T) {
			dev := &algotest.Counted{Device: cpu.Open()}
			defer func() { require.NoError(t, dev.Close()) }()
			l := algotest.Learner(t, dev, algotest.Config(rule))
			require.NoError(t, l.Train(nil))
			before := *dev
			require.NoError(t, rule.Deltas(l.Step(l.Config().Batch)))
			want := map[algo.Products][2]int{algo.NoProducts: {0, 0}, algo.LayerProducts: {len(l.Network().Hidden()), 0}, algo.DirectProducts: {0, 1}}[rule.Products]
			assert.Equal(t, want, [2]int{dev.Backward - before.Backward, dev.Feedbacks - before.Feedbacks}, "products")
		})
	}
}

// TestTheEngineHoldsRulesToTheirPromises gives each rule feedback that breaks its promise.
func TestTheEngineHoldsRulesToTheirPromises(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	net, err := model.NewDense(model.Vector(81), []int{4, 3}, 3, gpu.Tanh)
	require.NoError(t, err)
	params := make([]float32, net.Params)
	for _, rule := range algo.Rules() {
		for _, text := range []string{"U1", "N1", "P1", "A1", "0.5", "-0.5"} {
			t.Run(fmt.Sprintf("%v %s", rule, text), func(t *testing.T) {
				signed := changed(rule, func(r *algo.Rule) { r.NonNegative = false })
				feedback, err := signed.DrawFeedback(net, algotest.Init(t, text), 1)
				require.NoError(t, err)
				refused := rule.NonNegative && strings.ContainsAny(text, "UN-")
				check := func(cfg algo.Config, feedback []float32) {
					l, err := algo.NewLearner(dev, net, cfg, params, feedback)
					if refused {
						require.ErrorIs(t, err, algo.ErrConfig)
						return
					}
					require.NoError(t, err)
					require.NoError(t, l.Close())
				}
				cfg := algotest.Config(rule)
				check(cfg, feedback)
				if rule.Generable() {
					cfg.Feedback, err = signed.GenerateFeedback(net, algotest.Init(t, text), 1)
					require.NoError(t, err)
					check(cfg, nil)
				}
			})
		}
	}
}
