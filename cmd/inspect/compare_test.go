package inspect

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
	"mdfa/model"
	"mdfa/run/checkpoint"
	"mdfa/run/folder"
)

// trained is a results folder with made-up runs of two rules, and one in its log that was removed.
func trained(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	net, err := model.NewDense(model.Shape{H: 2, W: 2, C: 1}, []int{3}, 3, gpu.Tanh)
	require.NoError(t, err)
	logged := func(name, rule string) {
		require.NoError(t, folder.LogAt(root).Append(t.Context(), []folder.Cell{{Column: "folder", Value: name}, {Column: "model", Value: rule}}))
	}
	for rule, accuracy := range map[string]float64{"bp": 0.9, "mdfa": 0.8} {
		for seed := range int64(6) {
			run, err := folder.Create(root, "mnist", rule, time.Now(), nil)
			require.NoError(t, err)
			text, err := folder.Run{Settings: checkpoint.Settings{
				Flags: map[string]string{"optimizer": "sgd"}, Rule: rule, Network: net.Spec(), Seed: seed,
				Data: checkpoint.Data{Name: "mnist", Shape: [3]int{2, 2, 1}, Classes: 3},
			}}.Encode()
			require.NoError(t, err)
			require.NoError(t, run.Write(folder.RunFile, text))
			require.NoError(t, run.Finish(&folder.Result{Outcome: folder.Outcome{Status: folder.StatusComplete, TestAccuracy: folder.Known(accuracy + 0.01*float64(seed))}}))
			run.Close()
			name, err := filepath.Rel(root, run.Dir())
			require.NoError(t, err)
			logged(filepath.ToSlash(name), rule)
		}
	}
	logged("mnist/removed", "mdfa")
	return root
}

func TestTheRunsOfALogAreCompared(t *testing.T) {
	root := trained(t)
	text := inspected(t, "-runs", root, "-table", "text")
	assert.Contains(t, text, "mdfa is behind bp by 10.00 percentage points (corrected p 0.0312).")
	assert.Contains(t, text, "note: 1 unreadable run does not count: removed (")
	text = inspected(t, "-runs", root, "-table", "csv", "-where", "model=bp")
	assert.Contains(t, text, "\nbp,6,0,0,0.925")
	assert.NotContains(t, text, "mdfa")
	assert.Contains(t, inspected(t, "-runs", root, "-table", "markdown", "-baseline", "mdfa"), "| bp | 6 | 92.5 ± 1.9 |")
	assert.Equal(t, "no run\n", inspected(t, "-runs", root, "-table", "text", "-where", "model=fa"))
}
