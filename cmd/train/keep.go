package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"time"

	"mdfa/algo"
	"mdfa/gpu"
	"mdfa/internal/disk"
	"mdfa/loaders"
	"mdfa/model"
	"mdfa/run/checkpoint"
	"mdfa/run/folder"
	"mdfa/run/settings"
)

// keeper writes the checkpoints of a run, and its run.json.
type keeper struct {
	out      *console
	run      *folder.Writer
	net      *model.Network
	settings checkpoint.Settings
	command  []string // the program's name and its arguments
	off      bool     // -checkpoint_every -1
	trainer  *algo.Trainer
	aligned  *alignmentLog
	reporter *reporter
	board    *board
	writer   *checkpoint.Writer

	epochs []algo.Epoch // those of the run so far
	best   int          // the number of the best one

	saved   bool          // there is a checkpoint to go on from
	reached algo.Progress // its state
	unsaved error         // why the last one could not be written
}

// schedule has the training call save.
func (k *keeper) schedule(p *plan) algo.Schedule {
	s := algo.Schedule{Epochs: p.MaxEpochs, MaxSteps: p.MaxSteps, Seed: uint64(p.Seed), AlignmentEvery: p.Alignment}
	if k.off {
		return s
	}
	s.Save, s.SaveEvery = k.save, p.CheckpointEvery
	return s
}

func (k *keeper) checkpoint(s algo.State) *checkpoint.Checkpoint {
	return &checkpoint.Checkpoint{
		Facts:   checkpoint.Facts{Settings: k.settings, Progress: s.Progress},
		Network: k.net, Params: s.Params, Best: s.Best, Optimizer: s.Optimizer,
	}
}

// save makes a state the run's last checkpoint. The rows of alignment.csv come first: those
// that a checkpoint has left behind are never measured again.
func (k *keeper) save(s algo.State) error {
	if k.unsaved = k.aligned.save(); k.unsaved == nil {
		k.unsaved = k.writer.State(k.checkpoint(s))
	}
	if k.unsaved != nil {
		return k.unsaved
	}
	k.saved, k.reached = true, s.Progress
	k.out.event("checkpoint", checkpointEvent{
		filepath.Join(k.run.Dir(), checkpoint.Folder, checkpoint.LastFile), s.Progress.Epoch(), s.Progress.Step, s.Progress.Steps(),
	})
	return nil
}

// epoch notes an epoch; the weights of the best one are kept in a file of their own.
func (k *keeper) epoch(e algo.Epoch) error {
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
func (k *keeper) saveWeights(weights []float32) error {
	if !algo.Finite(weights) {
		return fmt.Errorf("weights are NaN or infinite after epoch %d: try a smaller learning rate: %w", k.best, algo.ErrDiverged)
	}
	return k.writer.Weights(k.checkpoint(algo.State{
		Progress: algo.Progress{Epochs: k.epochs[:k.best], BestEpoch: k.best}, Params: weights,
	}))
}

// open takes the folder of the run: a new one, or that of the run that goes on, after its
// data and network were compared.
func (p *plan) open(data *loaders.Dataset, net *model.Network, dev gpu.Info, start time.Time) (*keeper, error) {
	k := &keeper{net: net, settings: p.record(data, net), command: p.command, off: p.CheckpointEvery == settings.NoCheckpoints}
	var err error
	if o := p.origin; o != nil {
		if err := cmp.Or(o.checkData(data, k.settings.Data), o.checkNetwork(net)); err != nil {
			return nil, err
		}
		if o.dir != "" {
			if p.Chosen("out") && p.resume != resumeAuto {
				p.notes = append(p.notes, "-out is ignored: the run goes on in its own folder")
			}
			k.writer = checkpoint.NewWriter(o.dir, o.state)
			k.run, err = folder.Open(o.dir, o.takeLock(), epochColumns())
			return k, err
		}
	}
	var files []folder.File
	if p.origin == nil { // a run that is killed from here on is found by -resume auto
		text, err := k.record(dev, start).Encode()
		if err != nil {
			return nil, err
		}
		files = append(files, folder.File{Name: folder.RunFile, Text: text})
	}
	k.run, err = folder.Create(p.Out, data.Name, p.runName(data), start, epochColumns(), p.others(), files...)
	if err == nil {
		k.writer = checkpoint.NewWriter(k.run.Dir(), nil)
	}
	return k, err
}

// record is run.json of a run that begins.
func (k *keeper) record(dev gpu.Info, start time.Time) folder.Run {
	return folder.Run{
		Settings: k.settings, Command: k.command, Device: deviceFacts(dev), Started: start.Round(time.Second),
	}
}

// begin writes run.json with all that is known now. It returns when the run was started for
// the first time.
func (k *keeper) begin(from *origin, dev gpu.Info, now time.Time) (time.Time, error) {
	if from != nil {
		return k.goOn(from, dev, now)
	}
	return now, k.writeRun(k.record(dev, now))
}

// goOn brings the run's folder to what the origin says: rows, run.json, best weights.
func (k *keeper) goOn(from *origin, dev gpu.Info, now time.Time) (time.Time, error) {
	again := folder.Resumed{
		Time: now.Round(time.Second), Program: k.settings.Program, Command: k.command, Device: deviceFacts(dev), Epoch: 1,
	}
	var rows [][]folder.Cell
	var weights []float32
	k.saved = from.dir != "" && from.state != nil
	if s := from.state; s != nil {
		again.From, again.Epoch, again.Step = disk.Absolute(s.Path), s.Progress.Epoch(), s.Progress.Step
		k.reached = s.Progress
		k.epochs, k.best, weights = append(k.epochs, s.Progress.Epochs...), s.Progress.BestEpoch, s.Best
		for _, e := range k.epochs {
			rows = append(rows, epochCells(e, k.settings.Data.Classes))
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
		if err := k.save(from.state.State()); err != nil {
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

// restoreBest makes the best weights those of the state that the run goes on from. Without
// any, what is there belongs to an epoch that is trained again.
func (k *keeper) restoreBest(weights []float32) error {
	if k.off {
		return nil
	}
	if weights != nil {
		return k.saveWeights(weights)
	}
	err := disk.Remove(filepath.Join(k.run.Dir(), checkpoint.Folder, checkpoint.BestFile))
	if err != nil {
		return fmt.Errorf("the best weights of an epoch that is to be trained again cannot be removed: %w", err)
	}
	return nil
}

func (k *keeper) writeRun(r folder.Run) error {
	text, err := r.Encode()
	if err != nil {
		return err
	}
	return k.run.WriteRun(text)
}

func deviceFacts(dev gpu.Info) folder.Device {
	return folder.Device{Kind: dev.Kind, Name: dev.Name, Detail: dev.Detail}
}
