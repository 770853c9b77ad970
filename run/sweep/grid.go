// Package sweep trains grids of runs: every combination of lists of values of settings. The program sweep is
// its flags, its terminal output, and this package.
//
//	grid := sweep.NewGrid()
//	err := errors.Join(grid.Add("model", "bp,mdfa"), grid.Add("seed", "0-9"))
//	…
//	s, err := sweep.New(grid, sweep.Options{})
//	…
//	err = s.Do(ctx)
//
// Each run is an ordinary one of package run, in a folder of its own. So the same grid, trained again, skips the
// runs that are complete, resumes those that were cut off, and adds those that were added to it.
package sweep

import (
	"cmp"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"mdfa/internal/disk"
	"mdfa/internal/wording"
	"mdfa/loaders"
	"mdfa/run"
	"mdfa/run/settings"
)

// Grid is lists of values of settings. The combinations of all of them are its runs.
type Grid struct {
	values map[string][]string // by the setting's name; a setting that is missing has its default
	seen   map[[2]string]bool  // names and values in one spelling
	wheres []where

	devices []string // fill up in turn; nil: the default
}

// NewGrid returns the grid of one run, with the settings that train has without flags.
func NewGrid() *Grid { return &Grid{values: map[string][]string{}, seen: map[[2]string]bool{}} }

// maxRuns is a number of runs beyond which a grid is taken for a mistake.
const maxRuns = 100_000

// Add adds values of a setting: a list with commas, or one value of a setting whose values have commas of their
// own. Whole numbers may be ranges, such as 0-9. Of a setting by which runs are not told apart, such as -max_epochs, the last value
// counts. Several devices are filled in turn; all are the GPUs of this machine. The error is a sentence.
func (g *Grid) Add(name, text string) error {
	setting := settings.Find(name)
	if setting == nil {
		return wording.Usagef("-%s: there is no such setting.", name)
	}
	values, err := expand(setting, text)
	if err != nil {
		return err
	}
	if name == "device" {
		g.devices = values
		if values = values[:1]; values[0] == allGPUs { // Sweep.devices lists them
			values = []string{"cuda"}
		}
	}
	if !setting.Identity {
		if len(values) > 1 {
			return wording.Usagef("-%s %s: runs are not told apart by it: give one value for all runs.", name, wording.Shown(text))
		}
		g.values[name] = values
		return nil
	}
	for _, value := range values {
		same, err := spelled(setting, value)
		if err != nil {
			return err
		}
		key := [2]string{name, same}
		if g.seen[key] {
			return wording.Usagef("-%s names %s twice: leave it out once.", name, wording.Shown(value))
		}
		g.seen[key] = true
		g.values[name] = append(g.values[name], value)
	}
	return nil
}

// spelled returns a value in a spelling that equal values share, as far as that is known before the data set is loaded.
func spelled(setting *settings.Setting, value string) (string, error) {
	text, err := setting.Canonical(value)
	if setting.Path != settings.NoPath {
		text = disk.Absolute(text)
	}
	if choice, unread := loaders.ParseClasses(text); setting.Name == "classes" && unread == nil {
		slices.Sort(choice.Names)
		text = choice.String()
	}
	return text, err
}

// span is a range of whole numbers.
var span = regexp.MustCompile(`^(\d+)-(\d+)$`)

// expand returns the values in a text, each as train's flag takes it.
func expand(setting *settings.Setting, text string) (values []string, err error) {
	if setting.Commas {
		return []string{text}, setting.Set(new(run.Spec), text)
	}
	for word := range strings.SplitSeq(text, ",") {
		word = strings.TrimSpace(word)
		if word == "" && text != "" {
			return nil, wording.Usagef("-%s %s: a value is missing beside a comma.", setting.Name, wording.Shown(text))
		}
		if ends := span.FindStringSubmatch(word); ends != nil {
			more, err := numbers(setting.Name, ends[1], ends[2])
			if err != nil {
				return nil, err
			}
			values = append(values, more...)
			continue
		}
		if err := setting.Set(new(run.Spec), word); err != nil {
			if setting.Identity && strings.ContainsAny(word, "-.:") && whole(setting) {
				err = wording.Usagef("%s, or several, such as 0-9 or 1,3.", strings.TrimSuffix(err.Error(), "."))
			}
			return nil, err
		}
		values = append(values, word)
	}
	return values, nil
}

// whole says whether the values of a setting are whole numbers.
func whole(setting *settings.Setting) bool {
	switch setting.Field(new(run.Spec)).(type) {
	case *int, *int64:
		return true
	}
	return false
}

// numbers returns the numbers of a range.
func numbers(name, first, last string) (values []string, err error) {
	a, errA := strconv.ParseInt(first, 10, 64)
	b, errB := strconv.ParseInt(last, 10, 64)
	switch {
	case errA != nil || errB != nil || a > b:
		return nil, wording.Usagef("-%s %s-%s: expected a range from a smaller to a larger number, such as 0-9.", name, first, last)
	case b-a >= maxRuns:
		return nil, wording.Usagef("-%s %s-%s: a range has at most %d numbers.", name, first, last, maxRuns)
	}
	for n := a; n <= b; n++ {
		values = append(values, strconv.FormatInt(n, 10))
	}
	return values, nil
}

// where is a condition on the value of a setting.
type where struct {
	setting *settings.Setting
	not     bool
	values  []string // spelled
}

// condition matches the parts of "model!=bp,fa".
var condition = regexp.MustCompile(`^\s*(\w+)\s*(!=|=)\s*(.*?)\s*$`)

// Where keeps those runs of the grid for which a condition holds, such as "model!=bp" or "seed=0-4". Of several
// conditions all must hold. The error is a sentence.
func (g *Grid) Where(text string) error {
	parts := condition.FindStringSubmatch(text)
	if parts == nil {
		return wording.Usagef("-where %s: expected a setting and its values, such as model=bp,fa or classes!=10.", wording.Shown(text))
	}
	setting := settings.Find(parts[1])
	if setting == nil {
		return wording.Usagef("-where %s: there is no setting %s; sweep -h lists them.", wording.Shown(text), parts[1])
	}
	values, err := expand(setting, parts[3])
	if err != nil {
		return wording.Usagef("-where %s: %s.", wording.Shown(text), wording.Clause(err))
	}
	for i := range values {
		if values[i], err = spelled(setting, values[i]); err != nil {
			return err
		}
	}
	g.wheres = append(g.wheres, where{setting, parts[2] == "!=", values})
	return nil
}

func (w where) holds(spec *run.Spec) bool {
	text, _ := spelled(w.setting, w.setting.Typed(spec)) // Add has read it
	return slices.Contains(w.values, text) != w.not
}

// rank orders the settings from those that change slowest over the runs: the files of the data set, the seed, what else
// decides on the images, and the others. So the runs that are compared by pairs follow each other, a sweep that
// is cut off has whole pairs, and neighbours share their images.
func rank(s *settings.Setting) int {
	switch s.Name {
	case "dataset", "data", "coarse", "size":
		return 0
	case "seed":
		return 1
	}
	if s.Group == settings.GroupData {
		return 2
	}
	return 3
}

// ordered returns the settings that have values, the slowest first.
func (g *Grid) ordered() []*settings.Setting {
	var list []*settings.Setting
	for _, s := range settings.List {
		if g.values[s.Name] != nil {
			list = append(list, s)
		}
	}
	slices.SortStableFunc(list, func(a, b *settings.Setting) int { return cmp.Compare(rank(a), rank(b)) })
	return list
}

// Varied returns the settings with several values, in their usual order, without the seed.
func (g *Grid) Varied() []*settings.Setting {
	return slices.DeleteFunc(g.ordered(), func(s *settings.Setting) bool { return len(g.values[s.Name]) == 1 || s.Name == "seed" })
}

// Specs returns the runs of the grid, in an order that depends on the grid alone. The error is a sentence.
func (g *Grid) Specs() ([]run.Spec, error) {
	order, total := g.ordered(), 1
	given := map[string]bool{}
	for _, s := range order {
		given[s.Name] = true
		if total *= len(g.values[s.Name]); total > maxRuns {
			return nil, wording.Usagef("the grid has more than %d runs: take fewer values.", maxRuns)
		}
	}
	var specs []run.Spec
	for i := range total {
		spec := settings.Defaults()
		spec.Given = maps.Clone(given)
		rest := i
		for _, s := range slices.Backward(order) {
			values := g.values[s.Name]
			if err := s.Set(&spec, values[rest%len(values)]); err != nil {
				return nil, err
			}
			rest /= len(values)
		}
		if !slices.ContainsFunc(g.wheres, func(w where) bool { return !w.holds(&spec) }) {
			specs = append(specs, spec)
		}
	}
	if len(specs) == 0 {
		return nil, wording.Usagef("-where leaves none of the grid's %d runs.", total)
	}
	return specs, nil
}

// Label names a run by the settings in which the runs of the grid differ, and by its seed.
func (g *Grid) Label(spec *run.Spec) string {
	return g.label(spec) + "  seed " + settings.Find("seed").Text(spec)
}

// label is Label without the seed and some other settings.
func (g *Grid) label(spec *run.Spec, without ...string) string {
	model := settings.Find("model")
	parts := []string{model.Text(spec)}
	for _, s := range g.Varied() {
		if s != model && !slices.Contains(without, s.Name) {
			parts = append(parts, s.Name+" "+cmp.Or(s.Text(spec), "default"))
		}
	}
	return strings.Join(parts, "  ")
}
