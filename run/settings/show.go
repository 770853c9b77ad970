package settings

import (
	"cmp"
	"slices"
	"strings"
)

// Fact is a name with a text.
type Fact struct{ Name, Text string }

// show lists a run's settings at a kind of place, in order.
func show(f *Facts, place func(*Setting) *Place) []Fact {
	var list []Fact
	for _, s := range List {
		p := place(s)
		if p == nil {
			continue
		}
		fact := Fact{Name: cmp.Or(p.Name, s.Name)}
		if p.Text != nil {
			fact.Text = p.Text(f)
		} else {
			fact.Text = s.InEffect(&f.Spec, f)
		}
		list = append(list, fact)
	}
	for _, s := range List {
		if p := place(s); p != nil && p.After != "" {
			list = move(list, s.Name, p.After)
		}
	}
	return list
}

// move puts a fact behind another one, or first where there is no such other one.
func move(list []Fact, name, after string) []Fact {
	at := func(name string) int {
		return slices.IndexFunc(list, func(f Fact) bool { return f.Name == name })
	}
	from := at(name)
	fact := list[from]
	list = slices.Delete(list, from, from+1)
	return slices.Insert(list, at(after)+1, fact)
}

// Columns are the settings' columns of result.csv.
func (f *Facts) Columns() []Fact { return show(f, func(s *Setting) *Place { return s.Result }) }

// Compared lists the facts by which runs are grouped: runs whose facts are equal differ in their seed
// alone.
func (f *Facts) Compared() []Fact {
	list := move(show(f, func(s *Setting) *Place { return s.Compare }), "rule", "")
	return slices.Compact(list) // the network's settings show as one
}

// ComparedAs returns the settings that show as a fact of Compared. Several show as one network.
func ComparedAs(fact string) (list []*Setting) {
	for _, s := range List {
		if s.Compare != nil && cmp.Or(s.Compare.Name, s.Name) == fact {
			list = append(list, s)
		}
	}
	return list
}

// PageFacts are the facts of the report's page in a group of settings.
func (f *Facts) PageFacts(group string) []Fact {
	return slices.Compact(show(f, func(s *Setting) *Place {
		if s.Group != group {
			return nil
		}
		return s.Page
	}))
}

// Inputs says what happens to the pixels before the first layer; "" where they are only divided by 255.
func (f *Facts) Inputs() string {
	var parts []string
	if f.Network != nil && f.Network.Normalization != nil {
		parts = append(parts, "normalized by channel: "+f.Network.Normalization.String())
	}
	if how := value("augment", f); how != "none" {
		parts = append(parts, "training images augmented: "+how)
	}
	return strings.Join(parts, " · ")
}

// String says in one line how the weights start and change.
func (f *Facts) String() string {
	var groups []string
	for _, group := range []string{GroupNetwork, GroupTraining} {
		var parts []string
		for _, fact := range show(f, func(s *Setting) *Place {
			if s.Group != group {
				return nil
			}
			return s.Header
		}) {
			if fact.Text != "" {
				parts = append(parts, fact.Text)
			}
		}
		groups = append(groups, strings.Join(parts, ", "))
	}
	return strings.Join(groups, " · ")
}
