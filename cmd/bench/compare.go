package bench

import (
	"fmt"
	"io"
	"slices"

	"mdfa/internal/foreign"
)

// change is the difference of a cell between two reports.
type change struct {
	key
	step     shift
	products shift // zero if one of the reports lacks them
}

// shift is a time before and now.
type shift struct {
	old, now         float64    // median seconds
	oldSpan, nowSpan [2]float64 // see span
}

func newShift(old, now timing) shift {
	return shift{old.Median, now.Median, span(old.Windows), span(now.Windows)}
}

// ratio is the speed now divided by the speed before.
func (s shift) ratio() float64 { return s.old / s.now }

// moved is +1 if now is faster and -1 if it is slower, beyond the noise of both
// reports, that is if their spans do not overlap; else 0.
func (s shift) moved() int {
	switch {
	case s.oldSpan[0] > s.nowSpan[1]:
		return 1
	case s.nowSpan[0] > s.oldSpan[1]:
		return -1
	}
	return 0
}

// verdict names the change. If the products moved like the step, the
// machine or its library changed rather than this program.
func (c change) verdict() string {
	moved := c.step.moved()
	if moved == 0 {
		return "within noise"
	}
	text := "FASTER"
	if moved < 0 {
		text = "SLOWER"
	}
	if c.products.moved() == moved {
		text += ", and so are the products alone"
	}
	return text
}

// comparison holds the cells that two reports share, and remarks on other differences.
type comparison struct {
	changes []change
	remarks []string
}

// compare pairs the cells of two reports.
func compare(old, now *report) comparison {
	var c comparison
	for _, differ := range []struct{ name, old, now string }{
		{"device", old.Device.Name + ", " + old.Device.Detail, now.Device.Name + ", " + now.Device.Detail},
		{"processor", old.CPU.Name, now.CPU.Name},
		{"math", old.Math, now.Math},
		{"data", old.Data, now.Data},
	} {
		if differ.old != differ.now {
			c.remarks = append(c.remarks, fmt.Sprintf("another %s: %q before, %q now", differ.name, differ.old, differ.now))
		}
	}
	shared := 0
	for _, n := range now.Cells {
		i := slices.IndexFunc(old.Cells, func(o result) bool { return o.key == n.key })
		if i < 0 || n.Step.Samples == 0 || old.Cells[i].Step.Samples == 0 {
			continue
		}
		shared++
		o := old.Cells[i]
		x := change{key: n.key, step: newShift(o.Step, n.Step)}
		if o.Products.Samples > 0 && n.Products.Samples > 0 {
			x.products = newShift(o.Products, n.Products)
		}
		c.changes = append(c.changes, x)
	}
	if alone := len(now.Cells) - shared; alone > 0 {
		c.remarks = append(c.remarks, fmt.Sprintf("%d of %d cells have no figures before or now", alone, len(now.Cells)))
	}
	return c
}

// span is the range of the windows. With five windows or more it leaves out the lowest and the
// highest: a single hiccup of the machine is not a change.
func span(windows []float64) [2]float64 {
	if len(windows) == 0 {
		return [2]float64{}
	}
	sorted := slices.Sorted(slices.Values(windows))
	const enough = 5
	if len(sorted) >= enough {
		sorted = sorted[1 : len(sorted)-1]
	}
	return [2]float64{sorted[0], sorted[len(sorted)-1]}
}

// noise is half the width of a span divided by the median.
func noise(span [2]float64, median float64) float64 { return (span[1] - span[0]) / 2 / median }

func (c comparison) grid() grid {
	g := grid{textual: 2, head: []string{"net", "model", "batch", "step before", "noise", "step now", "noise", "speed now/before", "products now/before", ""}}
	for _, x := range c.changes {
		products := "-"
		if x.products.now > 0 {
			products = fmt.Sprintf("%.2f", x.products.ratio())
		}
		s := x.step
		g.rows = append(g.rows, []string{
			x.network(), x.Model, fmt.Sprint(x.Batch),
			micro(s.old), fmt.Sprintf("±%.0f%%", 100*noise(s.oldSpan, s.old)),
			micro(s.now), fmt.Sprintf("±%.0f%%", 100*noise(s.nowSpan, s.now)),
			fmt.Sprintf("%.2f", s.ratio()), products, x.verdict(),
		})
	}
	return g
}

// print writes the comparison for a terminal. name is the earlier file.
func (c comparison) print(out io.Writer, name string) {
	fmt.Fprintf(out, "\nbeside %s; noise is that of the windows without the slowest and the fastest\n", name)
	for _, remark := range c.remarks {
		fmt.Fprintln(out, foreign.Line(remark))
	}
	fmt.Fprintln(out)
	c.grid().print(out)
}
