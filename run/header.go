package run

import (
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"mdfa/internal/figures"
	"mdfa/internal/foreign"
	"mdfa/run/settings"
)

// String names the run in one line.
func (s *Start) String() string {
	network := "fully connected network"
	if s.Facts.Convnet {
		network = "convnet"
	}
	return fmt.Sprintf("%v · %s on %s, %s (%s)", s.Facts.Rule, network, s.Data.Name, s.Record.Data.ClassesText(), s.Facts.SeedText())
}

// Header describes the run for people.
func (s *Start) Header() []settings.Fact {
	skipped := ""
	if s.Skipped != "" {
		skipped = " (" + s.Skipped + ")"
	}
	lines := []settings.Fact{
		{Name: "device", Text: s.Device.String() + skipped},
		{Name: "ranks", Text: s.Ranks},
		{Name: "data", Text: fmt.Sprintf("%s train · %s validation · %s test images",
			figures.Count(s.Data.Train.Len()), figures.Count(s.Data.Valid.Len()), figures.Count(s.Data.Test.Len()))},
		{Name: "left out", Text: s.Record.Data.LeftOut.String()},
		{Name: "source", Text: foreign.Line(s.Data.Source)},
		{Name: "inputs", Text: s.Facts.Inputs()},
		{Name: "network", Text: s.Network.Headline(s.Stored)},
		{Name: "memory", Text: fmt.Sprintf("%s (%v)", humanize.Bytes(s.Memory.Total()), s.Memory)},
		{Name: "cache", Text: s.Cache},
		{Name: "rule", Text: s.Facts.String()},
	}
	for _, note := range s.Notes {
		lines = append(lines, settings.Fact{Name: "note", Text: foreign.Line(note)})
	}
	return slices.DeleteFunc(lines, func(f settings.Fact) bool { return f.Text == "" })
}

// Text says where the run is resumed from.
func (r *Resumed) Text(stepsPerEpoch int) string {
	p := r.Progress
	at := fmt.Sprintf("after epoch %d", len(p.Epochs))
	switch {
	case r.Path == "":
		return r.Dir + " begins anew: it has no checkpoint yet"
	case p.Steps() == 0:
		at = "from the beginning"
	case p.Step > 0:
		at = fmt.Sprintf("in epoch %d, after step %s of %s", p.Epoch(), figures.Count(p.Step), figures.Count(stepsPerEpoch))
	}
	return at + ", from " + r.Path
}

// SkippedText says that a damaged checkpoint is not used.
func (r *Resumed) SkippedText() string {
	return strings.TrimSuffix(r.Skipped.Error(), ": use another one.") + ": the one before it is used"
}
