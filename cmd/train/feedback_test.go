package train

import (
	"path/filepath"
	"strconv"
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
	for _, args := range [][]string{{"-model", "fa", "-feedback", "generated"}, {"-model", "kp", "-feedback", "generated"}, {"-model", "dkp", "-feedback", "generated"}, {"-feedback", "generated"}, {"-model", "dfa", "-feedback", "none"}} {
		opt, err := parse(args)
		require.NoError(t, err)
		_, err = run.New(opt.Spec, run.Options{})
		assert.ErrorIs(t, err, run.ErrUsage, args)
		assert.ErrorContains(t, err, "-feedback")
	}
}

// TestInitializersThatARuleCannotUseAreRefused names the reason in one line, and warns where weights have no signs at first.
func TestInitializersThatARuleCannotUseAreRefused(t *testing.T) {
	for rule, c := range map[string]struct{ init, reason string }{
		"usf":  {"0", "no error reaches a hidden layer"},
		"frsf": {"U0", "no error reaches a hidden layer"},
		"brsf": {"N0", "no error reaches a hidden layer"},
		"sdfa": {"X1", "one distribution for all layers"},
		"mdfa": {"X1", "one distribution for all layers"},
	} {
		r := runTrain(t, "-model", rule, "-backward_init", c.init)
		assert.NotZero(t, r.code)
		assert.Regexp(t, "^train: -backward_init "+c.init+": [^\n]*"+c.reason+"[^\n]*\n$", r.stderr)
	}
	data := madeUp(t)
	for _, c := range []struct {
		rule, init string
		layers     string
	}{{"usf", "0", "5"}, {"usf", "0", ""}, {"brsf", "X1", "5"}, {"fa", "0", "5"}} {
		r := runTrain(t, "-data", data, "-model", c.rule, "-forward_init", c.init, "-layers", c.layers, "-max_steps", "1")
		require.Zero(t, r.code, r.stderr)
		warned := strings.Contains(r.stdout, "-forward_init 0: usf takes the signs of the weights")
		assert.Equal(t, c.rule == "usf" && c.layers != "", warned, r.stdout)
	}
}

// TestLearnedFeedbackTurnsTowardsTheWeights measures kp with and without a penalty, and says what it needs.
func TestLearnedFeedbackTurnsTowardsTheWeights(t *testing.T) {
	data, angles := madeUp(t), map[string]float64{}
	for _, l2 := range []string{"0", "0.05"} {
		r := runTrain(t, "-data", data, "-model", "kp", "-layers", "16,12", "-optimizer", "sgd", "-lr", "0.5", "-l2", l2,
			"-batch_size", "20", "-max_epochs", "12", "-alignment", "203")
		require.Zero(t, r.code, r.stderr)
		assert.Equal(t, l2 == "0", strings.Contains(r.stdout, "kp without -weight_decay or -l2: the feedback turns towards the weights only as far as these grow"))
		_, rows := table(t, filepath.Join(r.runFolder(t), "alignment.csv"))
		for at, row := range map[string]map[string]string{"first": rows[1], "last": rows[len(rows)-2]} {
			require.Equal(t, "1", row["layer"])
			angle, err := strconv.ParseFloat(row["angle_feedback"], 64)
			require.NoError(t, err)
			angles[at+" "+l2] = angle
		}
	}
	assert.Equal(t, angles["first 0"], angles["first 0.05"])
	assert.Less(t, angles["last 0"], angles["first 0"])
	assert.Less(t, angles["last 0.05"], 20.0)
	assert.Less(t, angles["last 0.05"], angles["last 0"])

	r := runTrain(t, "-data", data, "-model", "kp", "-layers", "16", "-backward_init", "0", "-max_epochs", "1", "-l2", "0.001")
	require.Zero(t, r.code, r.stderr)
}

// TestTheFeedbackLearnsAtItsOwnRate trains dkp from zero feedback at three rates, two of which are the same.
func TestTheFeedbackLearnsAtItsOwnRate(t *testing.T) {
	data := madeUp(t)
	epochs := func(header string, args ...string) string {
		r := runTrain(t, append([]string{"-data", data, "-model", "dkp", "-layers", "8,8", "-optimizer", "sgd", "-lr", "0.5",
			"-backward_init", "0", "-max_epochs", "3", "-batch_size", "20"}, args...)...)
		require.Zero(t, r.code, r.stderr)
		assert.Contains(t, r.stdout, header)
		return stable(t, filepath.Join(r.runFolder(t), "epochs.csv"), "images_per_second")
	}
	usual := epochs("feedback 0 · sgd, lr 0.5, batch 20")
	assert.Equal(t, usual, epochs("lr 0.5, feedback lr 0.5, batch 20", "-feedback_lr", "0.5"))
	assert.NotEqual(t, usual, epochs("lr 0.5, feedback lr 2, batch 20", "-feedback_lr", "2"))
}
