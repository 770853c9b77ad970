package run

import (
	"time"

	"mdfa/internal/progress"
)

// Pace measures how fast a run trains, for a follower that shows it.
type Pace struct {
	start             *Start
	before            int // steps of the run before this process
	began, epochBegan time.Time
	epoch, epochFrom  int // the epoch, and its first step in this process
}

// Begin starts the clock.
func (p *Pace) Begin(s *Start) {
	p.start, p.began = s, time.Now()
	if s.Resumed != nil {
		p.before = s.Resumed.Progress.Steps()
	}
}

// At returns how far the run has come, if it is due to be shown: to know the loss is to wait
// for the device. The first step of an epoch has no speed yet. last is the epoch's last step.
func (p *Pace) At(now time.Time, epoch, step int, loss func() (float64, error), due func(last bool) bool) (s progress.State, ok bool) {
	if p.epoch != epoch {
		p.epoch, p.epochFrom, p.epochBegan = epoch, step, now
	}
	done := (epoch-1)*p.start.StepsPerEpoch + step
	steps := min(p.start.StepsPerEpoch, p.start.Steps-(done-step))
	if step == p.epochFrom || !due(step >= steps) {
		return s, false
	}
	value, err := loss()
	if err != nil {
		return s, false // the next step will say so
	}
	perStep := now.Sub(p.began) / time.Duration(done-p.before)
	s = progress.State{
		Epoch: epoch, Epochs: p.start.Epochs, Step: step, Steps: steps,
		Loss:            value,
		ImagesPerSecond: float64((step-p.epochFrom)*p.start.Facts.BatchSize) / max(now.Sub(p.epochBegan).Seconds(), 1e-9),
		Left:            perStep * time.Duration(p.start.Steps-done),
	}
	if step >= steps && p.start.Data.Valid.Len() > 0 {
		s.Doing = "validating"
	}
	return s, true
}
