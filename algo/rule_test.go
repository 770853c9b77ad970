package algo

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

	"mdfa/gpu"
	"mdfa/gpu/cpu"
	"mdfa/model"
)

// changed is a copy of a rule with a change.
func changed(rule *Rule, change func(*Rule)) *Rule {
	another := *rule
	change(&another)
	return &another
}

func TestRulesAreFoundByName(t *testing.T) {
	assert.Equal(t, []string{"bp", "fa", "dfa", "mdfa"}, RuleNames())
	for _, rule := range Rules() {
		for _, text := range []string{rule.Name, strings.ToUpper(rule.Name)} {
			found, err := ParseRule(text)
			require.NoError(t, err)
			assert.Same(t, rule, found)
		}
	}
	_, err := ParseRule("dfaa")
	assert.ErrorIs(t, err, ErrConfig)
	assert.ErrorContains(t, err, "there are "+strings.Join(RuleNames(), ", "))
}

// TestHalfARuleIsRefused takes one field away from each rule, whatever fields there are. Feedback and promises
// may be absent.
func TestHalfARuleIsRefused(t *testing.T) {
	optional := []string{"Feedback", "NonNegative", "Clamped", "Exact"}
	for _, rule := range Rules() {
		require.NoError(t, rule.check())
		for i := range reflect.TypeFor[Rule]().NumField() {
			name := reflect.TypeFor[Rule]().Field(i).Name
			half := changed(rule, func(r *Rule) { reflect.ValueOf(r).Elem().Field(i).SetZero() })
			if !slices.Contains(optional, name) || name == "Feedback" && rule.NonNegative {
				assert.ErrorIs(t, half.check(), ErrConfig, "%v without %s", rule, name)
				assert.Panics(t, func() { Register(half) }, "%v without %s", rule, name)
			}
		}
		assert.Panics(t, func() { Register(changed(rule, func(*Rule) {})) }, "a name is taken")
	}
	_, err := NewLearner(nil, nil, Config{Batch: 1}, nil, nil)
	assert.ErrorIs(t, err, ErrConfig, "no rule")
}

// TestEveryRuleIsInThePages looks for each rule in what people read.
func TestEveryRuleIsInThePages(t *testing.T) {
	for _, page := range []string{"README.md", "docs/alignment.md"} {
		text, err := os.ReadFile(filepath.Join("..", page))
		require.NoError(t, err)
		for _, rule := range Rules() {
			assert.Contains(t, string(text), rule.Name, page)
		}
	}
}

// TestRulesDoWhatTheySay counts the operations that bring the error to the hidden layers, and looks at what
// they leave there.
func TestRulesDoWhatTheySay(t *testing.T) {
	for _, rule := range Rules() {
		t.Run(rule.Name, func(t *testing.T) {
			dev := &counted{Device: cpu.Open()}
			defer func() { require.NoError(t, dev.Close()) }()
			l := newLearnerOn(t, dev, smallConfig(rule))
			require.NoError(t, l.train(nil))
			before := *dev
			require.NoError(t, rule.Deltas(l.step(l.cfg.Batch, l.grads)))
			want := map[Products][2]int{NoProducts: {0, 0}, LayerProducts: {len(l.hidden), 0}, DirectProducts: {0, 1}}[rule.Products]
			assert.Equal(t, want, [2]int{dev.backward - before.backward, dev.feedback - before.feedback}, "products")
		})
	}
}

// TestTheEngineHoldsRulesToTheirPromises gives each rule feedback that breaks what it says of it.
func TestTheEngineHoldsRulesToTheirPromises(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	net, err := model.NewDense(model.Vector(81), []int{4, 3}, 3, gpu.Tanh)
	require.NoError(t, err)
	params := make([]float32, net.Params)
	for _, rule := range Rules() {
		for _, text := range []string{"U1", "N1", "P1", "A1", "0.5", "-0.5"} {
			t.Run(fmt.Sprintf("%v %s", rule, text), func(t *testing.T) {
				signed := changed(rule, func(r *Rule) { r.NonNegative = false })
				feedback, err := signed.DrawFeedback(net, parseInit(t, text), 1)
				require.NoError(t, err)
				wanted := rule.NonNegative && strings.ContainsAny(text, "UN-")
				check := func(cfg Config, feedback []float32) {
					l, err := NewLearner(dev, net, cfg, params, feedback)
					if wanted {
						require.ErrorIs(t, err, ErrConfig)
						return
					}
					require.NoError(t, err)
					require.NoError(t, l.Close())
				}
				cfg := smallConfig(rule)
				check(cfg, feedback)
				if rule.Generable() {
					cfg.Feedback, err = signed.GenerateFeedback(net, parseInit(t, text), 1)
					require.NoError(t, err)
					check(cfg, nil)
				}
			})
		}
	}
}
