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
	"mdfa/gpu"
	"mdfa/internal/progress"
	"mdfa/internal/wording"
	"mdfa/loaders"
	"mdfa/model"
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
		return usagef("-log %s: expected %s or %s.", wording.Shown(o.log), logText, logJSON)
	}
	return nil
}

// event prints an object on a line of its own, where -log json asks for it. fields is a
// struct; -quiet leaves the outcome and an error.
func (c *console) event(name string, fields any) {
	if c == nil || !c.json || c.quiet && name != "outcome" && name != "error" {
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
	if classes < topFive {
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

// startEvent prints what the header says to people.
func (c *console) startEvent(settings checkpoint.Settings, p *plan, net *model.Network, dev gpu.Info, passed string, m memoryPlan, cache string, run *folder.Writer) {
	memory := map[string]uint64{}
	for _, n := range m {
		memory[n.what] = n.bytes
	}
	c.event("start", startEvent{
		Folder: run.Dir(), Go: runtime.Version(), Command: p.command, Settings: settings, Device: deviceFacts(dev), PassedOver: passed,
		Parameters: net.Weights(), MemoryBytes: m.total(), Memory: memory, Cache: cache,
	})
	for _, note := range p.notes {
		c.event("note", noteEvent{note})
	}
}

// noteEvent is what the user should know, and no error.
type noteEvent struct {
	Text string `json:"text"`
}

// note tells it, in the form that -log asks for.
func (c *console) note(text string) {
	c.detail(c.label("note") + text)
	c.event("note", noteEvent{text})
}

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

func (o *observer) progressEvent(s progress.State) {
	left := s.Left.Seconds()
	o.out.event("progress", progressEvent{s.Epoch, s.Step, s.Steps, finite(s.Loss), finite(s.ImagesPerSecond), &left})
}

// checkpointEvent is a state that can be resumed from.
type checkpointEvent struct {
	File  string `json:"file"`
	Epoch int    `json:"epoch"` // that goes on, or that is next
	Step  int    `json:"step"`  // of it
	Steps int    `json:"steps"` // of the whole run so far
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

func (o *observer) epochEvent(e algo.Epoch) {
	o.out.event("epoch", epochEvent{
		e.Number, o.epochs, e.Steps,
		mean(e.Train.MeanLoss(), e.Train.Count), mean(e.Train.Accuracy(), e.Train.Count),
		mean(e.Valid.MeanLoss(), e.Valid.Count), mean(e.Valid.Accuracy(), e.Valid.Count), top5Share(e.Valid, o.classes),
		e.Best, finite(e.ImagesPerSecond()), e.Seconds, e.DataWait,
	})
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

func (c *console) alignmentEvent(a algo.Alignment, net *model.Network) {
	e := alignmentEvent{Step: a.Step, Epoch: a.Epoch}
	for i, l := range a.Layers {
		e.Layers = append(e.Layers, alignmentLayer{
			net.Layers[i].String(), finite(l.Gradient.Angle), finite(l.Gradient.NormRatio), finite(l.Gradient.SignAgreement),
			finite(l.Feedback.Angle), finite(l.Feedback.NormRatio), finite(l.AtFloor), finite(l.Saturated),
		})
	}
	c.event("alignment", e)
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

func (c *console) outcomeEvent(data *loaders.Dataset, r algo.Result, o outcome, run *folder.Writer) {
	best, test := r.Best(), r.Test
	e := outcomeEvent{
		Status: o.status, Reason: o.reason, Folder: run.Dir(), Epochs: len(r.Epochs), Steps: r.Steps, BestEpoch: r.BestEpoch,
		BestValidAccuracy: mean(best.Valid.Accuracy(), best.Valid.Count),
		TestAccuracy:      mean(test.Accuracy(), test.Count), TestTop5: top5Share(test, data.Classes),
		TrainSeconds: r.Seconds, DataWaitSeconds: r.DataWait,
	}
	if r.Seconds > 0 {
		e.ImagesPerSecond = finite(r.ImagesPerSecond())
	}
	c.event("outcome", e)
}

// errorEvent is the sentence that standard error gets as well.
type errorEvent struct {
	Text     string `json:"text"`
	ExitCode int    `json:"exit_code"`
}

func (c *console) errorEvent(err error) {
	c.event("error", errorEvent{sentence(err), cli.ExitCode(err)})
}
