//go:build interop

package interop

import (
	"encoding/csv"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/internal/tensorboard"
)

// events is the output of read_events.py.
type events struct {
	Scalars map[string][]struct {
		Step  int
		Value float64
	}
	Histograms map[string][]struct {
		Step               int
		Min, Max, Num, Sum float64
		Counts             []float64
	}
	Images map[string][]struct {
		Step, Width, Height int
		Real                [2]int
	}
	Texts      map[string][]string
	Plugins    map[string][]string
	StepsShown map[string][]int `json:"steps_shown"`
}

func readEvents(t *testing.T, dir string) (e events) {
	t.Helper()
	decodeJSON(t, python(t, "read_events.py", dir), &e)
	return e
}

func (e events) steps(tag string) (steps []int) {
	for _, s := range e.Scalars[tag] {
		steps = append(steps, s.Step)
	}
	return steps
}

// rows are a CSV's, by column.
func rows(t *testing.T, path string) (list []map[string]string) {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	lines, err := csv.NewReader(file).ReadAll()
	require.NoError(t, err)
	for _, line := range lines[1:] {
		row := map[string]string{}
		for i, name := range lines[0] {
			row[name] = line[i]
		}
		list = append(list, row)
	}
	return list
}

func number(t *testing.T, text string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(text, 64)
	require.NoError(t, err)
	return x
}

// float32Digits is the relative precision of TensorBoard's numbers.
const float32Digits = 1e-6

// stepsOfEpoch is MNIST's training set in batches of 64.
const stepsOfEpoch = 796

func TestTensorBoardShowsARunThatWentOn(t *testing.T) {
	args := []string{"-model", "mdfa", "-convnet", "-filters", "6:5:2,8:3:2", "-tensorboard", "-alignment", "300"}
	run := trainRun(t, append(args, "-max_epochs", "1")...)
	program(t, t.TempDir(), "train", "-resume", run, "-max_epochs", "2", "-device", "cpu")
	files, err := filepath.Glob(filepath.Join(run, "tensorboard", "events.out.tfevents.*"))
	require.NoError(t, err)
	assert.Len(t, files, 2)
	got := readEvents(t, filepath.Join(run, "tensorboard"))

	ends := []int{stepsOfEpoch, 2 * stepsOfEpoch}
	epochs := rows(t, filepath.Join(run, "epochs.csv"))
	require.Len(t, epochs, 2)
	for tag, column := range map[string]string{
		"loss/train": "train_loss", "loss/valid": "valid_loss", "accuracy/train": "train_accuracy",
		"accuracy/valid": "valid_accuracy", "accuracy/valid_top5": "valid_top5",
	} {
		require.Equal(t, ends, got.steps(tag), tag)
		for i, row := range epochs {
			want := number(t, row[column])
			assert.InDelta(t, want, got.Scalars[tag][i].Value, float32Digits*max(1, want), tag)
		}
	}
	assert.Equal(t, ends, got.steps("training/images_per_second"))
	require.Equal(t, ends, got.steps("training/learning_rate"))
	assert.InDelta(t, 0.001, got.Scalars["training/learning_rate"][0].Value, 1e-9)
	assert.Equal(t, ends, got.steps("accuracy/test"), "each end of the run was tested")
	assert.Len(t, got.steps("loss/steps"), 2*stepsOfEpoch/100)

	var aligned []int
	for _, row := range rows(t, filepath.Join(run, "alignment.csv")) {
		if row["layer"] == "0" {
			aligned = append(aligned, int(number(t, row["step"]))+1)
			value := got.Scalars["angle_bp/layers.0"][len(aligned)-1].Value
			assert.InDelta(t, number(t, row["angle_bp"]), value, float32Digits*180)
		}
	}
	assert.Equal(t, aligned, got.steps("angle_bp/layers.0"))
	assert.Equal(t, aligned, got.steps("at_floor/layers.1"))

	for tag, values := range map[string]float64{
		"weights/layers.0.weight": 5 * 5 * 6, "weights/layers.0.bias": 6, "weights/layers.1.weight": 3 * 3 * 6 * 8,
		"preactivations/layers.0": 64 * 12 * 12 * 6, "preactivations/layers.1": 64 * 5 * 5 * 8,
	} {
		require.Len(t, got.Histograms[tag], 2, tag)
		for i, h := range got.Histograms[tag] {
			counted := 0.0
			for _, n := range h.Counts {
				counted += n
			}
			assert.Equal(t, ends[i], h.Step)
			assert.Equal(t, values, h.Num, tag)
			assert.Equal(t, values, counted, tag)
			assert.Less(t, h.Min, h.Max)
		}
	}
	assert.GreaterOrEqual(t, got.Histograms["weights/layers.1.weight"][1].Min, 0.0, "mdfa's floor")
	require.Len(t, got.Images["filters/layers.0"], 2)
	for _, image := range got.Images["filters/layers.0"] {
		assert.Equal(t, [2]int{image.Width, image.Height}, image.Real)
	}
	assert.Contains(t, got.Texts["run"][0], "mdfa, tanh")

	// What TensorBoard's own pages would show is all of it.
	assert.Len(t, got.Plugins["scalars"], len(got.Scalars))
	assert.Len(t, got.Plugins["histograms"], len(got.Histograms))
	assert.Equal(t, []string{"filters/layers.0"}, got.Plugins["images"])
	assert.Equal(t, []string{"run"}, got.Plugins["text"])
	assert.Equal(t, ends, got.StepsShown["weights/layers.0.weight"])
}

func TestTensorBoardForgetsWhatIsTrainedAgain(t *testing.T) {
	dir := t.TempDir()
	start := time.Now()
	first, err := tensorboard.NewWriter(dir, start)
	require.NoError(t, err)
	for step := range int64(10) {
		first.Scalar("loss", step, float64(step))
		first.Histogram("weights", step, []float32{float32(step), 100})
	}
	require.NoError(t, first.Close())
	again, err := tensorboard.NewWriter(dir, start.Add(time.Second))
	require.NoError(t, err)
	again.Restart(4)
	again.Scalar("loss", 4, 40)
	again.Histogram("weights", 4, []float32{0, float32(math.Pi)})
	require.NoError(t, again.Close())
	// What a process that was killed leaves: a record that is cut off.
	file, err := os.OpenFile(again.Path(), os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = file.Write([]byte{200, 0, 0})
	require.NoError(t, err)
	require.NoError(t, file.Close())

	got := readEvents(t, dir)
	assert.Equal(t, []int{0, 1, 2, 3, 4}, got.steps("loss"))
	assert.Equal(t, 40.0, got.Scalars["loss"][4].Value)
	require.Len(t, got.Histograms["weights"], 5)
	assert.InDelta(t, math.Pi, got.Histograms["weights"][4].Max, float32Digits)
}
