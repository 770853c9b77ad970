package algo_test

import (
	"fmt"
	"math"
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
	optional := []string{"Feedback", "FeedbackGrad", "Magnitudes", "ErrorSigns", "NonNegative", "Clamped", "LogitsOnly", "Exact"}
	for _, rule := range algo.Rules() {
		for i := range reflect.TypeFor[algo.Rule]().NumField() {
			name := reflect.TypeFor[algo.Rule]().Field(i).Name
			half := changed(rule, func(r *algo.Rule) { reflect.ValueOf(r).Elem().Field(i).SetZero() })
			if !slices.Contains(optional, name) || name == "Feedback" && (rule.NonNegative || rule.LearnsFeedback() || rule.TakesSigns() || rule.ErrorSigns) {
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

// TestSignsBelongToFeedback refuses rules that take signs and contradict themselves, and configurations without the
// magnitudes that their rule draws.
func TestSignsBelongToFeedback(t *testing.T) {
	for reason, rule := range map[string]*algo.Rule{
		"the feedback by layers":    changed(algo.USF, func(r *algo.Rule) { r.Feedback = model.DirectFeedback }),
		"the direct feedback":       changed(algo.SDFA, func(r *algo.Rule) { r.Feedback = model.LayerFeedback }),
		"magnitudes that exist":     changed(algo.USF, func(r *algo.Rule) { r.Magnitudes = 9 }),
		"keeps its promise":         changed(algo.FRSF, func(r *algo.Rule) { r.NonNegative = true }),
		"a way to learn feedback":   changed(algo.KP, func(r *algo.Rule) { r.Magnitudes = algo.StoredMagnitudes }),
		"0 generators of magnitude": algo.BRSF,
	} {
		net, err := model.NewDense(model.Vector(3), []int{4}, 3, gpu.Tanh)
		require.NoError(t, err)
		_, err = algo.NewLearner(nil, net, algo.Config{Rule: rule, Batch: 1}, make([]float32, net.Params), nil)
		assert.ErrorIs(t, err, algo.ErrConfig)
		assert.ErrorContains(t, err, reason)
	}
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	cfg := algotest.Config(algo.FRSF)
	net := algotest.Learner(t, dev, cfg).Network()
	magnitudes, err := algo.USF.DrawMagnitudes(net, algotest.Init(t, "U1"), 1)
	require.NoError(t, err)
	cfg.Magnitudes = magnitudes
	_, err = algo.NewLearner(nil, net, cfg, make([]float32, net.Params), nil)
	assert.ErrorContains(t, err, "frsf needs 0")
}

// TestMagnitudesAreThoseOfFeedbackAlignment compares what the rules draw with the absolute values of fa's feedback:
// element by element, or in their root mean square.
func TestMagnitudesAreThoseOfFeedbackAlignment(t *testing.T) {
	net, err := model.NewConv(model.Shape{H: 20, W: 20, C: 8}, []model.Filter{{Filters: 40, Kernel: 3, Stride: 1}, {Filters: 50, Kernel: 3, Stride: 2}}, 7, gpu.Tanh)
	require.NoError(t, err)
	ranges, _ := net.FARanges()
	rms := func(values []float32) float64 {
		sum := 0.0
		for _, v := range values {
			sum += float64(v) * float64(v)
		}
		return math.Sqrt(sum / float64(len(values)))
	}
	for _, text := range []string{"U1", "U3", "N0.2", "P1", "A0.1", "X1", "0.5", "-0.5"} {
		init := algotest.Init(t, text)
		fa, err := algo.FA.DrawFeedback(net, init, 1)
		require.NoError(t, err)
		fixed, err := algo.FRSF.DrawFeedback(net, init, 1)
		require.NoError(t, err)
		equal, err := algo.USF.DrawMagnitudes(net, init, 1)
		require.NoError(t, err)
		fresh, err := algo.BRSF.DrawMagnitudes(net, init, 1)
		require.NoError(t, err)
		net.TransposeFeedback(fa)
		for i, v := range fa {
			require.Equal(t, float32(math.Abs(float64(v))), fixed[i])
		}
		for layer := 1; layer < len(net.Layers); layer++ {
			want := rms(ranges[layer].Of(fa))
			assert.InEpsilon(t, want, float64(equal[layer].High), 0.05, "%s, layer %d", text, layer)
			drawn := make([]float32, ranges[layer].Len)
			fresh[layer].Fill(drawn, layer, 3, 0)
			assert.InEpsilon(t, want, rms(drawn), 0.05, "%s, layer %d", text, layer)
		}
	}
}

// TestFeedbackThatStaysZeroIsRefused draws feedback and magnitudes, and generates feedback.
func TestFeedbackThatStaysZeroIsRefused(t *testing.T) {
	net, err := model.NewDense(model.Vector(3), []int{4}, 3, gpu.Tanh)
	require.NoError(t, err)
	for _, rule := range algo.Rules() {
		for _, text := range []string{"0", "U0", "N0"} {
			cfg := algotest.Config(rule)
			_, err := cfg.DrawFeedback(net, algotest.Init(t, text), 1)
			if !rule.HasFeedback() || rule.LearnsFeedback() {
				assert.NoError(t, err)
				continue
			}
			assert.ErrorIs(t, err, algo.ErrConfig)
			assert.ErrorContains(t, err, "no error reaches a hidden layer")
			if rule.Generable() {
				_, err := rule.GenerateFeedback(net, algotest.Init(t, text), 1)
				assert.ErrorIs(t, err, algo.ErrConfig)
				assert.ErrorContains(t, err, "no error reaches a hidden layer")
			}
		}
	}
}

// TestEachStepDrawsItsMagnitudes steps back in the run's count of steps, and gets the gradients of that step again.
func TestEachStepDrawsItsMagnitudes(t *testing.T) {
	algotest.OnEachDevice(t, func(t *testing.T, dev gpu.Device) {
		for _, rule := range algo.Rules() {
			t.Run(rule.Name, func(t *testing.T) {
				cfg := algotest.Config(rule)
				cfg.LR = 0
				l := algotest.Learner(t, dev, cfg)
				defer func() { require.NoError(t, l.Close()) }()
				data := algotest.Bands(1, cfg.Batch)
				x := make([]float32, len(data.Images))
				for i, v := range data.Images {
					x[i] = float32(v) / 255
				}
				program, err := dev.Record(func() error { return l.Train(nil) })
				require.NoError(t, err)
				gradients := func(step int) []float32 {
					uploadBatch(t, l, x, data.Labels)
					require.NoError(t, l.SetCounters(0, step))
					require.NoError(t, program.Run())
					grads, err := l.Grads()
					require.NoError(t, err)
					return grads
				}
				first, second := gradients(5), gradients(6)
				assert.Equal(t, rule.Magnitudes == algo.FreshMagnitudes, !slices.Equal(first, second))
				assert.Equal(t, first, gradients(5))
			})
		}
	})
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

// TestTheRulesPageIsComplete looks for a section on each rule, and for the programs that the page shows.
func TestTheRulesPageIsComplete(t *testing.T) {
	read := func(path ...string) string {
		text, err := os.ReadFile(filepath.Join(path...))
		require.NoError(t, err)
		return string(text)
	}
	page := read("..", "docs", "rules.md")
	for _, rule := range algo.Rules() {
		heading := fmt.Sprintf("\n### `%s`: %s\n", rule.Name, rule.Title)
		assert.Equal(t, 1, strings.Count(page, heading), "docs/rules.md needs one section%s", heading)
	}
	for _, path := range []string{"drtp.go", filepath.Join("..", "run", "testdata", "outside", "main.go")} {
		assert.True(t, strings.Contains(page, "\n```go\n"+read(path)+"```\n"), "docs/rules.md does not show %s as it is", path)
	}
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
				cfg := algotest.Config(signed)
				feedback, err := cfg.DrawFeedback(net, algotest.Init(t, text), 1)
				require.NoError(t, err)
				cfg.Rule = rule
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
