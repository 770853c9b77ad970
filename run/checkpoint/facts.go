package checkpoint

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/dustin/go-humanize/english"

	"mdfa/algo"
	"mdfa/algo/training"
	"mdfa/internal/figures"
	"mdfa/internal/foreign"
	"mdfa/model"
	"mdfa/run/settings"
)

// Settings are the settings of a run, its data and its network. run.json and checkpoints hold them.
type Settings struct {
	Program      string            `json:"program"` // the version that wrote this
	Flags        map[string]string `json:"flags"`   // the value of every flag of train, typed or not
	Given        []string          `json:"given"`   // the flags that were typed, sorted
	Data         Data              `json:"data"`
	Network      model.Spec        `json:"network"`
	Rule         string            `json:"rule"`
	ClampFloor   *float64          `json:"clamp_floor,omitempty"` // of mdfa
	ForwardInit  string            `json:"forward_init"`
	InitFrom     *InitFrom         `json:"init_from,omitempty"`     // of -init_from, instead of ForwardInit
	BackwardInit string            `json:"backward_init,omitempty"` // of rules with feedback
	Seed         int64             `json:"seed"`
	Feedback     Feedback          `json:"feedback"`
}

// Facts returns the settings as values, with the defaults that depend on data and network.
func (s *Settings) Facts() *settings.Facts {
	f := &settings.Facts{
		Spec: settings.Recorded(s.Flags, s.Given), Shape: s.Data.Shape, Source: s.Data.Source,
		ClassOrder: s.Data.ClassOrder, ClassNames: s.Data.ClassNames,
	}
	f.Network, _ = s.Network.Network() // nil in a record that ReadRun would refuse
	var err error
	if f.Rule, err = algo.ParseRule(s.Rule); err != nil { // another program's, of which the record says little
		f.Rule = &algo.Rule{Name: s.Rule, Clamped: s.ClampFloor != nil}
		if s.BackwardInit != "" {
			f.Rule.Feedback = model.LayerFeedback
		}
	}
	f.Dataset, f.Coarse, f.Seed = s.Data.Name, s.Data.Coarse, s.Seed
	for field, text := range map[*string]string{
		&f.Model: s.Rule, &f.Activation: s.Network.Activation, &f.ForwardInit: s.ForwardInit, &f.BackwardInit: s.BackwardInit,
	} {
		if text != "" {
			*field = text
		}
	}
	if s.ClampFloor != nil {
		f.ClampFloor = *s.ClampFloor
	}
	return f
}

// InitFrom is the origin of weights that were not drawn.
type InitFrom struct {
	Path     string `json:"path"`     // the checkpoint
	Checksum string `json:"checksum"` // SHA-256 of the weights, an arena of the network in little-endian float32
}

// KeepsNone says whether the run was told to keep no checkpoints.
func (s Settings) KeepsNone() bool { return s.Flags["checkpoint_every"] == "-1" }

// Data describes a data set whose classes are chosen and whose splits are cut.
type Data struct {
	Name       string   `json:"name"`
	Source     string   `json:"source"` // where the files were, for people to read
	Shape      [3]int   `json:"shape"`  // of an image: height, width, channels
	Classes    int      `json:"classes"`
	ClassOrder []int    `json:"class_order"`           // the label in the files of each class
	ClassNames []string `json:"class_names,omitempty"` // empty if unknown
	Coarse     bool     `json:"coarse,omitempty"`
	Train      int      `json:"train"` // images
	Valid      int      `json:"valid"`
	Test       int      `json:"test"`
	Checksum   string   `json:"checksum"`           // loaders.Dataset.Checksum
	LeftOut    *LeftOut `json:"left_out,omitempty"` // nil if every file could be read
}

// LeftOut counts the files of a data set that could not be read.
type LeftOut struct {
	Files    int           `json:"files"`
	Of       int           `json:"of"` // files in all
	Examples []LeftOutFile `json:"examples"`
}

// String gives the counts, and the first file with its reason. It is "" for nil.
func (l *LeftOut) String() string {
	if l == nil {
		return ""
	}
	text := fmt.Sprintf("%s of %s files", figures.Count(l.Files), figures.Count(l.Of))
	if len(l.Examples) > 0 {
		text += fmt.Sprintf(", such as %s (%s)", foreign.Text(l.Examples[0].File), foreign.Text(l.Examples[0].Reason))
	}
	return text
}

// LeftOutFile is one of them.
type LeftOutFile struct {
	File   string `json:"file"`
	Reason string `json:"reason"`
}

// ClassName returns the name of a class, or its label in the files.
func (d Data) ClassName(class int) string {
	if class < len(d.ClassNames) {
		return d.ClassNames[class]
	}
	if class < len(d.ClassOrder) {
		return strconv.Itoa(d.ClassOrder[class])
	}
	return strconv.Itoa(class)
}

// ClassesText returns the names of a few classes, in the network's order, and the number of many.
func (d Data) ClassesText() string {
	const most = 5 // names on one line
	if d.Classes > most || len(d.ClassOrder) != d.Classes {
		return fmt.Sprintf("%d classes", d.Classes)
	}
	names := make([]string, d.Classes)
	for class := range names {
		names[class] = foreign.Text(d.ClassName(class))
	}
	return "classes " + english.WordSeries(names, "and")
}

// ByLabel returns the classes in the order of their labels in the files. The network's own order
// is drawn from a seed, unless the classes were named.
func (d Data) ByLabel() []int {
	order := make([]int, d.Classes)
	for class := range order {
		order[class] = class
	}
	if len(d.ClassOrder) == d.Classes {
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(d.ClassOrder[a], d.ClassOrder[b]) })
	}
	return order
}

// Feedback describes the feedback as it was drawn. Fixed feedback is drawn again from the seed and not stored:
// ImageNet's has 1.7 GB.
type Feedback struct {
	Kind string `json:"kind"` // of FeedbackKinds: "none", "layer" (as of fa), "direct" (dfa) or "class" (drtp)
	// Fingerprint is a hash of the values, to detect a program that draws other values.
	Fingerprint string `json:"fingerprint,omitempty"`
}

// FeedbackKinds are the names of the kinds of feedback.
var FeedbackKinds = map[model.Feedback]string{
	model.NoFeedback: "none", model.LayerFeedback: "layer", model.DirectFeedback: "direct", model.ClassFeedback: "class",
}

// kind returns the kind of the feedback; none for a name that is unknown.
func (f Feedback) kind() model.Feedback {
	for kind, name := range FeedbackKinds {
		if name == f.Kind {
			return kind
		}
	}
	return model.NoFeedback
}

// Facts is the JSON of a checkpoint beside its tensors.
type Facts struct {
	Format  int       `json:"format"`
	Kind    Kind      `json:"kind"`
	Written time.Time `json:"written"`
	Settings
	Progress training.Progress `json:"-"` // as progressJSON
}

// Kind tells a state from weights alone.
type Kind string

// The kinds of checkpoints.
const (
	// StateKind: training can be resumed from it.
	StateKind Kind = "state"
	// WeightsKind: the weights of the best epoch alone.
	WeightsKind Kind = "weights"
)

// The versions of the checkpoints that are written and read.
const (
	format     = 1
	formatLong = 2 // a part of the history is in separate files
)

type plainFacts Facts

type factsJSON struct {
	plainFacts
	Progress progressJSON `json:"progress"`
}

// progressJSON is training.Progress in a checkpoint.
type progressJSON struct {
	Epoch     int         `json:"epoch"` // the current or next one
	Step      int         `json:"step"`  // of it
	Steps     int         `json:"steps"` // of the whole run
	BestEpoch int         `json:"best_epoch"`
	Sums      metricsJSON `json:"sums"` // of the epoch so far
	Seconds   float64     `json:"seconds"`
	DataWait  float64     `json:"data_wait_seconds"`
	// History describes the files of the epochs before Epochs.
	History storedHistory `json:"history,omitzero"`
	Epochs  []epochJSON   `json:"epochs"`
}

type epochJSON struct {
	Number   int         `json:"epoch"`
	Steps    int         `json:"steps"`
	LR       float64     `json:"lr,omitempty"`
	Train    metricsJSON `json:"train"`
	Valid    metricsJSON `json:"valid"`
	Best     bool        `json:"best"`
	Seconds  float64     `json:"train_seconds"`
	DataWait float64     `json:"data_wait_seconds"`
}

// metricsJSON are sums over examples.
type metricsJSON struct {
	Loss    number  `json:"loss"`
	Correct float64 `json:"correct"`
	Top5    float64 `json:"top5"`
	Count   float64 `json:"count"`
}

func metricsOf(m algo.Metrics) metricsJSON {
	return metricsJSON{number(m.Loss), m.Correct, m.Top5, m.Count}
}

func (m metricsJSON) metrics() algo.Metrics {
	return algo.Metrics{Loss: float64(m.Loss), Correct: m.Correct, Top5: m.Top5, Count: m.Count}
}

// progressOf leaves out the epochs that are stored elsewhere.
func progressOf(p training.Progress, stored storedHistory) progressJSON {
	j := progressJSON{
		Epoch: p.Epoch(), Step: p.Step, Steps: p.Steps(), BestEpoch: p.BestEpoch,
		Sums: metricsOf(p.Sums), Seconds: p.Seconds, DataWait: p.DataWait, History: stored, Epochs: []epochJSON{},
	}
	for _, e := range p.Epochs[stored.Epochs:] {
		j.Epochs = append(j.Epochs, epochOf(e))
	}
	return j
}

func epochOf(e training.Epoch) epochJSON {
	return epochJSON{e.Number, e.Steps, e.LR, metricsOf(e.Train), metricsOf(e.Valid), e.Best, e.Seconds, e.DataWait}
}

func (e epochJSON) epoch() training.Epoch {
	return training.Epoch{
		Number: e.Number, Steps: e.Steps, LR: e.LR, Train: e.Train.metrics(), Valid: e.Valid.metrics(),
		Best: e.Best, Seconds: e.Seconds, DataWait: e.DataWait,
	}
}

func (j progressJSON) progress() training.Progress {
	p := training.Progress{BestEpoch: j.BestEpoch, Step: j.Step, Sums: j.Sums.metrics(), Seconds: j.Seconds, DataWait: j.DataWait}
	for _, e := range j.Epochs {
		p.Epochs = append(p.Epochs, e.epoch())
	}
	return p
}

// number is a float64 that round-trips through JSON, NaN and infinities included: the loss of
// a diverged validation is "NaN".
type number float64

// MarshalJSON writes the shortest number that reads back as the same, or a text.
func (n number) MarshalJSON() ([]byte, error) {
	text := strconv.FormatFloat(float64(n), 'g', -1, 64)
	if x := float64(n); math.IsNaN(x) || math.IsInf(x, 0) {
		text = strconv.Quote(text)
	}
	return []byte(text), nil
}

// UnmarshalJSON reads the text of MarshalJSON.
func (n *number) UnmarshalJSON(text []byte) error {
	var plain string
	if json.Unmarshal(text, &plain) != nil {
		plain = string(text)
	}
	x, err := strconv.ParseFloat(plain, 64)
	if err != nil {
		return fmt.Errorf("%s is no number", text)
	}
	*n = number(x)
	return nil
}
