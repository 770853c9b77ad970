package run

import (
	"math"
	"runtime"
	"strconv"
	"time"

	"mdfa/algo"
	"mdfa/internal/version"
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

// TopFive is the number of classes from which the share of examples whose class is among
// the first five says something.
const TopFive = 5

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

// cells is the row of result.csv.
func (s *session) cells(o *Outcome) []folder.Cell {
	r, classes := o.Result, s.Data.Classes
	loss, accuracy := bestTraining(r.Epochs)
	best, test := r.Best(), r.Test
	steps := 0
	for _, e := range r.Epochs {
		steps += e.Steps
	}
	cells := []folder.Cell{
		{Column: "version", Value: version.Read().String()},
		{Column: "go", Value: runtime.Version()},
		{Column: "device", Value: s.Device.Name},
	}
	for _, c := range s.Facts.Columns() {
		cells = append(cells, folder.Cell{Column: c.Name, Value: c.Text})
	}
	return append(cells, []folder.Cell{
		{Column: "parameters", Value: strconv.Itoa(s.Network.Weights())},
		{Column: "status", Value: o.Status},
		{Column: "reason", Value: o.Reason},
		{Column: "epochs", Value: strconv.Itoa(len(r.Epochs))},
		{Column: "steps", Value: strconv.Itoa(steps)},
		{Column: "best_train_loss", Value: loss},
		{Column: "best_train_accuracy", Value: accuracy},
		{Column: "best_valid_accuracy", Value: share(best.Valid.Accuracy(), best.Valid.Count)},
		{Column: "best_epoch", Value: positive(r.BestEpoch)},
		{Column: "test_accuracy", Value: share(test.Accuracy(), test.Count)},
		{Column: "test_top5", Value: top5(test, classes)},
		{Column: "device_detail", Value: s.Device.Detail},
		{Column: "time", Value: s.started.Format(time.RFC3339)},
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
	if classes < TopFive {
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
