package report

import (
	"fmt"
	"math"
	"strings"

	"mdfa/internal/figures"
)

// bins of a histogram.
const bins = 60

// layerRow is a layer in the table of weights.
type layerRow struct {
	Layer                     int
	Name, Shape               string
	Count                     int
	Mean, Norm, Low, High     string
	AtFloor, Zero, NotNumbers string
}

// spread is the histogram of a layer's weights, and its row in the table.
func spread(l Layer, index int, floor float64) (chart, layerRow) {
	low, high, sum, squares := math.Inf(1), math.Inf(-1), 0.0, 0.0
	held, zero, numbers := 0, 0, 0
	for _, w := range l.Weights {
		x := float64(w)
		if math.IsNaN(x) || math.IsInf(x, 0) {
			continue
		}
		numbers++
		low, high = min(low, x), max(high, x)
		sum += x
		squares += x * x
		if l.Clamped && x <= floor {
			held++
		}
		if x == 0 {
			zero++
		}
	}
	share := func(n int) string { return percent(float64(n) / float64(max(1, numbers))) }
	row := layerRow{
		Layer: index + 1, Name: l.Name, Shape: shapeText(l.Shape), Count: len(l.Weights),
		Mean: short(sum / float64(max(1, numbers))), Norm: short(math.Sqrt(squares)), Low: short(low), High: short(high),
		AtFloor: "–", Zero: share(zero),
	}
	c := chart{Title: fmt.Sprintf("Layer %d, %s", index+1, l.Name), XLabel: "weight", Bars: true}
	c.Text = fmt.Sprintf("%s weights", figures.Count(len(l.Weights)))
	if l.Clamped {
		row.AtFloor = share(held)
		c.Text += fmt.Sprintf(", %s at the floor", row.AtFloor)
	}
	if bad := len(l.Weights) - numbers; bad > 0 {
		row.NotNumbers = figures.Count(bad)
		c.Text += fmt.Sprintf(", %s of them no numbers", row.NotNumbers)
	}
	if numbers == 0 {
		row.Low, row.High = short(math.NaN()), short(math.NaN())
		low, high = 0, 0
	}
	c.histogram(l, low, high, floor)
	c.Summary = fmt.Sprintf("Histogram of %s, %s: from %s to %s, mean %s", strings.ToLower(c.Title), c.Text, row.Low, row.High, row.Mean)
	return c, row
}

// histogram counts the weights into bins from low to high. Those at the floor are many and
// all equal: they have a text, a mark and no bar, which would make the others invisible.
func (c *chart) histogram(l Layer, low, high, floor float64) {
	if low == high {
		low, high = low-0.5, high+0.5
	}
	width := (high - low) / bins
	counts := make([]float64, bins)
	for _, w := range l.Weights {
		x := float64(w)
		if math.IsNaN(x) || math.IsInf(x, 0) || l.Clamped && x <= floor {
			continue
		}
		counts[min(bins-1, int((x-low)/width))]++
	}
	centres := make([]float64, bins)
	for i := range centres {
		centres[i] = low + (float64(i)+0.5)*width
	}
	c.X = numbers(centres)
	name := "weights"
	if l.Clamped {
		name = "weights above the floor"
		c.Marks = []mark{{"x", number(floor), "floor"}}
	} else {
		c.Marks = []mark{{"x", 0, "0"}}
	}
	c.Series = []series{{Name: name, Values: numbers(counts)}}
}

// shapeText is a shape as "5×5×1×96".
func shapeText(shape []int) string {
	parts := make([]string, len(shape))
	for i, n := range shape {
		parts[i] = fmt.Sprint(n)
	}
	return strings.Join(parts, "×")
}
