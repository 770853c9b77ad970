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

func TestAComparisonNeedsTwoRuns(t *testing.T) {
	assert.Error(t, Compare(&bytes.Buffer{}, []Entry{sampleEntry("bp", "0", 0.9)}, "report", made))
}

func TestRunsOfOneGroupAreCountedBySeed(t *testing.T) {
	e := sampleEntry("bp", "0", 0.9)
	groups := grouped([]Entry{e, e})
	require.Len(t, groups, 1)
	assert.Equal(t, "all 2 runs", groups[0].Name)
	assert.Equal(t, "1 in 2 runs", groups[0].Seeds(), "one seed, run twice")
	assert.Equal(t, "1", grouped([]Entry{e})[0].Seeds())
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
