package report

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"image/png"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/run/folder"
)

func page(t *testing.T, r *Run) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, Write(&b, r))
	return b.String()
}

// chartsOf are the numbers of a page's charts.
func chartsOf(t *testing.T, html string) []map[string]any {
	t.Helper()
	var list []map[string]any
	for _, m := range regexp.MustCompile(`(?s)<script type="application/json">(.*?)</script>`).FindAllStringSubmatch(html, -1) {
		var c map[string]any
		require.NoError(t, json.Unmarshal([]byte(m[1]), &c), m[1])
		list = append(list, c)
	}
	return list
}

func TestReportHasEveryPart(t *testing.T) {
	html := page(t, sample(5))
	for _, text := range []string{"<h2>Training</h2>", "<h2>Alignment</h2>", "<h2>Confusion matrix</h2>", "<h2>First layer</h2>", "<h2>Weights</h2>", "<h2>Facts</h2>",
		"train -model mdfa -convnet -max_epochs 20", "97.31 %", "All 8 filters, 5×5 pixels each", "5×5×1×8", "1152×10"} {
		assert.Contains(t, html, text)
	}
	for _, c := range chartsOf(t, html) {
		n := len(c["x"].([]any))
		assert.NotZero(t, n)
		for _, s := range c["series"].([]any) {
			assert.Len(t, s.(map[string]any)["values"], n)
		}
	}
}

func TestReportFetchesNothing(t *testing.T) {
	html := page(t, sample(5))
	assert.Contains(t, html, `content="default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data:"`)
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(html, -1) {
		assert.True(t, strings.HasPrefix(m[1], "data:"), m[1])
	}
	assert.NotContains(t, html, "@import")
	assert.NotContains(t, html, "url(")
}

func TestReportLeavesOutWhatThereIsNot(t *testing.T) {
	html := page(t, &Run{Title: "bp · fully connected network on mnist", Status: "failed", Reason: "the disk is full", Made: made})
	assert.Contains(t, html, "the disk is full")
	for _, text := range []string{"<h2>Training</h2>", "<h2>Alignment</h2>", "<h2>Confusion matrix</h2>", "<h2>First layer</h2>", "<h2>Weights</h2>", "ZgotmplZ"} {
		assert.NotContains(t, html, text)
	}
}

func TestReportEscapesWhatItIsTold(t *testing.T) {
	r := sample(2)
	const hostile = `</script><img src=x onerror=alert(1)>'"&`
	r.Title, r.Command, r.Folder, r.Reason, r.Producer = hostile, hostile, hostile, hostile, hostile
	r.Outcome = []Number{{hostile, hostile, hostile}}
	r.Groups = []Group{{hostile, []Fact{{hostile, hostile}}}}
	r.Test.Names[3], r.Layers[0].Name, r.Align[0].Kind = hostile, hostile, hostile
	html := page(t, r)
	assert.NotContains(t, html, "<img src=x")
	assert.NotContains(t, html, "ZgotmplZ")
	chartsOf(t, html)
}

// sizeLimit of a page with large layers and long curves, in bytes.
const sizeLimit = 400_000

func TestReportStaysSmall(t *testing.T) {
	r := sample(10_000)
	r.Layers[0] = Layer{Name: "dense 1024", Shape: []int{3072, 1024}, Weights: noise(3072 * 1024)}
	r.Input = [3]int{32, 32, 3}
	html := page(t, r)
	assert.Less(t, len(html), sizeLimit)
	charts := chartsOf(t, html)
	x := charts[0]["x"].([]any)
	assert.LessOrEqual(t, len(x), maxPoints+1)
	assert.Equal(t, 1.0, x[0])
	assert.Equal(t, 10_000.0, x[len(x)-1])
	assert.Contains(t, x, 9999.0, "the best epoch is among the points")
}

func noise(n int) []float32 {
	w := make([]float32, n)
	for i := range w {
		w[i] = float32(math.Sin(float64(i)*float64(i))) * 0.1
	}
	return w
}

func TestGapsAreNull(t *testing.T) {
	r := sample(3)
	r.Epochs[1].TrainLoss = folder.Known(math.NaN())
	r.Epochs[2].TrainLoss = folder.Known(math.Inf(1))
	charts := chartsOf(t, page(t, r))
	s := charts[0]["series"].([]any)[0].(map[string]any)
	assert.Equal(t, []any{1.05, nil, nil}, s["values"])
	s = charts[1]["series"].([]any)[0].(map[string]any)
	assert.Equal(t, "training", s["name"], "top-5 was not measured and is no line")
	assert.Len(t, charts[1]["series"], 2)
}

func TestFiltersAreSignedWithAClearZero(t *testing.T) {
	r := sample(1)
	w := make([]float32, 200)
	w[0*8+2], w[1*8+2], w[24*8+2] = -1, 1, 0.5 // of filter 2: the first two pixels and the last
	r.Layers[0].Weights = w
	f, err := firstLayer(r)
	require.NoError(t, err)
	require.Len(t, f.Strips, 1)
	assert.Equal(t, 8, f.Shown)
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(f.Strips[0].URI, "data:image/png;base64,"))
	require.NoError(t, err)
	img, err := png.Decode(bytes.NewReader(raw))
	require.NoError(t, err)
	const left = 2 * (5 + 1 + 1) // two filters before it, each with a gap
	at := func(x, y int) (r, b, a uint32) {
		r, _, b, a = img.At(left+x, y).RGBA()
		return
	}
	red, blue, alpha := at(0, 0)
	assert.Greater(t, blue, red, "negative is blue")
	assert.Equal(t, uint32(0xffff), alpha)
	red, blue, _ = at(1, 0)
	assert.Greater(t, red, blue, "positive is red")
	_, _, alpha = at(2, 2)
	assert.Zero(t, alpha, "zero is the page itself")
	_, _, alpha = at(4, 4)
	assert.InDelta(t, 0x8000, alpha, 0x800, "half the weight, half the colour")
	assert.Equal(t, "1", f.Scale)
}

func TestFiltersOfColourImagesHaveThreePlanes(t *testing.T) {
	r := sample(1)
	r.Input = [3]int{2, 2, 3}
	w := make([]float32, 12*5)
	w[(3*3+1)*5+4] = 1 // green, at the last pixel, of unit 4
	r.Layers[0] = Layer{Name: "dense 5", Shape: []int{12, 5}, Weights: w}
	f, err := firstLayer(r)
	require.NoError(t, err)
	assert.True(t, f.Planes)
	require.Len(t, f.Strips, 2)
	raw, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(f.Strips[1].URI, "data:image/png;base64,"))
	require.NoError(t, err)
	img, err := png.Decode(bytes.NewReader(raw))
	require.NoError(t, err)
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			_, _, _, alpha := img.At(x, y).RGBA()
			assert.Equal(t, x == 3+1 && y == 1, alpha > 0, "%d, %d", x, y)
		}
	}
}

func TestLargeFiltersAreMadeSmaller(t *testing.T) {
	r := sample(1)
	r.Input = [3]int{224, 224, 3}
	r.Layers[0] = Layer{Name: "dense 2", Shape: []int{224 * 224 * 3, 2}, Weights: noise(224 * 224 * 3 * 2)}
	f, err := firstLayer(r)
	require.NoError(t, err)
	assert.Equal(t, "56×56", f.Made)
}

func TestWeightsThatDoNotFitAreRefused(t *testing.T) {
	r := sample(1)
	r.Layers[0].Weights = r.Layers[0].Weights[1:]
	assert.Error(t, Write(&bytes.Buffer{}, r))
	r = sample(1)
	r.Test.Counts = r.Test.Counts[1:]
	assert.Error(t, Write(&bytes.Buffer{}, r))
}

func TestHistogramsCountEveryWeightOnceAndTheFloorInWords(t *testing.T) {
	l := Layer{Name: "dense 2", Shape: []int{5, 2},
		Weights: []float32{0, 0, 0, 0, 0.5, 1, 1, float32(math.NaN()), 0.25, 0.75}}
	c, row := spread(l, 1, look{})
	sum := 0.0
	for _, n := range c.Series[0].Values {
		sum += float64(n)
	}
	assert.Equal(t, 5.0, sum)
	assert.Equal(t, 2.0, float64(c.Series[0].Values[bins-1]), "the largest two")
	assert.Equal(t, "44.44 %", row.AtFloor)
	assert.Equal(t, "10 weights, 44.44 % at the floor, 1 of them no numbers", c.Text)
	c, _ = spread(Layer{Name: "dense 1", Weights: []float32{3, 3}, Floor: math.NaN()}, 0, look{})
	assert.Equal(t, 2.0, float64(c.Series[0].Values[bins/2]), "equal weights have a bar, too")
}

func TestMatrixFitsTheNumberOfClasses(t *testing.T) {
	for _, n := range []int{2, mostCells, mostCells + 1, mostPixels, mostPixels + 1} {
		c := &Confusion{Split: "test", Counts: make([]int, n*n)}
		for i := range n {
			c.Names = append(c.Names, fmt.Sprint("class ", i))
			c.Counts[i*n+i] = 10
		}
		c.Counts[1*n+0], c.Counts[n*n-1] = 7, 0 // and no images of the last class
		if n == 2 {
			c.Counts[n*n-1] = 10
		}
		m, err := newMatrix(c)
		require.NoError(t, err)
		assert.Equal(t, n <= mostCells, m.Rows != nil)
		assert.Equal(t, n > mostCells && n <= mostPixels, m.Picture != "")
		assert.Equal(t, []pair{{"class 1", "class 0", 7, "41.18 %"}}, m.Pairs)
		if n > mostCells {
			assert.Equal(t, worst{"class 1", "58.82 %", 17}, m.Worst[0])
		}
	}
}

func TestEveryChartHasColumnsAndEachColumnItsChart(t *testing.T) {
	lines := map[string]int{}
	for _, c := range folder.EpochColumns {
		lines[c.Chart]++
		assert.Equal(t, c.Chart == "", c.Line == "", c.Name)
	}
	for _, c := range folder.AlignmentColumns {
		lines[c.Chart]++
	}
	delete(lines, "")
	for _, c := range append(slices.Clone(epochCharts), alignmentCharts...) {
		assert.Positive(t, lines[c.Title], "%s: no column is in this chart", c.Title)
		delete(lines, c.Title)
	}
	assert.Empty(t, lines, "columns of charts that the page does not have")
}
