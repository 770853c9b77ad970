package sweep

import (
	"cmp"
	"slices"
	"strconv"
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
	Time    time.Duration // that the runs that are left will take side by side; 0 while that is unknown, or nothing trains
	Work    time.Duration // that they take one after the other; 0 while that is unknown
}

// Totals counts the runs at this moment.
func (s *Sweep) Totals() Totals {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.estimate()
	t := Totals{Runs: len(s.Runs)}
	var gained float64 // runs
	var work, longest float64
	for _, one := range s.Runs {
		gained += one.trained
		switch {
		case one.steps > 0:
			t.Running++
			gained += one.gained()
		case one.Status == folder.StatusComplete:
			t.Complete++
		case one.Status == folder.StatusRunning:
			t.Elsewhere++
		case one.over || !s.wanted(one):
			t.Failed++
		}
		if one.steps > 0 || s.left(one) {
			t.Left++
			seconds := e.left(one) * e.pace(one)
			work, longest = work+seconds, max(longest, seconds)
		}
	}
	t.Work = time.Duration(work * float64(time.Second))
	if s.width > 0 {
		t.Time = time.Duration(max(work/float64(s.width), longest) * float64(time.Second))
	}
	if elapsed := time.Since(s.began); !s.began.IsZero() && gained > least {
		t.PerHour = gained / elapsed.Hours()
	}
	return t
}

// least is the part of a run below which its speed says little.
const least = 0.05

// estimate predicts how long runs take: the images that they train, and the seconds that an image takes. Medians over the
// runs that have begun keep one odd run from deciding.
type estimate struct {
	perClass medians    // images of an epoch for each class, by the files
	most     medians    // classes of the run with the most, by the files
	ended    float64    // the share of their longest length after which runs end, as they do with -patience
	paces    [3]medians // seconds of an image by kind: of runs that ended here, that train here, and that ended before
}

// medians are numbers by a key, and over all keys that of "".
type medians map[string]float64

// lists collects numbers for medians.
type lists map[string][]float64

func (l lists) add(key string, x float64) { l[key], l[""] = append(l[key], x), append(l[""], x) }

func (l lists) medians() medians {
	m := medians{}
	for key, list := range l {
		slices.Sort(list)
		m[key] = list[(len(list)-1)/2] // of two the lower: what happens once makes a run slow
	}
	return m
}

// estimate learns from the runs that have begun.
func (s *Sweep) estimate() *estimate {
	e := &estimate{most: medians{}, ended: 1}
	perClass := lists{}
	for _, one := range s.Runs {
		e.most[one.files] = max(e.most[one.files], one.count())
		if one.Images > 0 && one.Classes > 0 {
			perClass.add(one.files, float64(one.Images)/float64(one.Classes))
		}
	}
	e.perClass = perClass.medians()
	ended, paces := lists{}, [3]lists{{}, {}, {}}
	for _, one := range s.Runs {
		complete := one.Status == folder.StatusComplete
		if complete {
			ended.add("", e.done(one)/e.longest(one))
		}
		switch {
		case complete && one.images > 0:
			paces[0].add(one.kind, one.spent.Seconds()/one.images)
		case one.steps > 0 && one.gained() > least:
			paces[1].add(one.kind, time.Since(one.since).Seconds()/one.gainedImages())
		case complete && one.Seconds > 0:
			paces[2].add(one.kind, one.Seconds/e.done(one))
		case one.Status == folder.StatusInterrupted:
			if trained, _ := strconv.ParseFloat(one.Result["train_seconds"], 64); trained > 0 && e.done(one) > 0 {
				paces[2].add(one.kind, trained/e.done(one))
			}
		}
	}
	e.ended = cmp.Or(ended.medians()[""], e.ended)
	for i, list := range paces {
		e.paces[i] = list.medians()
	}
	return e
}

// pace returns the seconds that an image of a run takes: as in the runs that differ from it in classes and seed alone,
// and where there is none of these yet, as in the others. It is 0 without any.
func (e *estimate) pace(one *Run) float64 {
	for _, key := range []string{one.kind, ""} {
		for _, p := range e.paces {
			if p[key] > 0 {
				return p[key]
			}
		}
	}
	return 0
}

// left returns the images that a run has yet to train.
func (e *estimate) left(one *Run) float64 { return max(0, e.longest(one)*e.ended-e.done(one)) }

// longest returns the images that a run trains if nothing ends it early.
func (e *estimate) longest(one *Run) float64 {
	images := float64(one.Spec.MaxEpochs) * e.epoch(one)
	if one.Spec.MaxSteps > 0 {
		images = min(images, float64(one.Spec.MaxSteps)*float64(one.Spec.BatchSize))
	}
	return images
}

// epoch returns the images of an epoch of a run. Before it has begun that is a guess by the number of its classes.
func (e *estimate) epoch(one *Run) float64 {
	if one.Images > 0 {
		return float64(one.Images)
	}
	perClass := cmp.Or(e.perClass[one.files], e.perClass[""], 1) // without any, there is no pace either
	return perClass * cmp.Or(one.count(), e.most[one.files], 1)
}

// done returns the images that a run has trained.
func (e *estimate) done(one *Run) float64 {
	longest := e.longest(one)
	if one.steps > 0 {
		return longest * float64(one.step) / float64(one.steps)
	}
	steps, _ := strconv.Atoi(one.Result["steps"])
	return min(longest, max(float64(steps)*float64(one.Spec.BatchSize), float64(one.Epochs)*e.epoch(one)))
}
