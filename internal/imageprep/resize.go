package imageprep

import (
	"image"
	"image/color"
	stddraw "image/draw"

	"golang.org/x/image/draw"
)

// centreSquare returns the largest square in the middle of the stored picture. If one side gets a
// pixel more, that is the right or lower side of the picture as shown, whichever way it is stored.
func centreSquare(bounds image.Rectangle, turn orientation) image.Rectangle {
	side := min(bounds.Dx(), bounds.Dy())
	skip := func(length int, fromFarEnd bool) int {
		if fromFarEnd {
			return (length - side + 1) / 2
		}
		return (length - side) / 2
	}
	at := bounds.Min.Add(image.Pt(skip(bounds.Dx(), turn.fromRight()), skip(bounds.Dy(), turn.fromBottom())))
	return image.Rectangle{Min: at, Max: at.Add(image.Pt(side, side))}
}

// resize scales a square of a picture to [size, size] pixels. Pixels outside the
// square have no influence.
func resize(picture image.Image, square image.Rectangle, size int) *image.RGBA {
	source := toRGB(picture, square)
	if square.Dx() == size {
		return source
	}
	scaled := image.NewRGBA(image.Rect(0, 0, size, size))
	// CatmullRom widens its kernel with the scale when it shrinks, as resampling
	// without aliasing requires.
	draw.CatmullRom.Scale(scaled, scaled.Bounds(), source, source.Bounds(), draw.Src, nil)
	return scaled
}

// toRGB copies a part of a picture to RGB, opaque. Converting once before scaling is
// faster than on every access, and scaling then handles one kind of picture.
func toRGB(picture image.Image, part image.Rectangle) *image.RGBA {
	rgb := image.NewRGBA(image.Rect(0, 0, part.Dx(), part.Dy()))
	if p, ok := picture.(interface{ Opaque() bool }); ok && p.Opaque() {
		stddraw.Draw(rgb, rgb.Bounds(), picture, part.Min, stddraw.Src)
		return rgb
	}
	// NRGBA keeps the colour of a transparent pixel; only its alpha is dropped.
	if p, ok := picture.(*image.NRGBA); ok { // as below, and far faster
		for y := range part.Dy() {
			row := rgb.Pix[y*rgb.Stride:][:4*part.Dx()]
			copy(row, p.Pix[p.PixOffset(part.Min.X, part.Min.Y+y):])
			for at := 3; at < len(row); at += 4 {
				row[at] = 0xff
			}
		}
		return rgb
	}
	for y := range part.Dy() {
		for x := range part.Dx() {
			c := color.NRGBAModel.Convert(picture.At(part.Min.X+x, part.Min.Y+y)).(color.NRGBA)
			rgb.SetRGBA(x, y, color.RGBA{R: c.R, G: c.G, B: c.B, A: 0xff})
		}
	}
	return rgb
}

// writeUpright copies a square picture to dst [size, size, 3], turned upright.
func writeUpright(picture *image.RGBA, turn orientation, size int, dst []byte) {
	for y := range size {
		row := picture.Pix[y*picture.Stride:]
		for x := range size {
			column, line := x, y
			if turn.fromRight() {
				column = size - 1 - column
			}
			if turn.fromBottom() {
				line = size - 1 - line
			}
			if turn.swapsAxes() {
				column, line = line, column
			}
			to := (line*size + column) * Channels
			from := row[4*x : 4*x+3 : 4*x+3]
			dst[to], dst[to+1], dst[to+2] = from[0], from[1], from[2]
		}
	}
}
