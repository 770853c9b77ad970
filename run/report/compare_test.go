package report

import (
	"bytes"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSeedsAreGroupedWithMeanAndSampleDeviation(t *testing.T) {
	entries := []Entry{sampleEntry("bp", "0", 0.90), sampleEntry("mdfa", "0", 0.95), sampleEntry("bp", "1", 0.92), sampleEntry("bp", "2", 0.94)}
	var b bytes.Buffer
	require.NoError(t, Compare(&b, entries, "report", made))
	html := b.String()
	assert.Contains(t, html, "4 runs side by side")
	assert.Contains(t, html, `<th scope="row">bp</th><td>3</td><td>92.00 ± 2.00 %</td>`)
	assert.Contains(t, html, `<th scope="row">mdfa</th><td>1</td><td>95.00 %</td>`)
	assert.Contains(t, html, `<th scope="row">model</th><td class="wrap">bp</td><td class="wrap">mdfa</td>`)
	assert.NotContains(t, html, `<th scope="row">lr</th>`, "it does not differ")
	charts := chartsOf(t, html)
	lines := charts[0]["series"].([]any)
	require.Len(t, lines, 2)
	assert.Len(t, lines[0].(map[string]any)["low"], 4)
	assert.NotContains(t, lines[1], "low", "one run has no deviation")
	mean := lines[0].(map[string]any)["values"].([]any)[0].(float64)
	assert.InDelta(t, mean-0.02, lines[0].(map[string]any)["low"].([]any)[0], 1e-5)
}

func TestRunsOfUnequalLengthAreOverlaid(t *testing.T) {
	a, b := sampleEntry("bp", "0", 0.9), sampleEntry("fa", "0", 0.9)
	b.Epochs = b.Epochs[:2]
	var page bytes.Buffer
	require.NoError(t, Compare(&page, []Entry{a, b}, "report", made))
	charts := chartsOf(t, page.String())
	assert.Equal(t, []any{1.0, 2.0, 3.0, 4.0}, charts[0]["x"])
	values := charts[0]["series"].([]any)[1].(map[string]any)["values"].([]any)
	assert.NotNil(t, values[1])
	assert.Nil(t, values[2])
}

func TestGroupsHaveDifferentNames(t *testing.T) {
	a, b, c := sampleEntry("bp", "0", 0.9), sampleEntry("bp", "0", 0.9), sampleEntry("bp", "0", 0.9)
	b.Settings = []Fact{{"model", "bp"}, {"lr", "a value that is much too long for a name"}}
	c.Settings = []Fact{{"model", "bp"}}
	groups := grouped([]Entry{a, b, c})
	require.Len(t, groups, 3)
	names(groups, differences(groups))
	seen := map[string]bool{}
	for _, g := range groups {
		assert.False(t, seen[g.Name], g.Name)
		seen[g.Name] = true
	}
	assert.Error(t, Compare(&bytes.Buffer{}, []Entry{a}, "report", made))
}

func TestGroupsAreNamedByWhatTellsThemApartAndNoMore(t *testing.T) {
	var entries []Entry
	for _, settings := range [][]Fact{
		{{"rule", "bp"}, {"backward init", ""}, {"lr", "0.1"}}, {{"rule", "bp"}, {"backward init", ""}, {"lr", "0.2"}}, {{"rule", "dfa"}, {"backward init", "U1"}, {"lr", "0.1"}},
	} {
		e := sampleEntry("x", "0", 0.9)
		e.Settings = settings
		entries = append(entries, e)
	}
	groups := grouped(entries)
	names(groups, differences(groups))
	assert.Equal(t, []string{"bp, lr 0.1", "bp, lr 0.2", "dfa, lr 0.1"}, []string{groups[0].Name, groups[1].Name, groups[2].Name})
	groups = grouped(entries[1:])
	names(groups, differences(groups))
	assert.Equal(t, []string{"bp", "dfa"}, []string{groups[0].Name, groups[1].Name})

	same := grouped([]Entry{entries[0], entries[0]})
	require.Len(t, same, 1)
	names(same, differences(same))
	assert.Equal(t, "all 2 runs", same[0].Name)
	assert.Equal(t, "1 in 2 runs", same[0].Seeds(), "one seed, run twice")
	assert.Equal(t, "1", groups[0].Seeds())
}

func TestFiguresReadLikeNumbers(t *testing.T) {
	nan := math.NaN()
	for _, c := range []struct {
		f         Figure
		deviation float64
		want      string
	}{
		{Figure{"", 0.95161, true}, nan, "95.16 %"}, {Figure{"", 0.95, true}, 0.001, "95.00 ± 0.10 %"}, {Figure{"", nan, true}, nan, "–"},
		{Figure{"", 123456.7, false}, 1234, "123,457 ± 1,234"}, {Figure{"", 3, false}, 0, "3"}, {Figure{"", 0.24991, false}, nan, "0.2499"}, {Figure{"", nan, false}, nan, "–"},
	} {
		assert.Equal(t, c.want, c.f.text(c.deviation))
	}
}

func TestMeanLeavesOutWhatWasNotMeasured(t *testing.T) {
	mean, deviation := meanOf([]float64{1, math.NaN(), 3})
	assert.Equal(t, 2.0, mean)
	assert.InDelta(t, math.Sqrt2, deviation, 1e-12)
	mean, deviation = meanOf([]float64{1, math.NaN()})
	assert.Equal(t, 1.0, mean)
	assert.True(t, math.IsNaN(deviation))
}
