package compare

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/run/folder"
	"mdfa/run/settings"
)

// made returns a made-up complete run. more are names and values of further settings.
func made(rule string, seed int64, accuracy float64, more ...string) Run {
	r := Run{
		Dir: fmt.Sprintf("results/mnist/%s-s%d", rule, seed), Seed: seed, Status: folder.StatusComplete, Test: accuracy, Valid: accuracy + 0.01,
		Settings: []settings.Fact{{Name: "rule", Text: rule}, {Name: "data set", Text: "mnist"}},
	}
	for i := 0; i < len(more); i += 2 {
		r.Settings = append(r.Settings, settings.Fact{Name: more[i], Text: more[i+1]})
	}
	r.Flags = r.Settings
	return r
}

// series returns runs of a rule with the seeds 0, 1, ….
func series(rule string, accuracies []float64, more ...string) (runs []Run) {
	for seed, x := range accuracies {
		runs = append(runs, made(rule, int64(seed), x, more...))
	}
	return runs
}

func compared(t *testing.T, baseline string, runs ...[]Run) *Comparison {
	t.Helper()
	var all []Run
	for _, list := range runs {
		all = append(all, list...)
	}
	c, err := New(all, Options{Baseline: baseline})
	require.NoError(t, err)
	return c
}

func groupNames(t *Task) []string {
	return each(t.Groups, func(g *Group) string { return g.Name })
}

func TestRulesAreComparedByPairsOfTheSameSeed(t *testing.T) {
	c := compared(t, "", series("mdfa", []float64{0.91, 0.93, 0.92, 0.95}), series("bp", []float64{0.90, 0.90, 0.92}))
	require.Len(t, c.Tasks, 1)
	assert.Equal(t, "rule", c.Contested)
	assert.Equal(t, "bp", c.Baseline)
	assert.Equal(t, []settings.Fact{{Name: "data set", Text: "mnist"}}, c.Shared)
	task := c.Tasks[0]
	require.Equal(t, []string{"bp", "mdfa"}, groupNames(task))
	assert.Same(t, task.Groups[0], task.Baseline)
	assert.Nil(t, task.Baseline.Against)
	g := task.Groups[1]
	assert.Equal(t, 4, g.Test.N)
	assert.InDelta(t, 0.9275, g.Test.Mean, 1e-12)
	assert.InDelta(t, math.Sqrt((0.0175*0.0175+0.0025*0.0025+0.0075*0.0075+0.0225*0.0225)/3), g.Test.Deviation, 1e-12)
	assert.InDelta(t, 0.9375, g.Valid.Mean, 1e-12)
	d := g.Against
	assert.Equal(t, []int64{0, 1, 2}, d.Seeds)
	assert.InDeltaSlice(t, []float64{0.01, 0.03, 0}, d.Values, 1e-12)
	assert.InDelta(t, 0.04/3, d.Mean, 1e-12)
	assert.Equal(t, [3]int{2, 1, 0}, [3]int{d.Wins, d.Ties, d.Losses})
	// t with 2 degrees of freedom is 4.30265, the standard error is sqrt(7/3)/100/sqrt(3).
	half := 4.302652729696 * math.Sqrt(7.0/3) / 100 / math.Sqrt(3)
	assert.InDelta(t, 0.04/3-half, d.T.Low, 1e-9)
	assert.InDelta(t, 0.04/3+half, d.T.High, 1e-9)
	assert.Equal(t, 0.5, d.P, "of the signs of 0.01 and 0.03, 2 of 4 choices are as extreme")
	assert.Equal(t, d.P, d.Corrected)
}

func TestTheNewestCompleteRunOfASeedCounts(t *testing.T) {
	at := func(r Run, day int, status string) Run {
		r.Started, r.Status = time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC), status
		return r
	}
	runs := []Run{
		at(made("bp", 0, 0.1), 1, folder.StatusComplete), at(made("bp", 0, 0.3), 3, folder.StatusComplete), at(made("bp", 0, 0.2), 2, folder.StatusComplete),
		at(made("bp", 0, math.NaN()), 4, folder.StatusFailed),
		at(made("bp", 1, math.NaN()), 1, folder.StatusFailed), at(made("bp", 1, math.NaN()), 2, folder.StatusKilled),
	}
	g := compared(t, "", runs).Tasks[0].Groups[0]
	require.Len(t, g.Runs, 1)
	assert.Equal(t, 0.3, g.Runs[0].Test)
	assert.Len(t, g.Repeated, 3)
	assert.Len(t, g.Incomplete, 2)
}

func TestOtherSettingsThanTheContestedOneMakeTasks(t *testing.T) {
	var runs [][]Run
	for _, classes := range []string{"10", "2"} {
		for _, rule := range []string{"mdfa", "bp", "fa"} {
			runs = append(runs, series(rule, []float64{0.9, 0.8}, "classes", classes))
		}
	}
	c := compared(t, "", runs...)
	require.Len(t, c.Tasks, 2)
	assert.Equal(t, []string{"classes 2", "classes 10"}, each(c.Tasks, func(t *Task) string { return t.Name }))
	assert.Equal(t, []string{"bp", "fa", "mdfa"}, groupNames(c.Tasks[0]))

	c = compared(t, "classes=10", runs...)
	assert.Equal(t, "classes", c.Contested)
	require.Len(t, c.Tasks, 3)
	assert.Equal(t, []string{"bp", "fa", "mdfa"}, each(c.Tasks, func(t *Task) string { return t.Name }))
}

func TestASettingMayGoWithTheRule(t *testing.T) {
	runs := append(series("bp", []float64{0.9, 0.8}, "lr", "0.001"), series("mdfa", []float64{0.8, 0.7}, "lr", "0.01")...)
	c := compared(t, "", runs)
	require.Len(t, c.Tasks, 2)
	assert.False(t, c.Compared())
	assert.Equal(t, []string{"Some groups differ in more than the rule: -with lr compares those that differ in lr, too."}, c.Notes())
	for _, o := range []Options{{With: []string{"lr"}}, {With: []string{"lr"}, Baseline: "bp"}, {With: []string{"lr"}, Baseline: "bp, lr 0.001"}} {
		c, err := New(runs, o)
		require.NoError(t, err)
		require.Len(t, c.Tasks, 1)
		assert.Equal(t, []string{"bp, lr 0.001", "mdfa, lr 0.01"}, groupNames(c.Tasks[0]))
		assert.Equal(t, 2, c.Tasks[0].Groups[1].Against.Losses)
	}
	_, err := New(append(runs, series("bp", []float64{0.7}, "lr", "0.1")...), Options{With: []string{"lr"}, Baseline: "bp"})
	assert.ErrorContains(t, err, `-baseline bp: "bp, lr 0.001" and "bp, lr 0.1" have it: expected the name of one of them.`)
	_, err = New(runs, Options{With: []string{"speed"}})
	assert.ErrorContains(t, err, "-with speed: expected a setting by which runs are compared, such as lr.")
}

func TestASettingIsContestedIfTwoGroupsDifferInItAlone(t *testing.T) {
	fa := func(more ...string) []Run { return series("fa", []float64{0.9, 0.8}, more...) }
	c := compared(t, "", fa("classes", "2", "network", "dense 2"), fa("classes", "3", "network", "dense 3"))
	assert.Equal(t, "rule", c.Contested, "classes change the network, so that nothing can be compared")
	assert.Equal(t, [][]string{{"fa"}, {"fa"}}, each(c.Tasks, groupNames))
	assert.Empty(t, c.Notes())
	c = compared(t, "", fa("classes", "2", "lr", "0.1"), fa("classes", "2", "lr", "0.02"), fa("classes", "3", "lr", "0.1"))
	assert.Equal(t, "lr", c.Contested)
	assert.Equal(t, []string{"lr 0.02", "lr 0.1"}, groupNames(c.Tasks[0]))
	c = compared(t, "", fa("classes", "2", "lr", "0.1"), fa("classes", "3", "lr", "0.1"))
	assert.Equal(t, "classes", c.Contested)
}
