// Package settings declares every setting of a run once, in one ordered list: the flags of
// train, their help texts and completion, the record in run.json and checkpoints, the
// columns of result.csv, the line that describes a run, the report's page, the comparison of
// runs and the rules for resuming all read [List].
package settings

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize/english"

	"mdfa/algo"
	"mdfa/internal/parse"
	"mdfa/internal/wording"
	"mdfa/loaders"
	"mdfa/model"
)

// Spec is the settings of a run. Start from [Defaults] and change fields; train's flags of
// the same names explain them (docs/cli.md).
type Spec struct {
	Dataset   string
	Classes   string // how many to keep, or their names, "3+8"; loaders.AllClasses: all
	ClassSeed string // picks the classes; SameSeed: Seed does
	Data      string // folder or archive of the data set's files; "": found or fetched
	Coarse    bool
	Size      int // height and width that pictures are brought to; 0: the data set's own
	Cache     string

	Normalize bool
	Augment   string // "": none

	Model                     string
	Convnet                   bool
	Layers, Filters           string // "" is the paper's network for the data set
	Activation                string
	ForwardInit, BackwardInit string
	InitFrom                  string // a run or checkpoint whose weights come first; "": they are drawn
	Feedback                  string
	ClampFloor                float64

	Optimizer           string
	Momentum            float64
	Nesterov            bool
	LR, L2, WeightDecay float64
	FeedbackLR          float64 // of rules whose feedback learns; 0: LR
	Schedule, Warmup    string  // of the learning rate
	Reduction           string
	BatchSize           int
	MaxEpochs           int
	MaxSteps            int // 0: no limit
	Seed                int64

	Freeze   string // layers that do not learn; "": none
	Best     string // validation number that decides on the best epoch
	Patience int    // epochs without a new best one that end the run; 0: no such end

	Device              string
	Sync, TF32, Profile bool

	CheckpointEvery int // steps; 0: one checkpoint an epoch, NoCheckpoints: none

	Out         string // each run gets its own folder in this one
	Report      bool
	TensorBoard bool
	Alignment   int // steps; 0: never

	// Given holds the names of the settings that were chosen, to the default perhaps. Some
	// have no meaning beside others, and are refused only if they were chosen. Nil stands for
	// all settings that differ from the default.
	Given map[string]bool
}

// Defaults returns the settings that train has without flags.
func Defaults() Spec {
	return Spec{
		Dataset: "mnist", Classes: loaders.AllClasses, ClassSeed: SameSeed, Cache: CacheAuto,
		Model: "bp", Activation: "tanh", ForwardInit: "U1", BackwardInit: "U1", Feedback: FeedbackStored,
		Optimizer: "rmsprop", LR: 1e-4, Schedule: "constant", Warmup: "0", Reduction: "mean", BatchSize: 64, MaxEpochs: 100,
		Best:   BestAccuracy,
		Device: "auto", Out: "results", Report: true,
	}
}

// Values of settings that take one of a few words.
const (
	CacheAuto = "auto" // images stay on the device if they fit
	CacheOn   = "on"
	CacheOff  = "off" // images are streamed to the device, batch by batch

	BestAccuracy = "accuracy"
	BestLoss     = "loss"

	FeedbackStored    = "stored"    // in the device's memory
	FeedbackGenerated = "generated" // drawn anew in every step; the same bits
)

// NoCheckpoints is the value of -checkpoint_every that keeps none.
const NoCheckpoints = -1

// Policy is a resumed run's treatment of a setting.
type Policy int

// The policies. A setting without one fails the tests.
const (
	undecided Policy = iota
	Inherit          // the resumed run has the value of before unless another one is given
	Share            // as Inherit, and another value is refused
	Renew            // each start of a run has its own value
)

// Path is the kind of path that a value names.
type Path int

// The kinds of paths.
const (
	NoPath Path = iota
	AnyFile
	Folder
)

// Facts hold a run's settings, with its data, network and device, which complete them.
type Facts struct {
	Spec
	Shape  [3]int // height, width, channels
	Source string // where the files of the data set are, for people

	ClassOrder []int    // the labels of the classes, as in loaders.Dataset
	ClassNames []string // nil for digits and unknown names

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
	Commas   bool     // a value may have commas of its own: a list of values has one at a time

	Resume Policy
	// ShareIf says for which earlier runs a setting with the policy Inherit is shared; nil: for none.
	ShareIf func(*Facts) bool
	With    string // inherited only if the setting of this name is inherited, too
	// Identity says whether two runs with different values are different runs. -resume auto
	// resumes the newest run that agrees in all of these.
	Identity bool
	// Effect returns the value in effect, where a default depends on the data set; nil: Text.
	Effect func(s *Spec, f *Facts) string

	Result  *Place // the column of result.csv; nil: none
	Header  *Place // a part of the line that describes a run; nil: none
	Page    *Place // a fact of the report's page; nil: none
	Compare *Place // what runs are grouped by when they are compared; nil: not this
	// Beside names the setting whose values decide whether this one has a meaning, as the learning rule
	// decides on the feedback's; "": it always has.
	Beside string
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

// Canonical returns a value in one spelling. The error is a sentence that names the setting.
func (s *Setting) Canonical(text string) (string, error) {
	spec := Defaults()
	err := s.Set(&spec, text)
	return s.Text(&spec), err
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

// Refuse turns a parser's error about a value into a sentence about the setting:
// `initializer "Q": expected …` becomes `-forward_init "Q": expected …`.
func (s *Setting) Refuse(err error) error {
	if err == nil {
		return nil
	}
	text := strings.TrimSuffix(err.Error(), ": "+algo.ErrConfig.Error())
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
		return listed(list), err
	}
}

// listed writes a list as flags take it.
func listed[T any](list []T) string {
	parts := make([]string, len(list))
	for i, v := range list {
		parts[i] = fmt.Sprint(v)
	}
	return strings.Join(parts, ",")
}
