package run

import (
	"fmt"
	"math"
	"path/filepath"
	"time"

	"mdfa/algo"
	"mdfa/algo/measure"
	"mdfa/algo/training"
	"mdfa/internal/disk"
	"mdfa/internal/tensorboard"
	"mdfa/model"
	"mdfa/run/folder"
)

// tensorboardFolder holds the event files, in the run's folder.
const tensorboardFolder = "tensorboard"

const (
	// lossEvery is the number of steps between two losses: to read one is to wait for the device.
	lossEvery = 100
	// probeImages go through the network after each epoch, or as many as have probeUnits units
	// in the widest layer.
	probeImages = 64
	probeUnits  = 4 << 20
)

// tensorboardLogger writes the event files that TensorBoard shows: see docs/interop.md. A file
// that cannot be written does not end a run that trains; close returns the error.
type tensorboardLogger struct {
	Ignore
	dir    string
	writer *tensorboard.Writer
	probe  *measure.Probe
	net    *model.Network
	lr     float64
	steps  int // of an epoch

	// The loss of the steps of this epoch so far, where it was written last.
	lossEpoch, lossStep int
	lossSum             float64
}

// newTensorboardLogger starts an event file in a run's folder. It is nil without -tensorboard.
func newTensorboardLogger(s *Start, data training.Data, trainer *training.Trainer) (*tensorboardLogger, error) {
	if !s.Facts.TensorBoard {
		return nil, nil
	}
	b := &tensorboardLogger{dir: filepath.Join(s.Dir, tensorboardFolder), net: s.Network, lr: s.Facts.LR, steps: s.StepsPerEpoch}
	set := data.Valid
	if set.Len() == 0 {
		set = data.Train
	}
	images, err := set.First(probed(s.Network, s.Facts.BatchSize), s.Network.Input.Size())
	if err != nil {
		return nil, err
	}
	if b.probe, err = trainer.NewProbe(images); err != nil {
		return nil, err
	}
	if b.writer, err = tensorboard.NewWriter(b.dir, time.Now()); err != nil {
		_ = b.probe.Close() // the file's error says more
		return nil, b.explain(err, "allow writing there, or leave out -tensorboard")
	}
	if s.Resumed != nil {
		b.writer.Restart(int64(s.Resumed.Progress.Steps()) + 1)
	}
	if s.Resumed == nil || s.Resumed.Dir == "" { // otherwise an earlier file of the folder has it
		b.writer.Text("run", 0, s.Facts.String())
	}
	b.flush()
	return b, nil
}

// probed returns the number of images that go through the network after each epoch.
func probed(net *model.Network, batch int) int {
	widest := 1
	for _, layer := range net.Hidden() {
		widest = max(widest, layer.Units())
	}
	return min(probeImages, algo.EvalBatch(net, batch), max(1, probeUnits/widest))
}

// Step writes the mean loss of the steps of this epoch since it was written last. Where an
// epoch is resumed, the steps before do not count.
func (b *tensorboardLogger) Step(epoch, step int, loss func() (float64, error)) {
	at := (epoch-1)*b.steps + step
	resumed := b.lossEpoch != epoch && step > 1
	if b.lossEpoch != epoch {
		b.lossEpoch, b.lossStep, b.lossSum = epoch, 0, 0
	}
	if at%lossEvery != 0 && !resumed {
		return
	}
	mean, err := loss()
	if err != nil {
		return // the next step will say so
	}
	sum := mean * float64(step)
	if !resumed {
		b.scalar("loss/steps", int64(at), (sum-b.lossSum)/float64(step-b.lossStep))
	}
	b.lossStep, b.lossSum = step, sum
	b.flush()
}

// flush lets TensorBoard see the events so far; close returns the error.
func (b *tensorboardLogger) flush() { _ = b.writer.Flush() }

// Epoch writes the columns of epochs.csv, histograms of the weights and preactivations, and the
// filters of the first layer.
func (b *tensorboardLogger) Epoch(e training.Epoch) error {
	at := int64((e.Number-1)*b.steps + e.Steps)
	row := folder.EpochOf(e, b.net.Classes)
	for _, c := range folder.EpochColumns {
		if c.Scalar != "" {
			b.scalar(c.Scalar, at, c.Number(&row))
		}
	}
	if !row.LR.Known { // it is constant
		b.scalar("training/learning_rate", at, b.lr)
	}

	params, err := b.probe.Params()
	if err != nil {
		return err
	}
	for _, tensor := range b.net.Split(params) {
		b.writer.Histogram("weights/"+tensor.Name, at, tensor.Data)
	}
	preactivations, err := b.probe.Preactivations()
	if err != nil {
		return err
	}
	for i, a := range preactivations {
		b.writer.Histogram(fmt.Sprintf("preactivations/layers.%d", i), at, a)
	}
	if sheet := filterSheet(b.net, b.net.Layers[0].W.Of(params)); sheet != nil {
		png, err := encodePNG(sheet)
		if err != nil {
			return err
		}
		b.writer.Image("filters/layers.0", at, png, sheet.Rect.Dx(), sheet.Rect.Dy(), 3)
	}
	b.flush()
	return nil
}

// Alignment writes the columns of alignment.csv. Steps count from 1 in all events.
func (b *tensorboardLogger) Alignment(a measure.Alignment) error {
	for i := range a.Layers {
		row := folder.AlignmentOf(a, i, b.net)
		for _, c := range folder.LayerColumns {
			if c.Scalar != "" {
				b.scalar(fmt.Sprintf(c.Scalar, i), int64(a.Step)+1, c.Number(&row))
			}
		}
	}
	return nil
}

// scalar writes a value, unless it is NaN.
func (b *tensorboardLogger) scalar(tag string, at int64, value float64) {
	if !math.IsNaN(value) {
		b.writer.Scalar(tag, at, value)
	}
}

// close writes how the run ended and closes the file. It returns the first error of a write,
// as a sentence.
func (b *tensorboardLogger) close(r training.Result) error {
	if b == nil {
		return nil
	}
	if r.Test.Count > 0 {
		b.scalar("accuracy/test", int64(r.Steps), r.Test.Accuracy())
		b.scalar("loss/test", int64(r.Steps), r.Test.MeanLoss())
	}
	err := b.probe.Close()
	if failed := b.writer.Close(); failed != nil {
		return b.explain(failed, "the run went on without them")
	}
	return err
}

// explain turns an error of the event files into a sentence.
func (b *tensorboardLogger) explain(err error, then string) error {
	return fmt.Errorf("TensorBoard's files cannot be written to %s (%w): %s", b.dir, disk.Reason(err), then)
}
