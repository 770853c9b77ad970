package report

import (
	"encoding/xml"
	"errors"
	"html"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/run/compare"
	"mdfa/run/folder"
)

// linesOf are the lines of a chart, by name.
func linesOf(c map[string]any) map[string]map[string]any {
	lines := map[string]map[string]any{}
	for _, s := range c["series"].([]any) {
		lines[s.(map[string]any)["name"].(string)] = s.(map[string]any)
	}
	return lines
}

func TestTheClaimComesFirst(t *testing.T) {
	page := compared(t, noLink, sweep(t)...)
	assert.Contains(t, page, "<h1>bp, dfa and mdfa on made-up</h1>")
	assert.Contains(t, page, "6 comparisons with bp: 3 ahead, 2 behind, 1 that may be luck.")
	_, claims, _ := strings.Cut(page, `<section class="claims">`)
	claims, _, _ = strings.Cut(claims, "</section>")
	assert.Regexp(t, `(?s)<h3>classes 2</h3>\s*<p><strong>dfa has the highest mean test accuracy, 9\d\.\d+ ± 0\.\d+ %\.</strong> `+
		`dfa is ahead of bp by 1\.\d+ percentage points \(95 % interval \+0\.\d+ to \+1\.\d+, corrected p 0\.\d+\)\.</p>`, html.UnescapeString(claims))
	assert.Contains(t, claims, "No difference between mdfa and bp is shown")
	assert.Contains(t, claims, "mdfa is behind bp by 5.0")
	assert.Less(t, strings.Index(page, "claims"), strings.Index(page, "<table>"))
}

func TestTheRivalOfTheBaselineIsNamedWhereThatIsBest(t *testing.T) {
	html := compared(t, noLink, sampleRun(t, "bp", 3, 0, 0.9), sampleRun(t, "fa", 3, 0, 0.7), sampleRun(t, "mdfa", 3, 0, 0.8))
	assert.Regexp(t, `<strong>bp has the highest mean test accuracy, 90\.00 %\.</strong> mdfa and bp cannot be told apart with 1 pair`, html)
	assert.NotContains(t, html, "by number of classes", "there is one number")
	assert.NotContains(t, html, "best two")
}

func TestTheBestIsComparedWithTheSecondOnThePage(t *testing.T) {
	html := compared(t, noLink, sampleRun(t, "bp", 3, 0, 0.6), sampleRun(t, "fa", 3, 0, 0.7), sampleRun(t, "mdfa", 3, 0, 0.8))
	assert.Regexp(t, `<strong>mdfa has the highest mean test accuracy, 80\.00 %\.</strong> mdfa and bp cannot be told apart with 1 pair: [^<]* The best two: mdfa and fa cannot be told apart with 1 pair`, html)
}

func TestDifferencesHavePointsAndIntervals(t *testing.T) {
	html := compared(t, noLink, sweep(t)...)
	svg := regexp.MustCompile(`(?s)<svg[^>]*aria-labelledby="dots-title dots-text".*?</svg>`).FindString(html)
	require.NotEmpty(t, svg)
	assert.Contains(t, svg, `<title id="dots-title">Difference to bp in test accuracy</title>`)
	assert.Regexp(t, `<desc id="dots-text">.*classes 5: mdfa -5\.0`, svg)
	assert.Equal(t, 6*8, strings.Count(svg, `opacity="0.4"`), "a point for each seed")
	assert.Equal(t, 1, strings.Count(svg, `fill="var(--card)" stroke="currentColor"`), "one difference may be luck: it is hollow")
	assert.Contains(t, svg, "--light:"+looksOf()["mdfa"].Light)
	assert.NotContains(t, svg, "NaN")
}

func TestWithoutABaselineTheDotsAreAccuracies(t *testing.T) {
	html := compared(t, noLink, sampleRun(t, "bp", 3, 0, 0.9), sampleRun(t, "bp", 3, 1, 0.92))
	assert.Contains(t, html, ">Test accuracy in %</text>")
	assert.Contains(t, html, "bp has a mean test accuracy of 91.0 ± 1.4 %.")
	assert.Contains(t, html, "Nothing but the seed.")
	html = compared(t, noLink, sampleRun(t, "bp", 3, 0, 0.9), sampleRun(t, "fa", 3, 1, 0.92))
	assert.Contains(t, html, ">Test accuracy in %</text>", "they have no seed in common")
}

func TestAccuracyIsDrawnByTheNumberOfClasses(t *testing.T) {
	charts := chartsOf(t, compared(t, noLink, sweep(t)...))
	assert.Equal(t, "classes", charts[0]["xLabel"])
	assert.Equal(t, []any{2.0, 3.0, 5.0}, charts[0]["x"])
	lines := linesOf(charts[0])
	require.Len(t, lines, 3)
	assert.InDelta(t, 0.91, lines["dfa"]["values"].([]any)[2], 0.01)
	assert.Len(t, lines["dfa"]["low"], 3)
	assert.Equal(t, looksOf()["dfa"].Marker, lines["dfa"]["marker"])
}

func TestNamedClassesStandForNoNumberOfClasses(t *testing.T) {
	runs := sweep(t)
	for i := range runs {
		if run := runs[i].Folder; run.Run.Data.Classes == 3 {
			run.Run.Flags["classes"] = "3+5+8"
			runs[i] = compare.NewRun(run)
		}
	}
	assert.Equal(t, []any{2.0, 5.0}, chartsOf(t, compared(t, noLink, runs...))[0]["x"])
}

func TestCurvesAreMeansWithBands(t *testing.T) {
	html := compared(t, noLink, sampleRun(t, "bp", 3, 0, 0.90), sampleRun(t, "mdfa", 3, 0, 0.95), sampleRun(t, "bp", 3, 1, 0.92), sampleRun(t, "bp", 3, 2, 0.94))
	lines := linesOf(chartsOf(t, html)[0])
	require.Len(t, lines, 2)
	assert.NotContains(t, lines["mdfa"], "low", "one run has no deviation")
	mean := lines["bp"]["values"].([]any)[0].(float64)
	assert.InDelta(t, mean-0.02, lines["bp"]["low"].([]any)[0], 1e-5)
}

func TestRunsOfUnequalLengthAreOverlaid(t *testing.T) {
	a, b := sampleRun(t, "bp", 3, 0, 0.9), sampleRun(t, "fa", 3, 0, 0.9)
	b.Folder.Epochs = b.Folder.Epochs[:2]
	chart := chartsOf(t, compared(t, noLink, a, b))[0]
	assert.Equal(t, []any{1.0, 2.0, 3.0, 4.0}, chart["x"])
	values := linesOf(chart)["fa"]["values"].([]any)
	assert.NotNil(t, values[1])
	assert.Nil(t, values[2])
}

func TestAlignmentIsDrawnByLayerFromZero(t *testing.T) {
	runs := []compare.Run{sampleRun(t, "bp", 3, 0, 0.9), sampleRun(t, "fa", 3, 0, 0.9)}
	for i := range runs[0].Folder.Alignment {
		runs[0].Folder.Alignment[i].AngleBP = folder.Known(0)
	}
	html := compared(t, noLink, runs...)
	assert.Contains(t, html, "<h3>Layer 0</h3>")
	assert.Contains(t, html, "<h3>Layer 1</h3>")
	assert.NotContains(t, html, "Layer 2")
	for _, c := range chartsOf(t, html) {
		if c["unit"] == "°" {
			assert.Contains(t, linesOf(c), "fa")
			return
		}
	}
	assert.Fail(t, "there is no chart of angles")
}

func TestThePageSaysWhatWasTrained(t *testing.T) {
	html := compared(t, noLink, sweep(t)...)
	_, trained, _ := strings.Cut(html, "<h2>What was trained</h2>")
	trained, differs, _ := strings.Cut(trained, "<h2>What differs</h2>")
	differs, _, _ = strings.Cut(differs, "<h2>Runs</h2>")
	assert.Contains(t, trained, "<dt>lr</dt><dd>0.1</dd>")
	assert.Contains(t, trained, "<dt>images</dt><dd>100 train")
	assert.Contains(t, trained, "<dt>convnet</dt><dd>false</dd>", "the network differs, but not in this")
	assert.NotContains(t, trained, "<dt>classes</dt>")
	assert.NotContains(t, trained, "<dt>rule</dt>")
	assert.Contains(t, differs, `<th scope="row">classes 2: mdfa</th><td class="text">mdfa</td><td class="text">2</td>`)
}

func TestRunsHaveLinksToTheirPages(t *testing.T) {
	a, b := sampleRun(t, "bp", 3, 0, 0.9), sampleRun(t, "fa", 3, 0, 0.9)
	b.Folder.Result = nil // it was killed
	b = compare.NewRun(b.Folder)
	html := compared(t, func(dir string) string {
		if dir == a.Dir {
			return "../" + dir + "/report.html"
		}
		return ""
	}, a, b)
	assert.Contains(t, html, `<th scope="row"><a href="../results/bp-c3-s0/report.html">bp-c3-s0</a></th><td>0</td><td>complete</td><td>90.00 %</td>`)
	assert.Contains(t, html, `<th scope="row">fa-c3-s0</th><td>0</td><td>killed</td><td>–</td>`)
	assert.Contains(t, html, "fa cannot be compared with bp: no run of fa is complete.")
	assert.Contains(t, linesOf(chartsOf(t, html)[0]), "fa", "it has curves all the same")
}

func TestGroupsOfOneRuleAreShadesOfItsColour(t *testing.T) {
	var runs []compare.Run
	for _, lr := range []string{"0.1", "0.2", "0.3"} {
		r := sampleRun(t, "mdfa", 3, 0, 0.9)
		r.Folder.Run.Flags["lr"] = lr
		runs = append(runs, compare.NewRun(r.Folder))
	}
	lines := linesOf(chartsOf(t, compared(t, noLink, runs...))[0])
	require.Len(t, lines, 3)
	looks := map[any]bool{}
	for _, l := range lines {
		looks[l["light"]] = true
		assert.Equal(t, looksOf()["mdfa"].Marker, l["marker"])
	}
	assert.Len(t, looks, 3)
	assert.Contains(t, looks, looksOf()["mdfa"].Light)
}

func TestFiguresAreFilesOfTheirOwn(t *testing.T) {
	c, err := compare.New(sweep(t), compare.Options{})
	require.NoError(t, err)
	names := map[string]bool{}
	for _, d := range append(ComparisonFigures(c), RunFigures(sampleRun(t, "fa", 10, 0, 0.9).Folder)...) {
		assert.False(t, names[d.Name], d.Name)
		names[d.Name] = true
		assert.Regexp(t, `^[\w.-]+$`, d.Name)
		for _, no := range []string{"var(", "currentColor", "<script", "class=", "NaN", "Inf", "style="} {
			assert.NotContains(t, d.SVG, no, d.Name)
		}
		assert.Contains(t, d.SVG, "<title ")
		assert.Contains(t, d.SVG, "<desc ")
		decoder := xml.NewDecoder(strings.NewReader(d.SVG))
		for err == nil {
			_, err = decoder.Token()
		}
		assert.True(t, errors.Is(err, io.EOF), "%s: %v", d.Name, err)
		err = nil
	}
	for _, name := range []string{"difference-to-bp-in-test-accuracy", "test-accuracy-by-number-of-classes", "validation-accuracy-classes-5",
		"angle-to-backpropagation-s-gradient-classes-3-layer-0", "loss", "saturated-units"} {
		assert.Contains(t, names, name)
	}
}

func TestTicksAreRoundAndWithinTheAxis(t *testing.T) {
	assert.Equal(t, []float64{0, 0.2, 0.4, 0.6, 0.8, 1}, axis{low: 0, high: 1}.ticks(5, false))
	assert.Equal(t, []float64{1, 2, 3}, axis{low: 1, high: 3}.ticks(6, true))
	assert.Equal(t, []float64{-1, 0, 1}, axis{low: -1.7, high: 1.8}.ticks(4, false))
	assert.Equal(t, []float64{100, 150, 200}, axis{low: 95, high: 210}.ticks(3, true))
	assert.Equal(t, 20.0, axis{low: 2, high: 200, from: 10, to: 30, log: true}.at(20))
}

func TestAComparisonEscapesWhatItIsTold(t *testing.T) {
	const hostile = `</script><img src=x onerror=alert(1)>'"&` + "\x00"
	r := sampleRun(t, hostile, 3, 0, 0.9)
	r.Folder.Run.Data.Name, r.Folder.Result.Status, r.Folder.Dir = hostile, hostile, hostile
	r = compare.NewRun(r.Folder)
	page := compared(t, noLink, r, sampleRun(t, "bp", 3, 0, 0.9), sampleRun(t, "fa", 3, 1, 0.8))
	for _, no := range []string{"<img src=x", "ZgotmplZ", "\x00"} {
		assert.False(t, strings.Contains(page, no), no)
	}
}

func TestAComparisonStaysSmall(t *testing.T) {
	var runs []compare.Run
	for _, rule := range algo.RuleNames() {
		r := sampleRun(t, rule, 3, 0, 0.9)
		r.Folder.Epochs, r.Folder.Alignment = sample(2000).Epochs, sample(2000).Align
		other := sampleRun(t, rule, 3, 1, 0.8)
		other.Folder.Epochs, other.Folder.Alignment = r.Folder.Epochs, r.Folder.Alignment
		runs = append(runs, r, other)
	}
	assert.Less(t, len(compared(t, noLink, runs...)), 3*sizeLimit)
}
