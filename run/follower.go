package run

import (
	"mdfa/algo/measure"
	"mdfa/algo/training"
	"mdfa/gpu"
	"mdfa/loaders"
	"mdfa/model"
	"mdfa/run/checkpoint"
	"mdfa/run/settings"
)

// Follower is told of a run's events, on the goroutine that trains, and should return soon.
// Embed [Ignore] and define the methods for the events of interest.
//
// While the run trains, the followers of [Options] are told in their order, and then the
// run's own, which write its files. Of the end the run's own are told first: what Finished
// names is on the disk.
type Follower interface {
	// Planned comes when the run has its folder, and nothing is on the device yet.
	Planned(*Start)
	// Started comes before the first step.
	Started(*Start)
	// Step comes after each training step has been submitted: step counts those of the epoch.
	// A call of loss waits for the device and returns the epoch's mean loss so far.
	Step(epoch, step int, loss func() (float64, error))
	// Alignment comes for each step that Spec.Alignment asks to measure. An error ends the run.
	Alignment(measure.Alignment) error
	// Epoch comes when an epoch has been validated. An error ends the run.
	Epoch(training.Epoch) error
	// Checkpoint comes when there is a new state to resume from, in a file.
	Checkpoint(path string, p training.Progress)
	// Note is a remark for the user that is not an error.
	Note(text string)
	// Finished comes when the files of the run are complete.
	Finished(*Outcome)
	// Profiled comes after Finished, where Spec.Profile asks for it.
	Profiled(*Profile)
}

// Ignore is a follower that ignores every event.
type Ignore struct{}

func (Ignore) Planned(*Start)                              {}
func (Ignore) Started(*Start)                              {}
func (Ignore) Step(int, int, func() (float64, error))      {}
func (Ignore) Alignment(measure.Alignment) error           { return nil }
func (Ignore) Epoch(training.Epoch) error                  { return nil }
func (Ignore) Checkpoint(path string, p training.Progress) {}
func (Ignore) Note(string)                                 {}
func (Ignore) Finished(*Outcome)                           {}
func (Ignore) Profiled(*Profile)                           {}

// Start is a run as it begins.
type Start struct {
	Facts   *settings.Facts
	Record  checkpoint.Settings // as in run.json
	Command []string
	Dir     string // the run's folder

	Data    *loaders.Dataset
	Network *model.Network
	Stored  model.Feedback // the kind of feedback that takes memory
	Device  gpu.Info
	Ranks   string // how many train the run, and where; "" for one
	Skipped string // why better devices were skipped; "" where none was
	Memory  Memory
	Cache   string   // where the images are; "" where that is plain
	Notes   []string // what the user should know about the settings

	StepsPerEpoch int
	Epochs        int      // of the whole run, fewer than Spec.MaxEpochs where Spec.MaxSteps ends it before
	Steps         int      // of the whole run
	Resumed       *Resumed // nil in a new run
}

// Resumed says where a run is resumed from.
type Resumed struct {
	Dir      string            // its folder; "" for a checkpoint on its own, which begins a new folder
	Path     string            // the checkpoint; "" where there was none, and the run begins anew
	Skipped  error             // why a newer checkpoint was skipped; nil where none was
	Progress training.Progress // what was trained before
}

// Outcome is how a run ended.
type Outcome struct {
	Status string // folder.StatusComplete, StatusInterrupted or StatusFailed
	Reason string // why it is not complete, or complete so early
	training.Result
	Start     *Start
	Written   bool              // result.csv is written
	Report    string            // the name of the report's file; "" where there is none
	Alignment measure.Alignment // measured last; without layers where nothing was
	Resumable bool              // there is a checkpoint to resume from
}

// fanOut tells a list of followers. It is the trainer's observer.
type fanOut []Follower

func (f fanOut) Step(epoch, step int, loss func() (float64, error)) {
	for _, one := range f {
		one.Step(epoch, step, loss)
	}
}

func (f fanOut) Alignment(a measure.Alignment) error {
	for _, one := range f {
		if err := one.Alignment(a); err != nil {
			return err
		}
	}
	return nil
}

func (f fanOut) Epoch(e training.Epoch) error {
	for _, one := range f {
		if err := one.Epoch(e); err != nil {
			return err
		}
	}
	return nil
}
