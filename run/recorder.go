package run

import (
	"fmt"
	"path/filepath"
	"time"

	"mdfa/algo"
	"mdfa/algo/training"
	"mdfa/gpu"
	"mdfa/internal/disk"
	"mdfa/model"
	"mdfa/run/checkpoint"
	"mdfa/run/folder"
)

// runRecorder writes the checkpoints of a run, its run.json and its epochs.
type runRecorder struct {
	Ignore
	run      *folder.Writer
	net      *model.Network
	settings checkpoint.Settings
	command  []string // the program's name and its arguments
	off      bool     // -checkpoint_every -1
	trainer  *training.Trainer
	writer   *checkpoint.Writer

	epochs []training.Epoch // so far
	best   int              // the number of the best one; 0: none

	saved   bool              // there is a checkpoint to resume from
	reached training.Progress // its state
	unsaved error             // why the last one could not be written
}

// last returns the path of the last checkpoint.
func (k *runRecorder) last() string {
	return filepath.Join(k.run.Dir(), checkpoint.Folder, checkpoint.LastFile)
}

func (k *runRecorder) checkpoint(s training.State) *checkpoint.Checkpoint {
	return &checkpoint.Checkpoint{
		Facts:   checkpoint.Facts{Settings: k.settings, Progress: s.Progress},
		Network: k.net, Params: s.Params, Best: s.Best, Optimizer: s.Optimizer,
		Learned: s.Feedback, LearnedOptimizer: s.FeedbackOptimizer,
	}
}

// save makes a state the run's last checkpoint.
func (k *runRecorder) save(s training.State) error {
	if err := k.writer.State(k.checkpoint(s)); err != nil {
		return err
	}
	k.saved, k.reached = true, s.Progress
	return nil
}

// Epoch adds a row to epochs.csv; the weights of the best epoch are kept in a separate file.
func (k *runRecorder) Epoch(e training.Epoch) error {
	if err := k.run.AddEpoch(folder.EpochOf(e, k.settings.Data.Classes)); err != nil {
		return err
	}
	k.epochs = append(k.epochs, e)
	if !e.Best {
		return nil
	}
	k.best = e.Number
	if k.off {
		return nil
	}
	weights, err := k.trainer.Best()
	if err != nil {
		return err
	}
	return k.saveWeights(weights)
}

// saveWeights writes the weights of the best epoch, with the history up to it.
func (k *runRecorder) saveWeights(weights []float32) error {
	if !training.Finite(weights) {
		return fmt.Errorf("weights are NaN or infinite after epoch %d: try a smaller learning rate: %w", k.best, algo.ErrDiverged)
	}
	return k.writer.Weights(k.checkpoint(training.State{
		Progress: training.Progress{Epochs: k.epochs[:k.best], BestEpoch: k.best}, Params: weights,
	}))
}

// record returns run.json of a run that begins.
func (k *runRecorder) record(dev gpu.Info, start time.Time) folder.Run {
	return folder.Run{
		Settings: k.settings, Command: k.command, Device: deviceFacts(dev), Started: start.Round(time.Second),
	}
}

// begin writes run.json, complete now. It returns the time when the run was started for the
// first time.
func (k *runRecorder) begin(from *resumedRun, dev gpu.Info, now time.Time, save func(training.State) error) (time.Time, error) {
	if from != nil {
		return k.resume(from, dev, now, save)
	}
	return now, k.writeRun(k.record(dev, now))
}

// resume brings the rows, run.json and the best weights of the run's folder to the state that is
// resumed.
func (k *runRecorder) resume(from *resumedRun, dev gpu.Info, now time.Time, save func(training.State) error) (time.Time, error) {
	again := folder.Resumed{
		Time: now.Round(time.Second), Program: k.settings.Program, Command: k.command, Device: deviceFacts(dev), Epoch: 1,
	}
	var rows []folder.Epoch
	var weights []float32
	k.saved = from.dir != "" && from.state != nil
	if s := from.state; s != nil {
		again.From, again.Epoch, again.Step = disk.Absolute(s.Path), s.Progress.Epoch(), s.Progress.Step
		k.reached = s.Progress
		k.epochs, k.best, weights = append(k.epochs, s.Progress.Epochs...), s.Progress.BestEpoch, s.Best
		for _, e := range k.epochs {
			rows = append(rows, folder.EpochOf(e, k.settings.Data.Classes))
		}
	}
	r := k.record(dev, now)
	if from.run != nil {
		r = *from.run
		r.Settings = k.settings
		r.Program = from.run.Program
	}
	r.Resumed = append(r.Resumed, again)
	if from.dir == "" && !k.off {
		if err := save(from.state.State()); err != nil {
			return now, err
		}
	}
	if err := k.restoreBest(weights); err != nil {
		return now, err
	}
	if err := k.writeRun(r); err != nil {
		return now, err
	}
	return r.Started, k.run.SetEpochs(rows) // last: from here on the run has no result
}

// restoreBest writes the best weights of the state that is resumed. Without any, the file that is
// there belongs to an epoch that is trained again, and is removed.
func (k *runRecorder) restoreBest(weights []float32) error {
	if k.off {
		return nil
	}
	if weights != nil {
		return k.saveWeights(weights)
	}
	err := disk.Remove(filepath.Join(k.run.Dir(), checkpoint.Folder, checkpoint.BestFile))
	if err != nil {
		return fmt.Errorf("the best weights of an epoch that is to be trained again cannot be removed: %w; remove them, then start again", err)
	}
	return nil
}

func (k *runRecorder) writeRun(r folder.Run) error {
	text, err := r.Encode()
	if err != nil {
		return err
	}
	return k.run.Write(folder.RunFile, text)
}

func deviceFacts(dev gpu.Info) folder.Device {
	return folder.Device{Kind: dev.Kind, Name: dev.Name, Detail: dev.Detail}
}
