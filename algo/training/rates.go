package training

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"mdfa/algo"
)

// Rates is how the learning rate changes during a run. With t the number of epochs or of steps before a step, and the
// warmup's length W and start s:
//
//	warmup     t < W: lr·(s + (1-s)·t/W); then the schedule, with its own t from 0
//	constant   lr
//	step       lr·factor^floor(t/every)
//	multistep  lr·factor^n, where n is the number of borders at or below t
//	cosine     floor + (lr - floor)·(1 + cos(π·t/T))/2, where T is the length of the run without the warmup
//
// They are PyTorch's LinearLR, StepLR, MultiStepLR and CosineAnnealingLR, which published recipes step once an epoch:
// so t counts epochs unless it is told to count steps.
type Rates struct {
	Schedule RateSchedule
	Warmup   Warmup
}

// RateSchedule is the learning rate after the warmup; the zero value keeps it constant.
type RateSchedule struct {
	kind   rateKind
	every  int     // of step
	at     []int   // borders of multistep, rising
	factor float64 // of step and multistep
	floor  float64 // of cosine: the learning rate at its end
	steps  bool    // t counts steps
}

// Warmup raises the learning rate to its full value in equal stairs; the zero value has no such time.
type Warmup struct {
	length int
	start  float64 // the first share of the learning rate
	steps  bool    // t counts steps
}

type rateKind string

const (
	constant  rateKind = ""
	stepped   rateKind = "step"
	multistep rateKind = "multistep"
	cosine    rateKind = "cosine"
)

const (
	constantName = "constant"
	stepsUnit    = "steps"
	warmupStart  = 0.1 // where none is given
)

// Constant says whether the learning rate stays as it is.
func (r Rates) Constant() bool { return r.Schedule.kind == constant && r.Warmup.length == 0 }

// EndsWithRun says whether the rates depend on the length of the run.
func (s RateSchedule) EndsWithRun() bool { return s.kind == cosine }

// Check refuses rates that do not fit a learning rate and a run of total steps, perEpoch of them in an epoch.
func (r Rates) Check(lr float64, perEpoch, total int) error {
	switch {
	case r.Schedule.kind == cosine && float32(r.Schedule.floor) > float32(lr):
		return fmt.Errorf("%v ends above the learning rate %g: take a smaller floor: %w", r.Schedule, lr, algo.ErrConfig)
	case r.Schedule.kind == cosine && r.Warmup.in(perEpoch) >= total:
		return fmt.Errorf("%v begins after the warmup, which takes the whole run of %d steps: take a shorter warmup: %w", r.Schedule, total, algo.ErrConfig)
	}
	return nil
}

// Factor returns the share of the learning rate lr that a step has, counted from 0, in a run of total steps, perEpoch of
// them in an epoch.
func (r Rates) Factor(step int, lr float64, perEpoch, total int) float64 {
	w, s := r.Warmup, r.Schedule
	if step < w.in(perEpoch) {
		return w.start + (1-w.start)*float64(count(step, w.steps, perEpoch))/float64(w.length)
	}
	step, total = step-w.in(perEpoch), total-w.in(perEpoch)
	t := count(step, s.steps, perEpoch)
	switch s.kind {
	case stepped:
		return math.Pow(s.factor, float64(t/s.every))
	case multistep:
		passed, at := slices.BinarySearch(s.at, t)
		if at {
			passed++
		}
		return math.Pow(s.factor, float64(passed))
	case cosine:
		length := float64(total)
		if !s.steps {
			length /= float64(perEpoch)
		}
		floor := 0.0
		if s.floor > 0 { // so lr is not 0
			floor = s.floor / lr
		}
		return floor + (1-floor)*(1+math.Cos(math.Pi*min(1, float64(t)/length)))/2
	case constant:
	}
	return 1
}

// in returns the length of the warmup in steps.
func (w Warmup) in(perEpoch int) int {
	if w.steps {
		return w.length
	}
	return w.length * perEpoch
}

// count turns a number of steps into the number that t counts.
func count(step int, steps bool, perEpoch int) int {
	if steps {
		return step
	}
	return step / perEpoch
}

// String returns the schedule as ParseRateSchedule takes it.
func (s RateSchedule) String() string {
	fields := []string{string(s.kind)}
	switch s.kind {
	case constant:
		return constantName
	case stepped:
		fields = append(fields, strconv.Itoa(s.every), number(s.factor))
	case multistep:
		borders := make([]string, len(s.at))
		for i, at := range s.at {
			borders[i] = strconv.Itoa(at)
		}
		fields = append(fields, strings.Join(borders, ","), number(s.factor))
	case cosine:
		if s.floor > 0 {
			fields = append(fields, number(s.floor))
		}
	}
	return join(fields, s.steps)
}

// String returns the warmup as ParseWarmup takes it.
func (w Warmup) String() string {
	if w.length == 0 {
		return "0"
	}
	fields := []string{strconv.Itoa(w.length)}
	if w.start != warmupStart {
		fields = append(fields, number(w.start))
	}
	return join(fields, w.steps)
}

func join(fields []string, steps bool) string {
	if steps {
		fields = append(fields, stepsUnit)
	}
	return strings.Join(fields, ":")
}

func number(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

// cut splits a text at its colons, and takes the unit from its end.
func cut(text string) (fields []string, steps bool) {
	fields = strings.Split(strings.ToLower(text), ":")
	if last := len(fields) - 1; last > 0 && fields[last] == stepsUnit {
		return fields[:last], true
	}
	return fields, false
}

// ParseRateSchedule reads constant, step:N:FACTOR, multistep:N,N,…:FACTOR, cosine or cosine:FLOOR; of all but the first,
// :steps at the end lets t count steps.
func ParseRateSchedule(text string) (RateSchedule, error) {
	fields, steps := cut(text)
	s := RateSchedule{kind: rateKind(fields[0]), steps: steps}
	ok := true
	switch {
	case fields[0] == constantName:
		s.kind, ok = constant, len(fields) == 1 && !steps
	case s.kind == stepped && len(fields) == 3:
		s.every, ok = whole(fields[1])
		s.factor, ok = positive(fields[2], ok)
	case s.kind == multistep && len(fields) == 3:
		for _, border := range strings.Split(fields[1], ",") {
			at, valid := whole(border)
			ok = ok && valid && (len(s.at) == 0 || at > s.at[len(s.at)-1])
			s.at = append(s.at, at)
		}
		s.factor, ok = positive(fields[2], ok)
	case s.kind == cosine && len(fields) == 1:
	case s.kind == cosine && len(fields) == 2:
		s.floor, ok = positive(fields[1], ok)
	default:
		ok = false
	}
	if !ok {
		return RateSchedule{}, fmt.Errorf("schedule %q: expected constant, step:N:FACTOR, multistep:N,N:FACTOR with rising N, cosine or cosine:FLOOR; "+
			"numbers are above 0, and N counts epochs, or steps with :steps at the end: %w", text, algo.ErrConfig)
	}
	return s, nil
}

// ParseWarmup reads N or N:START, where :steps at the end lets t count steps; 0 is no warmup.
func ParseWarmup(text string) (Warmup, error) {
	fields, steps := cut(text)
	w := Warmup{start: warmupStart, steps: steps}
	if len(fields) == 1 && fields[0] == "0" && !steps {
		return Warmup{}, nil
	}
	var ok bool
	w.length, ok = whole(fields[0])
	if len(fields) == 2 {
		w.start, ok = positive(fields[1], ok)
	}
	if !ok || len(fields) > 2 || w.start > 1 {
		return Warmup{}, fmt.Errorf("warmup %q: expected N or N:START, with START the first share of the learning rate, above 0 and at most 1; "+
			"N counts epochs, or steps with :steps at the end, and 0 is no warmup: %w", text, algo.ErrConfig)
	}
	return w, nil
}

// whole reads a number from 1 on.
func whole(text string) (n int, ok bool) {
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 1 && n <= math.MaxInt32
}

// positive reads a number above 0, if what was read before is right.
func positive(text string, before bool) (x float64, ok bool) {
	x, err := strconv.ParseFloat(text, 64)
	return x, before && err == nil && x > 0 && x <= math.MaxFloat32
}
