package run

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"time"

	"mdfa/algo/measure"
	"mdfa/algo/training"
	"mdfa/run/folder"
)

// JSONLines is a follower that prints a run for machines: each event is a JSON object on a
// its own line. docs/output.md describes them.
type JSONLines struct {
	Ignore
	Out   io.Writer
	Quiet bool  // only the outcome is printed
	Err   error // the first event that could not be printed

	pace Pace
	said time.Time // the last progress event, or the beginning
}

// object is names and values in turn. Empty texts and nils are left out.
type object []any

// MarshalJSON keeps the order.
func (o object) MarshalJSON() ([]byte, error) {
	var text bytes.Buffer
	for i := 0; i < len(o); i += 2 {
		if o[i+1] == nil || o[i+1] == "" {
			continue
		}
		value, err := json.Marshal(o[i+1])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", o[i], err)
		}
		fmt.Fprintf(&text, "%c%q:%s", "{,"[min(text.Len(), 1)], o[i], value)
	}
	text.WriteByte('}')
	return text.Bytes(), nil
}

// Print prints an event with the fields of a struct or of another value that JSON has as an
// object.
func (j *JSONLines) Print(event string, fields any) {
	head, err := json.Marshal(object{"event", event, "time", time.Now().Round(time.Millisecond)})
	if err == nil {
		var body []byte
		body, err = json.Marshal(fields)
		line := append(bytes.TrimSuffix(head, []byte("}")), ',')
		head = append(line, bytes.TrimPrefix(body, []byte("{"))...)
	}
	if err == nil {
		_, err = j.Out.Write(append(head, '\n'))
	}
	if err != nil && j.Err == nil {
		j.Err = fmt.Errorf("the event %s cannot be printed: %w", event, err)
	}
}

// print is Print, unless Quiet.
func (j *JSONLines) print(event string, fields any) {
	if !j.Quiet {
		j.Print(event, fields)
	}
}

// Started describes the run, and the checkpoint that it is resumed from.
func (j *JSONLines) Started(s *Start) {
	j.pace.Begin(s)
	j.said = time.Now()
	memory := map[string]uint64{}
	for _, n := range s.Memory {
		memory[n.What] = n.Bytes
	}
	j.print("start", object{
		"folder", s.Dir, "go", runtime.Version(), "command", s.Command, "settings", s.Record, "device", deviceFacts(s.Device), "passed_over", s.Skipped,
		"parameters", s.Network.Weights(), "memory_bytes", s.Memory.Total(), "memory", memory, "cache", s.Cache,
	})
	for _, note := range s.Notes {
		j.Note(note)
	}
	if r := s.Resumed; r != nil && r.Path != "" {
		if r.Skipped != nil {
			j.Note(r.SkippedText())
		}
		j.print("resume", object{"from", r.Path, "epoch", r.Progress.Epoch(), "step", r.Progress.Step, "steps", r.Progress.Steps()})
	}
}

// Note prints a remark for the user.
func (j *JSONLines) Note(text string) { j.print("note", object{"text", text}) }

// progressEvery is the time between two progress events. To know the loss is to wait for
// the device.
const progressEvery = 10 * time.Second

// Step prints, every now and then, how far an epoch has come.
func (j *JSONLines) Step(epoch, step int, loss func() (float64, error)) {
	now := time.Now()
	s, ok := j.pace.At(now, epoch, step, loss, func(bool) bool { return now.Sub(j.said) >= progressEvery })
	if ok {
		j.said = now
		j.print("progress", object{
			"epoch", s.Epoch, "step", s.Step, "steps", s.Steps, "loss", folder.Known(s.Loss),
			"images_per_second", folder.Known(s.ImagesPerSecond), "seconds_left", s.Left.Seconds(),
		})
	}
}

// Checkpoint prints that there is a state to resume from.
func (j *JSONLines) Checkpoint(path string, p training.Progress) {
	j.print("checkpoint", object{"file", path, "epoch", p.Epoch(), "step", p.Step, "steps", p.Steps()})
}

// Epoch prints the columns of epochs.csv.
func (j *JSONLines) Epoch(e training.Epoch) error {
	row := folder.EpochOf(e, j.pace.start.Data.Classes)
	row.Planned = j.pace.start.Epochs
	fields, err := folder.EpochColumns.Event(&row)
	j.print("epoch", fields)
	return err
}

// Alignment prints the columns of alignment.csv: a layer is an object.
func (j *JSONLines) Alignment(a measure.Alignment) error {
	layers := make([]json.RawMessage, len(a.Layers))
	for i := range a.Layers {
		row := folder.AlignmentOf(a, i, j.pace.start.Network)
		var err error
		if layers[i], err = folder.LayerColumns.Event(&row); err != nil {
			return err
		}
	}
	j.print("alignment", object{"step", a.Step, "epoch", a.Epoch, "layers", layers})
	return nil
}

// Finished prints how the run ended.
func (j *JSONLines) Finished(o *Outcome) {
	row := folder.OutcomeOf(o.Result, o.Start.Data.Classes, o.Status, o.Reason)
	var best any
	if o.BestEpoch > 0 {
		best = o.BestEpoch
	}
	j.Print("outcome", object{
		"status", o.Status, "reason", o.Reason, "folder", o.Start.Dir, "epochs", len(o.Epochs), "steps", o.Steps, "best_epoch", best,
		"best_valid_accuracy", row.BestValidAccuracy, "test_accuracy", row.TestAccuracy, "test_top5", row.TestTop5,
		"images_per_second", folder.Mean(o.ImagesPerSecond(), o.Seconds), "train_seconds", o.Seconds, "data_wait_seconds", o.DataWait,
	})
}

// Profiled prints the content of profile.json.
func (j *JSONLines) Profiled(p *Profile) { j.print("profile", p) }
