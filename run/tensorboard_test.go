package run

import (
	"errors"
	"image/color"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo/training"
	"mdfa/gpu"
	"mdfa/internal/tensorboard"
	"mdfa/model"
)

func TestLossOfStepsIsThatSinceTheLastPoint(t *testing.T) {
	w, err := tensorboard.NewWriter(t.TempDir(), time.Now())
	require.NoError(t, err)
	b := &tensorboardLogger{writer: w, steps: 150}
	asked := 0
	// A run of 150 steps an epoch that is resumed after step 40; the loss of step i is i.
	for _, at := range [][2]int{{1, 41}, {1, 42}, {1, 99}, {1, 100}, {1, 150}, {2, 1}, {2, 50}} {
		step := at[1]
		b.Step(at[0], step, func() (float64, error) {
			asked++
			return float64(step+1) / 2, nil // the mean of 1 to step
		})
	}
	assert.Equal(t, 3, asked, "where it goes on, at 100 and at 200")
	assert.Equal(t, 50, b.lossStep)
	b.Step(2, 100, func() (float64, error) { return 0, errors.New("not asked") })
	require.NoError(t, w.Close())
	var none *tensorboardLogger
	require.NoError(t, none.close(training.Result{}))
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
