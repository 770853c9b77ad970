package sweep

import (
	"time"

	"mdfa/run/folder"
)

// Totals counts the runs of a sweep.
type Totals struct {
	Runs, Complete, Failed int
	Running                int // here
	Elsewhere              int // running in other processes
	Left                   int // to be trained; those that run here are among them

	PerHour float64       // runs an hour of this sweep; 0 while that is unknown
	Time    time.Duration // that the runs that are left will take at the speed of this sweep; 0 while that is unknown
	Work    time.Duration // that they take one after the other, as complete runs did; 0 without any
}

// gained is the share of a run that this sweep has trained.
func (r *Run) gained() float64 { return float64(r.step-r.first) / float64(r.steps) }

// weights holds what is known of the time that runs take: the mean of the complete runs that differ in the seed alone.
type weights struct {
	groups map[string][2]float64 // seconds and runs
	all    [2]float64
}

// weights learns from the complete runs.
func (s *Sweep) weights() weights {
	w := weights{groups: map[string][2]float64{}}
	for _, one := range s.Runs {
		if one.Status == folder.StatusComplete && one.Seconds > 0 {
			group := w.groups[one.group]
			w.groups[one.group] = [2]float64{group[0] + one.Seconds, group[1] + 1}
			w.all[0], w.all[1] = w.all[0]+one.Seconds, w.all[1]+1
		}
	}
	return w
}

// of returns the seconds of a run. Without any like it, it is the mean of all; without any, 1.
func (w weights) of(r *Run) float64 {
	switch group := w.groups[r.group]; {
	case group[1] > 0:
		return group[0] / group[1]
	case w.all[1] > 0:
		return w.all[0] / w.all[1]
	}
	return 1
}

// Totals counts the runs at this moment.
func (s *Sweep) Totals() Totals {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := s.weights()
	t := Totals{Runs: len(s.Runs)}
	var gained, seconds, left float64 // runs, and work in seconds, or in runs while no time is known
	for _, one := range s.Runs {
		weight, trained, done := w.of(one), one.trained, 0.0
		switch {
		case one.steps > 0:
			t.Running++
			trained += one.gained()
			done = float64(one.step) / float64(one.steps)
		case one.Status == folder.StatusComplete:
			t.Complete++
		case one.Status == folder.StatusRunning:
			t.Elsewhere++
		case one.over || !s.wanted(one):
			t.Failed++
		default:
			done = float64(one.Epochs) / float64(max(one.Spec.MaxEpochs, one.Epochs, 1))
		}
		gained += trained
		seconds += trained * weight
		if one.steps > 0 || s.left(one) {
			t.Left++
			left += (1 - done) * weight
		}
	}
	if w.all[1] > 0 {
		t.Work = time.Duration(left * float64(time.Second))
	}
	const least = 0.05 // of a run, below which its speed says little
	if elapsed := time.Since(s.began); !s.began.IsZero() && gained > least {
		t.PerHour = gained / elapsed.Hours()
		t.Time = time.Duration(float64(elapsed) * left / seconds)
	}
	return t
}
