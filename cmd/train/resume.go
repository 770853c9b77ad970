package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mdfa/algo"
	"mdfa/internal/figures"
	"mdfa/loaders"
	"mdfa/model"
	"mdfa/run/checkpoint"
	"mdfa/run/folder"
)

// resumeAuto is the value of -resume that looks for a run itself.
const resumeAuto = "auto"

// origin is the run that goes on.
type origin struct {
	dir    string                 // its folder; "" for a checkpoint that lies alone, which begins a new folder
	unlock func()                 // of the folder; the run takes it over
	run    *folder.Run            // its run.json; nil for a checkpoint that lies alone
	state  *checkpoint.Checkpoint // nil: nothing was kept yet, so it begins anew
}

// settings are what the run was started with.
func (o *origin) settings() checkpoint.Settings {
	if o.state != nil {
		return o.state.Settings
	}
	return o.run.Settings
}

// name is what the user knows the origin by.
func (o *origin) name() string {
	if o.dir != "" {
		return o.dir
	}
	return o.state.Path
}

// close lets others have the folder, if the run has not taken it over.
func (o *origin) close() {
	if o != nil && o.unlock != nil {
		o.unlock()
	}
}

// takeLock hands the folder's lock over.
func (o *origin) takeLock() func() {
	unlock := o.unlock
	o.unlock = nil
	return unlock
}

// openOrigin finds the run that a path stands for: its folder, its folder of checkpoints, a
// checkpoint, or a folder above with no other run in it.
func openOrigin(ctx context.Context, path string) (*origin, error) {
	path = filepath.Clean(path)
	dir := path
	if info, err := os.Stat(path); err == nil && !info.IsDir() {
		dir = filepath.Dir(path)
	}
	if full, err := filepath.Abs(dir); err == nil && filepath.Base(full) == checkpoint.Folder {
		dir = filepath.Join(dir, "..")
	}
	if exists(filepath.Join(dir, folder.RunFile)) {
		return openRun(ctx, dir, path)
	}
	state, err := checkpoint.LoadState(ctx, path)
	if !errors.Is(err, checkpoint.ErrAbsent) {
		return &origin{state: state}, err
	}
	switch runs := folder.RunsBelow(path); len(runs) {
	case 0:
		return nil, err
	case 1:
		return openRun(ctx, runs[0], runs[0])
	default:
		return nil, usagef("%s holds %d runs, such as %s and %s: name one of them, or take -resume auto with the flags of the run.",
			path, len(runs), runs[0], runs[len(runs)-1])
	}
}

// openRun opens a run's folder for going on, from the checkpoint that path stands for.
func openRun(ctx context.Context, dir, path string) (*origin, error) {
	unlock, err := folder.Lock(dir)
	if err != nil {
		return nil, err
	}
	o := &origin{dir: dir, unlock: unlock}
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

// resume finds what -resume asks for, and completes the flags by those of that run. An
// origin of nil begins a new run; done says that the run needs nothing any more.
func resume(ctx context.Context, typed options, out *console) (opt options, from *origin, done bool, err error) {
	if strings.TrimSpace(typed.resume) == "" {
		return opt, nil, false, usagef("-resume is empty: expected the folder of a run, a checkpoint, or %s.", resumeAuto)
	}
	if typed.resume == resumeAuto {
		return autoResume(ctx, typed, out)
	}
	if from, err = openOrigin(ctx, typed.resume); err != nil {
		return opt, nil, false, err
	}
	opt = typed
	earlier := from.settings()
	if opt.Spec, err = typed.Resumed(earlier.Facts(), from.name()); err == nil {
		err = from.checkSchedule(opt)
	}
	if err != nil {
		from.close()
		return opt, nil, false, err
	}
	return opt, from, false, nil
}

// checkSchedule refuses less training than there was already.
func (o *origin) checkSchedule(opt options) error {
	epochs, steps := o.epochs(), o.steps()
	switch {
	case epochs > opt.MaxEpochs:
		return usagef("-max_epochs %d: %s has begun epoch %d already: ask for at least as many.", opt.MaxEpochs, o.name(), epochs)
	case opt.MaxSteps > 0 && steps > opt.MaxSteps:
		return usagef("-max_steps %d: %s has made %s steps already: ask for at least as many.", opt.MaxSteps, o.name(), figures.Count(steps))
	}
	return nil
}

// epochs is how many epochs were begun before.
func (o *origin) epochs() int {
	if o.state == nil {
		return 0
	}
	epochs := len(o.state.Progress.Epochs)
	if o.state.Progress.Step > 0 {
		epochs++
	}
	return epochs
}

// checkData refuses data that are not those of the run that goes on.
func (o *origin) checkData(data *loaders.Dataset, now checkpoint.Data) error {
	was := o.settings().Data
	if now.Checksum == was.Checksum {
		return nil
	}
	return fmt.Errorf("the images of %s from %s are not those that %s was trained on (%s from %s: the checksums differ); name the folder of the same files with -data, or start a new run without -resume",
		data.Name, data.Source, o.name(), was.Name, was.Source)
}

// checkNetwork refuses another network than the one that goes on.
func (o *origin) checkNetwork(net *model.Network) error {
	was, err := o.settings().Network.Network()
	if err != nil {
		return err
	}
	if was.String() != net.String() || was.Activation != net.Activation {
		return usagef("the flags name the network %v (%v), and %s has %v (%v): leave the flags of the network out, or start a new run without -resume.",
			net, net.Activation, o.name(), was, was.Activation)
	}
	return nil
}

// checkFeedback refuses to go on where this program draws other feedback.
func (o *origin) checkFeedback(now checkpoint.Feedback) error {
	if o == nil || o.state == nil || o.state.Feedback == now {
		return nil
	}
	return fmt.Errorf("this program draws other feedback than the one that wrote %s (version %s): go on with that version, or start a new run without -resume",
		o.state.Path, o.state.Program)
}

// steps is how many were trained before; of a run that begins, none.
func (o *origin) steps() int {
	if o == nil || o.state == nil {
		return 0
	}
	return o.state.Progress.Steps()
}

// after says how far a run has come.
func after(p algo.Progress) string {
	if p.Step > 0 {
		return fmt.Sprintf("after step %s of epoch %d", figures.Count(p.Step), p.Epoch())
	}
	return fmt.Sprintf("after epoch %d", len(p.Epochs))
}

// resumeEvent is where a run goes on from.
type resumeEvent struct {
	From  string `json:"from"`  // the checkpoint
	Epoch int    `json:"epoch"` // that goes on, or that is next
	Step  int    `json:"step"`  // of it
	Steps int    `json:"steps"` // of the whole run so far
}

// print says where the run goes on from. A damaged checkpoint is mentioned in any case.
func (o *origin) print(out *console, stepsPerEpoch int) {
	if o == nil {
		return
	}
	if o.state == nil {
		out.detail(out.label("resume") + o.dir + " begins anew: it has no checkpoint yet")
		return
	}
	if passed := o.state.PassedBy; passed != nil {
		text := strings.TrimSuffix(passed.Error(), ": use another one.") + ": the one before it is used"
		out.line(out.label("note") + text)
		out.event("note", noteEvent{text})
	}
	p := o.state.Progress
	at := fmt.Sprintf("after epoch %d", len(p.Epochs))
	switch {
	case p.Steps() == 0:
		at = "from the beginning"
	case p.Step > 0:
		at = fmt.Sprintf("in epoch %d, after step %s of %s", p.Epoch(), figures.Count(p.Step), figures.Count(stepsPerEpoch))
	}
	out.detail(out.label("resume") + at + ", from " + o.state.Path)
	out.event("resume", resumeEvent{o.state.Path, p.Epoch(), p.Step, p.Steps()})
}
