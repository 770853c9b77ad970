package main

import (
	"math"
	"runtime"
	"strconv"
	"time"

	"mdfa/algo"
	"mdfa/gpu"
	"mdfa/internal/version"
	"mdfa/loaders"
	"mdfa/model"
	"mdfa/run/folder"
)

// Columns that hold times, and in result.csv the device's threads and libraries, come
// last: everything before them is equal between two runs of the same seed on the same
// kind of device.

// epochColumns are the columns of epochs.csv.
func epochColumns() []string {
	var names []string
	for _, c := range epochCells(algo.Epoch{}, 0) {
		names = append(names, c.Column)
	}
	return names
}

// topFive is the number of classes from which the first five say something.
const topFive = 5

func epochCells(e algo.Epoch, classes int) []folder.Cell {
	return []folder.Cell{
		{Column: "epoch", Value: strconv.Itoa(e.Number)},
		{Column: "steps", Value: strconv.Itoa(e.Steps)},
		{Column: "train_loss", Value: share(e.Train.MeanLoss(), e.Train.Count)},
		{Column: "train_accuracy", Value: share(e.Train.Accuracy(), e.Train.Count)},
		{Column: "valid_loss", Value: share(e.Valid.MeanLoss(), e.Valid.Count)},
		{Column: "valid_accuracy", Value: share(e.Valid.Accuracy(), e.Valid.Count)},
		{Column: "valid_top5", Value: top5(e.Valid, classes)},
		{Column: "best", Value: strconv.FormatBool(e.Best)},
		{Column: "images_per_second", Value: measured(e.ImagesPerSecond())},
		{Column: "train_seconds", Value: measured(e.Seconds)},
		{Column: "data_wait_seconds", Value: measured(e.DataWait)},
	}
}

// outcome says how a run ended.
type outcome struct {
	status string // complete, interrupted or failed
	reason string // why it is not complete
}

func resultCells(p *plan, data *loaders.Dataset, net *model.Network, dev gpu.Info, r algo.Result, o outcome, start time.Time) []folder.Cell {
	loss, accuracy := bestTraining(r.Epochs)
	best, test := r.Best(), r.Test
	steps := 0
	for _, e := range r.Epochs {
		steps += e.Steps
	}
	cells := []folder.Cell{
		{Column: "version", Value: version.Read().String()},
		{Column: "go", Value: runtime.Version()},
		{Column: "device", Value: dev.Name},
	}
	for _, c := range p.facts(data, net, dev).Columns() {
		cells = append(cells, folder.Cell{Column: c.Name, Value: c.Text})
	}
	return append(cells, []folder.Cell{
		{Column: "parameters", Value: strconv.Itoa(net.Weights())},
		{Column: "status", Value: o.status},
		{Column: "reason", Value: o.reason},
		{Column: "epochs", Value: strconv.Itoa(len(r.Epochs))},
		{Column: "steps", Value: strconv.Itoa(steps)},
		{Column: "best_train_loss", Value: loss},
		{Column: "best_train_accuracy", Value: accuracy},
		{Column: "best_valid_accuracy", Value: share(best.Valid.Accuracy(), best.Valid.Count)},
		{Column: "best_epoch", Value: positive(r.BestEpoch)},
		{Column: "test_accuracy", Value: share(test.Accuracy(), test.Count)},
		{Column: "test_top5", Value: top5(test, data.Classes)},
		{Column: "device_detail", Value: dev.Detail},
		{Column: "time", Value: start.Format(time.RFC3339)},
		{Column: "images_per_second", Value: measured(r.ImagesPerSecond())},
		{Column: "train_seconds", Value: measured(r.Seconds)},
		{Column: "data_wait_seconds", Value: measured(r.DataWait)},
	}...)
}

// bestTraining is the lowest loss and the highest accuracy of training, "" before the
// first epoch.
func bestTraining(epochs []algo.Epoch) (loss, accuracy string) {
	if len(epochs) == 0 {
		return "", ""
	}
	lowest, highest := math.NaN(), 0.0
	for _, e := range epochs {
		if l := e.Train.MeanLoss(); math.IsNaN(lowest) || l < lowest {
			lowest = l
		}
		highest = max(highest, e.Train.Accuracy())
	}
	return number(lowest), number(highest)
}

func (p *plan) backwardText() string {
	if !p.config.Rule.HasFeedback() {
		return ""
	}
	return p.backward.String()
}

// number is the shortest text that reads back as x.
func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// share is a mean over count examples, "" where there were none.
func share(x, count float64) string {
	if count == 0 {
		return ""
	}
	return number(x)
}

func top5(m algo.Metrics, classes int) string {
	if classes < topFive {
		return ""
	}
	return share(m.Top5Accuracy(), m.Count)
}

func positive(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// measured is a time or speed, to what a clock can tell.
func measured(x float64) string { return strconv.FormatFloat(x, 'f', 3, 64) }
