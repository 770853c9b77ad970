package inspect

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"mdfa/cmd/internal/cli"
	"mdfa/internal/figures"
	"mdfa/internal/foreign"
	"mdfa/run/checkpoint"
	"mdfa/run/folder"
)

// description is the object of -json about a path.
type description struct {
	Path       string               `json:"path"`
	Status     string               `json:"status,omitempty"` // of a run's folder
	Result     map[string]any       `json:"result,omitempty"` // result.csv
	Settings   *checkpoint.Settings `json:"settings,omitempty"`
	Run        *folder.Run          `json:"run,omitempty"` // run.json
	Checkpoint *checkpointFacts     `json:"checkpoint,omitempty"`
	Epochs     []map[string]any     `json:"epochs"`
	Notes      []string             `json:"notes,omitempty"`
}

// checkpointFacts describes a checkpoint.
type checkpointFacts struct {
	File       string          `json:"file"`
	Kind       checkpoint.Kind `json:"kind"`
	Written    time.Time       `json:"written"`
	Epoch      int             `json:"epoch"`
	Steps      int             `json:"steps"` // of the run when the weights were written
	BestEpoch  int             `json:"best_epoch"`
	Parameters int             `json:"parameters"`
	Tensors    []tensorFacts   `json:"tensors"`
}

// describe prints each path.
func describe(ctx context.Context, o options, out *strings.Builder) error {
	var faults []error
	for i, path := range o.paths {
		s, err := open(ctx, path, o.weights)
		if err != nil {
			return err
		}
		if s.fault != nil {
			faults = append(faults, s.fault)
		}
		if o.json {
			if err := writeJSON(out, s.describe(o.most)); err != nil {
				return err
			}
			continue
		}
		if i > 0 {
			out.WriteString("\n")
		}
		s.print(o.most, out)
	}
	return errors.Join(faults...)
}

func (s *subject) describe(most int) description {
	d := description{Path: s.path, Status: s.status, Settings: s.settings, Run: s.run, Epochs: []map[string]any{}, Notes: s.notes}
	if s.result != nil {
		d.Result = object(s.result, slices.Sorted(maps.Keys(s.result)))
	}
	if c := s.checkpoint; c != nil {
		d.Checkpoint = &checkpointFacts{
			c.Path, c.Kind, c.Written, c.Epoch(), c.Progress.Steps(), c.Progress.BestEpoch, c.Network.Weights(), tensors(c),
		}
	}
	for _, row := range tail(s.epochs, most) {
		d.Epochs = append(d.Epochs, folder.EpochColumns.Object(&row))
	}
	return d
}

// tail returns the last rows, or all if most is 0.
func tail[T any](rows []T, most int) []T {
	if most > 0 && len(rows) > most {
		return rows[len(rows)-most:]
	}
	return rows
}

// print writes the description for people.
func (s *subject) print(most int, out *strings.Builder) {
	const indent = 11
	item := func(label string, lines []string) {
		fmt.Fprintf(out, "%-*s%s\n", indent, label, strings.Join(lines, "\n"+strings.Repeat(" ", indent)))
	}
	line := func(label, format string, args ...any) {
		item(label, cli.Wrap(foreign.Line(fmt.Sprintf(format, args...)), width-indent))
	}
	title := s.name()
	if s.status != "" {
		title += "   " + s.status
	}
	fmt.Fprintln(out, foreign.Line(title))
	if s.run != nil {
		item("command", cli.CommandLines(width-indent, s.run.Command...))
		line("started", "%s on %v%s", s.run.Started.Format(time.DateTime), s.run.Device, resumedText(s.run.Resumed))
	}
	if x := s.settings; x != nil {
		line("data", "%s, %s of %s: %s train · %s validation · %s test", x.Data.Name, x.Data.ClassesText(),
			shapeText(x.Data.Shape[:]), figures.Count(x.Data.Train), figures.Count(x.Data.Valid), figures.Count(x.Data.Test))
		if left := x.Data.LeftOut; left != nil {
			line("left out", "%v", left)
		}
		if inputs := x.Facts().Inputs(); inputs != "" {
			line("inputs", "%s", inputs)
		}
		line("rule", "%v, %s", x.Facts(), x.Facts().SeedText())
		line("network", "%s", networkText(x))
		line("program", "%s", x.Program)
	}
	if r := s.result; r != nil {
		line("outcome", "%s", outcomeText(r))
	}
	if c := s.checkpoint; c != nil {
		line("weights", "%s of %s, %s; %s steps in all", figures.Count(c.Network.Weights()), s.relative(c.Path), c.When(), figures.Count(c.Progress.Steps()))
		line("written", "%s, kind %s", c.Written.Format(time.DateTime), c.Kind)
		out.WriteString("\n")
		all := tensors(c)
		printTensors(all).print(out)
		for _, t := range all {
			if t.NotFinite > 0 {
				fmt.Fprintf(out, "note: %s has %s values that are NaN or infinite\n", t.Name, figures.Count(t.NotFinite))
			}
		}
	}
	s.printEpochs(most, out)
	for _, note := range s.notes {
		fmt.Fprintf(out, "note: %s\n", foreign.Line(note))
	}
}

// relative shortens a path below the subject's own.
func (s *subject) relative(path string) string {
	if short, err := filepath.Rel(s.path, path); err == nil && short != "." {
		return short
	}
	return filepath.Base(path)
}

// printEpochs prints the table of the epochs.
func (s *subject) printEpochs(most int, out *strings.Builder) {
	if len(s.epochs) == 0 {
		return
	}
	rows := tail(s.epochs, most)
	out.WriteString("\n")
	if hidden := len(s.epochs) - len(rows); hidden > 0 {
		fmt.Fprintf(out, "the last %d of %d epochs (-n 0 shows all)\n", len(rows), len(s.epochs))
	}
	t := newTable()
	for _, c := range folder.EpochColumns {
		if c.Head != "" {
			t.head(c.Head, true)
		}
	}
	t.head("", false)
	for _, row := range rows {
		for _, c := range folder.EpochColumns {
			if c.Head != "" {
				t.cell(c.Show(&row))
			}
		}
		t.cell(map[bool]string{true: "best"}[row.Best])
	}
	t.print(out)
}

func outcomeText(r folder.Row) string {
	parts := []string{r["status"]}
	if r["reason"] != "" {
		parts[0] += " (" + r["reason"] + ")"
	}
	if r["best_epoch"] != "" {
		parts = append(parts, fmt.Sprintf("best epoch %s of %s, validation %s", r["best_epoch"], r["epochs"], folder.Show("best_valid_accuracy", r["best_valid_accuracy"])))
	}
	if r["test_accuracy"] != "" {
		parts = append(parts, "test "+folder.Show("test_accuracy", r["test_accuracy"]))
	}
	return strings.Join(parts, ", ")
}

func resumedText(times []folder.Resumed) string {
	switch len(times) {
	case 0:
		return ""
	case 1:
		return ", resumed once"
	}
	return fmt.Sprintf(", resumed %d times", len(times))
}

func networkText(x *checkpoint.Settings) string {
	parts := []string{shapeText(x.Network.Input[:])}
	for _, l := range x.Network.Layers {
		parts = append(parts, l.String())
	}
	return strings.Join(parts, " -> ") + ", " + x.Network.Activation
}
