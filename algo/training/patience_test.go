package training

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/internal/algotest"
	"mdfa/gpu/cpu"
)

// TestPatienceEndsARunThatDoesNotImprove trains with a rate of 0, so that the first epoch stays the best, and resumes
// from each state on the way.
func TestPatienceEndsARunThatDoesNotImprove(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	cfg := algotest.Config(algo.DFA)
	cfg.LR = 0
	var states []State
	schedule := Schedule{Epochs: 9, Patience: 3, SaveEvery: 5, Save: func(s State) error { states = append(states, s); return nil }}
	run := func(schedule Schedule, from *State) Result {
		_, trainer, _ := newRun(t, dev, cfg, schedule)
		if from != nil {
			require.NoError(t, trainer.Restore(*from))
		}
		r, err := trainer.Run(context.Background(), &silent{})
		require.NoError(t, err)
		require.NoError(t, trainer.Close())
		return untimed(r)
	}
	want := run(schedule, nil)
	assert.True(t, want.Complete && want.Early)
	assert.Equal(t, 1, want.BestEpoch)
	assert.Len(t, want.Epochs, 4)
	assert.Positive(t, want.Test.Count)
	last := states[len(states)-1]
	assert.Equal(t, 4*12, last.Progress.Steps(), "the end is saved, although no multiple of 5 falls there")
	for _, state := range states {
		again := schedule
		again.Save = nil
		assert.Equal(t, want, run(again, &state), "after %d steps", state.Progress.Steps())
	}

	schedule.Save = nil
	schedule.Patience = 5
	more := run(schedule, &last)
	assert.Len(t, more.Epochs, 6, "more patience goes on")
	schedule.Epochs = 6
	assert.False(t, run(schedule, &last).Early, "the last epoch of all is no early end")
	schedule.Patience = 0
	assert.Len(t, run(schedule, &last).Epochs, 6)
}

// TestTheBestEpochIsThatOfTheBestNumber looks at runs whose accuracy and loss have their bests in different epochs.
func TestTheBestEpochIsThatOfTheBestNumber(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	cfg := algotest.Config(algo.BP)
	cfg.LR = 0.02
	best := map[bool]int{}
	for _, byLoss := range []bool{false, true} {
		l, trainer, _ := newRun(t, dev, cfg, Schedule{Epochs: 8, Seed: 4, BestByLoss: byLoss})
		r, err := trainer.Run(context.Background(), &silent{})
		require.NoError(t, err)
		want := 1
		for _, e := range r.Epochs {
			was := r.Epochs[want-1]
			if byLoss && e.Valid.Loss < was.Valid.Loss || !byLoss && e.Valid.Correct > was.Valid.Correct {
				want = e.Number
			}
			assert.Equal(t, want == e.Number, e.Best, "epoch %d", e.Number)
		}
		assert.Equal(t, want, r.BestEpoch)
		best[byLoss] = want
		kept, err := trainer.Best()
		require.NoError(t, err)
		tested, err := l.Params()
		require.NoError(t, err)
		assert.Equal(t, kept, tested)
	}
	assert.NotEqual(t, best[false], best[true], "a case that tells them apart")
}

func TestPatienceNeedsValidation(t *testing.T) {
	dev := cpu.Open()
	defer func() { require.NoError(t, dev.Close()) }()
	l := algotest.Learner(t, dev, algotest.Config(algo.BP))
	for _, schedule := range []Schedule{{Epochs: 1, Patience: 1}, {Epochs: 1, Patience: -1}} {
		_, err := New(t.Context(), l, Data{Train: algotest.Bands(1, 40)}, schedule)
		require.ErrorIs(t, err, algo.ErrConfig)
		require.ErrorContains(t, err, "a patience of")
	}
}
