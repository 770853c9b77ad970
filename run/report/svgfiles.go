package report

import (
	"fmt"
	"regexp"
	"strings"

	"mdfa/run/compare"
	"mdfa/run/folder"
)

// Drawing is a chart as an SVG file with fixed colours, for a paper.
type Drawing struct {
	Name string // of the file, without .svg
	SVG  string
}

// drawings collects figures under names of their own.
type drawings []Drawing

var notInNames = regexp.MustCompile(`[^\p{L}\p{N}.]+`)

// add draws a figure. draw gets an id for its parts.
func (d *drawings) add(title string, draw func(id string) string) {
	name := strings.Trim(notInNames.ReplaceAllString(strings.ToLower(title), "-"), "-.")
	for _, other := range *d {
		if other.Name == name {
			name = fmt.Sprintf("%s-%d", name, len(*d))
		}
	}
	*d = append(*d, Drawing{name, draw(name)})
}

// RunFigures draws the charts of a run's report, those of the weights if they could be read.
func RunFigures(f *folder.Folder) []Drawing {
	var d drawings
	look := looksOf(f.Run.Rule)[f.Run.Rule]
	charts := append(curves(f.Epochs, look), alignmentOf(f.Alignment, look)...)
	for i, l := range (source{f}).layers() {
		c, _ := spread(l, i, look)
		c.Title = "Weights of " + strings.ToLower(c.Title)
		charts = append(charts, c)
	}
	for _, c := range charts {
		d.add(c.Title, c.svg)
	}
	return d
}

// ComparisonFigures draws the charts of a page that compares runs.
func ComparisonFigures(c *compare.Comparison) []Drawing {
	var d drawings
	p := newComparison(c)
	if dots := p.dots(); dots != nil {
		d.add(dots.Title, dots.svg)
	}
	for _, c := range p.byClasses() {
		d.add(c.Title, c.svg)
	}
	for _, f := range append(p.curves(), p.alignments()...) {
		for _, c := range f.Charts {
			if f.Title != "" && c.Title != f.Title {
				c.Title = f.Title + ", " + c.Title
			}
			d.add(c.Title, c.svg)
		}
	}
	return d
}
