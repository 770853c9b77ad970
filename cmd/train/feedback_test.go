package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/run"
)

func TestGeneratedFeedbackTrainsTheSameBits(t *testing.T) {
	for _, rule := range []string{"dfa", "mdfa"} {
		t.Run(rule, func(t *testing.T) {
			data := madeUp(t)
			var epochs []string
			for _, feedback := range []string{"stored", "generated"} {
				r := runTrain(t, "-data", data, "-model", rule, "-layers", "8,8", "-max_epochs", "2", "-feedback", feedback)
				require.Zero(t, r.code, r.stderr)
				assert.Equal(t, feedback == "generated", strings.Contains(r.stdout, "feedback U1 (generated)"))
				epochs = append(epochs, stable(t, filepath.Join(r.runFolder(t), "epochs.csv"), "images_per_second"))
				_, rows := table(t, filepath.Join(r.runFolder(t), "result.csv"))
				assert.Equal(t, feedback, rows[0]["feedback"])
			}
			assert.Equal(t, epochs[0], epochs[1])
		})
	}
}

func TestGeneratedFeedbackIsForDirectFeedbackAlone(t *testing.T) {
	for _, args := range [][]string{{"-model", "fa", "-feedback", "generated"}, {"-feedback", "generated"}, {"-model", "dfa", "-feedback", "none"}} {
		opt, err := parse(args)
		require.NoError(t, err)
		_, err = run.New(opt.Spec, run.Options{})
		assert.ErrorIs(t, err, run.ErrUsage, args)
		assert.ErrorContains(t, err, "-feedback")
	}
}
