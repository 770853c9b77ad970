package predict

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/algo/feed"
	"mdfa/algo/training"
	"mdfa/cmd/internal/cli"
	"mdfa/gpu"
	"mdfa/loaders"
	"mdfa/model"
	"mdfa/run/checkpoint"
	"mdfa/run/device"
)

// quiet is an observer that watches nothing.
type quiet struct{}

func (quiet) Step(int, int, func() (float64, error)) {}
func (quiet) Epoch(training.Epoch) error             { return nil }

// trained is the folder of a short run on two classes of real MNIST, named or picked by a seed of their own, on a
// device, with what it came to.
func trained(t *testing.T, on string, convnet bool, steps int) (dir string, r training.Result) {
	t.Helper()
	options := loaders.Options{Classes: "2", Seed: 1}
	if convnet {
		options.Classes = "8,3"
	} else {
		options.ClassSeed = new(int64(5))
	}
	data, err := loaders.Load(context.Background(), "mnist", options)
	require.NoError(t, err)
	input := model.Shape{H: 28, W: 28, C: 1}
	net, err := model.NewDense(input, []int{16}, 2, gpu.Tanh)
	if convnet {
		net, err = model.NewConv(input, []model.Filter{{Filters: 4, Kernel: 5, Stride: 3}}, 2, gpu.ReLU)
	}
	require.NoError(t, err)
	start, err := model.ParseInit("U1")
	require.NoError(t, err)
	params, err := net.InitialParams(start, true, 1)
	require.NoError(t, err)
	feedback, err := algo.MDFA.DrawFeedback(net, start, 1)
	require.NoError(t, err)
	dev, _, err := device.Open(on, device.Options{})
	require.NoError(t, err)
	defer func() { require.NoError(t, dev.Close()) }()
	l, err := algo.NewLearner(dev, net, algo.Config{Rule: algo.MDFA, Optimizer: gpu.RMSProp, LR: 1e-3, Batch: 32}, params, feedback)
	require.NoError(t, err)
	part := func(s *loaders.Split) feed.Examples { return feed.Examples{Images: s.Images, Labels: s.Labels} }
	trainer, err := training.New(t.Context(), l, training.Data{Train: part(&data.Train), Valid: part(&data.Valid), Test: part(&data.Test)},
		training.Schedule{Epochs: 1, MaxSteps: steps, Seed: 1})
	require.NoError(t, err)
	r, err = trainer.Run(context.Background(), quiet{})
	require.NoError(t, err)
	best, err := l.Params()
	require.NoError(t, err)
	require.NoError(t, trainer.Close())
	require.NoError(t, l.Close())
	dir = t.TempDir()
	require.NoError(t, checkpoint.NewWriter(dir, nil).Weights(&checkpoint.Checkpoint{
		Facts: checkpoint.Facts{
			Settings: checkpoint.Settings{
				Flags: map[string]string{"batch_size": "32"}, Rule: "mdfa", Network: net.Spec(), Seed: 1,
				Data: checkpoint.Data{Name: "mnist", Shape: [3]int{28, 28, 1}, Classes: 2, ClassOrder: data.ClassOrder,
					Train: data.Train.Len(), Valid: data.Valid.Len(), Test: data.Test.Len(), Checksum: data.Checksum()},
			},
			Progress: training.Progress{BestEpoch: 1, Epochs: r.Epochs},
		},
		Network: net, Params: best,
	}))
	return dir, r
}

// testOn checks that predict's accuracy on a run's own test set is bit-identical to the run's.
func testOn(t *testing.T, on string, steps int) {
	for _, convnet := range []bool{false, true} {
		dir, r := trained(t, on, convnet, steps)
		got := call(dir, "-split", "test", "-device", on, "-json")
		require.Equal(t, 0, got.code, got.stderr)
		assert.Equal(t, 1, strings.Count(got.stdout, "\n"), "of a split only the summary")
		var last struct{ Summary summaryObject }
		require.NoError(t, json.Unmarshal([]byte(got.stdout), &last))
		assert.Equal(t, r.Test.Accuracy(), *last.Summary.Accuracy)
		assert.Equal(t, int(r.Test.Count), last.Summary.Images)
		got = call(dir, "-split", "valid", "-device", on, "-json")
		require.NoError(t, json.Unmarshal([]byte(got.stdout), &last), got.stderr)
		assert.Equal(t, r.Best().Valid.Accuracy(), *last.Summary.Accuracy)
	}
}

func TestAccuracyOnTheTestSetIsTheRuns(t *testing.T) { testOn(t, "cpu", 30) }

func TestOtherDataUnderTheSameNameIsRefused(t *testing.T) {
	dir, _ := trained(t, "cpu", false, 1)
	c, err := checkpoint.Load(t.Context(), dir)
	require.NoError(t, err)
	c.Data.Checksum = strings.Repeat("0", 64)
	require.NoError(t, checkpoint.NewWriter(dir, nil).Weights(c))
	got := call(dir, "-split", "test", "-device", "cpu")
	assert.Equal(t, cli.ExitFailed, got.code)
	assert.Regexp(t, `^predict: mnist in .* is not what the network was trained on: its checksum is [0-9a-f]{12}…, and training saw 000000000000…: name the folder of those files with -data\.\n$`, got.stderr)
}
