package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"mdfa/loaders"
	"mdfa/run/compare"
	"mdfa/run/folder"
	"mdfa/run/settings"
)

// curves draws the learning curves of each task.
func (p *comparison) curves() []facets {
	of := func(value func(*folder.Epoch) folder.Float) func(compare.Run) points {
		return func(r compare.Run) points {
			list := points{}
			for i := range r.Folder.Epochs {
				list[r.Folder.Epochs[i].Number] = value(&r.Folder.Epochs[i]).OrNaN()
			}
			return list
		}
	}
	var list []facets
	for i, c := range []struct {
		chart
		of func(*folder.Epoch) folder.Float
	}{
		{chart{Title: "Validation accuracy", Percent: true}, func(e *folder.Epoch) folder.Float { return e.ValidAccuracy }},
		{chart{Title: "Training accuracy", Percent: true}, func(e *folder.Epoch) folder.Float { return e.TrainAccuracy }},
		{chart{Title: "Training loss", LogY: true}, func(e *folder.Epoch) folder.Float { return e.TrainLoss }},
		{chart{Title: "Validation loss", LogY: true}, func(e *folder.Epoch) folder.Float { return e.ValidLoss }},
		{chart{Title: "Images a second", Zero: true}, func(e *folder.Epoch) folder.Float { return e.ImagesPerSecond }},
	} {
		c.XLabel, c.Whole = "epoch", true
		f := facets{Title: c.Title, Closed: i > 0 && len(p.Tasks) > 1}
		for _, t := range p.Tasks {
			f.Charts = append(f.Charts, p.overlaid(c.chart, t, of(c.of)))
		}
		f.Charts = withLines(f.Charts)
		switch {
		case f.Charts == nil:
		case len(p.Tasks) == 1 && list != nil: // all charts are of this task
			list[0].Charts = append(list[0].Charts, f.Charts...)
		default:
			list = append(list, f)
		}
	}
	if len(p.Tasks) == 1 && list != nil {
		list[0].Title = ""
	}
	return list
}

// alignments draws the angles of each task and layer.
func (p *comparison) alignments() []facets {
	var list []facets
	for _, c := range alignmentCharts[:2] {
		f := facets{Title: c.Title, Text: c.Text, Closed: len(list) > 0}
		at := slices.IndexFunc(folder.AlignmentColumns, func(column folder.Column[folder.Alignment]) bool { return column.Chart == c.Title })
		column := folder.AlignmentColumns[at]
		c.XLabel, c.Whole, c.Unit, c.Text, c.Range = "step", true, column.Unit, "", &[2]int{0, shownAngle}
		for _, t := range p.Tasks {
			for layer := range p.layers(t) {
				c.Title = fmt.Sprintf("Layer %d", layer)
				one := p.overlaid(c, t, func(r compare.Run) points {
					list := points{}
					for i, a := range r.Folder.Alignment {
						if layerOf(a) == layer {
							list[a.Step] = column.Number(&r.Folder.Alignment[i])
						}
					}
					return list
				})
				one.Series = slices.DeleteFunc(one.Series, func(s series) bool { // backpropagation itself
					return !slices.ContainsFunc(s.Values, func(v number) bool { return math.Abs(float64(v)) > 0 })
				})
				f.Charts = append(f.Charts, one)
			}
		}
		if f.Charts = withLines(f.Charts); f.Charts != nil {
			list = append(list, f)
		}
	}
	return list
}

// layers returns the number of measured layers of a task's networks.
func (p *comparison) layers(t *compare.Task) (n int) {
	for _, g := range t.Groups {
		for _, r := range counted(g) {
			_, layers := axesOf(r.Folder.Alignment)
			n = max(n, layers)
		}
	}
	return n
}

// points are values by epoch or step.
type points map[int]float64

// overlaid draws the groups of a task over each other: their means, with bands of one deviation.
func (p *comparison) overlaid(c chart, t *compare.Task, of func(compare.Run) points) chart {
	var x []int
	lines := make([][]points, len(t.Groups))
	for i, g := range t.Groups {
		for _, r := range counted(g) {
			line := of(r)
			lines[i] = append(lines[i], line)
			for at := range line {
				x = append(x, at)
			}
		}
	}
	slices.Sort(x)
	x = slices.Compact(x)
	x = pick(x, thin(len(x), maxCompared))
	for _, at := range x {
		c.X = append(c.X, number(at))
	}
	for i, g := range t.Groups {
		c.addBand(g.Name, p.looks[g.Name], len(x), func(j int) compare.Summary {
			var values []float64
			for _, line := range lines[i] {
				if v, known := line[x[j]]; known {
					values = append(values, v)
				}
			}
			return compare.Summarize(values)
		})
	}
	if t.Name != "" {
		c.Title = t.Name + map[bool]string{true: ", " + strings.ToLower(c.Title)}[strings.HasPrefix(c.Title, "Layer")]
	}
	return c
}

// addBand adds a line of means with a band of one deviation to each side.
func (c *chart) addBand(name string, l look, n int, at func(int) compare.Summary) {
	var mean, low, high []float64
	for i := range n {
		s := at(i)
		mean, low, high = append(mean, s.Mean), append(low, s.Mean-s.Deviation), append(high, s.Mean+s.Deviation)
	}
	if !measured(mean) {
		return
	}
	s := series{Name: name, look: l, Values: numbers(mean)}
	if measured(low) {
		s.Low, s.High = numbers(low), numbers(high)
	}
	c.Series = append(c.Series, s)
}

// byClasses draws accuracies over the number of classes, a chart for each kind of task that differs in it alone.
func (p *comparison) byClasses() (charts []chart) {
	type place struct {
		task    *compare.Task
		classes int
		facts   []settings.Fact
	}
	var places []place
	for _, t := range p.Tasks {
		for _, g := range t.Groups {
			if runs := counted(g); len(runs) > 0 && !namesClasses(t) {
				places = append(places, place{t, runs[0].Folder.Run.Data.Classes, kindOf(t, runs[0])})
				break
			}
		}
	}
	kinds := compare.Together(places, func(x place) []settings.Fact { return x.facts })
	var all [][]settings.Fact
	for _, kind := range kinds {
		all = append(all, kind[0].facts)
	}
	names := compare.Names(all, func(int) string { return "" })
	for i, kind := range kinds {
		slices.SortStableFunc(kind, func(a, b place) int { return cmp.Compare(a.classes, b.classes) })
		if kind[0].classes == kind[len(kind)-1].classes {
			continue
		}
		c := chart{Title: capital(p.Measure) + " by number of classes", XLabel: "classes", Percent: true, Whole: true, Ticks: true}
		if names[i] != "" && len(kinds) > 1 {
			c.Title += ", " + names[i]
		}
		for _, x := range kind {
			c.X = append(c.X, number(x.classes))
		}
		c.LogX = kind[len(kind)-1].classes > 10*kind[0].classes
		for _, name := range p.groupNames() {
			c.addBand(name, p.looks[name], len(kind), func(j int) compare.Summary {
				for _, g := range kind[j].task.Groups {
					if g.Name == name {
						return g.Outcome(p.Measure)
					}
				}
				return compare.Summarize(nil)
			})
		}
		charts = append(charts, c)
	}
	return withLines(charts)
}

// namesClasses says whether a task has named classes, which stand for no number of classes.
func namesClasses(t *compare.Task) bool {
	return slices.ContainsFunc(t.Settings, func(f settings.Fact) bool {
		choice, err := loaders.ParseClasses(f.Text)
		return f.Name == "classes" && err == nil && choice.Names != nil
	})
}

// kindOf returns what tasks have in common that differ in the number of classes alone. It has the flags of the network, whose
// last layer has a unit for each class.
func kindOf(t *compare.Task, r compare.Run) (facts []settings.Fact) {
	for _, f := range t.Settings {
		if f.Name != "classes" && f.Name != "network" {
			facts = append(facts, f)
		}
	}
	for _, f := range r.Flags {
		if networkFlag(f) {
			facts = append(facts, f)
		}
	}
	return facts
}

// groupNames lists the names of groups in their order.
func (p *comparison) groupNames() (names []string) {
	for _, g := range p.groups {
		names = append(names, g.Name)
	}
	return unique(names)
}

func capital(text string) string { return strings.ToUpper(text[:1]) + text[1:] }
