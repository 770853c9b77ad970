package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"time"

	"mdfa/algo/measure"
	"mdfa/algo/training"
	"mdfa/cmd/internal/cli"
	"mdfa/internal/wording"
	"mdfa/run"
	"mdfa/run/checkpoint"
	"mdfa/run/folder"
)

// How the program prints: the values of -log. docs/output.md lists the events of json.
const (
	logText = "text"
	logJSON = "json"
)

func (o *options) checkLog() error {
	if o.log != logText && o.log != logJSON {
		return cli.Usagef("-log %s: expected %s or %s.", wording.Shown(o.log), logText, logJSON)
	}
	return nil
}

// jsonLines prints a run for machines: an object a line.
type jsonLines struct {
	run.Ignore
	out *console
	pace
	said time.Time // the last progress event, or the beginning
}

// event prints an object on a line of its own, where -log json asks for it. fields is a
// struct; -quiet leaves the outcome and an error.
func (c *console) event(name string, fields any) {
	if !c.json || c.quiet && name != "outcome" && name != "error" {
		return
	}
	head, err := json.Marshal(struct {
		Event string    `json:"event"`
		Time  time.Time `json:"time"`
	}{name, time.Now().Round(time.Millisecond)})
	var body []byte
	if err == nil {
		body, err = json.Marshal(fields)
	}
	if err != nil {
		c.err = fmt.Errorf("the event %s cannot be written as JSON: %w", name, err)
		return
	}
	line := head
	if len(body) > len("{}") {
		line = append(bytes.TrimSuffix(head, []byte("}")), ',')
		line = append(line, body[1:]...)
	}
	_, _ = c.Write(append(line, '\n')) // the console keeps the first failure
}

// startEvent is all that the header of a run says.
type startEvent struct {
	Folder      string              `json:"folder"`
	Go          string              `json:"go"`
	Command     []string            `json:"command"`
	Settings    checkpoint.Settings `json:"settings"`
	Device      folder.Device       `json:"device"`
	PassedOver  string              `json:"passed_over,omitempty"`
	Parameters  int                 `json:"parameters"`
	MemoryBytes uint64              `json:"memory_bytes"`
	Memory      map[string]uint64   `json:"memory"`
	Cache       string              `json:"cache,omitempty"`
}

// Started prints what the header says to people, and where the run is resumed from.
func (w *jsonLines) Started(s *run.Start) {
	w.begin(s)
	w.said = time.Now()
	memory := map[string]uint64{}
	for _, n := range s.Memory {
		memory[n.What] = n.Bytes
	}
	w.out.event("start", startEvent{
		Folder: s.Dir, Go: runtime.Version(), Command: s.Command, Settings: s.Record, PassedOver: s.Skipped,
		Device:     folder.Device{Kind: s.Device.Kind, Name: s.Device.Name, Detail: s.Device.Detail},
		Parameters: s.Network.Weights(), MemoryBytes: s.Memory.Total(), Memory: memory, Cache: s.Cache,
	})
	for _, note := range s.Notes {
		w.Note(note)
	}
	if r := s.Resumed; r != nil && r.Path != "" {
		if r.Skipped != nil {
			w.Note(skippedText(r.Skipped))
		}
		w.out.event("resume", resumeEvent{r.Path, r.Progress.Epoch(), r.Progress.Step, r.Progress.Steps()})
	}
}

// resumeEvent says where a run is resumed from.
type resumeEvent struct {
	From  string `json:"from"`  // the checkpoint
	Epoch int    `json:"epoch"` // the one that is resumed, or the next
	Step  int    `json:"step"`  // of it
	Steps int    `json:"steps"` // of the whole run so far
}

// noteEvent is what the user should know, and no error.
type noteEvent struct {
	Text string `json:"text"`
}

// Note prints what the user should know.
func (w *jsonLines) Note(text string) { w.out.event("note", noteEvent{text}) }

// progressEvery is the time between two progress events. To know the loss is to wait for
// the device.
const progressEvery = 10 * time.Second

// progressEvent is how far an epoch has come that takes long.
type progressEvent struct {
	Epoch           int          `json:"epoch"`
	Step            int          `json:"step"`
	Steps           int          `json:"steps"`
	Loss            folder.Float `json:"loss"`
	ImagesPerSecond folder.Float `json:"images_per_second"`
	SecondsLeft     float64      `json:"seconds_left"`
}

// Step prints a progress event every now and then.
func (w *jsonLines) Step(epoch, step int, loss func() (float64, error)) {
	now := time.Now()
	s, ok := w.at(now, epoch, step, loss, func(bool) bool { return now.Sub(w.said) >= progressEvery })
	if ok {
		w.said = now
		w.out.event("progress", progressEvent{s.Epoch, s.Step, s.Steps, folder.Known(s.Loss), folder.Known(s.ImagesPerSecond), s.Left.Seconds()})
	}
}

// checkpointEvent is a state that can be resumed from.
type checkpointEvent struct {
	File  string `json:"file"`
	Epoch int    `json:"epoch"` // that goes on, or that is next
	Step  int    `json:"step"`  // of it
	Steps int    `json:"steps"` // of the whole run so far
}

// Checkpoint prints that there is a state to resume from.
func (w *jsonLines) Checkpoint(path string, p training.Progress) {
	w.out.event("checkpoint", checkpointEvent{path, p.Epoch(), p.Step, p.Steps()})
}

// Epoch prints an epoch.
func (w *jsonLines) Epoch(e training.Epoch) error {
	row := folder.EpochOf(e, w.start.Data.Classes)
	row.Planned = w.start.Epochs
	return printRow(w.out, "epoch", folder.EpochColumns, &row)
}

// printRow prints an event with the columns of a table.
func printRow[T any](out *console, name string, columns folder.Columns[T], row *T) error {
	fields, err := columns.Event(row)
	if err == nil {
		out.event(name, fields)
	}
	return err
}

// alignmentEvent has the columns of alignment.csv: a layer is an object.
type alignmentEvent struct {
	Step   int               `json:"step"`
	Epoch  int               `json:"epoch"`
	Layers []json.RawMessage `json:"layers"`
}

// Alignment prints a measured step.
func (w *jsonLines) Alignment(a measure.Alignment) error {
	e := alignmentEvent{Step: a.Step, Epoch: a.Epoch}
	for i := range a.Layers {
		row := folder.AlignmentOf(a, i, w.start.Network)
		layer, err := folder.LayerColumns.Event(&row)
		if err != nil {
			return err
		}
		e.Layers = append(e.Layers, layer)
	}
	w.out.event("alignment", e)
	return nil
}

// outcomeEvent is the last word on a run.
type outcomeEvent struct {
	Status            string       `json:"status"` // complete, interrupted or failed
	Reason            string       `json:"reason,omitempty"`
	Folder            string       `json:"folder"`
	Epochs            int          `json:"epochs"`
	Steps             int          `json:"steps"`
	BestEpoch         int          `json:"best_epoch,omitempty"`
	BestValidAccuracy folder.Float `json:"best_valid_accuracy"`
	TestAccuracy      folder.Float `json:"test_accuracy"`
	TestTop5          folder.Float `json:"test_top5"`
	ImagesPerSecond   folder.Float `json:"images_per_second"`
	TrainSeconds      float64      `json:"train_seconds"`
	DataWaitSeconds   float64      `json:"data_wait_seconds"`
}

// Finished prints how the run ended.
func (w *jsonLines) Finished(o *run.Outcome) {
	row := folder.OutcomeOf(o.Result, o.Start.Data.Classes, o.Status, o.Reason)
	w.out.event("outcome", outcomeEvent{
		Status: o.Status, Reason: o.Reason, Folder: o.Start.Dir, Epochs: len(o.Epochs), Steps: o.Steps, BestEpoch: o.BestEpoch,
		BestValidAccuracy: row.BestValidAccuracy, TestAccuracy: row.TestAccuracy, TestTop5: row.TestTop5,
		ImagesPerSecond: folder.Mean(o.ImagesPerSecond(), o.Seconds), TrainSeconds: o.Seconds, DataWaitSeconds: o.DataWait,
	})
}

// Profiled prints the profile of a step.
func (w *jsonLines) Profiled(p *run.Profile) { w.out.event("profile", p) }

// errorEvent is the sentence that standard error gets as well.
type errorEvent struct {
	Text     string `json:"text"`
	ExitCode int    `json:"exit_code"`
}

func (c *console) errorEvent(err error) {
	c.event("error", errorEvent{wording.Sentence(err), cli.ExitCode(err)})
}
