package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"mdfa/internal/figures"
	"mdfa/run/folder"
)

// maxPoints limits the points of a line: a chart on a large screen has as many pixels.
const maxPoints = 500

// maxCompared limits those of a comparison, which has many small charts.
const maxCompared = 200

// number is a float64 with as many digits in JSON as a chart can show. NaN and infinities are null, a
// gap in the line.
type number float64

// MarshalJSON writes the number, or null.
func (n number) MarshalJSON() ([]byte, error) {
	x := float64(n)
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return []byte("null"), nil
	}
	return strconv.AppendFloat(nil, x, 'g', 6, 64), nil
}

func numbers(x []float64) []number {
	list := make([]number, len(x))
	for i, v := range x {
		list[i] = number(v)
	}
	return list
}

// series is a line of a chart, or its bars.
type series struct {
	Name string `json:"name"`
	look
	Values []number `json:"values"`
	Low    []number `json:"low,omitempty"` // a band around the line
	High   []number `json:"high,omitempty"`
}

// mark is a labelled line across the chart.
type mark struct {
	Axis  string `json:"axis"` // "x" or "y": the axis of At
	At    number `json:"at"`
	Label string `json:"label"`
}

// chart is a chart for assets/report.js. Title, Text and Summary are in the page itself.
type chart struct {
	Title   string `json:"-"`
	Text    string `json:"-"` // under the title
	Summary string `json:"-"` // the text for screen readers
	LogY    bool   `json:"-"` // the chart has a switch for a logarithmic axis

	XLabel  string   `json:"xLabel"`
	LogX    bool     `json:"logX,omitempty"`
	Ticks   bool     `json:"ticks,omitempty"` // the x axis has its ticks at X
	X       []number `json:"x"`
	Series  []series `json:"series"`
	Percent bool     `json:"percent,omitempty"`
	Unit    string   `json:"unit"`
	Range   *[2]int  `json:"range,omitempty"` // of the y axis
	Zero    bool     `json:"zero,omitempty"`  // the y axis begins at 0
	Whole   bool     `json:"whole,omitempty"` // x are whole numbers
	Bars    bool     `json:"bars,omitempty"`
	Marks   []mark   `json:"marks,omitempty"`
}

// measured says whether a line has any number.
func measured(x []float64) bool {
	return slices.ContainsFunc(x, func(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) })
}

// thin picks at most some of n indices, evenly, with the first, the last and all of keep.
func thin(n, most int, keep ...int) []int {
	var picked []int
	if n <= most {
		for i := range n {
			picked = append(picked, i)
		}
		return picked
	}
	for i := range most {
		picked = append(picked, i*(n-1)/(most-1))
	}
	for _, i := range keep {
		if i >= 0 && i < n {
			picked = append(picked, i)
		}
	}
	slices.Sort(picked)
	return slices.Compact(picked)
}

// pick returns the elements of x at the given indices.
func pick[T any](x []T, at []int) []T {
	list := make([]T, len(at))
	for i, j := range at {
		list[i] = x[j]
	}
	return list
}

// epochCharts show training and validation by epoch.
var epochCharts = []chart{
	{Title: folder.ChartLoss, Text: "Cross-entropy in nats, the mean over the examples of an epoch.", LogY: true},
	{Title: folder.ChartAccuracy, Text: "Training batches are counted before their update, validation after the epoch."},
	{Title: folder.ChartRate, Text: "In the last step of an epoch.", Zero: true},
	{Title: folder.ChartSpeed, Text: "Images trained on in a second.", Zero: true},
}

// validation is the line of the measurement by which the best epoch is chosen.
const validation = "validation"

// curves draws the charts by epoch. Validation has the rule's look, training other dashes and no markers.
func curves(epochs []folder.Epoch, rule look) []chart {
	if len(epochs) == 0 {
		return nil
	}
	best := -1
	for i, e := range epochs {
		if e.Best {
			best = i
		}
	}
	at := thin(len(epochs), maxPoints, best)
	x := make([]float64, len(at))
	for i, j := range at {
		x[i] = float64(epochs[j].Number)
	}
	return drawn(epochCharts, folder.EpochColumns, func(c *chart, column folder.Column[folder.Epoch]) {
		c.XLabel, c.X, c.Whole = "epoch", numbers(x), true
		if best >= 0 && len(epochs) > 1 && c.Title != folder.ChartSpeed {
			c.Marks = []mark{{"x", number(epochs[best].Number), "best"}}
		}
		y := make([]float64, len(at))
		for i, j := range at {
			y[i] = column.Number(&epochs[j])
		}
		l := rule
		if several := column.Chart == folder.ChartLoss || column.Chart == folder.ChartAccuracy; several && column.Line != validation {
			l = rule.dashed(1 + len(c.Series))
			l.Marker = ""
		}
		c.add(column.Line, l, y)
	})
}

// drawn returns the charts that have a line. draw adds the lines of a column to a chart.
func drawn[T any](charts []chart, columns folder.Columns[T], draw func(*chart, folder.Column[T])) []chart {
	var list []chart
	for _, c := range charts {
		for _, column := range columns {
			if column.Chart == c.Title {
				c.Percent = column.Unit == folder.UnitShare
				if column.Unit == folder.UnitDegrees {
					c.Unit = column.Unit
				}
				draw(&c, column)
			}
		}
		list = append(list, c)
	}
	return withLines(list)
}

// add adds a line, unless all its values are missing.
func (c *chart) add(name string, l look, values []float64) {
	if measured(values) {
		c.Series = append(c.Series, series{Name: name, look: l, Values: numbers(values)})
	}
}

// withLines returns the charts that have a line, with their summaries.
func withLines(charts []chart) []chart {
	var list []chart
	for _, c := range charts {
		if len(c.Series) > 0 {
			c.Summary = c.summary()
			list = append(list, c)
		}
	}
	return list
}

// summary says how each line begins and ends.
func (c chart) summary() string {
	var parts []string
	for _, s := range c.Series {
		first, last := math.NaN(), math.NaN()
		for _, v := range s.Values {
			if x := float64(v); !math.IsNaN(x) && !math.IsInf(x, 0) {
				if math.IsNaN(first) {
					first = x
				}
				last = x
			}
		}
		parts = append(parts, fmt.Sprintf("%s from %s to %s", s.Name, c.value(first), c.value(last)))
	}
	return fmt.Sprintf("%s by %s: %s", c.Title, c.XLabel, strings.Join(parts, ", "))
}

// value writes a number of the chart.
func (c chart) value(x float64) string {
	if c.Percent {
		return percent(x)
	}
	return short(x) + c.Unit
}

// percent writes a share, and a NaN as "–".
func percent(x float64) string { return cmp.Or(figures.PagePercent(x), "–") }

// short writes a number to four digits, and a NaN as "–".
func short(x float64) string { return cmp.Or(figures.Short(x), "–") }

// plain writes a number for people: 5,120 or 0.2499.
func plain(x float64) string {
	const large = 1000 // numbers from here on have no fraction
	if math.Abs(x) >= large && math.Abs(x) < math.MaxInt32 {
		return figures.Count(int(math.Round(x)))
	}
	return short(x)
}
