package report

import (
	"fmt"
	"html/template"
	"math"
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
	compared := p.Compared()
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
			s := p.outcome(g)
			if s.N == 0 {
				continue
			}
			row.mean, row.span, row.text = s.Mean, compare.Interval{Low: s.Mean - s.Deviation, High: s.Mean + s.Deviation}, s.String()
			for _, r := range g.Runs {
				row.points = append(row.points, r.Test)
				if p.Measure == compare.ByValid {
					row.points[len(row.points)-1] = r.Valid
				}
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
	d.Summary = d.Title + ", " + d.label + ": " + strings.Join(said, "; ")
	return d
}

// Picture returns the plot for a page.
func (d *dotPlot) Picture() template.HTML { return template.HTML(d.draw(&canvas{}, "dots")) }

// svg returns the plot as a file.
func (d *dotPlot) svg(id string) string { return d.draw(&canvas{file: true}, id) }

func (d *dotPlot) draw(c *canvas, id string) string {
	names, texts := 0.0, 0.0
	low, high := math.Inf(1), math.Inf(-1)
	if d.zero != "" {
		low, high = 0, 0
	}
	for _, r := range d.rows {
		if r.task {
			continue
		}
		names, texts = max(names, broad(r.name)), max(texts, broad(r.text))
		for _, x := range append([]float64{r.mean, r.span.Low, r.span.High}, r.points...) {
			if finite(x) {
				low, high = min(low, x), max(high, x)
			}
		}
	}
	pad := max(0.04*(high-low), 5e-4)
	const head = 22
	bottom := head + rowHeight*float64(len(d.rows))
	across := axis{low: 100 * (low - pad), high: 100 * (high + pad), from: names + 20, to: figureWidth - texts - 20}
	c.begin(id, d.Title, d.Summary, figureWidth, bottom+40)
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
			c.rect(0, y-rowHeight/2+2, figureWidth, rowHeight-3, c.colour("grid"))
			c.text(6, y+4.5, "start", c.colour("ink"), r.name)
			continue
		}
		c.text(6, y+4, "start", c.colour("ink"), r.name)
		c.text(figureWidth-6, y+4, "end", c.colour("ink"), r.text)
		y -= 2
		c.in(r.look, func(paint string) {
			for _, x := range r.points {
				c.marker(r.look, [2]float64{across.at(100 * x), y + 5}, 2.2, paint, false, .4)
			}
			if finite(r.span.Low) {
				c.path([][2]float64{{across.at(100 * r.span.Low), y}, {across.at(100 * r.span.High), y}}, paint, 1.8, nil)
			}
			c.marker(r.look, [2]float64{across.at(100 * r.mean), y}, 4.5, paint, r.hollow, 1)
		})
	}
	return c.end()
}
