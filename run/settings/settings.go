// Package settings declares every setting of a run once, in one ordered list: the flags of
// train, their help texts and completion, the record in run.json and checkpoints, the
// columns of result.csv, the line that describes a run, the report's page, the comparison of
// runs and the rules for resuming all read [List].
package settings

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize/english"

	"mdfa/algo"
	"mdfa/internal/disk"
	"mdfa/internal/parse"
	"mdfa/internal/wording"
	"mdfa/model"
)

// Spec is the settings of a run. Start from [Defaults] and change fields; train's flags of
// the same names explain them (docs/cli.md).
type Spec struct {
	Dataset string
	Classes int    // number of classes to keep; 0: all
	Data    string // folder or archive of the data set's files; "": found or fetched
	Coarse  bool
	Size    int // height and width that pictures are brought to; 0: the data set's own
	Cache   string

	Model                     string
	Convnet                   bool
	Layers, Filters           string // "" is the paper's network for the data set
	Activation                string
	ForwardInit, BackwardInit string
	Feedback                  string
	ClampFloor                float64

	Optimizer string
	LR, L2    float64
	Reduction string
	BatchSize int
	MaxEpochs int
	MaxSteps  int // 0: no limit
	Seed      int64

	Device              string
	Sync, TF32, Profile bool

	CheckpointEvery int // steps; 0: one checkpoint an epoch, NoCheckpoints: none

	Out         string // each run gets a folder of its own in this one
	Report      bool
	TensorBoard bool
	Alignment   int // steps; 0: never

	// Given holds the names of the settings that were chosen, to the default perhaps. Some
	// have no meaning beside others, and are refused only if they were chosen. Nil stands for
	// all settings that differ from the default.
	Given map[string]bool
}

// Values of settings that take one of a few words.
const (
	CacheAuto = "auto" // images stay on the device if they fit
	CacheOn   = "on"
	CacheOff  = "off" // images are streamed to the device, batch by batch

	FeedbackStored    = "stored"    // in the device's memory
	FeedbackGenerated = "generated" // drawn anew in every step; the same bits
)

// NoCheckpoints is the value of -checkpoint_every that keeps none.
const NoCheckpoints = -1

// Policy says what a resumed run does with a setting.
type Policy int

// The policies. A setting without one fails the tests.
const (
	undecided Policy = iota
	Inherit          // the resumed run has the value of before unless another one is given
	Share            // as Inherit, and another value is refused
	Renew            // each start of a run has its own value
)

// Path says what of the file system a value names.
type Path int

// The kinds of paths.
const (
	NoPath Path = iota
	AnyFile
	Folder
)

// Facts hold a run's settings with what its data, network and device made of them.
type Facts struct {
	Spec
	Shape   [3]int // height, width, channels
	Source  string // where the files of the data set are, for people
	Network *model.Network
	Rule    *algo.Rule
	OnGPU   bool // the device is NVIDIA's or the software GPU
}

// RulesThat lists the learning rules that pass a test, for a sentence: "dfa and mdfa".
func RulesThat(pass func(*algo.Rule) bool) string {
	return english.WordSeries(algo.RuleNames(pass), "and")
}

// Place is where a setting shows: a column of result.csv, a fact of a page.
type Place struct {
	Name  string                // "": the setting's own
	Text  func(f *Facts) string // nil: the setting's value in effect
	After string                // the place before this one, where the order is not the list's
}

// Setting is one setting of a run.
type Setting struct {
	Name     string // of the flag, and of the entry in run.json
	Group    string // heading of the help text
	Argument string // the word for the value in the help text; "" for a switch
	Help     string
	Field    func(*Spec) any // a pointer to string, int, int64, float64 or bool
	Least    int             // the smallest value of a whole number that is not the default
	Noun     string          // the value in the errors of Parse; "" for Name
	Parse    func(text string) (canonical string, err error)
	Choices  []string // values to complete; others may be right too
	Only     bool     // the choices are all values
	Path     Path     // made absolute in the record

	Resume Policy
	With   string // inherited only if the setting of this name is inherited, too
	// Identity says whether two runs with different values are different runs. -resume auto
	// resumes the newest run that agrees in all of these.
	Identity bool
	// Effect returns the value in effect, where a default depends on the data set; nil: Text.
	Effect func(s *Spec, f *Facts) string

	Result  *Place // the column of result.csv; nil: none
	Header  *Place // a part of the line that describes a run; nil: none
	Page    *Place // a fact of the report's page; nil: none
	Compare *Place // what runs are grouped by when they are compared; nil: not this
}

// Find returns the setting of a name, nil for an unknown one.
func Find(name string) *Setting {
	if i := slices.IndexFunc(List, func(s *Setting) bool { return s.Name == name }); i >= 0 {
		return List[i]
	}
	return nil
}

// Switch says whether the setting is true or false.
func (s *Setting) Switch() bool {
	_, is := s.Field(new(Spec)).(*bool)
	return is
}

// Text returns the value in a spec, in one spelling.
func (s *Setting) Text(spec *Spec) string {
	switch v := s.Field(spec).(type) {
	case *string:
		if s.Parse != nil {
			if canonical, err := s.Parse(*v); err == nil {
				return canonical
			}
		}
		return *v
	case *float64:
		return parse.Text(*v)
	case *bool:
		return strconv.FormatBool(*v)
	case *int:
		return strconv.Itoa(*v)
	case *int64:
		return strconv.FormatInt(*v, 10)
	}
	panic("setting " + s.Name + " has a field of another type")
}

// Typed returns the value in a spec as it was given: a text stays as it is.
func (s *Setting) Typed(spec *Spec) string {
	if v, is := s.Field(spec).(*string); is {
		return *v
	}
	return s.Text(spec)
}

// Set reads a value. The error is a sentence that names the setting.
func (s *Setting) Set(spec *Spec, text string) (err error) {
	switch v := s.Field(spec).(type) {
	case *string:
		*v = text
	case *bool:
		*v, err = parse.Switch(s.Name, text)
	case *int:
		*v, err = parse.Integer(s.Name, text, s.Least)
	case *int64:
		*v, err = parse.Seed(s.Name, text)
	case *float64:
		*v, err = parse.Number(s.Name, text)
	}
	return err
}

// check refuses a value that the setting cannot have.
func (s *Setting) check(spec *Spec) error {
	defaults, text := Defaults(), s.Typed(spec)
	if text == s.Typed(&defaults) {
		return nil
	}
	if err := s.Set(new(Spec), text); err != nil {
		return err
	}
	if s.Only {
		return parse.Choice(s.Name, text, s.Choices)
	}
	if s.Parse != nil {
		if _, err := s.Parse(text); err != nil {
			return s.Refuse(err)
		}
	}
	return nil
}

// Refuse turns what a parser says of a value into a sentence about the setting:
// `initializer "Q": expected …` becomes `-forward_init "Q": expected …`.
func (s *Setting) Refuse(err error) error {
	if err == nil {
		return nil
	}
	text := strings.TrimSuffix(wording.WithoutPackages(err.Error()), ": "+algo.ErrConfig.Error())
	if rest, found := strings.CutPrefix(text, cmp.Or(s.Noun, s.Name)+" "); found {
		return wording.Usagef("-%s %s", s.Name, rest)
	}
	return wording.Usagef("-%s: %s", s.Name, text)
}

// InEffect returns the value in effect for a run.
func (s *Setting) InEffect(spec *Spec, f *Facts) string {
	if s.Effect != nil {
		return s.Effect(spec, f)
	}
	return s.Text(spec)
}

// Check refuses the first setting whose value is not possible. Whether settings go together
// is for the run to check.
func (s *Spec) Check() error {
	for _, setting := range List {
		if err := setting.check(s); err != nil {
			return err
		}
	}
	return nil
}

// Chosen says whether a setting was chosen rather than left at its default.
func (s *Spec) Chosen(name string) bool {
	if s.Given != nil {
		return s.Given[name]
	}
	defaults, setting := Defaults(), Find(name)
	return setting.Text(s) != setting.Text(&defaults)
}

// Record returns all settings by name, and the names of the chosen ones, sorted: run.json and
// checkpoints hold both. Paths are absolute, since a run may be resumed from another folder.
func (s *Spec) Record() (values map[string]string, given []string) {
	values = map[string]string{}
	for _, setting := range List {
		text := setting.Typed(s)
		if setting.Path != NoPath {
			text = disk.Absolute(text)
		}
		values[setting.Name] = text
		if s.Chosen(setting.Name) {
			given = append(given, setting.Name)
		}
	}
	if s.Given != nil { // a program's own flags among them
		given = slices.Sorted(maps.Keys(s.Given))
	}
	slices.Sort(given)
	return values, given
}

// Recorded returns the settings of a record. What is missing or cannot be read is left at its
// default.
func Recorded(values map[string]string, given []string) Spec {
	s := Defaults()
	s.Given = map[string]bool{}
	for _, setting := range List {
		text, some := values[setting.Name]
		if was := s; some && setting.Set(&s, text) != nil {
			s = was
		}
		if slices.Contains(given, setting.Name) {
			s.Given[setting.Name] = true
		}
	}
	return s
}

// Resumed returns the settings of a run that resumes another one: those given now, and the
// earlier ones where they are inherited. A given setting that the two must share and do not
// is refused; name is the earlier run's.
func (s Spec) Resumed(earlier *Facts, name string) (Spec, error) {
	given := maps.Clone(s.Given) // a program's own flags among them
	if given == nil {
		given = map[string]bool{}
	}
	merged, defaults := s, Defaults()
	for _, setting := range List {
		switch {
		case s.Chosen(setting.Name):
			given[setting.Name] = true
			now, was := setting.InEffect(&s, earlier), setting.InEffect(&earlier.Spec, earlier)
			if setting.Resume == Share && now != was {
				return s, wording.Usagef("-%s %s: %s was started with -%s %s, and goes on with the same: leave the flag out, or start a new run without -resume.",
					setting.Name, now, name, setting.Name, was)
			}
		case setting.Resume == Renew, setting.With != "" && s.Chosen(setting.With):
			setting.copy(&merged, &defaults)
		default:
			setting.copy(&merged, &earlier.Spec)
			if earlier.Chosen(setting.Name) {
				given[setting.Name] = true
			}
		}
	}
	merged.Given = given
	return merged, nil
}

// copy makes the value of a spec that of another one.
func (s *Setting) copy(to, from *Spec) {
	switch v := s.Field(to).(type) {
	case *string:
		*v = *s.Field(from).(*string)
	case *bool:
		*v = *s.Field(from).(*bool)
	case *int:
		*v = *s.Field(from).(*int)
	case *int64:
		*v = *s.Field(from).(*int64)
	case *float64:
		*v = *s.Field(from).(*float64)
	}
}

// SameRun says whether two specs are those of the same run; f is what the earlier one came to.
func (s *Spec) SameRun(f *Facts) bool {
	return !slices.ContainsFunc(List, func(setting *Setting) bool {
		return setting.Identity && setting.InEffect(s, f) != setting.InEffect(&f.Spec, f)
	})
}

// Fact is a name with a text.
type Fact struct{ Name, Text string }

// show lists what a run shows at a kind of place, in order.
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

// Compared is what runs are grouped by: those whose facts are equal differ in their seed
// alone.
func (f *Facts) Compared() []Fact {
	list := move(show(f, func(s *Setting) *Place { return s.Compare }), "rule", "")
	return slices.Compact(list) // the network's settings show as one
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

// canonical returns a setting's Parse from the parser of its values.
func canonical[T any](parse func(string) (T, error)) func(string) (string, error) {
	return func(text string) (string, error) {
		v, err := parse(text)
		return fmt.Sprint(v), err
	}
}

// canonicalList is canonical for a list.
func canonicalList[T any](parse func(string) ([]T, error)) func(string) (string, error) {
	return func(text string) (string, error) {
		list, err := parse(text)
		parts := make([]string, len(list))
		for i, v := range list {
			parts[i] = fmt.Sprint(v)
		}
		return strings.Join(parts, ","), err
	}
}

// Hidden lists the hidden layers of a network as -layers and -filters take them; "" for the
// kind that the network is not made of.
func Hidden(net *model.Network, kind model.Kind) string {
	var parts []string
	for _, l := range net.Hidden() {
		switch {
		case l.Kind != kind:
			return ""
		case kind == model.Dense:
			parts = append(parts, strconv.Itoa(l.Channels()))
		default:
			parts = append(parts, model.Filter{Filters: l.Channels(), Kernel: l.Kernel, Stride: l.Stride}.String())
		}
	}
	return strings.Join(parts, ",")
}
