package report

import (
	"fmt"
	"math"
	"strings"

	"mdfa/internal/figures"
	"mdfa/run/checkpoint"
)

// bins is the number of bars of a histogram.
const bins = 60

// layerRow describes a layer in the table of weights.
type layerRow struct {
	Layer                 int
	Name, Shape           string
	Count                 int
	Mean, Norm, Low, High string
	AtFloor, Zero         string
}

// spread draws the histogram of a layer's weights and describes them in a row of the table.
func spread(l Layer, index int, rule look) (chart, layerRow) {
	s := checkpoint.Measure(l.Weights, l.Floor)
	share := func(n int) string { return percent(float64(n) / float64(max(1, s.Finite))) }
	row := layerRow{
		Layer: index, Name: l.Name, Shape: shapeText(l.Shape), Count: s.Number,
		Mean: short(s.Mean), Norm: short(s.Norm), Low: short(s.Min), High: short(s.Max), AtFloor: "–", Zero: share(s.Zeros),
	}
	c := chart{Title: fmt.Sprintf("Layer %d, %s", index, l.Name), XLabel: "weight", Bars: true}
	c.Text = fmt.Sprintf("%s weights", figures.Count(s.Number))
	if l.clamped() {
		row.AtFloor = share(s.AtFloor)
		c.Text += fmt.Sprintf(", %s at the floor", row.AtFloor)
	}
	if bad := s.Number - s.Finite; bad > 0 {
		c.Text += fmt.Sprintf(", %s of them no numbers", figures.Count(bad))
	}
	c.histogram(l, s, rule)
	c.Summary = fmt.Sprintf("Histogram of %s, %s: from %s to %s, mean %s", strings.ToLower(c.Title), c.Text, row.Low, row.High, row.Mean)
	return c, row
}

// histogram counts the weights into bins. Weights at the floor are many and all equal: they have a
// text and a mark, but no bar, since it would make the others invisible.
func (c *chart) histogram(l Layer, s checkpoint.Spread, rule look) {
	low, high := s.Min, s.Max
	switch {
	case s.Finite == 0:
		low, high = -0.5, 0.5
	case low == high:
		low, high = low-0.5, high+0.5
	}
	width := (high - low) / bins
	counts := make([]float64, bins)
	for _, w := range l.Weights {
		x := float64(w)
		if math.IsNaN(x) || math.IsInf(x, 0) || w <= float32(l.Floor) {
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
	if l.clamped() {
		name = "weights above the floor"
		c.Marks = []mark{{"x", number(l.Floor), "floor"}}
	} else {
		c.Marks = []mark{{"x", 0, "0"}}
	}
	c.Series = []series{{Name: name, look: rule, Values: numbers(counts)}}
}

// shapeText writes a shape: "5×5×1×96".
func shapeText(shape []int) string {
	parts := make([]string, len(shape))
	for i, n := range shape {
		parts[i] = fmt.Sprint(n)
	}
	return strings.Join(parts, "×")
}
