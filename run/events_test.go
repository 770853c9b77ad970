package run

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/measure"
	"mdfa/algo/training"
	"mdfa/gpu"
	"mdfa/loaders"
	"mdfa/model"
	"mdfa/run/settings"
)

// TestEveryEventIsDocumented holds docs/output.md to the fields that there are.
func TestEveryEventIsDocumented(t *testing.T) {
	docs, err := os.ReadFile("../docs/output.md")
	require.NoError(t, err)
	net, err := model.NewDense(model.Vector(4), []int{3}, 6, gpu.Tanh)
	require.NoError(t, err)
	start := &Start{
		Dir: "run", Command: []string{"train"}, Skipped: "why", Cache: "where", Memory: Memory{{What: "images", Bytes: 7}}, Notes: []string{"text"},
		Data: &loaders.Dataset{Classes: 6}, Network: net, StepsPerEpoch: 3, Epochs: 2, Steps: 6,
		Resumed: &Resumed{Path: "last", Skipped: errors.New("damaged")}, Facts: factsForTest(),
	}
	m := algo.Metrics{Count: 10, Correct: 5, Top5: 9, Loss: 3}
	epoch := training.Epoch{Number: 1, Steps: 3, Train: m, Valid: m, Best: true, Seconds: 1, DataWait: 0.5}
	var out bytes.Buffer
	j := &JSONLines{Out: &out}
	j.Started(start)
	j.said = time.Time{}
	j.Step(1, 1, nil)
	j.Step(1, 2, func() (float64, error) { return 1, nil })
	j.Checkpoint("last", training.Progress{})
	require.NoError(t, j.Epoch(epoch))
	require.NoError(t, j.Alignment(measure.Alignment{Layers: make([]measure.LayerAlignment, 2)}))
	j.Finished(&Outcome{Status: "failed", Reason: "why", Result: training.Result{Epochs: []training.Epoch{epoch}, BestEpoch: 1, Test: m, Seconds: 1}, Start: start})
	j.Print("error", object{"text", "why", "exit_code", 1})
	require.NoError(t, j.Err)

	fields := map[string]int{}
	for line := range strings.Lines(out.String()) {
		var event map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &event), line)
		name := event["event"].(string)
		_, section, found := strings.Cut(string(docs), "\n### "+name+"\n")
		require.True(t, found, "### %s", name)
		section, _, _ = strings.Cut(section, "\n##")
		for field := range event {
			if field != "event" && field != "time" {
				assert.Contains(t, section, "`"+field+"`", name)
				fields[name]++
			}
		}
	}
	assert.Equal(t, map[string]int{
		"start": 10, "note": 2, "resume": 4, "progress": 6, "checkpoint": 4, "epoch": 13, "alignment": 3, "outcome": 12, "error": 2,
	}, fields)
}

func factsForTest() *settings.Facts { return &settings.Facts{Spec: Defaults()} }
