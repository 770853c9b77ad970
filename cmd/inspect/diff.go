package inspect

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"mdfa/internal/foreign"
	"mdfa/model"
	"mdfa/run/checkpoint"
	"mdfa/run/folder"
	"mdfa/run/settings"
)

// comparison holds the differences between two paths; -diff -json prints it.
type comparison struct {
	Paths    [2]string         `json:"paths"`
	Settings []setting         `json:"settings"` // those that differ
	Weights  []tensorDiff      `json:"weights"`  // of each layer, and learned feedback that both have
	Equal    *bool             `json:"weights_equal"`
	History  historyDiff       `json:"history"`
	Outcome  map[string]values `json:"outcome"` // columns of result.csv that differ
	Notes    []string          `json:"notes,omitempty"`
}

// values holds the values of the first and the second path.
type values [2]any

type setting struct {
	Name   string    `json:"name"`
	Values [2]string `json:"values"`
}

// tensorDiff compares one layer's weights, biases or learned feedback, a and b.
type tensorDiff struct {
	Name     string   `json:"name"`
	Shapes   [2][]int `json:"shapes"`
	Equal    bool     `json:"equal"`    // the same bits
	Norm     *float64 `json:"norm"`     // of a - b; null for other shapes
	Relative *float64 `json:"relative"` // norm over that of a; null if that is 0
	Largest  *float64 `json:"largest"`  // of |a - b|
	Cosine   *float64 `json:"cosine"`   // of the angle between a and b; null if one is 0
}

// historyDiff compares the epochs.
type historyDiff struct {
	Epochs [2]int `json:"epochs"`
	// FirstDifference is the first epoch whose loss or accuracy differs, 0 if there is none.
	FirstDifference int `json:"first_difference"`
}

// difference prints the differences between two paths.
func difference(ctx context.Context, o options, out *strings.Builder) error {
	var s [2]*subject
	for i, path := range o.paths {
		var err error
		if s[i], err = open(ctx, path, o.weights); err != nil {
			return err
		}
	}
	c := comparison{
		Paths: [2]string{s[0].path, s[1].path}, Settings: settingsDiff(s[0].settings, s[1].settings),
		History: historyOf(s[0].epochs, s[1].epochs), Outcome: outcomeDiff(s[0].result, s[1].result), Notes: append(s[0].notes, s[1].notes...),
	}
	if a, b := s[0].checkpoint, s[1].checkpoint; a != nil && b != nil {
		c.Weights = weightsDiff(a, b)
		equal := !slices.ContainsFunc(c.Weights, func(t tensorDiff) bool { return !t.Equal })
		c.Equal = &equal
	}
	fault := cmp.Or(s[0].fault, s[1].fault)
	if o.json {
		return cmp.Or(writeJSON(out, c), fault)
	}
	c.print(out)
	return fault
}

// settingsDiff lists flags and facts that differ.
func settingsDiff(a, b *checkpoint.Settings) []setting {
	x, y := settingsOf(a), settingsOf(b)
	differ := []setting{}
	names := maps.Clone(x)
	maps.Copy(names, y)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if x[name] != y[name] {
			differ = append(differ, setting{name, [2]string{x[name], y[name]}})
		}
	}
	return differ
}

// settingsOf returns the flags, as "-lr", and facts that depend on more than flags.
func settingsOf(s *checkpoint.Settings) map[string]string {
	all := map[string]string{}
	if s == nil {
		return all
	}
	facts := s.Facts()
	for name, value := range s.Flags {
		all["-"+name] = value
	}
	for _, setting := range settings.List { // the earlier versions did without some of them
		all["-"+setting.Name] = setting.Text(&facts.Spec)
	}
	all["program"] = s.Program
	all["rule"] = s.Rule
	all["data set"] = s.Data.Name
	all["data checksum"] = s.Data.Checksum
	all["classes"] = strings.TrimPrefix(s.Data.ClassesText(), "classes ")
	all["train/valid/test"] = fmt.Sprintf("%d/%d/%d", s.Data.Train, s.Data.Valid, s.Data.Test)
	all["network"] = networkText(s)
	all["feedback"] = s.Feedback.Fingerprint
	return all
}

func weightsDiff(a, b *checkpoint.Checkpoint) []tensorDiff {
	diffs := tensorsDiff(a.Network.Split(a.Params), b.Network.Split(b.Params))
	if x, y := a.LearnedTensors(), b.LearnedTensors(); x != nil && y != nil {
		diffs = append(diffs, tensorsDiff(x, y)...)
	}
	return diffs
}

// tensorsDiff compares two lists in their order.
func tensorsDiff(x, y []model.Tensor) []tensorDiff {
	diffs := []tensorDiff{}
	for i := range max(len(x), len(y)) {
		var s, t model.Tensor
		if i < len(x) {
			s = x[i]
		}
		if i < len(y) {
			t = y[i]
		}
		d := tensorDiff{Name: s.Name, Shapes: [2][]int{s.Shape, t.Shape}}
		if d.Name == "" {
			d.Name = t.Name
		}
		if slices.Equal(s.Shape, t.Shape) {
			d.measure(s.Data, t.Data)
		}
		diffs = append(diffs, d)
	}
	return diffs
}

func (d *tensorDiff) measure(a, b []float32) {
	var dot, squareA, squareB, square, largest float64
	d.Equal = true
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			d.Equal = false
		}
		x, y := float64(a[i]), float64(b[i])
		dot += x * y
		squareA += x * x
		squareB += y * y
		square += (x - y) * (x - y)
		largest = max(largest, math.Abs(x-y))
	}
	d.Norm, d.Largest = finite(math.Sqrt(square)), finite(largest)
	d.Relative = finite(math.Sqrt(square / squareA))
	d.Cosine = finite(max(-1, min(dot/math.Sqrt(squareA*squareB), 1)))
}

// historyOf finds the first epoch that tells two runs apart.
func historyOf(a, b []folder.Epoch) historyDiff {
	d := historyDiff{Epochs: [2]int{len(a), len(b)}}
	for i := range min(len(a), len(b)) {
		for _, c := range folder.EpochColumns {
			if c.Same && !c.Equal(&a[i], &b[i]) {
				d.FirstDifference = i + 1
				return d
			}
		}
	}
	return d
}

// outcomes are the columns of result.csv that -diff compares, in the order in which it prints them.
var outcomes = []string{"status", "epochs", "steps", "best_epoch", "best_valid_accuracy", "test_accuracy", "test_top5"}

// outcomeDiff compares the results of two runs; a checkpoint alone has none.
func outcomeDiff(a, b folder.Row) map[string]values {
	differ := map[string]values{}
	if a == nil || b == nil {
		return differ
	}
	for _, name := range outcomes {
		if a[name] != b[name] {
			differ[name] = values{folder.JSON(name, a[name]), folder.JSON(name, b[name])}
		}
	}
	return differ
}

func (c comparison) print(out *strings.Builder) {
	fmt.Fprintf(out, "a  %s\nb  %s\n\n", foreign.Line(c.Paths[0]), foreign.Line(c.Paths[1]))
	rows := newTable()
	rows.head("differs", false)
	rows.head("a", false)
	rows.head("b", false)
	row := func(name, a, b string) {
		for _, text := range []string{name, a, b} {
			rows.cell(brief(text))
		}
	}
	for _, s := range c.Settings {
		row(s.Name, s.Values[0], s.Values[1])
	}
	for _, name := range outcomes {
		if v, some := c.Outcome[name]; some {
			row(name, resultText(name, v[0]), resultText(name, v[1]))
		}
	}
	if len(rows.cells) == 0 {
		out.WriteString("settings  the same\n")
	} else {
		rows.print(out)
	}
	out.WriteString("\n")
	switch {
	case c.Equal == nil:
		out.WriteString("weights   not there in both\n")
	case *c.Equal:
		out.WriteString("weights   the same bits\n")
	default:
		c.printWeights(out)
		out.WriteString("\n")
	}
	h := c.History
	switch {
	case h.FirstDifference > 0:
		fmt.Fprintf(out, "history   %d and %d epochs, different from epoch %d on\n", h.Epochs[0], h.Epochs[1], h.FirstDifference)
	default:
		fmt.Fprintf(out, "history   %d and %d epochs, those that both have are the same\n", h.Epochs[0], h.Epochs[1])
	}
	for _, note := range c.Notes {
		fmt.Fprintf(out, "note: %s\n", foreign.Line(note))
	}
}

func (c comparison) printWeights(out *strings.Builder) {
	t := newTable()
	t.head("layer", false)
	t.head("shape", false)
	for _, name := range []string{"|a - b|", "/ |a|", "largest", "cosine"} {
		t.head(name, true)
	}
	for _, d := range c.Weights {
		t.cell(layerName(d.Name))
		if !slices.Equal(d.Shapes[0], d.Shapes[1]) {
			t.cell(fmt.Sprintf("%s and %s", shapeOrNone(d.Shapes[0]), shapeOrNone(d.Shapes[1])))
		} else {
			t.cell(shapeText(d.Shapes[0]))
		}
		for _, x := range []*float64{d.Norm, d.Relative, d.Largest} {
			t.cell(optional(x, short))
		}
		t.cell(optional(d.Cosine, func(x float64) string { return fmt.Sprintf("%.6f", x) }))
	}
	t.print(out)
}

// shapeOrNone writes a shape, or "none" for a layer that a network lacks.
func shapeOrNone(shape []int) string {
	if shape == nil {
		return "none"
	}
	return shapeText(shape)
}

// brief shortens a value so that three columns fit into 80 characters.
func brief(text string) string {
	const most = 26
	r := []rune(text)
	switch {
	case text == "":
		return "-"
	case len(r) > most:
		return string(r[:most-1]) + "…"
	}
	return text
}

func resultText(column string, value any) string {
	if value == nil {
		return "-"
	}
	return folder.Show(column, fmt.Sprint(value))
}
