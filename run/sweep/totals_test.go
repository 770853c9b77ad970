package sweep

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/run/folder"
)

// sweepOf is the sweep of a grid of which no run has begun.
func sweepOf(t *testing.T, flags ...string) *Sweep {
	t.Helper()
	s, err := New(gridOf(t, append(flags, "out "+t.TempDir())...), Options{})
	require.NoError(t, err)
	return s
}

// completed makes a run one that has ended after some steps. Each class has 1000 images.
func completed(one *Run, classes int, steps string, seconds float64) {
	one.Status, one.Classes, one.Images, one.Seconds = folder.StatusComplete, classes, classes*1000, seconds
	one.Result = folder.Row{"steps": steps}
}

func TestTheTimeLeftGoesByImages(t *testing.T) {
	s := sweepOf(t, "classes 2,10", "seed 0-1", "max_epochs 5", "batch_size 100", "model bp,mdfa")
	assert.Zero(t, s.Totals().Work, "nothing is known")
	completed(s.Runs[0], 2, "100", 10)
	completed(s.Runs[1], 2, "100", 10)
	assert.Equal(t, 2*(50+10+50)*time.Second, s.Totals().Work)

	completed(s.Runs[4], 2, "100", 3600)
	completed(s.Runs[5], 2, "100", 10)
	assert.Equal(t, 200*time.Second, s.Totals().Work, "one odd run of a rule counts as the others do")

	s.Runs[2].Status, s.Runs[2].Epochs, s.Runs[2].Images, s.Runs[2].Classes = folder.StatusInterrupted, 4, 10_000, 10
	assert.Equal(t, 160*time.Second, s.Totals().Work, "what was trained before is done")
	s.Runs[2].Result = folder.Row{"steps": "450"}
	assert.Equal(t, 155*time.Second, s.Totals().Work, "also in an epoch that has not ended")
}

func TestEachRuleHasItsOwnPace(t *testing.T) {
	s := sweepOf(t, "classes 2,all", "model bp,mdfa", "max_epochs 5", "batch_size 100")
	completed(s.Runs[0], 2, "100", 10)
	completed(s.Runs[1], 2, "100", 20)
	completed(s.Runs[2], 10, "500", 50)
	assert.Equal(t, 100*time.Second, s.Totals().Work, "all classes are as many as another run has")
	s.Runs[3].Spec.MaxSteps = 50
	assert.Equal(t, 10*time.Second, s.Totals().Work, "steps have a limit, too")
}

func TestRunsThatEndEarlyShortenTheOthers(t *testing.T) {
	s := sweepOf(t, "classes 2", "seed 0-9", "max_epochs 5", "batch_size 100", "patience 1")
	for _, one := range s.Runs[:3] {
		completed(one, 2, "60", 6)
	}
	assert.Equal(t, 42*time.Second, s.Totals().Work)
}

func TestAnInterruptedRunHasASpeed(t *testing.T) {
	s := sweepOf(t, "classes 2", "seed 0-1", "max_epochs 5", "batch_size 100")
	one := s.Runs[0]
	one.Status, one.Images, one.Classes, one.Result = folder.StatusInterrupted, 2000, 2, folder.Row{"steps": "50", "train_seconds": "5"}
	assert.Equal(t, 15*time.Second, s.Totals().Work)
}

func TestTheSpeedOfThisSweepCountsFirst(t *testing.T) {
	s := sweepOf(t, "classes 2", "seed 0-9", "max_epochs 5", "batch_size 100")
	for _, one := range s.Runs[:5] {
		completed(one, 2, "100", 1000)
	}
	s.width = 2
	here := s.Runs[5]
	here.Status, here.Images, here.Classes = folder.StatusRunning, 2000, 2
	here.first, here.step, here.steps, here.since = 40, 50, 100, time.Now().Add(-time.Second)
	assert.InDelta(t, 4.5*10/2, s.Totals().Time.Seconds(), 1, "a tenth of it took a second")
	completed(here, 2, "100", 1000)
	here.steps, here.images, here.spent = 0, 6000, 12*time.Second
	assert.InDelta(t, 4.0*20/2, s.Totals().Time.Seconds(), 1e-6, "the part that was trained before took no time here")
	for _, one := range s.Runs[7:] {
		completed(one, 2, "100", 1000)
	}
	assert.InDelta(t, 20, s.Totals().Time.Seconds(), 1e-6, "one run has no use for two places")
}
