package compare

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize/english"

	"mdfa/algo"
	"mdfa/internal/wording"
	"mdfa/run/settings"
)

// Names of facts that have a part of their own in a comparison.
const (
	rule    = "rule"
	bp      = "bp" // the baseline, unless another one is named
	dataSet = "data set"
)

// baseline says which group of a task is the baseline.
type baseline struct {
	typed string // the option; "": none
	flag  string // a flag and its value, where SETTING=VALUE was typed
	value string
}

// contest finds the setting that is compared: that of the baseline, else the rule, else the first setting that is
// none of the data, else any other one. Without a baseline it is one in which alone two groups differ.
func (c *Comparison) contest(groups []*Group, o Options) (baseline, error) {
	for _, name := range o.With {
		if _, err := ParseSetting(name); err != nil {
			return baseline{}, wording.Usagef("-with %s: %v.", wording.Shown(name), err)
		}
		s := setting(name)
		c.with = append(c.with, cmp.Or(s.Compare.Name, s.Name))
	}
	name, value, found := strings.Cut(o.Baseline, "=")
	if s := setting(name); found && s != nil {
		c.Contested = cmp.Or(s.Compare.Name, s.Name)
		text, err := s.Canonical(value)
		return baseline{o.Baseline, s.Name, text}, err
	}
	c.Contested = rule
	candidates := each(Differing(each(groups, (*Group).settings)), func(s Setting) string { return s.Name })
	slices.SortStableFunc(candidates, func(a, b string) int { return cmp.Compare(precedence(a), precedence(b)) })
	for _, name := range candidates {
		was := c.Contested
		c.Contested = name
		if len(Together(groups, c.common)) < len(groups) {
			break
		}
		c.Contested = was
	}
	return baseline{typed: o.Baseline}, nil
}

// precedence orders the settings that may be contested.
func precedence(fact string) int {
	list := settings.ComparedAs(fact)
	switch {
	case fact == rule:
		return 0
	case len(list) > 0 && list[0].Group != settings.GroupData:
		return 1
	}
	return 2
}

// Flags lists the settings by which runs are compared.
func Flags() (names []string) {
	for _, s := range settings.List {
		if s.Compare != nil {
			names = append(names, s.Name)
		}
	}
	return names
}

// ParseSetting reads the name of a setting by which runs are compared.
func ParseSetting(name string) (string, error) {
	if setting(name) == nil {
		return "", errors.New("expected a setting by which runs are compared, such as lr")
	}
	return name, nil
}

// setting finds a setting that runs are compared by, from the name of its flag or of its fact.
func setting(name string) *settings.Setting {
	if s := settings.Find(name); s != nil && s.Compare != nil {
		return s
	}
	if list := settings.ComparedAs(name); len(list) == 1 {
		return list[0]
	}
	return nil
}

// bound says whether a fact belongs to the contested setting: it is that setting, goes with it by choice, or has a
// meaning only beside some of its values.
func (c *Comparison) bound(fact string) bool {
	return fact == c.Contested || slices.Contains(c.with, fact) || slices.ContainsFunc(settings.ComparedAs(fact), func(s *settings.Setting) bool {
		of := settings.Find(s.Beside)
		return of != nil && cmp.Or(of.Compare.Name, of.Name) == c.Contested
	})
}

// common returns the settings of a group that make its task.
func (c *Comparison) common(g *Group) []settings.Fact { return without(g.Settings, c.bound) }

// own returns the settings of a group that do not make its task.
func (c *Comparison) own(g *Group) []settings.Fact {
	return split(without(g.Settings, func(fact string) bool { return !c.bound(fact) }), g)
}

// arrange puts the groups into tasks, and names and orders both.
func (c *Comparison) arrange(groups []*Group) {
	inTask := func(g *Group) []settings.Fact { return split(c.common(g), g) }
	for _, list := range Together(groups, c.common) {
		slices.SortStableFunc(list, func(a, b *Group) int { return compareFacts(c.own(a), c.own(b)) })
		c.Tasks = append(c.Tasks, &Task{Settings: c.common(list[0]), Groups: list})
	}
	slices.SortStableFunc(c.Tasks, func(a, b *Task) int { return compareFacts(inTask(a.Groups[0]), inTask(b.Groups[0])) })
	if len(c.Tasks) > 1 {
		list := each(c.Tasks, func(t *Task) []settings.Fact { return inTask(t.Groups[0]) })
		for i, name := range Names(list, func(int) string { return "task" }) {
			c.Tasks[i].Name = name
		}
	}
	c.name(groups)
	c.Shared = without(groups[0].Settings, func(fact string) bool {
		return slices.ContainsFunc(Differing(each(groups, (*Group).settings)), func(s Setting) bool { return s.Name == fact })
	})
}

// name names groups by their value of the contested setting, and groups of one value by what tells these apart.
func (c *Comparison) name(groups []*Group) {
	value := func(g *Group) []settings.Fact {
		return split(without(g.Settings, func(fact string) bool { return fact != c.Contested }), g)
	}
	otherwise := func(int) string { return c.Contested }
	values := Together(groups, value)
	facts := each(values, func(v []*Group) []settings.Fact { return value(v[0]) })
	names, list := Names(facts, otherwise), valued(facts)
	if len(values) == 1 && len(list) > 0 && list[0].Values[0] != missing {
		names[0] = list[0].word(0)
	}
	chosen := func(g *Group) []settings.Fact {
		return split(without(g.Settings, func(fact string) bool { return fact == c.Contested || !slices.Contains(c.with, fact) }), g)
	}
	rest := func(g *Group) []settings.Fact {
		return without(c.own(g), func(fact string) bool {
			return slices.ContainsFunc(chosen(g), func(f settings.Fact) bool { return f.Name == fact })
		})
	}
	with := Differing(each(groups, chosen))
	for i, v := range values {
		kinds := Together(v, rest)
		more := make([]string, len(kinds))
		if len(kinds) > 1 {
			more = Names(each(kinds, func(k []*Group) []settings.Fact { return rest(k[0]) }), otherwise)
		}
		for k, kind := range kinds {
			for _, g := range kind {
				words := []string{names[i], more[k]}
				for _, s := range with {
					if at := slices.Index(groups, g); s.Values[at] != missing {
						words = append(words, s.word(at))
					}
				}
				g.Name = strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), ", ")
			}
		}
	}
}

// split returns facts with the flags in place of a fact that shows several, as the network does: their values
// are shorter, and do not depend on other settings.
func split(facts []settings.Fact, g *Group) (list []settings.Fact) {
	known := g.first().Flags
	for _, f := range facts {
		flags := settings.ComparedAs(f.Name)
		if len(flags) < 2 || known == nil {
			list = append(list, f)
			continue
		}
		for _, s := range flags {
			list = append(list, settings.Fact{Name: s.Name, Text: textOf(known, s.Name)})
		}
	}
	return list
}

// choose finds the baseline of each task, and puts it first.
func (c *Comparison) choose(b baseline) error {
	var all []*Group
	for _, t := range c.Tasks {
		all = append(all, t.Groups...)
	}
	is := func(g *Group) bool {
		if b.flag != "" {
			return textOf(g.first().Flags, b.flag) == b.value
		}
		return g.Name == b.typed || textOf(g.Settings, c.Contested) == b.typed
	}
	if b.typed == "" {
		b.typed = all[0].Name
		if c.Contested == rule && slices.ContainsFunc(all, func(g *Group) bool { return g.Name == bp }) {
			b.typed = bp
		}
	}
	for _, t := range c.Tasks {
		list := slices.DeleteFunc(slices.Clone(t.Groups), func(g *Group) bool { return !is(g) })
		if len(list) > 1 {
			return wording.Usagef("-baseline %s: %s have it: expected the name of one of them.", wording.Shown(b.typed), english.WordSeries(namesOf(list), "and"))
		}
		if len(list) == 1 {
			t.Baseline = list[0]
			c.Baseline = cmp.Or(c.Baseline, t.Baseline.Name)
			t.Groups = append(list, slices.DeleteFunc(t.Groups, func(g *Group) bool { return g == list[0] })...)
		}
	}
	if c.Baseline == "" {
		return wording.Usagef("-baseline %s: no run has it: expected %s, or SETTING=VALUE of some runs.", wording.Shown(b.typed), english.WordSeries(namesOf(all), "or"))
	}
	return nil
}

// namesOf lists the names of groups, each once.
func namesOf(groups []*Group) (names []string) {
	for _, g := range groups {
		if name := wording.Shown(g.Name); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// first returns a run of the group, any.
func (g *Group) first() Run {
	for _, list := range [][]Run{g.Runs, g.Incomplete} { // Repeated has a run only beside one of Runs
		if len(list) > 0 {
			return list[0]
		}
	}
	return Run{}
}

func (g *Group) settings() []settings.Fact { return g.Settings }

func textOf(facts []settings.Fact, name string) string {
	if at := slices.IndexFunc(facts, func(f settings.Fact) bool { return f.Name == name }); at >= 0 {
		return facts[at].Text
	}
	return ""
}

func without(facts []settings.Fact, drop func(name string) bool) []settings.Fact {
	return slices.DeleteFunc(slices.Clone(facts), func(f settings.Fact) bool { return drop(f.Name) })
}

// each applies a function to every element.
func each[T, U any](list []T, f func(T) U) []U {
	var results []U
	for _, x := range list {
		results = append(results, f(x))
	}
	return results
}

// compareFacts orders lists of facts of the same names: rules as they are registered, numbers by their
// size, and other texts by the alphabet.
func compareFacts(a, b []settings.Fact) int {
	return slices.CompareFunc(a, b, func(a, b settings.Fact) int {
		if a.Name == rule {
			names := algo.RuleNames()
			return cmp.Compare(slices.Index(names, a.Text), slices.Index(names, b.Text))
		}
		x, errX := strconv.ParseFloat(a.Text, 64)
		y, errY := strconv.ParseFloat(b.Text, 64)
		if errX == nil && errY == nil {
			return cmp.Compare(x, y)
		}
		return cmp.Compare(a.Text, b.Text)
	})
}
