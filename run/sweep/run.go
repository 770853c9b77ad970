package sweep

import (
	"cmp"
	"time"

	"mdfa/loaders"
	"mdfa/run"
	"mdfa/run/folder"
)

// Run is a run of a sweep.
type Run struct {
	Spec  run.Spec
	Label string // the settings in which the runs of the sweep differ, and the seed
	run.State
	Err error // why it failed or did not begin, in this sweep

	kind    string  // Label without the seed and the choice of classes
	files   string  // names the files of its data set
	classes float64 // 0 where it has all and has not begun

	first, step int           // steps before it was started here, and so far
	steps       int           // of the whole run; 0 while it does not train here
	since       time.Time     // its start, while it trains here
	trained     float64       // the share that has been trained here, when it was started before
	images      float64       // that were trained here since its last start, once it has ended
	spent       time.Duration // that these took
	over        bool          // it has failed here, and is not started again
	again       bool          // it has failed here, for lack of memory beside others
}

func newRun(g *Grid, spec *run.Spec) *Run {
	choice, _ := loaders.ParseClasses(spec.Classes) // run.New has read it
	return &Run{
		Spec: *spec, Label: g.Label(spec), kind: g.label(spec, "classes", "class_seed"), files: spec.Dataset + "\n" + spec.Data,
		classes: float64(max(choice.Count, len(choice.Names))),
	}
}

// gained is the share of a run that this sweep has trained.
func (r *Run) gained() float64 { return float64(r.step-r.first) / float64(r.steps) }

// gainedImages returns the images that a run which trains here has trained since it was started.
func (r *Run) gainedImages() float64 { return float64(r.step-r.first) * float64(r.Spec.BatchSize) }

// count returns the number of a run's classes; 0 where it has all and has not begun.
func (r *Run) count() float64 { return cmp.Or(float64(r.Classes), r.classes) }

// follower counts the steps of a run.
type follower struct {
	run.Ignore
	sweep *Sweep
	run   *Run
	start func() // called when the run has its memory
}

// Started begins to count.
func (f *follower) Started(start *run.Start) {
	s, one := f.sweep, f.run
	s.mu.Lock()
	one.Dir, one.Status = start.Dir, folder.StatusRunning
	one.first, one.steps = 0, max(start.Steps, 1)
	if start.Resumed != nil {
		one.first = start.Resumed.Progress.Steps()
	}
	one.step, one.since = one.first, time.Now()
	one.Images, one.Classes = start.Data.Train.Len(), start.Data.Classes
	s.mu.Unlock()
	f.start()
	s.tell(func(w Watcher) { w.Began(one, start) })
}

// Step counts a step.
func (f *follower) Step(int, int, func() (float64, error)) {
	f.sweep.mu.Lock()
	f.run.step++
	f.sweep.mu.Unlock()
}

// Note passes a remark on, once for all runs.
func (f *follower) Note(text string) { f.sweep.Note(text) }
