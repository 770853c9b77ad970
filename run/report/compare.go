package report

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"time"

	"gonum.org/v1/gonum/stat"

	"mdfa/internal/figures"
	"mdfa/run/folder"
)

// Entry is a run of a comparison.
type Entry struct {
	Folder   string
	Status   string
	Seed     string
	Settings []Fact // all but the seed, in the same order for all runs
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

// difference is a setting that differs between groups.
type difference struct {
	Label  string
	Values []string // by group
}

type comparePage struct {
	frame
	Text        string
	Columns     []string
	Groups      []*group
	Runs        []runRow
	Charts      []chart
	Differences []difference
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
		Differences: differences(groups),
	}
	names(groups, page.Differences)
	page.Text = fmt.Sprintf("%d groups of runs with equal settings.", len(groups))
	if len(groups) == 1 {
		page.Text = "All runs have equal settings and differ in their seed alone."
	}
	for i, f := range entries[0].Figures {
		page.Columns = append(page.Columns, f.Label)
		for _, g := range groups {
			mean, deviation := meanOf(g.figures(i))
			f.Value = mean
			g.Values = append(g.Values, f.text(deviation))
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

// grouped puts runs with equal settings together, in the order of the first run of each group.
func grouped(entries []Entry) []*group {
	var groups []*group
	for i := range entries {
		e := &entries[i]
		at := slices.IndexFunc(groups, func(g *group) bool { return slices.Equal(g.entries[0].Settings, e.Settings) })
		if at < 0 {
			groups = append(groups, &group{})
			at = len(groups) - 1
		}
		groups[at].entries = append(groups[at].entries, e)
	}
	return groups
}

// differences returns the settings that differ between groups. A missing value is "–".
func differences(groups []*group) []difference {
	var labels []string
	for _, g := range groups {
		for _, f := range g.entries[0].Settings {
			if !slices.Contains(labels, f.Label) {
				labels = append(labels, f.Label)
			}
		}
	}
	var list []difference
	for _, label := range labels {
		d := difference{Label: label}
		for _, g := range groups {
			value := "–"
			for _, f := range g.entries[0].Settings {
				if f.Label == label && f.Value != "" {
					value = f.Value
				}
			}
			d.Values = append(d.Values, value)
		}
		if slices.ContainsFunc(d.Values, func(v string) bool { return v != d.Values[0] }) {
			list = append(list, d)
		}
	}
	return list
}

// nameLength limits the length of a setting in a group's name.
const nameLength = 24

// names names each group by as few settings as tell it apart. The settings with the most values
// come first: they tell the most groups apart.
func names(groups []*group, list []difference) {
	kinds := func(d difference) int {
		values := slices.Clone(d.Values)
		slices.Sort(values)
		return len(slices.Compact(values))
	}
	var usable []difference
	for _, d := range list {
		if !slices.ContainsFunc(d.Values, func(v string) bool { return len(v) > nameLength }) {
			usable = append(usable, d)
		}
	}
	slices.SortStableFunc(usable, func(a, b difference) int { return cmp.Compare(kinds(b), kinds(a)) })
	apart := func() int {
		seen := map[string]bool{}
		for _, g := range groups {
			seen[g.Name] = true
		}
		return len(seen)
	}
	for _, d := range usable {
		before, was := apart(), make([]string, len(groups))
		for i, g := range groups {
			was[i] = g.Name
			if d.Values[i] != "–" {
				g.Name = strings.TrimPrefix(g.Name+", "+d.word(i), ", ")
			}
		}
		if before == len(groups) || apart() == before { // it tells no further groups apart
			for i, g := range groups {
				g.Name = was[i]
			}
		}
	}
	if len(groups) == 1 && groups[0].Name == "" {
		groups[0].Name = groups[0].entries[0].Folder
		if n := len(groups[0].entries); n > 1 {
			groups[0].Name = fmt.Sprintf("all %d runs", n)
		}
	}
	for i, g := range groups {
		twice := slices.ContainsFunc(groups, func(o *group) bool { return o != g && o.Name == g.Name })
		if g.Name == "" || twice {
			g.Name = fmt.Sprintf("%s (%c)", cmp.Or(g.Name, g.entries[0].Folder), 'A'+i%26)
		}
	}
}

// word returns a group's value as a part of its name, with the label before a number or a truth value.
func (d difference) word(group int) string {
	value := d.Values[group]
	if strings.ContainsAny(value, "0123456789") || value == "true" || value == "false" {
		return d.Label + " " + value
	}
	return value
}

func (g *group) figures(i int) []float64 {
	var values []float64
	for _, e := range g.entries {
		values = append(values, e.Figures[i].Value)
	}
	return values
}

// meanOf returns the mean of the values that are not NaN, and their sample deviation, which is NaN
// for fewer than two values.
func meanOf(values []float64) (mean, deviation float64) {
	return stat.MeanStdDev(slices.DeleteFunc(slices.Clone(values), math.IsNaN), nil)
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
		m, d := meanOf(values)
		mean, low, high = append(mean, m), append(low, m-d), append(high, m+d)
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
