package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"mdfa/run/settings"
)

// missing is shown for a setting that a run does not have.
const missing = "–"

// Together puts elements with equal settings together, in the order of the first of each group.
func Together[T any](list []T, of func(T) []settings.Fact) (groups [][]T) {
	for _, x := range list {
		at := slices.IndexFunc(groups, func(g []T) bool { return slices.Equal(of(g[0]), of(x)) })
		if at < 0 {
			groups = append(groups, nil)
			at = len(groups) - 1
		}
		groups[at] = append(groups[at], x)
	}
	return groups
}

// Setting is a setting with its value in each of several groups of runs, "–" where it has none.
type Setting struct {
	Name   string
	Values []string
}

// Differing returns the settings whose values are not the same in all groups.
func Differing(groups [][]settings.Fact) (list []Setting) {
	for _, s := range valued(groups) {
		if s.kinds() > 1 {
			list = append(list, s)
		}
	}
	return list
}

// valued returns all settings with their value in each group.
func valued(groups [][]settings.Fact) (list []Setting) {
	at := map[string]int{}
	for i, facts := range groups {
		for _, f := range facts {
			if _, known := at[f.Name]; !known {
				at[f.Name] = len(list)
				list = append(list, Setting{f.Name, slices.Repeat([]string{missing}, len(groups))})
			}
			list[at[f.Name]].Values[i] = cmp.Or(f.Text, missing)
		}
	}
	return list
}

// kinds counts the different values.
func (s Setting) kinds() int { return len(slices.Compact(slices.Sorted(slices.Values(s.Values)))) }

// word returns a group's value as a part of its name, with the setting's name before a number, a truth
// value and none. A data set's name needs no such word.
func (s Setting) word(group int) string {
	value := s.Values[group]
	if s.Name != dataSet && (strings.ContainsAny(value, "0123456789") || slices.Contains([]string{"true", "false", "none"}, value)) {
		return s.Name + " " + value
	}
	return value
}

// nameLength limits the length of a setting in a group's name.
const nameLength = 24

// Names names each group by as few settings as tell it from the others, and always by its data set where that
// differs. The settings with the most values come first: they tell the most groups apart. Where settings do not
// suffice, the name has a letter; otherwise(i) is the name of a group without any.
func Names(groups [][]settings.Fact, otherwise func(group int) string) []string {
	list := Differing(groups)
	slices.SortStableFunc(list, func(a, b Setting) int {
		switch {
		case a.Name == dataSet:
			return -1
		case b.Name == dataSet:
			return 1
		}
		return cmp.Compare(b.kinds(), a.kinds())
	})
	names := make([]string, len(groups))
	kinds := 1
	list = slices.DeleteFunc(list, func(s Setting) bool {
		return slices.ContainsFunc(s.Values, func(v string) bool { return len(v) > nameLength })
	})
	for _, s := range list {
		longer := Setting{Values: slices.Clone(names)}
		for i := range names {
			if s.Values[i] != missing {
				longer.Values[i] = strings.TrimPrefix(names[i]+", "+s.word(i), ", ")
			}
		}
		if k := longer.kinds(); k > kinds || s.Name == dataSet {
			names, kinds = longer.Values, k
		}
	}
	for i := range names {
		// Of one that has none of the settings that tell the others apart, any other one.
		at := slices.IndexFunc(list, func(s Setting) bool { return s.Values[i] != missing })
		if names[i] == "" && at >= 0 {
			names[i] = list[at].word(i)
		}
	}
	unique := slices.Clone(names)
	for i, name := range names {
		if name == "" && len(groups) == 1 {
			unique[i] = otherwise(i)
		} else if name == "" || slices.Index(names, name) != i || slices.Contains(names[i+1:], name) {
			unique[i] = fmt.Sprintf("%s (%c)", cmp.Or(name, otherwise(i)), 'A'+i%26)
		}
	}
	return unique
}
