package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"runtime"
	"time"

	"mdfa/algo"
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

// finite is a number as JSON has it: null for what was not measured or is infinite.
func finite(x float64) *float64 {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return nil
	}
	return &x
}

// mean is a mean over count examples, null where there were none.
func mean(x, count float64) *float64 {
	if count == 0 {
		return nil
	}
	return finite(x)
}

// top5Share is the share of examples whose class was among the first five, null where
// there are fewer classes.
func top5Share(m algo.Metrics, classes int) *float64 {
	if classes < run.TopFive {
		return nil
	}
	return mean(m.Top5Accuracy(), m.Count)
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
	Epoch           int      `json:"epoch"`
	Step            int      `json:"step"`
	Steps           int      `json:"steps"`
	Loss            *float64 `json:"loss"`
	ImagesPerSecond *float64 `json:"images_per_second"`
	SecondsLeft     *float64 `json:"seconds_left"`
}

// Step prints a progress event every now and then.
func (w *jsonLines) Step(epoch, step int, loss func() (float64, error)) {
	now := time.Now()
	s, ok := w.at(now, epoch, step, loss, func(bool) bool { return now.Sub(w.said) >= progressEvery })
	if ok {
		w.said = now
		left := s.Left.Seconds()
		w.out.event("progress", progressEvent{s.Epoch, s.Step, s.Steps, finite(s.Loss), finite(s.ImagesPerSecond), &left})
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
func (w *jsonLines) Checkpoint(path string, p algo.Progress) {
	w.out.event("checkpoint", checkpointEvent{path, p.Epoch(), p.Step, p.Steps()})
}

// epochEvent has the columns of epochs.csv.
type epochEvent struct {
	Epoch           int      `json:"epoch"`
	Epochs          int      `json:"epochs"`
	Steps           int      `json:"steps"`
	TrainLoss       *float64 `json:"train_loss"`
	TrainAccuracy   *float64 `json:"train_accuracy"`
	ValidLoss       *float64 `json:"valid_loss"`
	ValidAccuracy   *float64 `json:"valid_accuracy"`
	ValidTop5       *float64 `json:"valid_top5"`
	Best            bool     `json:"best"`
	ImagesPerSecond *float64 `json:"images_per_second"`
	TrainSeconds    float64  `json:"train_seconds"`
	DataWaitSeconds float64  `json:"data_wait_seconds"`
}

// Epoch prints an epoch.
func (w *jsonLines) Epoch(e algo.Epoch) error {
	w.out.event("epoch", epochEvent{
		e.Number, w.start.Epochs, e.Steps,
		mean(e.Train.MeanLoss(), e.Train.Count), mean(e.Train.Accuracy(), e.Train.Count),
		mean(e.Valid.MeanLoss(), e.Valid.Count), mean(e.Valid.Accuracy(), e.Valid.Count), top5Share(e.Valid, w.start.Data.Classes),
		e.Best, finite(e.ImagesPerSecond()), e.Seconds, e.DataWait,
	})
	return nil
}

// alignmentEvent has the columns of alignment.csv.
type alignmentEvent struct {
	Step   int              `json:"step"`
	Epoch  int              `json:"epoch"`
	Layers []alignmentLayer `json:"layers"`
}

type alignmentLayer struct {
	Kind              string   `json:"kind"`
	AngleBP           *float64 `json:"angle_bp"`
	NormRatioBP       *float64 `json:"norm_ratio_bp"`
	SignAgreementBP   *float64 `json:"sign_agreement_bp"`
	AngleFeedback     *float64 `json:"angle_feedback"`
	NormRatioFeedback *float64 `json:"norm_ratio_feedback"`
	AtFloor           *float64 `json:"at_floor"`
	Saturated         *float64 `json:"saturated"`
}

// Alignment prints a measured step.
func (w *jsonLines) Alignment(a algo.Alignment) error {
	e := alignmentEvent{Step: a.Step, Epoch: a.Epoch}
	for i, l := range a.Layers {
		e.Layers = append(e.Layers, alignmentLayer{
			w.start.Network.Layers[i].String(), finite(l.Gradient.Angle), finite(l.Gradient.NormRatio), finite(l.Gradient.SignAgreement),
			finite(l.Feedback.Angle), finite(l.Feedback.NormRatio), finite(l.AtFloor), finite(l.Saturated),
		})
	}
	w.out.event("alignment", e)
	return nil
}

// outcomeEvent is the last word on a run.
type outcomeEvent struct {
	Status            string   `json:"status"` // complete, interrupted or failed
	Reason            string   `json:"reason,omitempty"`
	Folder            string   `json:"folder"`
	Epochs            int      `json:"epochs"`
	Steps             int      `json:"steps"`
	BestEpoch         int      `json:"best_epoch,omitempty"`
	BestValidAccuracy *float64 `json:"best_valid_accuracy"`
	TestAccuracy      *float64 `json:"test_accuracy"`
	TestTop5          *float64 `json:"test_top5"`
	ImagesPerSecond   *float64 `json:"images_per_second"`
	TrainSeconds      float64  `json:"train_seconds"`
	DataWaitSeconds   float64  `json:"data_wait_seconds"`
}

// Finished prints how the run ended.
func (w *jsonLines) Finished(o *run.Outcome) {
	best, test := o.Best(), o.Test
	e := outcomeEvent{
		Status: o.Status, Reason: o.Reason, Folder: o.Start.Dir, Epochs: len(o.Epochs), Steps: o.Steps, BestEpoch: o.BestEpoch,
		BestValidAccuracy: mean(best.Valid.Accuracy(), best.Valid.Count),
		TestAccuracy:      mean(test.Accuracy(), test.Count), TestTop5: top5Share(test, o.Start.Data.Classes),
		TrainSeconds: o.Seconds, DataWaitSeconds: o.DataWait,
	}
	if o.Seconds > 0 {
		e.ImagesPerSecond = finite(o.ImagesPerSecond())
	}
	w.out.event("outcome", e)
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
