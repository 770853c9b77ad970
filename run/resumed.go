package run

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"mdfa/algo/training"
	"mdfa/internal/figures"
	"mdfa/internal/wording"
	"mdfa/loaders"
	"mdfa/model"
	"mdfa/run/checkpoint"
	"mdfa/run/folder"
)

// resumedRun is the earlier run that is resumed.
type resumedRun struct {
	dir    string                 // its folder; "" for a checkpoint on its own, which begins a new folder
	unlock func()                 // of the folder; the run takes it over
	run    *folder.Run            // its run.json; nil for a checkpoint on its own
	state  *checkpoint.Checkpoint // nil: there is no checkpoint yet, and the run begins anew
}

// settings returns the settings that the run was started with.
func (o *resumedRun) settings() checkpoint.Settings {
	if o.state != nil {
		return o.state.Settings
	}
	return o.run.Settings
}

// progress returns how far the run has come; a new run, and one without a checkpoint, has not
// begun.
func (o *resumedRun) progress() training.Progress {
	if o == nil || o.state == nil {
		return training.Progress{}
	}
	return o.state.Progress
}

// name returns the folder, or the checkpoint on its own.
func (o *resumedRun) name() string {
	if o.dir != "" {
		return o.dir
	}
	return o.state.Path
}

// close unlocks the folder, unless the run has taken the lock over.
func (o *resumedRun) close() {
	if o != nil && o.unlock != nil {
		o.unlock()
	}
}

// takeLock hands the folder's lock over.
func (o *resumedRun) takeLock() func() {
	unlock := o.unlock
	o.unlock = nil
	return unlock
}

// findRun finds the run that a path stands for: its folder, its folder of checkpoints, a
// checkpoint, or a folder above with no other run in it.
func findRun(ctx context.Context, path string) (*resumedRun, error) {
	path = filepath.Clean(path)
	dir := path
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		dir = filepath.Dir(path)
	}
	if full, err := filepath.Abs(dir); err == nil && filepath.Base(full) == checkpoint.Folder {
		dir = filepath.Join(dir, "..")
	}
	if folder.Is(dir) {
		return openRun(ctx, dir, path)
	}
	state, err := checkpoint.LoadState(ctx, path)
	if !errors.Is(err, checkpoint.ErrAbsent) {
		return &resumedRun{state: state}, err
	}
	only, err := onlyRun(path, err, ", or take -resume auto with the flags of the run")
	if err != nil {
		return nil, err
	}
	return openRun(ctx, only, only)
}

// onlyRun returns the only run below a folder. Without one the error is absent. The error about several runs ends with
// another remedy.
func onlyRun(path string, absent error, remedy string) (string, error) {
	switch runs, _ := folder.RunsBelow(path); len(runs) {
	case 0:
		return "", absent
	case 1:
		return runs[0], nil
	default:
		return "", wording.Usagef("%s holds %d runs, such as %s and %s: name one of them%s.", path, len(runs), runs[0], runs[len(runs)-1], remedy)
	}
}

// openRun opens a run's folder, to be resumed from the checkpoint that path stands for.
func openRun(ctx context.Context, dir, path string) (*resumedRun, error) {
	unlock, err := folder.Lock(dir)
	if err != nil {
		return nil, err
	}
	o := &resumedRun{dir: dir, unlock: unlock}
	if o.run, err = folder.ReadRun(dir); err == nil {
		err = checkpoint.Sweep(dir)
	}
	if err == nil {
		o.state, err = checkpoint.LoadState(ctx, path)
		if errors.Is(err, checkpoint.ErrAbsent) && path == dir {
			o.state, err = nil, nil
		}
	}
	if err != nil {
		o.close()
		return nil, err
	}
	return o, nil
}

// checkSchedule refuses less training than there was already.
func (o *resumedRun) checkSchedule(spec Spec) error {
	p := o.progress()
	epochs, steps := len(p.Epochs)+min(p.Step, 1), p.Steps()
	switch {
	case epochs > spec.MaxEpochs:
		return wording.Usagef("-max_epochs %d: %s has begun epoch %d already: ask for at least as many.", spec.MaxEpochs, o.name(), epochs)
	case spec.MaxSteps > 0 && steps > spec.MaxSteps:
		return wording.Usagef("-max_steps %d: %s has made %s steps already: ask for at least as many.", spec.MaxSteps, o.name(), figures.Count(steps))
	}
	return nil
}

// checkData refuses other images than those of the resumed run.
func (o *resumedRun) checkData(data *loaders.Dataset, now checkpoint.Data) error {
	was := o.settings().Data
	if now.Checksum == was.Checksum {
		return nil
	}
	return fmt.Errorf("the images of %s from %s are not those that %s was trained on (%s from %s: the checksums differ); name the folder of the same files with -data, or start a new run without -resume",
		data.Name, data.Source, o.name(), was.Name, was.Source)
}

// checkNetwork refuses another network than that of the resumed run.
func (o *resumedRun) checkNetwork(net *model.Network) error {
	was, err := o.settings().Network.Network()
	if err != nil {
		return err
	}
	if was.String() != net.String() || was.Activation != net.Activation {
		return wording.Usagef("the flags name the network %v (%v), and %s has %v (%v): leave the flags of the network out, or start a new run without -resume.",
			net, net.Activation, o.name(), was, was.Activation)
	}
	return nil
}

// checkFeedback refuses to resume a run if this program draws other feedback than it had.
func (o *resumedRun) checkFeedback(now checkpoint.Feedback) error {
	if o == nil || o.state == nil || o.state.Feedback == now {
		return nil
	}
	return fmt.Errorf("this program draws other feedback than the one that wrote %s (version %s): go on with that version, or start a new run without -resume",
		o.state.Path, o.state.Program)
}

// after describes how far a run has come.
func after(p training.Progress) string {
	if p.Step > 0 {
		return fmt.Sprintf("after step %s of epoch %d", figures.Count(p.Step), p.Epoch())
	}
	return fmt.Sprintf("after epoch %d", len(p.Epochs))
}

// event describes the run for followers; nil for a new run.
func (o *resumedRun) event() *Resumed {
	switch {
	case o == nil:
		return nil
	case o.state == nil:
		return &Resumed{Dir: o.dir}
	}
	return &Resumed{Dir: o.dir, Path: o.state.Path, Skipped: o.state.Skipped, Progress: o.state.Progress}
}
