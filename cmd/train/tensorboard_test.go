package main

import (
	"errors"
	"image/color"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/gpu"
	"mdfa/internal/tensorboard"
	"mdfa/model"
)

// `make test-interop` reads these files with TensorBoard itself.

// eventFiles are those of a run, one after the other.
func eventFiles(t *testing.T, run string) (names []string, text string) {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(run, "tensorboard", "*"))
	require.NoError(t, err)
	for _, name := range names {
		file, err := os.ReadFile(name)
		require.NoError(t, err)
		text += string(file)
	}
	return names, text
}

func TestTensorBoardFilesChangeNothingOfTheRun(t *testing.T) {
	args := []string{"-data", madeUp(t), "-model", "mdfa", "-layers", "8,6", "-max_epochs", "2", "-batch_size", "2", "-alignment", "50", "-report=false"}
	plain := runTrain(t, args...)
	require.Equal(t, 0, plain.code, plain.stderr)
	names, _ := eventFiles(t, plain.runFolder(t))
	assert.Empty(t, names)

	got := runTrain(t, append(args, "-tensorboard")...)
	require.Equal(t, 0, got.code, got.stderr)
	for _, file := range []string{"epochs.csv", "alignment.csv"} {
		want, err := os.ReadFile(filepath.Join(plain.runFolder(t), file))
		require.NoError(t, err)
		have, err := os.ReadFile(filepath.Join(got.runFolder(t), file))
		require.NoError(t, err)
		if file == "epochs.csv" {
			assert.Equal(t, stable(t, filepath.Join(plain.runFolder(t), file), "images_per_second"),
				stable(t, filepath.Join(got.runFolder(t), file), "images_per_second"))
			continue
		}
		assert.Equal(t, string(want), string(have))
	}
	names, text := eventFiles(t, got.runFolder(t))
	require.Len(t, names, 1)
	for tag, times := range map[string]int{
		"loss/steps": 3, // 170 steps an epoch: 100, 200 and 300
		"loss/train": 2, "accuracy/train": 2, "loss/valid": 2, "accuracy/valid": 2 * 2, "accuracy/valid_top5": 2, "accuracy/test": 1,
		"training/learning_rate": 2, "training/images_per_second": 2,
		"weights/layers.0.weight": 2, "weights/layers.2.bias": 2, "preactivations/layers.0": 2, "preactivations/layers.1": 2,
		"preactivations/layers.2": 0, "filters/layers.0": 2, "angle_bp/layers.0": 7, "at_floor/layers.0": 0, "at_floor/layers.1": 7,
	} {
		assert.Equal(t, times, strings.Count(text, tag), tag)
	}
}

func TestTensorBoardGoesOnWithTheRun(t *testing.T) {
	first := runTrain(t, "-data", madeUp(t), "-layers", "8", "-max_epochs", "1", "-tensorboard")
	require.Equal(t, 0, first.code, first.stderr)
	run := first.runFolder(t)
	again := runTrain(t, "-resume", run, "-max_epochs", "2")
	require.Equal(t, 0, again.code, again.stderr)
	names, text := eventFiles(t, run)
	assert.Len(t, names, 2, "the flag is the run's")
	assert.Equal(t, 2, strings.Count(text, "loss/train"))
	again = runTrain(t, "-resume", run, "-max_epochs", "3", "-tensorboard=false")
	require.Equal(t, 0, again.code, again.stderr)
	names, _ = eventFiles(t, run)
	assert.Len(t, names, 2)
}

func TestRunGoesOnWithoutTensorBoardFilesThatCannotBeWritten(t *testing.T) {
	cmd := command(t)
	program := cmd.Path
	cmd.Path = "/bin/bash"
	// Files of up to 100 KiB: enough for all others of so small a run.
	cmd.Args = []string{"bash", "-c", `ulimit -f 100; exec "$0" "$@"`, program,
		"-data", madeUp(t), "-layers", "4", "-max_epochs", "30", "-tensorboard", "-report=false"}
	got := finish(t, cmd)
	assert.Equal(t, exitFailed, got.code)
	assert.Regexp(t, `^train: TensorBoard's files cannot be written to results/mnist/\S+/tensorboard \(file too large\): `+
		`the run went on without them\.\n$`, got.stderr)
	_, rows := table(t, filepath.Join(got.runFolder(t), "result.csv"))
	assert.Equal(t, "complete", rows[0]["status"])
	assert.Equal(t, "30", rows[0]["epochs"])
}

func TestLossOfStepsIsThatSinceTheLastPoint(t *testing.T) {
	w, err := tensorboard.NewWriter(t.TempDir(), time.Now())
	require.NoError(t, err)
	b := &board{writer: w, steps: 150}
	asked := 0
	// A run of 150 steps an epoch that goes on behind step 40; the loss of step i is i.
	for _, at := range [][2]int{{1, 41}, {1, 42}, {1, 99}, {1, 100}, {1, 150}, {2, 1}, {2, 50}} {
		step := at[1]
		b.step(at[0], step, func() (float64, error) {
			asked++
			return float64(step+1) / 2, nil // the mean of 1 to step
		})
	}
	assert.Equal(t, 3, asked, "where it goes on, at 100 and at 200")
	assert.Equal(t, 50, b.lossStep)
	b.step(2, 100, func() (float64, error) { return 0, errors.New("not asked") })
	require.NoError(t, w.Close())
	var none *board
	none.step(1, 100, nil)
	none.alignment(algo.Alignment{})
	require.NoError(t, none.epoch(algo.Epoch{}))
	require.NoError(t, none.close(algo.Result{}))
}

func TestFilterSheetShowsSignAndPlace(t *testing.T) {
	net, err := model.NewDense(model.Shape{H: 2, W: 24, C: 2}, []int{3}, 2, gpu.Tanh)
	require.NoError(t, err)
	w := make([]float32, 2*24*2*3)
	w[1] = 2                    // of unit 1: row 0, column 0, channel 0
	w[((1*24+23)*2+1)*3+2] = -1 // of unit 2: row 1, column 23, channel 1
	sheet := filterSheet(net, w)
	require.NotNil(t, sheet)
	const zoom, channel = 2, 24*2 + 1
	const tile = 2*channel + 1
	assert.Equal(t, 3*tile, sheet.Rect.Dx())
	assert.Equal(t, 2*zoom+2, sheet.Rect.Dy())
	assert.Equal(t, color.RGBA{255, 0, 0, 255}, sheet.RGBAAt(tile+1, 1))
	assert.Equal(t, color.RGBA{255, 0, 0, 255}, sheet.RGBAAt(tile+zoom, zoom))
	assert.Equal(t, color.RGBA{127, 127, 255, 255}, sheet.RGBAAt(2*tile+1+channel+23*zoom, 1+zoom))
	coloured := 0
	for x := range sheet.Rect.Dx() {
		for y := range sheet.Rect.Dy() {
			if sheet.RGBAAt(x, y) != (color.RGBA{255, 255, 255, 255}) {
				coloured++
			}
		}
	}
	assert.Equal(t, 2*zoom*zoom, coloured)
}

func TestFilterSheetIsBounded(t *testing.T) {
	for _, input := range []model.Shape{{H: 224, W: 224, C: 3}, {H: 28, W: 28, C: 1}, {H: 3, W: 3, C: 40}} {
		net, err := model.NewDense(input, []int{300}, 2, gpu.Tanh)
		require.NoError(t, err)
		sheet := filterSheet(net, make([]float32, net.Layers[0].Weights()))
		require.NotNil(t, sheet)
		assert.LessOrEqual(t, len(sheet.Pix)/4, 2*sheetPixels, input)
		assert.Equal(t, color.RGBA{255, 255, 255, 255}, sheet.RGBAAt(1, 1), "weights of zero are white")
	}
	for _, input := range []model.Shape{model.Vector(784), {H: 2000, W: 2000, C: 3}} {
		net, err := model.NewDense(input, []int{2}, 2, gpu.Tanh)
		require.NoError(t, err)
		assert.Nil(t, filterSheet(net, make([]float32, net.Layers[0].Weights())), "no picture of %v", input)
	}
}
