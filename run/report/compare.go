package report

import (
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"mdfa/internal/figures"
	"mdfa/run/compare"
	"mdfa/run/folder"
	"mdfa/run/settings"
)

// Entry is a run of a comparison.
type Entry struct {
	Folder   string
	Status   string
	Seed     string
	Settings []settings.Fact // all but the seed, in the same order for all runs
	Epochs   []folder.Epoch
	Figures  []Figure // of its end, in the same order for all runs
}

// Figure is a number about the end of a run. Value is NaN if it is missing.
type Figure struct {
	Label   string
	Value   float64
	Percent bool
}

// text writes the figure, and the deviation over several runs unless it is NaN.
func (f Figure) text(deviation float64) string {
	spread := !math.IsNaN(f.Value) && !math.IsNaN(deviation)
	switch {
	case f.Percent && spread:
		return fmt.Sprintf("%.2f ± %.2f %%", 100*f.Value, 100*deviation)
	case f.Percent:
		return percent(f.Value)
	case spread && deviation > 0:
		return fmt.Sprintf("%s ± %s", plain(f.Value), plain(deviation))
	}
	return plain(f.Value)
}

// plain writes a number for people: 5,120 or 0.2499.
func plain(x float64) string {
	const large = 1000 // numbers from here on have no fraction
	if math.Abs(x) >= large && math.Abs(x) < math.MaxInt32 {
		return figures.Count(int(math.Round(x)))
	}
	return short(x)
}

// group is a group of runs that differ in their seed alone.
type group struct {
	entries []*Entry
	Name    string
	Values  []string
}

// Seeds returns the number of seeds of the runs. Runs of one seed are equal but for their times, and
// would show a deviation of zero.
func (g *group) Seeds() string {
	var seeds []string
	for _, e := range g.entries {
		seeds = append(seeds, e.Seed)
	}
	slices.Sort(seeds)
	if n := len(slices.Compact(seeds)); n < len(g.entries) {
		return fmt.Sprintf("%d in %d runs", n, len(g.entries))
	}
	return fmt.Sprint(len(g.entries))
}

type comparePage struct {
	frame
	Text        string
	Columns     []string
	Groups      []*group
	Runs        []runRow
	Charts      []chart
	Differences []compare.Setting
	Deviation   bool
}

type runRow struct {
	Folder, Group, Seed, Status string
	Values                      []string
}

// Compare writes a page that shows runs side by side. Runs with equal Settings are a group, for which
// the page shows mean and sample deviation.
func Compare(w io.Writer, entries []Entry, producer string, made time.Time) error {
	if len(entries) < 2 {
		return fmt.Errorf("a comparison of %d runs: at least 2 are needed", len(entries))
	}
	groups := grouped(entries)
	page := comparePage{
		frame: newFrame(fmt.Sprintf("%d runs side by side", len(entries)), producer, made), Groups: groups,
		Differences: compare.Differing(settingsOf(groups)),
	}
	page.Text = fmt.Sprintf("%d groups of runs with equal settings.", len(groups))
	if len(groups) == 1 {
		page.Text = "All runs have equal settings and differ in their seed alone."
	}
	for i, f := range entries[0].Figures {
		page.Columns = append(page.Columns, f.Label)
		for _, g := range groups {
			s := compare.Summarize(g.figures(i))
			f.Value = s.Mean
			g.Values = append(g.Values, f.text(s.Deviation))
			page.Deviation = page.Deviation || len(g.entries) > 1
		}
	}
	for _, g := range groups {
		for _, e := range g.entries {
			row := runRow{Folder: e.Folder, Group: g.Name, Seed: e.Seed, Status: e.Status}
			for _, f := range e.Figures {
				row.Values = append(row.Values, f.text(math.NaN()))
			}
			page.Runs = append(page.Runs, row)
		}
	}
	page.Charts = overlaid(groups)
	if err := pages.ExecuteTemplate(w, "compare.tmpl", page); err != nil {
		return err
	}
	return nil
}

// grouped puts runs with equal settings together, in the order of the first run of each group, and names
// the groups.
func grouped(entries []Entry) []*group {
	var groups []*group
	for _, list := range compare.Together(entries, func(e Entry) []settings.Fact { return e.Settings }) {
		g := &group{}
		for i := range list {
			g.entries = append(g.entries, &list[i])
		}
		groups = append(groups, g)
	}
	names := compare.Names(settingsOf(groups), func(i int) string {
		if n := len(groups[i].entries); n > 1 && len(groups) == 1 {
			return fmt.Sprintf("all %d runs", n)
		}
		return groups[i].entries[0].Folder
	})
	for i, g := range groups {
		g.Name = names[i]
	}
	return groups
}

// settingsOf returns the settings of each group.
func settingsOf(groups []*group) [][]settings.Fact {
	var list [][]settings.Fact
	for _, g := range groups {
		list = append(list, g.entries[0].Settings)
	}
	return list
}

func (g *group) figures(i int) []float64 {
	var values []float64
	for _, e := range g.entries {
		values = append(values, e.Figures[i].Value)
	}
	return values
}

// overlaid draws the curves of all groups over the epochs that any run has.
func overlaid(groups []*group) []chart {
	var numbersOf []int
	for _, g := range groups {
		for _, e := range g.entries {
			for _, epoch := range e.Epochs {
				numbersOf = append(numbersOf, epoch.Number)
			}
		}
	}
	slices.Sort(numbersOf)
	numbersOf = slices.Compact(numbersOf)
	at := thin(len(numbersOf))
	x := make([]float64, len(at))
	for i, j := range at {
		x[i] = float64(numbersOf[j])
	}
	build := func(c chart, of func(folder.Epoch) folder.Float) chart {
		c.XLabel, c.X, c.Whole = "epoch", numbers(x), true
		for i, g := range groups {
			c.addGroup(g, i, x, of)
		}
		return c
	}
	return withLines([]chart{
		build(chart{Title: "Validation accuracy", Percent: true}, func(e folder.Epoch) folder.Float { return e.ValidAccuracy }),
		build(chart{Title: "Training accuracy", Percent: true}, func(e folder.Epoch) folder.Float { return e.TrainAccuracy }),
		build(chart{Title: "Training loss", LogY: true}, func(e folder.Epoch) folder.Float { return e.TrainLoss }),
		build(chart{Title: "Validation loss", LogY: true}, func(e folder.Epoch) folder.Float { return e.ValidLoss }),
		build(chart{Title: "Images a second", Zero: true}, func(e folder.Epoch) folder.Float { return e.ImagesPerSecond }),
	})
}

// addGroup adds a group's mean, with a band for several runs.
func (c *chart) addGroup(g *group, colour int, x []float64, of func(folder.Epoch) folder.Float) {
	var mean, low, high []float64
	for _, number := range x {
		var values []float64
		for _, e := range g.entries {
			for _, epoch := range e.Epochs {
				if float64(epoch.Number) == number {
					values = append(values, of(epoch).OrNaN())
				}
			}
		}
		s := compare.Summarize(values)
		mean, low, high = append(mean, s.Mean), append(low, s.Mean-s.Deviation), append(high, s.Mean+s.Deviation)
	}
	if !measured(mean) {
		return
	}
	s := series{Name: g.Name, look: ruleLooks[colour%len(ruleLooks)].look, Values: numbers(mean)}
	if measured(low) {
		s.Low, s.High = numbers(low), numbers(high)
	}
	c.Series = append(c.Series, s)
}
