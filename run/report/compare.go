package report

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize/english"

	"mdfa/internal/disk"
	"mdfa/internal/foreign"
	"mdfa/run/compare"
	"mdfa/run/settings"
)

type comparePage struct {
	frame
	Text        string
	Verdict     string
	Tasks       []taskPart
	Notes       []string
	Dots        *dotPlot
	Classes     []chart
	Heads       []string
	Legend      string
	Curves      []facets
	Alignment   []facets
	Shared      []Group
	Groups      []string // the names of the rows of what differs
	Differences []compare.Setting
	RunHeads    []string
	Runs        []runRow
}

// taskPart is what the page says of a task.
type taskPart struct {
	Name, Best string
	Claim      string   // of the best group, or where that is the baseline of the one next to it; and of the best two
	Others     []string // the other claims
	Rows       []tableRow
}

type tableRow struct {
	look
	Cells []string
}

type runRow struct {
	Folder, Link string
	Cells        []string
}

// facets are charts of one quantity, of a task or a layer each.
type facets struct {
	Title, Text string
	Charts      []chart
	Closed      bool
}

// Compare writes a page that compares runs. link returns the address of a run's own page, "" if there is none.
func Compare(w io.Writer, c *compare.Comparison, link func(dir string) string, producer string, made time.Time) error {
	p := newComparison(c)
	page := comparePage{
		frame: newFrame(p.title(), producer, made), Text: p.text(), Verdict: p.verdict(), Tasks: p.tasks(), Notes: c.Notes(),
		Dots: p.dots(), Classes: p.byClasses(), Legend: c.Legend(), Curves: p.curves(), Alignment: p.alignments(),
		Shared: p.shared(), Runs: p.runs(link),
		RunHeads: []string{"seed", "status", "test", "validation", "least training loss", "epochs", "images/s"},
	}
	page.Heads, _ = c.Table()
	var all [][]settings.Fact
	for t, g := range p.groups {
		all = append(all, g.Settings)
		page.Groups = append(page.Groups, p.name(t, g))
	}
	page.Differences = compare.Differing(all)
	return pages.ExecuteTemplate(w, "compare.tmpl", page)
}

// comparison adds looks to a comparison.
type comparison struct {
	*compare.Comparison
	looks map[string]look // by the name of a group
}

func newComparison(c *compare.Comparison) *comparison {
	p := &comparison{Comparison: c}
	p.looks = p.groupLooks()
	return p
}

// groups ranges over the groups of all tasks.
func (p *comparison) groups(yield func(*compare.Task, *compare.Group) bool) {
	for _, t := range p.Tasks {
		for _, g := range t.Groups {
			if !yield(t, g) {
				return
			}
		}
	}
}

// groupLooks returns the looks of groups by their names. Groups of one rule are shades of its colour.
func (p *comparison) groupLooks() map[string]look {
	var rules []string
	names := map[string][]string{} // by rule
	for _, g := range p.groups {
		rule := ruleOf(g)
		rules = append(rules, rule)
		if !slices.Contains(names[rule], g.Name) {
			names[rule] = append(names[rule], g.Name)
		}
	}
	looks := map[string]look{}
	for rule, l := range looksOf(rules...) {
		for i, name := range names[rule] {
			looks[name] = l.shade(i, len(names[rule]))
		}
	}
	return looks
}

func ruleOf(g *compare.Group) string {
	for _, f := range g.Settings {
		if f.Name == "rule" {
			return f.Text
		}
	}
	return ""
}

// name names a group among those of all tasks.
func (p *comparison) name(t *compare.Task, g *compare.Group) string {
	if t.Name == "" {
		return g.Name
	}
	return t.Name + ": " + g.Name
}

// title says what is compared on what: "bp and mdfa on mnist".
func (p *comparison) title() string {
	const most = 6
	var names, sets []string
	for _, g := range p.groups {
		names = append(names, g.Name)
		for _, r := range counted(g) {
			sets = append(sets, r.Folder.Run.Data.Name)
		}
	}
	names, sets = unique(names), unique(sets)
	what := english.WordSeries(names, "and")
	if len(names) > most {
		what = fmt.Sprintf("%d values of %s", len(names), p.Contested)
		if p.Contested == "rule" {
			what = fmt.Sprintf("%d learning rules", len(names))
		}
	}
	return what + " on " + english.WordSeries(sets, "and")
}

// unique drops what is there already.
func unique(list []string) (kept []string) {
	for _, x := range list {
		if !slices.Contains(kept, x) {
			kept = append(kept, x)
		}
	}
	return kept
}

// counted returns the runs of a group that count, or where none does those that are not complete.
func counted(g *compare.Group) []compare.Run {
	if len(g.Runs) > 0 {
		return g.Runs
	}
	return g.Incomplete
}

// text says how many runs there are.
func (p *comparison) text() string {
	runs, most := 0, 0
	for _, g := range p.groups {
		runs, most = runs+len(g.Runs), max(most, len(g.Runs))
	}
	text := fmt.Sprintf("%s, up to %s of each kind", english.Plural(runs, "complete run", ""), english.Plural(most, "seed", ""))
	if len(p.Tasks) > 1 {
		text += fmt.Sprintf(", %d tasks", len(p.Tasks))
	}
	return text + "."
}

// verdict counts what the comparisons show.
func (p *comparison) verdict() string {
	kinds := []string{"ahead", "behind", "that may be luck", "with too few pairs to tell"}
	count, all := map[string]int{}, 0
	for _, g := range p.groups {
		if d := g.Against; d != nil && d.Pairs() > 0 {
			all++
			switch v := d.Verdict(); {
			case v == compare.Better:
				count[kinds[0]]++
			case v == compare.Worse:
				count[kinds[1]]++
			case d.Enough:
				count[kinds[2]]++
			default:
				count[kinds[3]]++
			}
		}
	}
	if all == 0 {
		return ""
	}
	var parts []string
	for _, kind := range kinds {
		if n := count[kind]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, kind))
		}
	}
	return fmt.Sprintf("%s with %s: %s.", english.Plural(all, "comparison", ""), foreign.Line(p.Baseline), strings.Join(parts, ", "))
}

// tasks says of each task which group is best and how it compares.
func (p *comparison) tasks() (parts []taskPart) {
	_, cells := p.Table()
	for i, t := range p.Tasks {
		part := taskPart{Name: t.Name}
		for j, g := range t.Groups {
			part.Rows = append(part.Rows, tableRow{p.looks[g.Name], cells[i][j]})
		}
		order := t.Ranked(p.Measure)
		if len(order) > 0 {
			part.Best = fmt.Sprintf("%s has the highest mean %s, %s %%.", foreign.Line(order[0].Name), p.Measure, order[0].Outcome(p.Measure))
			if len(order) == 1 {
				part.Best = fmt.Sprintf("%s has a mean %s of %s %%.", foreign.Line(order[0].Name), p.Measure, order[0].Outcome(p.Measure))
			}
		}
		at := slices.IndexFunc(order, func(g *compare.Group) bool { return g != t.Baseline })
		claims := t.Claims()
		for j, claim := range claims {
			if at >= 0 && t.Groups[j+1] == order[at] {
				part.Claim = claim
			} else {
				part.Others = append(part.Others, claim)
			}
		}
		if t.Lead != nil {
			part.Claim += " The best two: " + t.Lead.Claim()
		}
		parts = append(parts, part)
	}
	return parts
}

// shared returns the facts that all runs have in common.
func (p *comparison) shared() []Group {
	var groups []Group
	first := true
	for _, g := range p.groups {
		for _, r := range counted(g) {
			list := source{r.Folder}.groups()
			if first {
				groups, first = list, false
			}
			for i := range groups {
				groups[i].Facts = slices.DeleteFunc(groups[i].Facts, func(f Fact) bool { return !slices.Contains(list[i].Facts, f) })
			}
		}
	}
	all := Group{Title: "Settings of all runs"}
	for _, f := range p.Shared {
		all.Facts = append(all.Facts, Fact{f.Name, cmp.Or(f.Text, "–")})
	}
	all.Facts = append(all.Facts, p.sharedLayers()...)
	groups = slices.DeleteFunc(groups, func(g Group) bool { return len(g.Facts) == 0 || g.Title == groupNetwork || g.Title == groupTraining })
	return append([]Group{all}, groups...)
}

// sharedLayers returns the flags of the network that all runs share where their networks differ, as those for several
// numbers of classes do.
func (p *comparison) sharedLayers() (facts []Fact) {
	if slices.ContainsFunc(p.Shared, func(f settings.Fact) bool { return f.Name == "network" }) {
		return nil
	}
	first := true
	for _, g := range p.groups {
		for _, r := range counted(g) {
			var list []Fact
			for _, f := range r.Flags {
				if networkFlag(f) && f.Text != "" {
					list = append(list, Fact{f.Name, f.Text})
				}
			}
			if first {
				facts, first = list, false
			}
			facts = slices.DeleteFunc(facts, func(f Fact) bool { return !slices.Contains(list, f) })
		}
	}
	return facts
}

// networkFlag says whether a flag is one of those that make the network.
func networkFlag(f settings.Fact) bool {
	return slices.ContainsFunc(settings.ComparedAs("network"), func(s *settings.Setting) bool { return s.Name == f.Name })
}

// runs lists all runs, also those that do not count.
func (p *comparison) runs(link func(dir string) string) (rows []runRow) {
	for _, g := range p.groups {
		for _, r := range slices.Concat(g.Runs, g.Incomplete, g.Repeated) {
			f, lowest := source{r.Folder}, math.NaN()
			for _, e := range r.Folder.Epochs {
				if l := e.TrainLoss.OrNaN(); math.IsNaN(lowest) || l < lowest {
					lowest = l
				}
			}
			rows = append(rows, runRow{
				Folder: filepath.Base(disk.Absolute(r.Dir)), Link: link(r.Dir),
				Cells: []string{
					strconv.FormatInt(r.Seed, 10), r.Status, percent(r.Test), percent(f.best().ValidAccuracy.OrNaN()), short(lowest),
					strconv.Itoa(len(r.Folder.Epochs)), plain(f.result().ImagesPerSecond.OrNaN()),
				},
			})
		}
	}
	for _, r := range p.Unread {
		rows = append(rows, runRow{Folder: filepath.Base(disk.Absolute(r.Dir)), Cells: []string{"–", r.Status, "–", "–", "–", "–", "–"}})
	}
	return rows
}
