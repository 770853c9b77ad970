// Package compare answers which of several learning rules, or of several values of another setting,
// does best, by how much, and whether that is luck.
//
// Runs with equal settings but for the seed are a group. Groups that differ in the contested setting
// alone, such as the rule, are compared within a task, such as a number of classes: each against the
// baseline, by pairs of runs of the same seed, which have the same classes, the same split and the same
// order of images. docs/compare.md has the formulas.
package compare

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"mdfa/internal/wording"
	"mdfa/run/folder"
	"mdfa/run/settings"
)

// Run is a run of a comparison.
type Run struct {
	Dir      string
	Folder   *folder.Folder  // its tables; nil where they cannot be read
	Settings []settings.Fact // runs with equal ones differ in their seed alone
	Flags    []settings.Fact // the same settings by flag
	Seed     int64
	Started  time.Time
	Status   string // "complete", or why there is no outcome
	Reason   string // of that; ""
	// Accuracies with the weights of the best epoch; NaN where they were not measured.
	Test, Valid float64
}

// StatusUnreadable is the status of a run whose files cannot be read.
const StatusUnreadable = "unreadable"

// Read reads the folders of runs. A run that cannot be read has StatusUnreadable; only if none can be
// read, or ctx has ended, there is an error.
func Read(ctx context.Context, dirs []string) ([]Run, error) {
	var runs []Run
	var unread error
	for _, dir := range dirs {
		f, err := folder.ReadTables(dir)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			unread = cmp.Or(unread, err)
			runs = append(runs, Run{Dir: dir, Status: StatusUnreadable, Reason: wording.Clause(err), Test: math.NaN(), Valid: math.NaN()})
		default:
			runs = append(runs, NewRun(f))
		}
	}
	if !slices.ContainsFunc(runs, func(r Run) bool { return r.Folder != nil }) {
		return nil, unread
	}
	return runs, nil
}

// Folders reads and compares the runs in folders.
func Folders(ctx context.Context, dirs []string, o Options) (*Comparison, error) {
	runs, err := Read(ctx, dirs)
	if err != nil {
		return nil, err
	}
	return New(runs, o)
}

// NewRun returns a run from the tables in its folder.
func NewRun(f *folder.Folder) Run {
	facts := f.Run.Facts()
	r := Run{
		Dir: f.Dir, Folder: f, Settings: facts.Compared(), Seed: f.Run.Seed, Started: f.Run.Started, Status: f.Status(),
		Test: math.NaN(), Valid: math.NaN(),
	}
	for _, s := range settings.List {
		if s.Compare != nil {
			r.Flags = append(r.Flags, settings.Fact{Name: s.Name, Text: s.InEffect(&facts.Spec, facts)})
		}
	}
	if f.Result != nil {
		r.Reason, r.Test, r.Valid = f.Result.Reason, f.Result.TestAccuracy.OrNaN(), f.Result.BestValidAccuracy.OrNaN()
	}
	return r
}

// Measures by which groups are compared.
const (
	ByTest  = "test accuracy"
	ByValid = "validation accuracy" // where the data set has no test images
)

// Comparison is a set of runs, compared.
type Comparison struct {
	Contested string          // the setting that is compared, "rule" for the learning rule
	Baseline  string          // the name of the groups that the others are compared with
	Measure   string          // what is compared: ByTest or ByValid
	Shared    []settings.Fact // what all runs have in common
	Tasks     []*Task
	Unread    []Run // that cannot be read
	with      []string
}

// Task holds groups that differ in the contested setting alone.
type Task struct {
	Name     string          // as few settings as tell it from other tasks; "" for the only one
	Settings []settings.Fact // what its groups have in common
	Groups   []*Group        // the baseline first
	Baseline *Group          // nil where the task has none
	Lead     *Lead           // nil where a comparison with the baseline says as much
}

// Lead compares the best group of a task, by its mean, with the second, neither of which is the baseline.
type Lead struct {
	Best, Second *Group
	Difference   *Difference // its p is corrected for all comparisons, those of other leads too
}

// Group holds runs with equal settings. Those of Runs count, one of each seed.
type Group struct {
	Name       string          // the contested setting's value
	Settings   []settings.Fact // of its runs
	Runs       []Run           // complete and measured, by seed
	Incomplete []Run           // that failed, were interrupted or killed, or are still running
	Repeated   []Run           // of a seed that a newer complete run has, or a complete one where they are not
	Test       Summary         // of Runs
	Valid      Summary
	Against    *Difference // nil for the baseline, and in a task without one
}

// Options are choices of a comparison.
type Options struct {
	// Baseline is what the others are compared with: the name of a group, such as bp, or SETTING=VALUE, which
	// also makes SETTING the contested one. Without it the baseline is bp, or where that is missing the first group.
	Baseline string
	// With names settings that go with the contested one, as a learning rate that was chosen for each rule does:
	// groups of a task may differ in them.
	With []string
}

// New compares runs. The error is one of usage: no run has the baseline, or several groups of a task do.
func New(runs []Run, o Options) (*Comparison, error) {
	c := &Comparison{Measure: ByTest}
	var groups []*Group
	for _, list := range Together(runs, func(r Run) []settings.Fact { return r.Settings }) {
		if list[0].Status == StatusUnreadable {
			c.Unread = list
			continue
		}
		groups = append(groups, &Group{Settings: list[0].Settings, Runs: list})
	}
	if len(groups) == 0 {
		return c, nil
	}
	if !slices.ContainsFunc(runs, func(r Run) bool { return r.Status == folder.StatusComplete && !math.IsNaN(r.Test) }) {
		c.Measure = ByValid
	}
	for _, g := range groups {
		g.sift(c.Measure)
	}
	wanted, err := c.contest(groups, o)
	if err != nil {
		return nil, err
	}
	c.arrange(groups)
	if err := c.choose(wanted); err != nil {
		return nil, err
	}
	c.test()
	return c, nil
}

// sift parts the runs that count from the others: of each seed the newest complete one.
func (g *Group) sift(measure string) {
	all := g.Runs
	g.Runs = nil
	slices.SortStableFunc(all, func(a, b Run) int {
		return cmp.Or(cmp.Compare(a.Seed, b.Seed), b.Started.Compare(a.Started), cmp.Compare(b.Dir, a.Dir))
	})
	counts := func(r Run) bool { return r.Status == folder.StatusComplete && !math.IsNaN(r.Accuracy(measure)) }
	for _, r := range all {
		if counts(r) && !slices.ContainsFunc(g.Runs, func(o Run) bool { return o.Seed == r.Seed }) {
			g.Runs = append(g.Runs, r)
			continue
		}
		if slices.ContainsFunc(all, func(o Run) bool { return o.Seed == r.Seed && counts(o) }) {
			g.Repeated = append(g.Repeated, r)
		} else {
			g.Incomplete = append(g.Incomplete, r)
		}
	}
	var test, valid []float64
	for _, r := range g.Runs {
		test, valid = append(test, r.Test), append(valid, r.Valid)
	}
	g.Test, g.Valid = Summarize(test), Summarize(valid)
}

// Accuracy returns the accuracy that is compared.
func (r Run) Accuracy(measure string) float64 {
	if measure == ByValid {
		return r.Valid
	}
	return r.Test
}

// Outcome returns the summary of the accuracy that is compared.
func (g *Group) Outcome(measure string) Summary {
	if measure == ByValid {
		return g.Valid
	}
	return g.Test
}

// test compares each group with the baseline of its task, and the best two groups of each task.
func (c *Comparison) test() {
	var list, leads []*Difference
	for _, t := range c.Tasks {
		for _, g := range t.Groups {
			if t.Baseline == nil || g == t.Baseline {
				continue
			}
			g.Against = pair(g, t.Baseline, c.Measure)
			list = append(list, g.Against)
		}
		if ranked := t.Ranked(c.Measure); len(ranked) > 1 && ranked[0] != t.Baseline && ranked[1] != t.Baseline {
			t.Lead = &Lead{ranked[0], ranked[1], pair(ranked[0], ranked[1], c.Measure)}
			leads = append(leads, t.Lead.Difference)
		}
	}
	correct(list, nil)
	// That the best two were picked by their means makes no p too small: of equal groups the best two lie closer
	// together than any two of them.
	correct(leads, list)
}

// correct corrects the p of differences for their number and that of others.
func correct(list, others []*Difference) {
	var p, least []float64
	all := slices.DeleteFunc(slices.Concat(list, others), func(d *Difference) bool { return d.Pairs() == 0 })
	for _, d := range all {
		p, least = append(p, d.P), append(least, leastP(d.Pairs()))
	}
	corrected, possible := Holm(p), Holm(least)
	for i, d := range all {
		if slices.Contains(list, d) {
			d.Corrected, d.Enough = corrected[i], possible[i] < Significant
		}
	}
}

// Ranked returns the groups with complete runs, the highest mean first.
func (t *Task) Ranked(measure string) []*Group {
	list := slices.DeleteFunc(slices.Clone(t.Groups), func(g *Group) bool { return len(g.Runs) == 0 })
	slices.SortStableFunc(list, func(a, b *Group) int { return cmp.Compare(b.Outcome(measure).Mean, a.Outcome(measure).Mean) })
	return list
}

// pair compares two groups by the runs of the same seed.
func pair(g, baseline *Group, measure string) *Difference {
	var seeds []int64
	var values []float64
	for _, r := range g.Runs {
		at := slices.IndexFunc(baseline.Runs, func(b Run) bool { return b.Seed == r.Seed })
		if at >= 0 {
			seeds = append(seeds, r.Seed)
			values = append(values, less(r.Accuracy(measure), baseline.Runs[at].Accuracy(measure)))
		}
	}
	return differ(seeds, values)
}
