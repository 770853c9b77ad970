package sweep

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dustin/go-humanize/english"

	"mdfa/gpu"
	"mdfa/internal/disk"
	"mdfa/internal/figures"
	"mdfa/internal/wording"
	"mdfa/loaders"
	"mdfa/run"
	"mdfa/run/checkpoint"
	"mdfa/run/folder"
	"mdfa/run/settings"
)

// Options are the settings of a sweep itself. Every field may be left out.
type Options struct {
	Jobs        int // runs side by side; 0: as many as suit the devices
	Shard       Shard
	RetryFailed bool // runs that have failed are started again

	Program  string   // name of the program, for reports
	Train    []string // the words that start the program that trains one run, for the command in its run.json
	Command  []string // command line of the sweep, for run.json
	Progress func(loaders.Progress)
	Watcher  Watcher
}

// Watcher is told how a sweep goes, of one event at a time.
type Watcher interface {
	// Began comes when a run of this sweep trains.
	Began(*Run, *run.Start)
	// Ended comes when a run of this sweep has ended.
	Ended(*Run)
	// Note is a remark for the user; each comes once.
	Note(text string)
}

// ignore is a watcher that ignores everything.
type ignore struct{}

func (ignore) Began(*Run, *run.Start) {}
func (ignore) Ended(*Run)             {}
func (ignore) Note(string)            {}

// Sweep trains the runs of a grid.
type Sweep struct {
	Runs []*Run

	grid    *Grid
	all     []run.Spec // of the grid, those of other shards too
	options Options
	out     string
	index   *run.Index
	data    loaders.Shared
	places  []*place

	mu      sync.Mutex // guards what follows, and the runs
	queue   []*Run
	began   time.Time
	width   int             // runs that Do trains side by side
	noted   map[string]bool // the notes that were told
	stopped error           // why no more runs are started

	telling sync.Mutex // held while the watcher is told
}

// New returns the sweep of a grid. A setting that makes no run is an error: the sentence that train has for it.
func New(g *Grid, o Options) (*Sweep, error) {
	specs, err := g.Specs()
	if err != nil {
		return nil, err
	}
	if specs[0].Profile && o.Jobs != 1 {
		return nil, wording.Usagef("-profile measures a GPU that trains one run at a time, and a sweep trains several: give -jobs 1.")
	}
	if o.Watcher == nil {
		o.Watcher = ignore{}
	}
	s := &Sweep{grid: g, all: specs, options: o, out: specs[0].Out, noted: map[string]bool{}}
	if _, err := os.ReadDir(s.out); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("-out %s cannot be read (%w): expected a folder of runs, or the name of a new one", wording.Shown(s.out), disk.Reason(err))
	}
	s.index = run.NewIndex(s.out)
	groups := map[string]bool{}
	for i := range specs {
		if _, err := run.New(specs[i], run.Options{}); err != nil {
			return nil, err
		}
		s.Runs = append(s.Runs, newRun(g, &specs[i]))
		groups[g.label(&specs[i])] = true
	}
	if s.Runs = o.Shard.pick(s.Runs, len(groups)); len(s.Runs) == 0 {
		return nil, wording.Usagef("-shard %d/%d: the grid has %s only: take fewer parts.", o.Shard.Number, o.Shard.Of, english.Plural(len(specs), "run", ""))
	}
	s.Look()
	return s, nil
}

// Complete returns the folders of the complete runs of the whole grid, those of other shards too.
func (s *Sweep) Complete() (dirs []string) {
	known := map[string]bool{} // where classes have names and numbers, two spellings may be the same run
	for _, state := range s.index.States(s.all...) {
		if state.Status == folder.StatusComplete && !known[state.Dir] {
			known[state.Dir], dirs = true, append(dirs, state.Dir)
		}
	}
	return dirs
}

// Look brings the states of all runs up to date with their folders.
func (s *Sweep) Look() {
	specs := make([]run.Spec, len(s.Runs))
	for i, one := range s.Runs {
		specs[i] = one.Spec
	}
	states := s.index.States(specs...)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, one := range s.Runs {
		one.State = states[i]
	}
}

// lookElsewhere brings the states of the runs up to date that other processes trained.
func (s *Sweep) lookElsewhere() {
	for _, one := range s.Runs {
		if one.Status == folder.StatusRunning {
			s.set(one, s.index.States(one.Spec)[0])
		}
	}
}

// wanted says whether a run is to be trained.
func (s *Sweep) wanted(one *Run) bool {
	switch one.Status {
	case folder.StatusComplete, folder.StatusRunning:
		return false
	case folder.StatusFailed:
		return s.options.RetryFailed || one.again
	}
	return true
}

// Left returns the runs that Do would train.
func (s *Sweep) Left() []*Run {
	return slices.DeleteFunc(slices.Clone(s.Runs), func(one *Run) bool { return !s.left(one) })
}

func (s *Sweep) left(one *Run) bool { return s.wanted(one) && !one.over }

// Do trains the runs that are left. When ctx ends, the runs that train are saved, and Do returns a
// run.ErrInterrupted. Runs that fail do not keep others from training: Do returns an error about all that have failed,
// in earlier sweeps too.
func (s *Sweep) Do(ctx context.Context) error {
	s.mu.Lock()
	s.queue, s.began = s.Left(), time.Now()
	s.mu.Unlock()
	if len(s.queue) > 0 {
		slots, err := s.slots()
		if err != nil {
			return err
		}
		s.mu.Lock()
		s.width = len(slots)
		s.mu.Unlock()
		var working sync.WaitGroup
		for _, slot := range slots {
			working.Go(func() { s.work(ctx, slot) })
		}
		working.Wait()
	}
	s.lookElsewhere()
	return s.verdict(ctx)
}

// work trains one run after the other in a slot.
func (s *Sweep) work(ctx context.Context, slot slot) {
	for one := s.next(ctx); one != nil; one = s.next(ctx) {
		if more := s.train(ctx, one, slot); !more {
			return
		}
	}
}

// next takes a run from the queue; nil for none.
func (s *Sweep) next(ctx context.Context) *Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() != nil || s.stopped != nil || len(s.queue) == 0 {
		return nil
	}
	one := s.queue[0]
	s.queue = s.queue[1:]
	return one
}

// train trains a run, unless another process has done so meanwhile. more says whether the slot can train more.
func (s *Sweep) train(ctx context.Context, one *Run, slot slot) (more bool) {
	spec := one.Spec
	if slot.name != "" {
		spec.Device = slot.name
	}
	state := s.index.States(spec)[0]
	s.set(one, state)
	if !s.wanted(one) {
		s.tell(func(w Watcher) { w.Ended(one) })
		return true
	}
	f := &follower{sweep: s, run: one, start: slot.enter()}
	defer slot.leave()
	defer f.start()
	o := run.Options{
		Program: s.options.Program, Command: s.command(&spec), Flags: map[string]string{"sweep": strings.Join(s.options.Command, " ")},
		Workers: slot.workers, Load: s.data.Load, Progress: s.options.Progress, Followers: []run.Follower{f},
	}
	r, complete, err := s.index.Find(ctx, spec, o)
	var outcome *run.Outcome
	began := time.Now()
	if err == nil && complete == "" {
		outcome, err = r.Train(ctx)
	}
	return s.ended(one, slot, outcome, err, time.Since(began))
}

// ended notes how a run ended.
func (s *Sweep) ended(one *Run, slot slot, outcome *run.Outcome, err error, took time.Duration) (more bool) {
	state := s.index.States(one.Spec)[0]
	if outcome != nil && outcome.Start.Resumed == nil && state.Status == folder.StatusComplete {
		state.Seconds = took.Seconds() // to less than a second
	}
	s.mu.Lock()
	if one.steps > 0 {
		one.trained += one.gained()
		one.images, one.spent = one.gainedImages(), took
	}
	one.State, one.Err, one.steps, one.again = state, nil, 0, false
	more, told := true, true
	switch {
	case err == nil:
	case errors.Is(err, run.ErrInterrupted):
		told = false
	case errors.Is(err, folder.ErrLocked):
		one.Status = folder.StatusRunning
	case outcome != nil && outcome.Status == folder.StatusComplete:
		one.Err = err // its report cannot be written, say
	case errors.Is(err, gpu.ErrOutOfMemory) && slot.shared():
		s.queue, one.again = slices.Insert(s.queue, 0, one), true
		more, told = false, false // fewer runs at a time fit
	case outcome == nil && !ownFault(err), unwritable(err):
		told = false
		more = s.stop(one, slot, err)
	default:
		one.Status, one.Err, one.over = folder.StatusFailed, err, true
		slot.lost.Store(slot.lost.Load() || errors.Is(err, gpu.ErrDeviceLost))
	}
	s.mu.Unlock()
	if told {
		s.tell(func(w Watcher) { w.Ended(one) })
	}
	return more
}

// ownFault says whether a run could not begin because of its settings.
func ownFault(err error) bool {
	return errors.Is(err, run.ErrUsage) || errors.Is(err, loaders.ErrUsage) || errors.Is(err, gpu.ErrOutOfMemory)
}

// unwritable says whether the folder of the results cannot be written, rather than that of one run, which may have been
// removed.
func unwritable(err error) bool {
	return (errors.Is(err, folder.ErrWrite) || errors.Is(err, checkpoint.ErrWrite)) && !errors.Is(err, fs.ErrNotExist)
}

// stop ends the sweep after a run that could not begin or go on for a reason that others have, too. Where that is a lost GPU, the
// others go on.
func (s *Sweep) stop(one *Run, slot slot, err error) (more bool) {
	if slot.lost.Load() && slices.ContainsFunc(s.places, func(p *place) bool { return !p.lost.Load() }) {
		s.queue = slices.Insert(s.queue, 0, one)
		return false
	}
	s.stopped = cmp.Or(s.stopped, err)
	return true
}

// Note tells the watcher a remark that it has not been told.
func (s *Sweep) Note(text string) {
	s.mu.Lock()
	told := s.noted[text]
	s.noted[text] = true
	s.mu.Unlock()
	if !told {
		s.tell(func(w Watcher) { w.Note(text) })
	}
}

func (s *Sweep) set(one *Run, state run.State) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one.State = state
}

// tell tells the watcher.
func (s *Sweep) tell(event func(Watcher)) {
	s.telling.Lock()
	defer s.telling.Unlock()
	event(s.options.Watcher)
}

// command returns the command that trains a run alone.
func (s *Sweep) command(spec *run.Spec) []string {
	words := slices.Clone(s.options.Train)
	if len(words) == 0 {
		words = []string{"train"}
	}
	for _, setting := range settings.List {
		if !spec.Chosen(setting.Name) {
			continue
		}
		value := setting.Typed(spec)
		switch {
		case setting.Switch() && value == "true":
			words = append(words, "-"+setting.Name)
		case setting.Switch():
			words = append(words, "-"+setting.Name+"="+value)
		default:
			words = append(words, "-"+setting.Name, value)
		}
	}
	return words
}

// verdict is the error of a sweep that has ended.
func (s *Sweep) verdict(ctx context.Context) error {
	t := s.Totals()
	if ctx.Err() != nil {
		return fmt.Errorf("%w with %s complete and %s left, which are saved as far as they have come", run.ErrInterrupted,
			english.Plural(t.Complete, "run", ""), figures.Count(t.Left))
	}
	if s.stopped != nil {
		return s.stopped
	}
	var failed []string
	remedy := "-list says why, and -retry_failed starts them again"
	for _, one := range s.Runs {
		switch {
		case one.Status != folder.StatusFailed:
		case one.Dir == "": // it did not begin
			failed, remedy = append(failed, one.Label), wording.Clause(one.Err)
		default:
			failed = append(failed, one.Dir)
		}
	}
	if len(failed) == 0 {
		return nil
	}
	const most = 3 // named in the sentence
	names := strings.Join(failed[:min(most, len(failed))], ", ")
	if len(failed) > most {
		names += fmt.Sprintf(" and %d others", len(failed)-most)
	}
	return fmt.Errorf("%s of %s failed (%s): %s", english.Plural(len(failed), "run", ""), figures.Count(len(s.Runs)), filepath.ToSlash(names), remedy)
}
