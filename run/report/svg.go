package report

import (
	"fmt"
	"html"
	"math"
	"slices"
	"strings"

	"mdfa/internal/foreign"

	"gonum.org/v1/gonum/floats/scalar"
)

// canvas draws a figure as SVG, for a page, whose colours it takes, or for a file with fixed colours.
type canvas struct {
	strings.Builder
	file bool
}

// fixed are the colours of files: those of the style sheet on white paper.
var fixed = map[string]string{"ink": "#000000", "soft": "#444444", "line": "#999999", "grid": "#e4e4e4", "card": "#ffffff"}

// colour returns a colour of the style sheet.
func (c *canvas) colour(name string) string {
	if c.file {
		return fixed[name]
	}
	return "var(--" + name + ")"
}

// begin opens the figure. The ids of title and description must be its own in a page.
func (c *canvas) begin(id, title, description string, width, height float64) {
	if c.file {
		c.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	}
	fmt.Fprintf(c, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]g %[2]g" role="img" aria-labelledby="%[3]s-title %[3]s-text"`, width, height, id)
	if c.file {
		fmt.Fprintf(c, ` width="%g" height="%g" font-family="Helvetica, Arial, 'Liberation Sans', sans-serif"`, width, height)
	}
	fmt.Fprintf(c, ` font-size="11"><title id="%[1]s-title">%[2]s</title><desc id="%[1]s-text">%[3]s</desc>`+"\n", id, escaped(title), escaped(description))
	if c.file {
		c.rect(0, 0, width, height, fixed["card"])
	}
}

// end closes the figure and returns it.
func (c *canvas) end() string {
	c.WriteString("</svg>\n")
	return c.String()
}

// in draws with the colour of a look, which has the name that is handed to draw.
func (c *canvas) in(l look, draw func(paint string)) {
	if c.file {
		draw(l.Light)
		return
	}
	fmt.Fprintf(c, `<g class="tint" style="--light:%s;--dark:%s">`, l.Light, l.Dark)
	draw("currentColor")
	c.WriteString("</g>\n")
}

func (c *canvas) rect(x, y, width, height float64, paint string) {
	fmt.Fprintf(c, `<rect x="%s" y="%s" width="%s" height="%s" fill="%s"/>`, px(x), px(y), px(width), px(height), paint)
}

// path draws a line through points. dash may be nil.
func (c *canvas) path(points [][2]float64, paint string, width float64, dash []float64) {
	fmt.Fprintf(c, `<path d="%s" fill="none" stroke="%s" stroke-width="%g" stroke-linejoin="round"`, route(points), paint, width)
	if len(dash) > 0 {
		fmt.Fprintf(c, ` stroke-dasharray="%s"`, strings.Trim(fmt.Sprint(dash), "[]"))
	}
	c.WriteString("/>\n")
}

func (c *canvas) area(points [][2]float64, paint string) {
	fmt.Fprintf(c, `<path d="%sZ" fill="%s" fill-opacity=".12"/>`+"\n", route(points), paint)
}

// marker draws a look's marker, hollow or full.
func (c *canvas) marker(l look, at [2]float64, size float64, paint string, hollow bool, opacity float64) {
	fill := paint
	if hollow {
		fill = c.colour("card")
	}
	fmt.Fprintf(c, `<path d="%s" transform="translate(%s %s) scale(%g)" fill="%s" stroke="%s" stroke-width="%.2f"`, l.Marker, px(at[0]), px(at[1]), size, fill, paint, 1.2/size)
	if opacity < 1 {
		fmt.Fprintf(c, ` opacity="%g"`, opacity)
	}
	c.WriteString("/>\n")
}

// text writes a text. anchor is start, middle or end.
func (c *canvas) text(x, y float64, anchor, paint, text string) {
	fmt.Fprintf(c, `<text x="%s" y="%s" text-anchor="%s" fill="%s">%s</text>`+"\n", px(x), px(y), anchor, paint, escaped(text))
}

// escaped writes a text for XML, which has no control characters.
func escaped(text string) string { return html.EscapeString(foreign.Line(text)) }

// px writes a coordinate.
func px(x float64) string { return strings.TrimSuffix(fmt.Sprintf("%.1f", x), ".0") }

// route is the path through points.
func route(points [][2]float64) string {
	var b strings.Builder
	for i, p := range points {
		b.WriteByte("ML"[min(i, 1)])
		b.WriteString(px(p[0]) + " " + px(p[1]))
	}
	return b.String()
}

// broad estimates the width of a text.
func broad(text string) float64 { return 6 * float64(len([]rune(text))) }

// axis maps values from low to high to coordinates.
type axis struct {
	low, high, from, to float64
	log                 bool
}

func (a axis) at(x float64) float64 {
	low, high := a.low, a.high
	if a.log {
		x, low, high = math.Log(x), math.Log(low), math.Log(high)
	}
	return a.from + (a.to-a.from)*(x-low)/(high-low)
}

// ticks returns about n round numbers within the axis.
func (a axis) ticks(n int, whole bool) []float64 {
	rough := (a.high - a.low) / float64(n)
	step := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, factor := range []float64{1, 2, 5, 10} {
		if step*factor >= rough {
			step *= factor
			break
		}
	}
	if whole {
		step = max(1, math.Round(step))
	}
	var list []float64
	for i := math.Ceil(a.low/step - 1e-9); i*step <= a.high+step*1e-9; i++ {
		list = append(list, scalar.Round(i*step, 9))
	}
	return list
}

// Sizes of a figure in pixels.
const (
	figureWidth  = 480
	figureHeight = 300
	edge         = 12
	rowHeight    = 20
)

// svg returns the chart as an SVG file.
func (c chart) svg(id string) string {
	d := &canvas{file: true}
	var legend [][2]float64 // the places of the lines' names
	x, y := 0.0, 0.0
	for _, s := range c.Series {
		if wide := 40 + broad(s.Name); x > 0 && x+wide > figureWidth-2*edge {
			x, y = 0, y+16
		}
		legend = append(legend, [2]float64{edge + x, edge + 8 + y})
		x += 40 + broad(s.Name)
	}
	top := edge + y + 38
	d.begin(id, c.Title, c.Summary, figureWidth, figureHeight+y)
	for i, s := range c.Series {
		d.in(s.look, func(paint string) {
			at := legend[i]
			d.path([][2]float64{{at[0], at[1] - 4}, {at[0] + 24, at[1] - 4}}, paint, 2, s.Dash)
			d.marker(s.look, [2]float64{at[0] + 12, at[1] - 4}, 3.5, paint, false, 1)
			d.text(at[0]+30, at[1], "start", d.colour("ink"), s.Name)
		})
	}
	across, up := c.axes(56, figureWidth-edge, figureHeight+y-40, top)
	d.text(edge, top-10, "start", d.colour("ink"), c.Title)
	d.text((across.from+across.to)/2, figureHeight+y-8, "middle", d.colour("ink"), c.XLabel)
	levels := up.ticks(5, false)
	if c.Range != nil { // of angles
		levels = []float64{0, 30, 60, 90, 120, 150, 180}[:c.Range[1]/30+1]
	}
	for _, v := range levels {
		d.path([][2]float64{{across.from, up.at(v)}, {across.to, up.at(v)}}, d.colour("grid"), 1, nil)
		if !c.Bars {
			d.text(across.from-6, up.at(v)+4, "end", d.colour("soft"), c.tick(v))
		}
	}
	ticks := across.ticks(6, c.Whole)
	if c.Ticks {
		ticks = floatsOf(c.X)
	}
	for _, v := range ticks {
		d.text(across.at(v), up.from+16, "middle", d.colour("soft"), plain(v))
	}
	d.path([][2]float64{{across.from, up.from}, {across.to, up.from}}, d.colour("line"), 1, nil)
	for _, m := range c.Marks {
		v := float64(m.At)
		var line [][2]float64
		if m.Axis == "x" && v >= across.low && v <= across.high {
			line = [][2]float64{{across.at(v), up.from}, {across.at(v), up.to}}
		} else if m.Axis == "y" && v >= up.low && v <= up.high {
			line = [][2]float64{{across.from, up.at(v)}, {across.to, up.at(v)}}
		} else {
			continue
		}
		d.path(line, d.colour("soft"), 1, []float64{3, 3})
		d.text(line[1][0], line[1][1]-3, "end", d.colour("soft"), m.Label)
	}
	at := func(line []number) (points [][2]float64) {
		for i, v := range line {
			if finite(float64(v)) {
				points = append(points, [2]float64{across.at(float64(c.X[i])), up.at(float64(v))})
			}
		}
		return points
	}
	for _, s := range c.Series {
		if low := at(s.Low); len(low) > 1 {
			slices.Reverse(low)
			d.in(s.look, func(paint string) { d.area(append(at(s.High), low...), paint) })
		}
	}
	for i, s := range c.Series {
		d.in(s.look, func(paint string) { c.line(d, s.look, i, at(s.Values), across, up, paint) })
	}
	return d.end()
}

// line draws a series: bars, or a line with some markers.
func (c chart) line(d *canvas, l look, index int, points [][2]float64, across, up axis, paint string) {
	if c.Bars {
		width := (across.to - across.from) / float64(len(c.X))
		for _, p := range points {
			d.rect(p[0]-width/2, p[1], width, up.from-p[1], paint)
		}
		return
	}
	d.path(points, paint, 1.8, l.Dash)
	for i, p := range points {
		if l.Marker != "" && shown(i, index, len(points)) {
			d.marker(l, p, 3.5, paint, false, 1)
		}
	}
}

// mostMarkers is the number of markers on a line of many points.
const mostMarkers = 12

// shown says whether a point of a line has a marker. Lines have theirs at different points.
func shown(point, line, points int) bool {
	every := (points + mostMarkers - 1) / mostMarkers
	return (point+every-line*every/4%every)%max(1, every) == 0
}

// axes returns the axes of the chart between coordinates.
func (c chart) axes(left, right, bottom, top float64) (across, up axis) {
	x := floatsOf(c.X)
	across = axis{low: x[0], high: x[len(x)-1], from: left, to: right, log: c.LogX}
	if half := (across.high - across.low) / float64(2*max(1, len(x)-1)); c.Bars {
		across.low, across.high = across.low-half, across.high+half
	}
	if across.low == across.high {
		across.low, across.high, across.log = across.low-1, across.high+1, false
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, s := range c.Series {
		for _, line := range [][]number{s.Values, s.Low, s.High} {
			for _, v := range line {
				if x := float64(v); finite(x) {
					low, high = min(low, x), max(high, x)
				}
			}
		}
	}
	pad := 0.06 * (high - low)
	if pad == 0 {
		pad = max(0.06*math.Abs(high), 1e-3)
	}
	up = axis{low: low - pad, high: high + pad, from: bottom, to: top}
	if low >= 0 {
		up.low = max(0, up.low)
	}
	if c.Percent {
		up.low, up.high = max(0, up.low), min(1, up.high)
	}
	if c.Zero || c.Bars {
		up.low = 0
	}
	if c.Range != nil {
		up.low, up.high = float64(c.Range[0]), float64(c.Range[1])
	}
	return across, up
}

// tick writes a number at an axis.
func (c chart) tick(x float64) string {
	if c.Percent {
		return short(scalar.Round(100*x, 6)) + "%"
	}
	return plain(scalar.Round(x, 9)) + c.Unit
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

func floatsOf(list []number) []float64 {
	x := make([]float64, len(list))
	for i, v := range list {
		x[i] = float64(v)
	}
	return x
}
