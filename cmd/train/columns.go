package main

import (
	"fmt"
	"math"
	"runtime"
	"strconv"
	"strings"
	"time"

	"mdfa/algo"
	"mdfa/gpu"
	"mdfa/internal/results"
	"mdfa/internal/version"
	"mdfa/loaders"
	"mdfa/model"
	"mdfa/run/device"
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

func epochCells(e algo.Epoch, classes int) []results.Cell {
	return []results.Cell{
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

func resultCells(p *plan, data *loaders.Dataset, net *model.Network, dev gpu.Info, r algo.Result, o outcome, start time.Time) []results.Cell {
	loss, accuracy := bestTraining(r.Epochs)
	best, test := r.Best(), r.Test
	steps := 0
	for _, e := range r.Epochs {
		steps += e.Steps
	}
	return []results.Cell{
		{Column: "version", Value: version.Read().String()},
		{Column: "go", Value: runtime.Version()},
		{Column: "device", Value: dev.Name},
		{Column: "dataset", Value: data.Name},
		{Column: "classes", Value: strconv.Itoa(data.Classes)},
		{Column: "coarse", Value: strconv.FormatBool(data.Coarse)},
		{Column: "image_size", Value: fmt.Sprintf("%dx%dx%d", data.Height, data.Width, data.Channels)},
		{Column: "model", Value: p.config.Rule.String()},
		{Column: "convnet", Value: strconv.FormatBool(p.convnet)},
		{Column: "layers", Value: layersText(net, model.Dense)},
		{Column: "filters", Value: layersText(net, model.Conv)},
		{Column: "activation", Value: p.activation.String()},
		{Column: "forward_init", Value: p.forward.String()},
		{Column: "backward_init", Value: p.backwardText()},
		{Column: "feedback", Value: p.feedbackText()},
		{Column: "optimizer", Value: p.config.Optimizer.String()},
		{Column: "lr", Value: number(p.lr)},
		{Column: "l2", Value: number(p.l2)},
		{Column: "clamp_floor", Value: p.floorText()},
		{Column: "reduction", Value: p.config.Reduction.String()},
		{Column: "tf32", Value: strconv.FormatBool(p.tf32 && device.OnGPU(dev.Kind))},
		{Column: "batch_size", Value: strconv.Itoa(p.batch)},
		{Column: "max_epochs", Value: strconv.Itoa(p.epochs)},
		{Column: "max_steps", Value: strconv.Itoa(p.maxSteps)},
		{Column: "seed", Value: strconv.FormatInt(p.seed, 10)},
		{Column: "data", Value: data.Source},
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
	}
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

// layersText lists the hidden layers of a kind as -layers and -filters take them; ""
// for the kind that the network is not made of.
func layersText(net *model.Network, kind model.Kind) string {
	var parts []string
	for _, l := range net.Hidden() {
		switch {
		case l.Kind != kind:
			return ""
		case kind == model.Dense:
			parts = append(parts, strconv.Itoa(l.Channels()))
		default:
			parts = append(parts, model.Filter{Filters: l.Channels(), Kernel: l.Kernel, Stride: l.Stride}.String())
		}
	}
	return strings.Join(parts, ",")
}

func (p *plan) backwardText() string {
	if p.config.Rule.Feedback() == model.NoFeedback {
		return ""
	}
	return p.backward.String()
}

// feedbackText is where dfa's and mdfa's feedback was, "" for the other rules.
func (p *plan) feedbackText() string {
	if p.config.Rule.Feedback() != model.DirectFeedback {
		return ""
	}
	return p.feedback
}

func (p *plan) floorText() string {
	if !p.config.Rule.Monotone() {
		return ""
	}
	return number(p.clampFloor)
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
