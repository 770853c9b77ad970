package run

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"math"

	"mdfa/model"
)

const (
	mostFilters = 64
	// sheetPixels bounds the sheet, so that an event file does not grow by megabytes an epoch.
	sheetPixels = 1 << 19
	// filterSide is how large small filters are drawn, in pixels, about.
	filterSide = 48
	sheetEdge  = 8 // filters in a row
)

// filterSheet draws the first layer's filters, or the columns of a dense one in the shape of
// the image, side by side: 0 is white, the largest weight is red and its negative blue. The
// channels of a filter stand beside each other. w is the layer's weights. It is nil where
// there is no picture to be made, as for inputs without a shape.
func filterSheet(net *model.Network, w []float32) *image.RGBA {
	layer := net.Layers[0]
	h, width, channels, units := layer.Kernel, layer.Kernel, layer.In.C, layer.Out.C
	if layer.Kind == model.Dense {
		h, width, channels = net.Input.H, net.Input.W, net.Input.C
	}
	zoom := max(1, filterSide/max(h, width))
	tileW, tileH := channels*(width*zoom+1)+1, h*zoom+2
	n := min(units, mostFilters, sheetPixels/(tileW*tileH))
	if h*width < 2 || n < 1 {
		return nil
	}
	largest := float32(math.SmallestNonzeroFloat32) // where all weights are zero
	for _, x := range w {
		if size := float32(math.Abs(float64(x))); size > largest { // not NaN
			largest = size
		}
	}
	columns := min(n, sheetEdge)
	sheet := image.NewRGBA(image.Rect(0, 0, columns*tileW, (n+columns-1)/columns*tileH))
	for i := range sheet.Pix {
		sheet.Pix[i] = 0xff
	}
	for unit := range n {
		left, top := unit%columns*tileW, unit/columns*tileH
		for c := range channels {
			for y := range h * zoom {
				for x := range width * zoom {
					weight := w[((y/zoom*width+x/zoom)*channels+c)*units+unit]
					sheet.SetRGBA(left+1+c*(width*zoom+1)+x, top+1+y, signed(weight/largest))
				}
			}
		}
	}
	return sheet
}

// signed is the colour of x from -1 to 1: blue, white at 0, red. What is no number is black.
func signed(x float32) color.RGBA {
	if !(x >= -1 && x <= 1) {
		return color.RGBA{A: 0xff}
	}
	faded := uint8(255 * (1 - math.Abs(float64(x))))
	if x < 0 {
		return color.RGBA{faded, faded, 0xff, 0xff}
	}
	return color.RGBA{0xff, faded, faded, 0xff}
}

func encodePNG(img image.Image) ([]byte, error) {
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		return nil, fmt.Errorf("drawing the first layer's filters: %w", err)
	}
	return b.Bytes(), nil
}
