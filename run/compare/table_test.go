package compare

import (
	"encoding/csv"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/run/folder"
	"mdfa/run/settings"
)

func written(t *testing.T, c *Comparison, form string) string {
	t.Helper()
	var b strings.Builder
	require.NoError(t, c.Write(&b, form))
	assert.NotContains(t, b.String(), "NaN")
	assert.NotContains(t, b.String(), "Inf")
	return b.String()
}

// twoRules is a comparison of mdfa with bp. With six pairs, all of one sign, p is 2/2^6.
func twoRules(t *testing.T) *Comparison {
	t.Helper()
	return compared(t, "", series("bp", []float64{0.95, 0.96, 0.94, 0.95, 0.96, 0.94}), series("mdfa", []float64{0.93, 0.95, 0.91, 0.935, 0.955, 0.905}))
}

func TestATableForATerminal(t *testing.T) {
	text := written(t, twoRules(t), "text")
	assert.True(t, strings.HasPrefix(text, `rule  runs        test %  validation %
bp       6  95.00 ± 0.89  96.00 ± 0.89
mdfa     6    93.1 ± 2.0    94.1 ± 2.0

against bp  pairs  diff     95 % by t     bootstrap  w/t/l       p  p Holm
mdfa            6  -1.9  -3.1 to -0.7  -2.7 to -1.1  0/0/6  0.0312  0.0312

mdfa is behind bp by 1.9 percentage points (95 % interval +0.7 to +3.1, corrected p 0.0312).

Mean ± sample`), text)
	assert.NotContains(t, text, "note:")
	for _, line := range strings.Split(text, "\n")[:7] {
		assert.LessOrEqual(t, len([]rune(line)), 80)
	}
}

func TestTheOtherFormsHaveTheSameNumbers(t *testing.T) {
	c := twoRules(t)
	assert.Contains(t, written(t, c, "markdown"), "| mdfa | 6 | 93.1 ± 2.0 | 94.1 ± 2.0 | 6 | -1.9 | -3.1 to -0.7 | -2.7 to -1.1 | 0/0/6 | 0.0312 | 0.0312 |\n")
	latex := written(t, c, "latex")
	assert.Contains(t, latex, "\\begin{tabular}{lrrrrrr}\n\\toprule\nrule & runs & test \\% & diff & 95 \\% by t & w/t/l & p Holm \\\\\n\\midrule\nbp & ")
	assert.NotContains(t, latex, "bootstrap")
	assert.Contains(t, latex, "mdfa & 6 & 93.1 $\\pm$ 2.0 & $-$1.9 & $-$3.1 to $-$0.7 & 0/0/6 & 0.0312 \\\\\n\\bottomrule\n\\end{tabular}\n")
	lines, err := csv.NewReader(strings.NewReader(written(t, c, "csv"))).ReadAll()
	require.NoError(t, err)
	require.Len(t, lines, 3)
	assert.Equal(t, []string{"rule", "runs", "incomplete", "repeated", "test_accuracy"}, lines[0][:5])
	assert.Equal(t, []string{"bp", "6", "0", "0"}, lines[1][:4])
	d := c.Tasks[0].Groups[1].Against
	assert.Equal(t, []string{"bp", "6", full(d.Mean), full(d.T.Low), full(d.T.High)}, lines[2][8:13])
	assert.Equal(t, []string{"0", "0", "6", "0.03125", "0.03125"}, lines[2][15:])
	assert.ErrorContains(t, c.Write(&strings.Builder{}, "html"), "-table html: expected one of text, markdown, csv, latex.")
}

func TestTasksAreHeadingsInLaTeX(t *testing.T) {
	c := compared(t, "", series("bp", []float64{0.9, 0.8}, "classes", "2"), series("fa", []float64{0.9, 0.7}, "classes", "2"), series("bp", []float64{0.9}, "classes", "a_b"))
	latex := written(t, c, "latex")
	assert.Contains(t, latex, "\\midrule\n\\multicolumn{7}{l}{\\textit{classes 2}} \\\\\nbp & 2 & ")
	assert.Contains(t, latex, "\\multicolumn{7}{l}{\\textit{a\\_b}} \\\\\nbp & 1 & ")
}

func TestTextOfOthersIsEscaped(t *testing.T) {
	var runs []Run
	for _, rule := range []string{"a_b & c|d%", "=cmd()"} {
		runs = append(runs, series(rule, []float64{0.9, 0.8})...)
	}
	c := compared(t, "", runs)
	assert.Contains(t, written(t, c, "latex"), `a\_b \& c|d\% &`)
	assert.Contains(t, written(t, c, "markdown"), `| a\_b & c\|d% |`)
	assert.Contains(t, written(t, c, "csv"), "\n'=cmd(),")
}

func TestWhatCannotBeComputedIsWordsOrEmpty(t *testing.T) {
	shifted := func(runs []Run) []Run {
		for i := range runs {
			runs[i].Seed += 100
		}
		return runs
	}
	killed := series("fa", []float64{math.NaN()})
	killed[0].Status, killed[0].Valid = folder.StatusKilled, math.NaN()
	for name, c := range map[string]struct {
		runs [][]Run
		want []string
	}{
		"one seed": {[][]Run{series("bp", []float64{0.9}), series("fa", []float64{0.8})}, []string{
			"fa              1  -10.00                        0/0/1  1       1\n",
			"fa and bp cannot be told apart with 1 pair: the mean difference is -10.00 percentage points (corrected p 1).",
			"note: 1 pair is too few for a corrected p below 0.05: Wilcoxon's smallest p is then 1, and 1 comparison would need 6 pairs.",
		}},
		"no common seed": {[][]Run{series("bp", []float64{0.9, 0.8}), shifted(series("fa", []float64{0.8, 0.7}))}, []string{
			"fa cannot be compared with bp: they have no seed in common.", "fa              0\n",
		}},
		"equal": {[][]Run{series("bp", []float64{0.9, 0.8, 0.7}), series("fa", []float64{0.9, 0.8, 0.7})}, []string{
			"fa              3  0.00                        0/3/0  1       1\n", "the mean difference is 0.00 percentage points (corrected p 1).",
		}},
		"one group":   {[][]Run{series("fa", []float64{0.9, 0.8})}, []string{"There is nothing to compare fa with.\n"}},
		"none of one": {[][]Run{series("bp", []float64{0.9, 0.8}), killed}, []string{"fa       0\n", "fa cannot be compared with bp: no run of fa is complete.", "note: 1 killed run does not count: fa-s0."}},
		"a task without the baseline": {[][]Run{series("bp", []float64{0.9, 0.8}, "lr", "1"), series("fa", []float64{0.9, 0.8}, "lr", "2"), series("dfa", []float64{0.9, 0.8}, "lr", "2")}, []string{
			"lr 1\n", "There is nothing to compare bp with.\n", "There is no run of bp here, so that nothing is compared with it.\n",
		}},
		"no run": {nil, []string{"no run\n"}},
	} {
		comparison := compared(t, "", c.runs...)
		text := written(t, comparison, "text")
		for _, want := range c.want {
			assert.Contains(t, text, want, name)
		}
		for _, form := range Forms {
			written(t, comparison, form)
		}
	}
}

func TestDigitsMatchTheDeviation(t *testing.T) {
	for _, c := range []struct {
		mean, deviation float64
		want            string
	}{
		{0.97421, 0.0011, "97.42 ± 0.11"}, {0.97421, 0.012, "97.4 ± 1.2"}, {0.97421, 0.12, "97 ± 12"}, {0.97421, 0.00996, "97.4 ± 1.0"},
		{0.97421, 0.000123, "97.421 ± 0.012"}, {0.97421, 1e-9, "97.4210 ± 0.0000"}, {0.97421, 0, "97.42 ± 0.00"}, {0.97421, math.NaN(), "97.42"}, {math.NaN(), math.NaN(), ""},
	} {
		assert.Equal(t, c.want, Summary{5, c.mean, c.deviation}.String())
	}
	assert.Equal(t, []string{"+0.10", "-0.10", "0.00", "0.00"}, []string{signed(0.001, 2), signed(-0.001, 2), signed(-1e-9, 2), signed(1e-9, 2)})
	assert.Equal(t, []string{"", "1", "0.0625", "0.00195", "<0.0001"}, []string{pText(math.NaN()), pText(1), pText(0.0625), pText(1.0 / 512), pText(1e-5)})
}

func TestNotesNameTheRunsThatDoNotCount(t *testing.T) {
	failed := made("bp", 7, math.NaN())
	failed.Status, failed.Reason = folder.StatusFailed, "the loss of epoch 1 is NaN."
	untested := made("bp", 8, math.NaN())
	broken := Run{Dir: "results/broken", Status: StatusUnreadable, Reason: "run.json is damaged"}
	again := series("bp", []float64{0.5})
	again[0].Dir = "results/again"
	c := compared(t, "", series("bp", []float64{0.9, 0.8}), again, []Run{failed, untested, broken})
	assert.Equal(t, []string{
		"1 failed run does not count: bp-s7 (the loss of epoch 1 is NaN).",
		"1 unreadable run does not count: broken (run.json is damaged).",
		"1 complete run does not count: bp-s8 (without a test accuracy).",
		"1 repeated run does not count: of each seed the newest complete one does.",
	}, c.Notes())
	var many []Run
	for seed := range int64(13) {
		r := made("bp", seed, math.NaN())
		r.Status = folder.StatusKilled
		many = append(many, r)
	}
	assert.Equal(t, []string{"13 killed runs do not count: bp-s0, bp-s1, bp-s2, bp-s3, bp-s4, bp-s5, bp-s6, bp-s7, bp-s8, bp-s9, and 3 more."},
		compared(t, "", series("fa", []float64{0.9}), many).Notes()[:1])
}

func TestWithoutTestImagesValidationIsCompared(t *testing.T) {
	var runs []Run
	for _, r := range append(series("bp", []float64{0.9, 0.8}), series("fa", []float64{0.7, 0.7})...) {
		r.Valid, r.Test = r.Test, math.NaN()
		runs = append(runs, r)
	}
	c := compared(t, "", runs)
	assert.Equal(t, ByValid, c.Measure)
	assert.InDelta(t, -0.15, c.Tasks[0].Groups[1].Against.Mean, 1e-12)
	text := written(t, c, "text")
	assert.Contains(t, text, "rule  runs  validation %\n")
	assert.Contains(t, written(t, c, "latex"), "rule & runs & validation \\% & diff & ")
	assert.Contains(t, text, "note: No run has a test accuracy, so that validation accuracies are compared.")
}

func TestPIsCorrectedForAllComparisonsOfTheTable(t *testing.T) {
	low, high := []float64{0.1, 0.2, 0.3, 0.4, 0.5, 0.6}, []float64{0.2, 0.31, 0.42, 0.53, 0.64, 0.75}
	var runs [][]Run
	for _, classes := range []string{"2", "3"} {
		runs = append(runs, series("bp", low, "classes", classes), series("fa", high, "classes", classes))
	}
	c := compared(t, "", runs...)
	for _, task := range c.Tasks {
		d := task.Groups[1].Against
		assert.Equal(t, 0.03125, d.P)
		assert.Equal(t, 0.0625, d.Corrected)
		assert.False(t, d.Enough)
		assert.Equal(t, Open, d.Verdict())
	}
	assert.Equal(t, []string{"6 pairs are too few for a corrected p below 0.05: Wilcoxon's smallest p is then 0.0312, and 2 comparisons would need 7 pairs."}, c.Notes())
}

func TestSettingsThatBelongToARuleMakeNoTask(t *testing.T) {
	fa := func(init string) []Run { return series("fa", []float64{0.9, 0.8}, "backward init", init, "floor", "") }
	c := compared(t, "", series("bp", []float64{0.9, 0.8}, "backward init", "", "floor", ""), fa("U1"), fa("P1"),
		series("mdfa", []float64{0.9, 0.8}, "backward init", "U1", "floor", "0"))
	require.Len(t, c.Tasks, 1)
	assert.Equal(t, []string{"bp", "fa, backward init P1", "fa, backward init U1", "mdfa"}, groupNames(c.Tasks[0]))

	var runs []Run
	for _, task := range c.Tasks[0].Groups {
		runs = append(runs, task.Runs...)
	}
	_, err := New(runs, Options{Baseline: "fa"})
	assert.ErrorContains(t, err, `-baseline fa: "fa, backward init P1" and "fa, backward init U1" have it: expected the name of one of them.`)
	c, err = New(runs, Options{Baseline: "fa, backward init U1"})
	require.NoError(t, err)
	assert.Equal(t, "fa, backward init U1", c.Tasks[0].Groups[0].Name)
	_, err = New(runs, Options{Baseline: "dfa"})
	assert.ErrorContains(t, err, `-baseline dfa: no run has it: expected bp, "fa, backward init P1", "fa, backward init U1" or mdfa, or SETTING=VALUE of some runs.`)
}

func TestANetworkIsNamedByItsFlags(t *testing.T) {
	var runs []Run
	for _, classes := range []string{"2", "3"} {
		for _, layers := range []string{"10", "10,20"} {
			for _, r := range series("bp", []float64{0.9, 0.8}, "classes", classes, "network", "28x28x1 -> dense "+layers+" -> dense "+classes) {
				r.Flags = []settings.Fact{{Name: "convnet", Text: "false"}, {Name: "layers", Text: layers}, {Name: "filters", Text: ""}}
				runs = append(runs, r)
			}
		}
	}
	c := compared(t, "", runs)
	assert.Equal(t, "network", c.Contested)
	require.Len(t, c.Tasks, 2)
	assert.Equal(t, []string{"layers 10", "layers 10,20"}, groupNames(c.Tasks[0]))
	assert.Equal(t, []string{"layers 10", "layers 10,20"}, groupNames(c.Tasks[1]))
	c = compared(t, "layers= 10,20", runs)
	assert.Equal(t, []string{"layers 10,20", "layers 10"}, groupNames(c.Tasks[1]))
	assert.Equal(t, "layers 10,20", c.Baseline)
	_, err := New(runs, Options{Baseline: "layers=7"})
	assert.ErrorContains(t, err, `-baseline layers=7: no run has it: expected "layers 10" or "layers 10,20", or SETTING=VALUE of some runs.`)
	_, err = New(runs, Options{Baseline: "lr=x"})
	assert.ErrorContains(t, err, "-lr x: expected a number from 0 on")
}

func TestTheBestIsComparedWithTheSecond(t *testing.T) {
	plus := func(list []float64, more ...float64) (sums []float64) {
		for i := range list {
			sums = append(sums, list[i]+more[i])
		}
		return sums
	}
	bp := []float64{0.90, 0.91, 0.92, 0.93, 0.94, 0.95, 0.91, 0.92}
	second := plus(bp, 0.02, 0.021, 0.022, 0.023, 0.024, 0.025, 0.026, 0.027)
	level := plus(second, 0.001, -0.001, 0.002, -0.001, 0.002, 0, 0.001, -0.002)
	ahead := plus(second, 0.01, 0.011, 0.012, 0.013, 0.014, 0.015, 0.016, 0.017)
	text := func(runs ...[]Run) string { return written(t, compared(t, "", runs...), "text") }
	assert.Contains(t, text(series("bp", bp), series("fa", second), series("dfa", level)),
		"\nThe best two: No difference between dfa and fa is shown: the mean difference is +0.03 percentage points (")
	table := text(series("bp", bp), series("fa", second), series("dfa", ahead))
	assert.Contains(t, table, "\ndfa is ahead of bp by 3.70 percentage points (95 % interval +3.29 to +4.11, corrected p 0.0156).\n")
	assert.Contains(t, table, "\nThe best two: dfa is ahead of fa by 1.35 percentage points (95 % interval +1.15 to +1.55, corrected p 0.0234).\n")
	assert.NotContains(t, text(series("bp", second), series("fa", ahead), series("dfa", bp)), "best two", "the second is the baseline")
	assert.NotContains(t, text(series("bp", ahead), series("fa", second), series("dfa", bp)), "best two", "the best is the baseline")
	assert.Contains(t, text(series("fa", second), series("dfa", ahead[:1]), series("bp", bp[:1], "lr", "1")),
		"nothing is compared with it.\nThe best two: fa and dfa cannot be told apart with 1 pair: ")
}
