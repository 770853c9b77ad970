// Package imageprep turns a photograph as it comes (JPEG or PNG, of any size, colour
// model and orientation) into the fixed square of RGB bytes that a network reads.
//
// The steps, in order: look at the content to find the format, decode, cut the centre
// square, shrink or enlarge it with a Catmull-Rom filter (Keys' cubic with a = -0.5,
// Pillow's BICUBIC) whose kernel widens when it shrinks, and turn the result upright as
// the EXIF orientation says. The outcome depends on nothing but the bytes and the size,
// so it may be done anywhere, by any number of goroutines.
package imageprep

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
)

// Channels of a prepared image: red, green, blue.
const Channels = 3

// Limits of what is prepared.
const (
	MinSize = 1
	// MaxSize keeps the record of one image below 50 MB.
	MaxSize = 4096

	// maxPixels of a photograph. It is where Pillow, too, takes an image for an attack on
	// memory; the largest of ImageNet has about 60 million.
	maxPixels = 178_956_970
)

// ErrImage is every fault of an image itself, as against one in how it was asked for.
var ErrImage = errors.New("imageprep: unreadable image")

// imageError is an ErrImage with a reason for people, e.g. "cut off".
type imageError struct{ reason string }

func (e imageError) Error() string { return e.reason }
func (e imageError) Unwrap() error { return ErrImage }

func imageErrorf(format string, args ...any) error { return imageError{fmt.Sprintf(format, args...)} }

// Bytes is the length of a prepared image: size*size*3.
func Bytes(size int) int { return size * size * Channels }

// Prepare decodes a JPEG or PNG file and writes its centre square, resized, to dst as
// [size, size, 3] bytes, row-major RGB.
//
// Transparency is left out, as Pillow's convert("RGB") does; grey and CMYK become RGB;
// of 16 bits a channel the upper 8 count. A file that cannot be shown is an ErrImage.
func Prepare(file []byte, size int, dst []byte) (err error) {
	if size < MinSize || size > MaxSize {
		return fmt.Errorf("imageprep: size %d: expected %d to %d", size, MinSize, MaxSize)
	}
	if len(dst) != Bytes(size) {
		return fmt.Errorf("imageprep: %d bytes for an image of %dx%d; expected %d", len(dst), size, size, Bytes(size))
	}
	// A decoder that trips over a malformed file must not end the program.
	defer func() {
		if r := recover(); r != nil {
			err = imageErrorf("the decoder gave up (%v)", r)
		}
	}()
	decoded, turn, err := decode(file)
	if err != nil {
		return err
	}
	square := centreSquare(decoded.Bounds(), turn)
	resized := resize(decoded, square, size)
	writeUpright(resized, turn, size, dst)
	return nil
}

// decode returns the picture as stored and how it has to be turned to stand upright.
func decode(file []byte) (image.Image, orientation, error) {
	format := Sniff(file)
	var (
		header  func() (image.Config, error)
		content func() (image.Image, error)
		turn    = upright
	)
	switch format {
	case JPEG:
		header = func() (image.Config, error) { return jpeg.DecodeConfig(bytes.NewReader(file)) }
		content = func() (image.Image, error) { return decodeJPEG(file) }
		turn = jpegOrientation(file)
	case PNG:
		header = func() (image.Config, error) { return png.DecodeConfig(bytes.NewReader(file)) }
		content = func() (image.Image, error) { return png.Decode(bytes.NewReader(file)) }
		turn = pngOrientation(file)
	case Empty:
		return nil, upright, imageErrorf("the file is empty")
	default:
		return nil, upright, imageErrorf("it is %s; JPEG and PNG are read", format)
	}
	config, err := header()
	if err != nil {
		return nil, upright, decodeError(format, err)
	}
	if config.Width < 1 || config.Height < 1 || config.Width > maxPixels/config.Height {
		return nil, upright, imageErrorf("%dx%d pixels; 1 to %d pixels are read", config.Width, config.Height, maxPixels)
	}
	picture, err := content()
	if err != nil {
		return nil, upright, decodeError(format, err)
	}
	return picture, turn, nil
}

// decodeJPEG decodes a JPEG file, also one whose restart markers image/jpeg cannot follow.
func decodeJPEG(file []byte) (image.Image, error) {
	picture, err := jpeg.Decode(bytes.NewReader(file))
	var format jpeg.FormatError
	if err == nil || !errors.As(err, &format) {
		return picture, err
	}
	rewritten, fault := sequentialJPEG(file)
	switch {
	case errors.Is(fault, io.ErrUnexpectedEOF):
		return nil, jpeg.FormatError(shortJPEG)
	case fault != nil:
		return nil, err
	}
	return jpeg.Decode(bytes.NewReader(rewritten))
}
