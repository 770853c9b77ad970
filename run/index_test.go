package run_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo/training"
	"mdfa/run"
	"mdfa/run/folder"
)

// stopper ends a run after its first epoch.
type stopper struct {
	run.Ignore
	stop context.CancelFunc
}

func (s stopper) Epoch(training.Epoch) error {
	s.stop()
	return nil
}

func TestAnIndexKnowsHowFarRunsHaveCome(t *testing.T) {
	out := t.TempDir()
	complete, cut, failed, missing := small(out, "bp", 0), small(out, "bp", 1), small(out, "bp", 2), small(out, "mdfa", 0)
	for _, s := range []*run.Spec{&complete, &cut, &failed, &missing} {
		s.Alignment, s.TensorBoard, s.Dataset = 0, false, "stripes"
	}
	failed.LR, failed.Optimizer, failed.Activation = 1e30, "sgd", "relu"
	specs := []run.Spec{complete, cut, failed, missing}
	index := run.NewIndex(out)
	for _, state := range index.States(specs...) {
		assert.Zero(t, state)
	}
	train := func(spec run.Spec, stop bool) error {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		o := run.Options{Data: stripes(80)}
		if stop {
			o.Followers = []run.Follower{stopper{stop: cancel}}
		}
		r, done, err := index.Find(ctx, spec, o)
		require.NoError(t, err)
		require.Empty(t, done)
		_, err = r.Train(ctx)
		return err
	}
	require.NoError(t, train(complete, false))
	require.ErrorIs(t, train(cut, true), run.ErrInterrupted)
	require.Error(t, train(failed, false))
	states := index.States(specs...)
	for i, want := range []string{folder.StatusComplete, folder.StatusInterrupted, folder.StatusFailed, ""} {
		assert.Equal(t, want, states[i].Status, i)
	}
	assert.Equal(t, 3, states[0].Epochs)
	assert.NotEmpty(t, states[0].Result["test_accuracy"])
	assert.Equal(t, 1, states[1].Epochs)
	assert.Contains(t, states[2].Result["reason"], "smaller learning rate")

	longer, shorter := complete, complete
	longer.MaxEpochs, shorter.MaxEpochs = 5, 2
	states = index.States(longer, shorter)
	assert.Equal(t, folder.StatusInterrupted, states[0].Status, "it can go on")
	assert.Zero(t, states[1], "it has trained more")
	unlock, err := folder.Lock(index.States(cut)[0].Dir)
	require.NoError(t, err)
	assert.Equal(t, folder.StatusRunning, index.States(cut)[0].Status)
	unlock()
	require.NoError(t, train(cut, false))
	assert.Equal(t, folder.StatusComplete, run.NewIndex(out).States(cut)[0].Status)
}
