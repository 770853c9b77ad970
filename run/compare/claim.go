package compare

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"mdfa/internal/foreign"
	"mdfa/run/folder"
	"mdfa/run/settings"
)

// Verdict is what a difference shows.
type Verdict int

// The verdicts.
const (
	Open   Verdict = iota // it may be luck, or there are no pairs
	Better                // the group is better than the baseline
	Worse
)

// Verdict returns what the difference shows, by its corrected p.
func (d *Difference) Verdict() Verdict {
	switch {
	case !(d.Corrected < Significant):
		return Open
	case d.Mean > 0:
		return Better
	}
	return Worse
}

// Claims says for each group but the baseline in a sentence how it compares.
func (t *Task) Claims() (list []string) {
	if t.Baseline == nil {
		return nil
	}
	for _, g := range t.Groups[1:] {
		list = append(list, claim(g, t.Baseline, g.Against))
	}
	return list
}

// Claim says in a sentence how the best group compares with the second.
func (l *Lead) Claim() string { return claim(l.Best, l.Second, l.Difference) }

// claim says how a group compares with another one.
func claim(g, other *Group, d *Difference) string {
	a, b := foreign.Line(g.Name), foreign.Line(other.Name)
	for _, of := range []*Group{g, other} {
		if len(of.Runs) == 0 {
			return fmt.Sprintf("%s cannot be compared with %s: no run of %s is complete.", a, b, foreign.Line(of.Name))
		}
	}
	if d.Pairs() == 0 {
		return fmt.Sprintf("%s cannot be compared with %s: they have no seed in common.", a, b)
	}
	places, interval, by := d.places(), d.T, d.Mean
	if d.Verdict() == Worse { // it is behind by so much
		interval, by = Interval{-d.T.High, -d.T.Low}, -d.Mean
	}
	figures := "corrected p " + pText(d.Corrected)
	if text := interval.text(places); text != "" {
		figures = "95 % interval " + text + ", " + figures
	}
	switch d.Verdict() {
	case Better:
		return fmt.Sprintf("%s is ahead of %s by %s percentage points (%s).", a, b, fixed(by, places), figures)
	case Worse:
		return fmt.Sprintf("%s is behind %s by %s percentage points (%s).", a, b, fixed(by, places), figures)
	case Open:
	}
	mean := fmt.Sprintf("the mean difference is %s percentage points (%s).", signed(by, places), figures)
	if !d.Enough {
		return fmt.Sprintf("%s and %s cannot be told apart with %s: %s", a, b, english.Plural(d.Pairs(), "pair", ""), mean)
	}
	return fmt.Sprintf("No difference between %s and %s is shown: %s", a, b, mean)
}

// Notes says in sentences which runs do not count, and what to doubt.
func (c *Comparison) Notes() (notes []string) {
	if c.Measure == ByValid && c.Tasks != nil {
		notes = append(notes, "No run has a test accuracy, so that validation accuracies are compared.")
	}
	byStatus, repeated, devices := map[string][]string{}, 0, map[string]bool{}
	for _, r := range c.Unread {
		byStatus[r.Status] = append(byStatus[r.Status], fmt.Sprintf("%s (%s)", name(r), foreign.Line(r.Reason)))
	}
	for _, t := range c.Tasks {
		for _, g := range t.Groups {
			for _, r := range g.Incomplete {
				text := name(r)
				switch {
				case r.Status == folder.StatusFailed && r.Reason != "":
					text += fmt.Sprintf(" (%s)", foreign.Line(strings.TrimSuffix(r.Reason, ".")))
				case r.Status == folder.StatusComplete:
					text += " (without a " + c.Measure + ")"
				}
				byStatus[r.Status] = append(byStatus[r.Status], text)
			}
			repeated += len(g.Repeated)
			for _, r := range g.Runs {
				if r.Folder != nil {
					devices[r.Folder.Run.Device.Name] = true
				}
			}
		}
	}
	not := func(n int, runs, rest string) {
		verb := "do"
		if n == 1 {
			verb = "does"
		}
		notes = append(notes, fmt.Sprintf("%s %s not count: %s.", english.Plural(n, runs, ""), verb, rest))
	}
	for _, status := range []string{folder.StatusFailed, folder.StatusInterrupted, folder.StatusKilled, folder.StatusRunning, StatusUnreadable, folder.StatusComplete} {
		if list := byStatus[status]; list != nil {
			not(len(list), status+" run", some(list))
		}
	}
	if repeated > 0 {
		not(repeated, "repeated run", "of each seed the newest complete one does")
	}
	if apart := c.apart(); apart != nil {
		notes = append(notes, fmt.Sprintf("Some groups differ in more than the %s: -with %s compares those that differ in %s, too.",
			foreign.Line(c.Contested), strings.Join(apart, ","), english.WordSeries(apart, "and")))
	}
	if few := c.few(); few != "" {
		notes = append(notes, few)
	}
	if len(devices) > 1 {
		list := make([]string, 0, len(devices))
		for device := range devices {
			list = append(list, foreign.Line(device))
		}
		slices.Sort(list)
		notes = append(notes, fmt.Sprintf("The runs were made on %s, whose sums round differently.", english.WordSeries(list, "and")))
	}
	return notes
}

// apart returns the flags that keep a task from being compared.
func (c *Comparison) apart() (flags []string) {
	var groups []*Group
	alone := false
	for _, t := range c.Tasks {
		groups = append(groups, t.Groups...)
		alone = alone || t.Baseline == nil || len(t.Groups) == 1
	}
	if !alone {
		return nil
	}
	for _, s := range Differing(each(groups, func(g *Group) []settings.Fact { return split(c.common(g), g) })) {
		flag := setting(s.Name)
		if flag == nil || flag.Group == settings.GroupData {
			continue
		}
		flags = append(flags, flag.Name)
	}
	return flags
}

// few says how many seeds a comparison needs, if some have too few.
func (c *Comparison) few() string {
	all, few, most := 0, 0, 0
	for _, t := range c.Tasks {
		for _, g := range t.Groups {
			if d := g.Against; d != nil && d.Pairs() > 0 {
				all++
				if !d.Enough {
					few++
					most = max(most, d.Pairs())
				}
			}
		}
	}
	if few == 0 {
		return ""
	}
	needed := most
	for float64(all)*leastP(needed) >= Significant {
		needed++
	}
	verb, have := "are", ""
	if most == 1 {
		verb = "is"
	}
	if few < all {
		have = fmt.Sprintf(" (%d of %d comparisons have no more)", few, all)
	}
	return fmt.Sprintf("%s %s too few for a corrected p below %g%s: Wilcoxon's smallest p is then %s, and %s would need %d pairs.",
		english.Plural(most, "pair", ""), verb, Significant, have, pText(leastP(most)), english.Plural(all, "comparison", ""), needed)
}

// some lists names, the first ones of many.
func some(names []string) string {
	const most = 10
	if rest := len(names) - most; rest > 0 {
		names = append(slices.Clone(names[:most]), fmt.Sprintf("and %d more", rest))
	}
	return strings.Join(names, ", ")
}

// name names a run by its folder.
func name(r Run) string { return foreign.Line(filepath.Base(r.Dir)) }
