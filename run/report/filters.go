package report

import (
	"fmt"
	"image"
	"image/color"
	"math"
	"slices"
)

const (
	mostFilters = 64
	// filterPixels limits the pictures: a pixel takes about a byte of the page.
	filterPixels = 60_000
	// longestSide limits the picture of a filter; larger filters are scaled down.
	longestSide = 56
	perStrip    = 8 // filters side by side in one picture
	// levels of the scale, odd so that zero has one. The eye does not tell more apart.
	levels = 63
	// scaleQuantile is the quantile of the weights' sizes that gets the full colour: with the largest
	// one, a few outliers would leave all others pale.
	scaleQuantile = 0.995
)

// filters are pictures of the weights of the first layer's units.
type filters struct {
	Strips       []strip
	Shown, Count int
	Scale        string // the weight with the full colour
	Planes       bool   // a filter has three pictures: red, green, blue
	Size         string // of a filter, "5×5"
	Made         string // the size of its picture if that is smaller, else ""
}

// strip is a picture of some filters side by side.
type strip struct {
	URI           string
	From, To      int // filters, counted from 1
	Width, Height int // as shown
}

// firstLayer draws the filters of the first layer, or the columns of a dense layer in the shape of
// the image. It returns nil if there are no weights.
func firstLayer(r *Run) (*filters, error) {
	if len(r.Layers) == 0 || len(r.Layers[0].Weights) == 0 {
		return nil, nil
	}
	h, w, channels, units := r.Input[0], r.Input[1], r.Input[2], 0
	switch shape := r.Layers[0].Shape; len(shape) {
	case 4:
		h, w, channels, units = shape[0], shape[1], shape[2], shape[3]
	case 2:
		if units = shape[1]; shape[0] != h*w*channels {
			return nil, fmt.Errorf("the first layer takes %d numbers, and an image has %d×%d×%d", shape[0], h, w, channels)
		}
	}
	weights := r.Layers[0].Weights
	if units < 1 || h < 1 || w < 1 || channels < 1 || len(weights) != h*w*channels*units {
		return nil, fmt.Errorf("the first layer has %d weights of shape %v", len(weights), r.Layers[0].Shape)
	}
	f := &filters{Count: units, Planes: channels > 1, Size: fmt.Sprintf("%d×%d", h, w)}
	factor := (max(h, w) + longestSide - 1) / longestSide
	height, width := h/factor, w/factor // the rest at the edges is cut off
	if factor > 1 {
		f.Made = fmt.Sprintf("%d×%d", height, width)
	}
	f.Shown = min(units, mostFilters, max(1, filterPixels/(height*width*channels)))
	scale := fullColour(weights)
	f.Scale = short(scale)
	// at returns the mean weight of a unit over a field of factor by factor pixels.
	at := func(unit, channel, y, x int) float64 {
		sum := 0.0
		for i := range factor {
			for j := range factor {
				sum += float64(weights[(((y*factor+i)*w+x*factor+j)*channels+channel)*units+unit])
			}
		}
		return sum / float64(factor*factor)
	}
	columns := perStrip
	if f.Planes {
		columns = perStrip / 2 // so that the planes of a filter stand side by side
	}
	for from := 0; from < f.Shown; from += columns {
		n := min(columns, f.Shown-from)
		img := image.NewPaletted(image.Rect(0, 0, columns*(channels*(width+1)+1), height+1), palette())
		for unit := range n {
			for channel := range channels {
				left := unit*(channels*(width+1)+1) + channel*(width+1)
				for y := range height {
					for x := range width {
						img.SetColorIndex(left+x, y, level(at(from+unit, channel, y, x)/scale))
					}
				}
			}
		}
		uri, err := dataURI(img)
		if err != nil {
			return nil, err
		}
		f.Strips = append(f.Strips, strip{URI: uri, From: from + 1, To: from + n, Width: img.Rect.Dx(), Height: img.Rect.Dy()})
	}
	return f, nil
}

// fullColour returns the size of weights that gets the full colour, never 0.
func fullColour(weights []float32) float64 {
	const most = 1 << 16 // weights are enough for a quantile
	step := max(1, len(weights)/most)
	var sizes []float64
	for i := 0; i < len(weights); i += step {
		if x := math.Abs(float64(weights[i])); !math.IsNaN(x) && !math.IsInf(x, 0) {
			sizes = append(sizes, x)
		}
	}
	if len(sizes) == 0 {
		return 1
	}
	slices.Sort(sizes)
	if q := sizes[int(scaleQuantile*float64(len(sizes)-1))]; q > 0 {
		return q
	}
	return max(slices.Max(sizes), math.SmallestNonzeroFloat32)
}

// palette returns the scale from -1 to 1. Zero is transparent, like the space between filters.
func palette() color.Palette {
	p := make(color.Palette, levels)
	for i := range p {
		p[i] = shade(float64(i-levels/2) / (levels / 2))
	}
	slices.SortStableFunc(p, func(a, b color.Color) int { // index 0, the background, is transparent
		return int(a.(color.NRGBA).A) - int(b.(color.NRGBA).A)
	})
	return p
}

// level returns the index of x in the palette: 0 first, then by size, the negative before the positive.
func level(x float64) uint8 {
	if math.IsNaN(x) {
		return 0
	}
	n := int(math.Round(min(1, math.Abs(x)) * (levels / 2)))
	switch {
	case n == 0:
		return 0
	case x < 0:
		return uint8(2*n - 1)
	}
	return uint8(2 * n)
}
