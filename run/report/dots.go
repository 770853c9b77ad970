package report

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strings"

	"mdfa/run/compare"
)

// dotPlot shows the groups of all tasks as points with intervals on one axis: their differences from the baseline, or
// accuracies where nothing is compared.
type dotPlot struct {
	Title, Text, Summary string
	label                string // of the axis
	zero                 string // what a difference of 0 is; "" for accuracies
	rows                 []dotRow
}

// dotRow is a task's name, or a group.
type dotRow struct {
	name   string
	look   look
	task   bool
	mean   float64
	span   compare.Interval
	points []float64 // of the seeds
	text   string    // mean and interval
	hollow bool      // it may be luck
}

// dots returns the plot, nil without a measured group.
func (p *comparison) dots() *dotPlot {
	d := &dotPlot{}
	compared := false
	for _, g := range p.groups {
		compared = compared || g.Against != nil && g.Against.Pairs() > 0
	}
	if compared {
		d.Title, d.zero = fmt.Sprintf("Difference to %s in %s", p.Baseline, p.Measure), p.Baseline
		d.label = "difference in percentage points"
		d.Text = "Means of pairs of the same seed, with 95 % intervals by t; faint: each pair. A full marker is more than luck " +
			fmt.Sprintf("(corrected p below %g), a hollow one may be luck.", compare.Significant)
	} else {
		d.Title = capital(p.Measure)
		d.label = d.Title + " in %"
		d.Text = "Means over the seeds, with one standard deviation to each side; faint: each seed."
	}
	var said []string
	task := ""
	for t, g := range p.groups {
		row := dotRow{name: g.Name, look: p.looks[g.Name]}
		if a := g.Against; compared {
			if a == nil || a.Pairs() == 0 {
				continue
			}
			row.mean, row.span, row.points, row.text, row.hollow = a.Mean, a.T, a.Values, a.String(), a.Verdict() == compare.Open
		} else {
			s := g.Outcome(p.Measure)
			if s.N == 0 {
				continue
			}
			row.mean, row.span, row.text = s.Mean, compare.Interval{Low: s.Mean - s.Deviation, High: s.Mean + s.Deviation}, s.String()
			for _, r := range g.Runs {
				row.points = append(row.points, r.Accuracy(p.Measure))
			}
		}
		if t.Name != task {
			d.rows, task = append(d.rows, dotRow{name: t.Name, task: true}), t.Name
		}
		d.rows = append(d.rows, row)
		said = append(said, p.name(t, g)+" "+row.text)
	}
	if len(said) == 0 {
		return nil
	}
	if _, _, cut := d.extent(); cut {
		d.Text += " An arrowhead marks an interval that goes on."
	}
	d.Summary = d.Title + ", " + d.label + ": " + strings.Join(said, "; ")
	return d
}

// extent returns the ends of the axis, and says whether they cut an interval off: with two or three seeds one may be many
// times as long as all differences.
func (d *dotPlot) extent() (low, high float64, cut bool) {
	low, high = math.Inf(1), math.Inf(-1)
	if d.zero != "" {
		low, high = 0, 0
	}
	for _, r := range d.rows {
		for _, x := range append([]float64{r.mean}, r.points...) {
			if !r.task {
				low, high = min(low, x), max(high, x)
			}
		}
	}
	least, most := low-(high-low)/2, high+(high-low)/2
	for _, r := range d.rows {
		if !r.task && finite(r.span.Low) {
			low, high = min(low, max(least, r.span.Low)), max(high, min(most, r.span.High))
			cut = cut || r.span.Low < low || r.span.High > high
		}
	}
	pad := max(0.04*(high-low), 5e-4)
	return low - pad, high + pad, cut
}

// Wide returns the plot for a page.
func (d *dotPlot) Wide() template.HTML { return template.HTML(d.draw(&canvas{}, "dots", figureWidth)) }

// Narrow returns the plot for a telephone, whose numbers are in the table alone.
func (d *dotPlot) Narrow() template.HTML {
	n := *d
	n.rows = slices.Clone(d.rows)
	for i := range n.rows {
		n.rows[i].text = ""
	}
	return template.HTML(n.draw(&canvas{}, "dots-narrow", figureWidth*2/3))
}

// svg returns the plot as a file.
func (d *dotPlot) svg(id string) string { return d.draw(&canvas{file: true}, id, figureWidth) }

func (d *dotPlot) draw(c *canvas, id string, width float64) string {
	low, high, _ := d.extent()
	names, texts := 0.0, 0.0
	for _, r := range d.rows {
		if !r.task {
			names, texts = max(names, broad(r.name)), max(texts, broad(r.text))
		}
	}
	const head = 22
	bottom := head + rowHeight*float64(len(d.rows))
	across := axis{low: 100 * low, high: 100 * high, from: names + 20, to: width - texts - 20}
	c.begin(id, d.Title, d.Summary, width, bottom+40)
	for _, v := range across.ticks(4, false) {
		c.path([][2]float64{{across.at(v), head}, {across.at(v), bottom}}, c.colour("grid"), 1, nil)
		c.text(across.at(v), bottom+15, "middle", c.colour("soft"), plain(v))
	}
	c.path([][2]float64{{across.from, bottom}, {across.to, bottom}}, c.colour("line"), 1, nil)
	c.text((across.from+across.to)/2, bottom+32, "middle", c.colour("ink"), d.label)
	if d.zero != "" {
		c.path([][2]float64{{across.at(0), head - 4}, {across.at(0), bottom}}, c.colour("soft"), 1.5, nil)
		c.text(across.at(0), head-9, "middle", c.colour("soft"), d.zero)
	}
	for i, r := range d.rows {
		y := head + rowHeight*(float64(i)+0.5)
		if r.task {
			c.rect(0, y-rowHeight/2+2, width, rowHeight-3, c.colour("grid"))
			c.text(6, y+4.5, "start", c.colour("ink"), r.name)
			continue
		}
		c.text(6, y+4, "start", c.colour("ink"), r.name)
		c.text(width-6, y+4, "end", c.colour("ink"), r.text)
		y -= 2
		c.in(r.look, func(paint string) {
			for _, x := range r.points {
				c.marker(r.look, [2]float64{across.at(100 * x), y + 5}, 2.2, paint, false, .4)
			}
			if finite(r.span.Low) {
				from, to := max(across.low, 100*r.span.Low), min(across.high, 100*r.span.High)
				c.path([][2]float64{{across.at(from), y}, {across.at(to), y}}, paint, 1.8, nil)
				if from > 100*r.span.Low {
					c.marker(look{Marker: triangleLeft}, [2]float64{across.at(from), y}, 3, paint, false, 1)
				}
				if to < 100*r.span.High {
					c.marker(look{Marker: triangleRight}, [2]float64{across.at(to), y}, 3, paint, false, 1)
				}
			}
			c.marker(r.look, [2]float64{across.at(100 * r.mean), y}, 4.5, paint, r.hollow, 1)
		})
	}
	return c.end()
}
