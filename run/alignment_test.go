package run

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo/measure"
	"mdfa/algo/training"
	"mdfa/gpu"
	"mdfa/model"
	"mdfa/run/checkpoint"
	"mdfa/run/folder"
)

func TestAlignmentGoesOnWhereARunGoesOn(t *testing.T) {
	net, err := model.NewDense(model.Vector(4), []int{3}, 2, gpu.Tanh)
	require.NoError(t, err)
	run, err := folder.Create(t.TempDir(), "mnist", "dfa", time.Unix(0, 0), nil)
	require.NoError(t, err)
	steps := func() []string {
		rows, err := folder.ReadTable(filepath.Join(run.Dir(), "alignment.csv"))
		require.NoError(t, err)
		var list []string
		for _, row := range rows {
			if row["layer"] == "0" {
				list = append(list, row["step"])
			}
		}
		return list
	}
	measure := func(from int, at ...int) {
		log, err := newAlignmentLog(5, net, run, from)
		require.NoError(t, err)
		for _, step := range at {
			require.NoError(t, log.Alignment(measure.Alignment{Step: step, Layers: make([]measure.LayerAlignment, 2)}))
		}
		require.NoError(t, log.save())
	}
	measure(0, 0, 5, 10, 15)
	assert.Equal(t, []string{"0", "5", "10", "15"}, steps())
	measure(10, 10)
	assert.Equal(t, []string{"0", "5", "10"}, steps(), "later rows are left out, and none is there twice")
	measure(0, 0)
	assert.Equal(t, []string{"0"}, steps(), "a run from the start leaves out all")

	none, err := newAlignmentLog(0, net, run, 0)
	require.NoError(t, err)
	require.NoError(t, none.save())
}

// Rows before a checkpoint are never measured again: without them it must not be written.
func TestACheckpointIsNeverAheadOfTheAlignment(t *testing.T) {
	net, err := model.NewDense(model.Vector(4), []int{3}, 2, gpu.Tanh)
	require.NoError(t, err)
	run, err := folder.Create(t.TempDir(), "mnist", "dfa", time.Unix(0, 0), nil)
	require.NoError(t, err)
	log, err := newAlignmentLog(5, net, run, 0)
	require.NoError(t, err)
	k := &runRecorder{run: run, net: net, settings: checkpoint.Settings{Network: net.Spec(), Data: checkpoint.Data{Shape: [3]int{1, 1, 4}, Classes: 2}}, writer: checkpoint.NewWriter(run.Dir(), nil)}
	s := &session{recorder: k, alignment: log}
	measured := measure.Alignment{Layers: make([]measure.LayerAlignment, 2)}
	require.NoError(t, log.Alignment(measured))
	require.NoError(t, s.save(training.State{Params: make([]float32, net.Params)}))
	require.NoError(t, log.Alignment(measured))
	require.NoError(t, os.Remove(filepath.Join(run.Dir(), folder.AlignmentFile)))
	require.ErrorContains(t, s.save(training.State{Params: make([]float32, net.Params), Progress: training.Progress{Step: 7}}), "was removed")
	c, err := checkpoint.LoadState(t.Context(), run.Dir())
	require.NoError(t, err)
	assert.Zero(t, c.Progress.Step, "the state before")
}
