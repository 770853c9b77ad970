package folder

import (
	"encoding/json"
	"math"
	"strconv"

	"mdfa/algo"
	"mdfa/algo/measure"
	"mdfa/algo/training"
	"mdfa/model"
	"mdfa/run/settings"
)

// TopFive is the number of classes from which on a share among the first five says something.
const TopFive = 5

// Epoch is a row of epochs.csv, and an event. Shares are from 0 to 1.
type Epoch struct {
	Number, Planned, Steps                         int   // Planned: epochs of the run
	LR                                             Float // of the last step; missing where it is constant
	TrainLoss, TrainAccuracy                       Float
	ValidLoss, ValidAccuracy, ValidTop5            Float
	Best                                           bool // the best validation so far
	ImagesPerSecond, TrainSeconds, DataWaitSeconds Float
}

// Columns that hold times, and in result.csv the device's threads and libraries, come last:
// everything before them is equal between two runs of the same seed on the same kind of
// device.

// The titles of the page's charts that show columns.
const (
	ChartLoss          = "Loss"
	ChartAccuracy      = "Accuracy"
	ChartSpeed         = "Speed"
	ChartRate          = "Learning rate"
	ChartAngle         = "Angle to backpropagation's gradient"
	ChartFeedbackAngle = "Angle between weights and feedback"
	ChartLength        = "Length beside backpropagation's gradient"
	ChartSigns         = "Equal signs"
	ChartFloor         = "Weights at the floor"
	ChartSaturated     = "Saturated units"
)

// clock writes times and speeds to the precision of a clock.
var clock = digits('f', 3)

// EpochColumns are the columns of [Epoch].
var EpochColumns = Columns[Epoch]{
	{Name: "epoch", Field: func(e *Epoch) any { return &e.Number }, Head: "epoch"},
	{Name: "epochs", Field: func(e *Epoch) any { return &e.Planned }, EventOnly: true},
	{Name: "steps", Field: func(e *Epoch) any { return &e.Steps }, Head: "steps", Same: true},
	{Name: "train_loss", Unit: UnitNats, Field: func(e *Epoch) any { return &e.TrainLoss },
		Scalar: "loss/train", Chart: ChartLoss, Line: "training", Head: "loss", Same: true},
	{Name: "train_accuracy", Unit: UnitShare, Field: func(e *Epoch) any { return &e.TrainAccuracy },
		Scalar: "accuracy/train", Chart: ChartAccuracy, Line: "training", Head: "train", Same: true},
	{Name: "valid_loss", Unit: UnitNats, Field: func(e *Epoch) any { return &e.ValidLoss },
		Scalar: "loss/valid", Chart: ChartLoss, Line: "validation", Head: "valid loss", Same: true},
	{Name: "valid_accuracy", Unit: UnitShare, Field: func(e *Epoch) any { return &e.ValidAccuracy },
		Scalar: "accuracy/valid", Chart: ChartAccuracy, Line: "validation", Head: "valid", Same: true},
	{Name: "valid_top5", Unit: UnitShare, Field: func(e *Epoch) any { return &e.ValidTop5 },
		Scalar: "accuracy/valid_top5", Chart: ChartAccuracy, Line: "validation top-5"},
	{Name: "lr", Field: func(e *Epoch) any { return &e.LR },
		Scalar: "training/learning_rate", Chart: ChartRate, Line: "learning rate", Same: true},
	{Name: "best", Field: func(e *Epoch) any { return &e.Best }},
	{Name: "images_per_second", Unit: UnitPerSecond, Field: func(e *Epoch) any { return &e.ImagesPerSecond }, Text: clock,
		Scalar: "training/images_per_second", Chart: ChartSpeed, Line: "images/s", Head: "img/s"},
	{Name: "train_seconds", Unit: UnitSeconds, Field: func(e *Epoch) any { return &e.TrainSeconds }, Text: clock, Head: "seconds"},
	{Name: "data_wait_seconds", Unit: UnitSeconds, Field: func(e *Epoch) any { return &e.DataWaitSeconds }, Text: clock},
}

// EpochOf returns the row of an epoch of a run with so many classes.
func EpochOf(e training.Epoch, classes int) Epoch {
	return Epoch{
		Number: e.Number, Steps: e.Steps, Best: e.Best, LR: Mean(e.LR, e.LR),
		TrainLoss: Mean(e.Train.MeanLoss(), e.Train.Count), TrainAccuracy: Mean(e.Train.Accuracy(), e.Train.Count),
		ValidLoss: Mean(e.Valid.MeanLoss(), e.Valid.Count), ValidAccuracy: Mean(e.Valid.Accuracy(), e.Valid.Count),
		ValidTop5: top5(e.Valid, classes), ImagesPerSecond: Mean(e.ImagesPerSecond(), e.Seconds),
		TrainSeconds: Known(e.Seconds), DataWaitSeconds: Known(e.DataWait),
	}
}

func top5(m algo.Metrics, classes int) Float {
	if classes < TopFive {
		return Float{}
	}
	return Mean(m.Top5Accuracy(), m.Count)
}

// Alignment is a row of alignment.csv: one layer in one measured step. docs/alignment.md
// explains the columns.
type Alignment struct {
	Step, Epoch, Layer                                   int
	Kind                                                 string // of the layer: "conv 96 5/2"
	AngleBP, NormRatioBP, SignAgreementBP                Float
	AngleFeedback, NormRatioFeedback, AtFloor, Saturated Float
}

// stepColumns tell measured layers apart. The event of a step has its layers in a list.
var stepColumns = Columns[Alignment]{
	{Name: "step", Field: func(a *Alignment) any { return &a.Step }},
	{Name: "epoch", Field: func(a *Alignment) any { return &a.Epoch }},
	{Name: "layer", Field: func(a *Alignment) any { return &a.Layer }},
}

// sevenDigits are those of a float32.
var sevenDigits = digits('g', 7)

// LayerColumns are the columns of [Alignment] that a layer of an event has.
var LayerColumns = Columns[Alignment]{
	{Name: "kind", Field: func(a *Alignment) any { return &a.Kind }},
	{Name: "angle_bp", Unit: UnitDegrees, Field: func(a *Alignment) any { return &a.AngleBP }, Text: sevenDigits,
		Scalar: "angle_bp/layers.%d", Chart: ChartAngle},
	{Name: "norm_ratio_bp", Field: func(a *Alignment) any { return &a.NormRatioBP }, Text: sevenDigits,
		Scalar: "norm_ratio_bp/layers.%d", Chart: ChartLength},
	{Name: "sign_agreement_bp", Unit: UnitShare, Field: func(a *Alignment) any { return &a.SignAgreementBP }, Text: sevenDigits,
		Scalar: "sign_agreement_bp/layers.%d", Chart: ChartSigns},
	{Name: "angle_feedback", Unit: UnitDegrees, Field: func(a *Alignment) any { return &a.AngleFeedback }, Text: sevenDigits,
		Scalar: "angle_feedback/layers.%d", Chart: ChartFeedbackAngle},
	{Name: "norm_ratio_feedback", Field: func(a *Alignment) any { return &a.NormRatioFeedback }, Text: sevenDigits,
		Scalar: "norm_ratio_feedback/layers.%d"},
	{Name: "at_floor", Unit: UnitShare, Field: func(a *Alignment) any { return &a.AtFloor }, Text: sevenDigits,
		Scalar: "at_floor/layers.%d", Chart: ChartFloor},
	{Name: "saturated", Unit: UnitShare, Field: func(a *Alignment) any { return &a.Saturated }, Text: sevenDigits,
		Scalar: "saturated/layers.%d", Chart: ChartSaturated},
}

// AlignmentColumns are the columns of alignment.csv.
var AlignmentColumns = append(stepColumns[:len(stepColumns):len(stepColumns)], LayerColumns...)

// AlignmentOf returns the row of a layer that was measured.
func AlignmentOf(a measure.Alignment, layer int, net *model.Network) Alignment {
	l := a.Layers[layer]
	return Alignment{
		Step: a.Step, Epoch: a.Epoch, Layer: layer, Kind: net.Layers[layer].String(),
		AngleBP: Measured(l.Gradient.Angle), NormRatioBP: Measured(l.Gradient.NormRatio), SignAgreementBP: Measured(l.Gradient.SignAgreement),
		AngleFeedback: Measured(l.Feedback.Angle), NormRatioFeedback: Measured(l.Feedback.NormRatio),
		AtFloor: Measured(l.AtFloor), Saturated: Measured(l.Saturated),
	}
}

// The statuses of a run. A run without an end is running while a process holds its folder, and killed
// otherwise.
const (
	StatusComplete    = "complete"
	StatusInterrupted = "interrupted"
	StatusFailed      = "failed"
	StatusStarted     = "started" // in the log of all runs, until the row of the end follows
	StatusRunning     = "running"
	StatusKilled      = "killed"
)

// Outcome is how a run ended. Numbers of one that has just begun are missing.
type Outcome struct {
	Status                                         string // complete, interrupted, failed or started
	Reason                                         string // why it is not complete, or complete so early
	Epochs, Steps                                  Float  // Steps: of its whole epochs
	BestTrainLoss, BestTrainAccuracy               Float
	BestValidAccuracy, BestEpoch                   Float // missing before the first validation
	TestAccuracy, TestTop5                         Float
	ImagesPerSecond, TrainSeconds, DataWaitSeconds Float
}

// OutcomeOf returns the outcome of a run's training.
func OutcomeOf(r training.Result, classes int, status, reason string) Outcome {
	best, steps := r.Best(), 0
	o := Outcome{
		Status: status, Reason: reason, Epochs: Known(float64(len(r.Epochs))), BestEpoch: Mean(float64(r.BestEpoch), float64(r.BestEpoch)),
		BestValidAccuracy: Mean(best.Valid.Accuracy(), best.Valid.Count),
		TestAccuracy:      Mean(r.Test.Accuracy(), r.Test.Count), TestTop5: top5(r.Test, classes),
		ImagesPerSecond: Known(r.ImagesPerSecond()), TrainSeconds: Known(r.Seconds), DataWaitSeconds: Known(r.DataWait),
	}
	for _, e := range r.Epochs {
		steps += e.Steps
		if l := e.Train.MeanLoss(); !o.BestTrainLoss.Known || math.IsNaN(o.BestTrainLoss.X) || l < o.BestTrainLoss.X {
			o.BestTrainLoss = Known(l)
		}
		o.BestTrainAccuracy = Known(max(o.BestTrainAccuracy.X, e.Train.Accuracy()))
	}
	o.Steps = Known(float64(steps))
	return o
}

// Result is the row of result.csv.
type Result struct {
	Version, Go, Device string
	Settings            []settings.Fact // its columns; nil in one that was read
	Parameters          int
	Outcome
	DeviceDetail, Time string
}

// machineColumns are the columns of [Result] before those of the settings.
var machineColumns = Columns[Result]{
	{Name: "version", Field: func(r *Result) any { return &r.Version }},
	{Name: "go", Field: func(r *Result) any { return &r.Go }},
	{Name: "device", Field: func(r *Result) any { return &r.Device }},
}

// outcomeColumns are the columns of [Result] behind those of the settings.
var outcomeColumns = Columns[Result]{
	{Name: "parameters", Field: func(r *Result) any { return &r.Parameters }},
	{Name: "status", Field: func(r *Result) any { return &r.Status }},
	{Name: "reason", Field: func(r *Result) any { return &r.Reason }},
	{Name: "epochs", Field: func(r *Result) any { return &r.Epochs }, Text: whole},
	{Name: "steps", Field: func(r *Result) any { return &r.Steps }, Text: whole},
	{Name: "best_train_loss", Unit: UnitNats, Field: func(r *Result) any { return &r.BestTrainLoss }},
	{Name: "best_train_accuracy", Unit: UnitShare, Field: func(r *Result) any { return &r.BestTrainAccuracy }},
	{Name: "best_valid_accuracy", Unit: UnitShare, Field: func(r *Result) any { return &r.BestValidAccuracy }},
	{Name: "best_epoch", Field: func(r *Result) any { return &r.BestEpoch }, Text: whole},
	{Name: "test_accuracy", Unit: UnitShare, Field: func(r *Result) any { return &r.TestAccuracy }},
	{Name: "test_top5", Unit: UnitShare, Field: func(r *Result) any { return &r.TestTop5 }},
	{Name: "device_detail", Field: func(r *Result) any { return &r.DeviceDetail }},
	{Name: "time", Field: func(r *Result) any { return &r.Time }},
	{Name: "images_per_second", Unit: UnitPerSecond, Field: func(r *Result) any { return &r.ImagesPerSecond }, Text: clock},
	{Name: "train_seconds", Unit: UnitSeconds, Field: func(r *Result) any { return &r.TrainSeconds }, Text: clock},
	{Name: "data_wait_seconds", Unit: UnitSeconds, Field: func(r *Result) any { return &r.DataWaitSeconds }, Text: clock},
}

// whole writes a count.
var whole = digits('f', 0)

// ResultColumns are the columns of result.csv but for those of the settings.
var ResultColumns = append(machineColumns[:len(machineColumns):len(machineColumns)], outcomeColumns...)

// Cells returns the row with the names of its columns.
func (r *Result) Cells() []Cell {
	cells := machineColumns.Cells(r)
	for _, f := range r.Settings {
		cells = append(cells, Cell{f.Name, f.Text})
	}
	return append(cells, outcomeColumns.Cells(r)...)
}

// column returns the declaration of a column of result.csv or of the log of all runs.
func column(name string) (unit string, kind any) {
	for _, c := range ResultColumns {
		if c.Name == name {
			return c.Unit, c.Field(new(Result))
		}
	}
	if s := settings.Find(name); s != nil {
		return "", s.Field(new(settings.Spec))
	}
	return "", map[string]any{"pid": new(int)}[name]
}

// IsNumber says whether a column of result.csv or of the log of all runs holds numbers.
func IsNumber(name string) bool {
	switch _, kind := column(name); kind.(type) {
	case *int, *int64, *float64, *Float:
		return true
	}
	return false
}

// JSON returns the value of a column of result.csv or of the log of all runs as JSON has it:
// nil for one that is missing, NaN or infinite.
func JSON(name, text string) any {
	switch _, kind := column(name); kind.(type) {
	case *int, *int64, *float64, *Float:
		if x, err := strconv.ParseFloat(text, 64); err == nil && Known(x).finite() {
			return json.Number(text)
		}
		return nil
	case *bool:
		if text != "" {
			return text == "true"
		}
	}
	if text == "" {
		return nil
	}
	return text
}

// Show returns the value of a column of result.csv or of the log of all runs for people:
// shares as percentages, "-" for one that is missing.
func Show(name, text string) string {
	if text == "" {
		return "-"
	}
	if unit, _ := column(name); unit == UnitShare {
		if x, err := strconv.ParseFloat(text, 64); err == nil {
			return ShowNumber(x, unit)
		}
	}
	return text
}
