package run

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"mdfa/internal/fault"
	"mdfa/run/folder"
)

// Index is what the runs below a results folder are. It reads each run.json once, when the run is first looked for, so
// that a thousand runs can be looked up. It is safe for concurrent use.
type Index struct {
	out string

	mu   sync.Mutex
	runs map[string][]indexed // by Spec.Key
	read map[string]bool      // the folders of these runs
}

// indexed is a run in an index.
type indexed struct {
	dir string
	run *folder.Run
}

// NewIndex returns an index of the runs below out, the folder that Spec.Out names.
func NewIndex(out string) *Index {
	return &Index{out: out, runs: map[string][]indexed{}, read: map[string]bool{}}
}

// refresh reads the runs that have begun since the last time. A folder that cannot be read has no run to resume.
func (x *Index) refresh() {
	groups, _ := os.ReadDir(x.out)
	for _, group := range groups {
		runs, _ := os.ReadDir(filepath.Join(x.out, group.Name()))
		for _, one := range runs {
			dir := filepath.Join(x.out, group.Name(), one.Name())
			if x.read[dir] || strings.HasPrefix(one.Name(), ".") {
				continue
			}
			if run, err := folder.ReadRun(dir); err == nil {
				key := run.Facts().Key()
				x.runs[key] = append(x.runs[key], indexed{dir, run})
				x.read[dir] = true
			}
		}
	}
}

// candidates returns the folders of runs with the same settings, the newest first.
func (x *Index) candidates(spec *Spec) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.refresh()
	var dirs []string
	for _, one := range x.like(spec) {
		dirs = append(dirs, one.dir)
	}
	return dirs
}

// like returns the candidates among the runs that have been read.
func (x *Index) like(spec *Spec) []indexed {
	var list []indexed
	for _, one := range x.runs[spec.Key()] {
		if spec.SameRun(one.run.Facts()) && folder.Is(one.dir) {
			list = append(list, one)
		}
	}
	slices.SortStableFunc(list, func(a, b indexed) int {
		if c := b.run.Started.Compare(a.run.Started); c != 0 {
			return c
		}
		return len(b.dir) - len(a.dir) // -2, -3 follow in the same second
	})
	return list
}

// Find is the function Find with this index, whose folder is Spec.Out.
func (x *Index) Find(ctx context.Context, spec Spec, o Options) (r *Run, complete string, err error) {
	spec = o.named(spec)
	known := x.candidates(&spec)
	var from *resumedRun
	for _, dir := range known {
		if row := resultOf(dir); completed(dir, row, &spec) {
			return nil, fmt.Sprintf("%s is complete: %s", dir, outcomeText(row)), nil
		}
		if from, err = openRun(ctx, dir, dir); err != nil {
			return nil, "", err
		}
		if from.checkSchedule(spec) == nil {
			break
		}
		from.close() // it has trained more than is asked for
		from = nil
	}
	if from != nil {
		r, err = newResumed(spec, o, from, nil)
	} else {
		r, err = New(spec, o)
	}
	if err == nil {
		r.index, r.known = x, known
	}
	return r, "", err
}

// others returns a check for runs with the same settings that began since Find looked for
// them, or nil. The new run's folder gets its name only after it: of two processes that
// begin the same run, one does. The error is folder.ErrLocked.
func (r *Run) others() func() error {
	if r.index == nil || r.resumed != nil {
		return nil
	}
	return func() error {
		for _, dir := range r.index.candidates(&r.spec) {
			if !slices.Contains(r.known, dir) {
				return fault.New(folder.ErrLocked, nil, "another process has just begun the same run in %s: wait for its end, or stop it and give the same command again.", dir)
			}
		}
		return nil
	}
}

// State is how far a run has come, as its folder says.
type State struct {
	Dir     string // "" where it has not begun
	Status  string // one of package folder's: complete, failed, running, or interrupted where it can be resumed
	Epochs  int    // that have been trained
	Images  int    // training images of an epoch
	Classes int
	Result  folder.Row // its result.csv, nil where there is none
	// Seconds is the time from the start to the end of a complete run; 0 where that is unknown.
	Seconds float64
}

// States returns the states of the runs that Find would find. It locks and writes nothing.
func (x *Index) States(specs ...Spec) []State {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.refresh()
	states := make([]State, len(specs))
	for i := range specs {
		for _, one := range x.like(&specs[i]) {
			if state, counts := one.state(&specs[i]); counts {
				states[i] = state
				break
			}
		}
	}
	return states
}

// state returns the state of the run as spec asks for it. A run that has trained more does not count.
func (one indexed) state(spec *Spec) (s State, counts bool) {
	s = State{
		Dir: one.dir, Status: folder.StatusInterrupted, Result: resultOf(one.dir),
		Images: one.run.Data.Train, Classes: one.run.Data.Classes,
	}
	if rows, err := folder.ReadTable(filepath.Join(one.dir, folder.EpochsFile)); err == nil {
		s.Epochs = len(rows)
	}
	steps, _ := strconv.Atoi(s.Result["steps"])
	switch {
	case folder.Locked(one.dir):
		s.Status = folder.StatusRunning
	case completed(one.dir, s.Result, spec):
		s.Status, s.Seconds = folder.StatusComplete, one.seconds(s.Result)
	case s.Epochs > spec.MaxEpochs, spec.MaxSteps > 0 && steps > spec.MaxSteps:
		return State{}, false
	case s.Result["status"] == folder.StatusFailed:
		s.Status = folder.StatusFailed
	}
	return s, true
}

// seconds returns the time between the start and the file of the result. Of a run that was resumed, or whose file was
// copied, it returns the time of the training alone.
func (one indexed) seconds(row folder.Row) float64 {
	trained, _ := strconv.ParseFloat(row["train_seconds"], 64)
	info, err := os.Stat(filepath.Join(one.dir, folder.ResultFile))
	if err != nil || len(one.run.Resumed) > 0 {
		return trained
	}
	const most = 10 // times the training, for validation, test and report
	if took := info.ModTime().Sub(one.run.Started).Seconds(); took >= trained && took < most*(trained+1) {
		return took
	}
	return trained
}
