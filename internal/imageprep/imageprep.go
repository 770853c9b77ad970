// Package imageprep turns a photograph (JPEG or PNG, of any size, colour
// model and orientation) into the fixed square of RGB bytes that a network reads.
//
// The steps, in order: find the format by the content, decode, cut the centre
// square, shrink or enlarge it with a Catmull-Rom filter (Keys' cubic with a = -0.5,
// Pillow's BICUBIC) whose kernel widens when it shrinks, and turn the result upright as
// the EXIF orientation says. The result depends on the bytes and the size alone,
// so any number of goroutines may do it.
package imageprep

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"
	"io"
)

// Channels of a prepared image: red, green, blue.
const Channels = 3

// Limits of the size of a prepared image.
const (
	MinSize = 1
	// MaxSize keeps the record of one image below 50 MB.
	MaxSize = 4096
)

// Bytes is the length of a prepared image: size*size*3.
func Bytes(size int) int { return size * size * Channels }

// Prepare decodes a JPEG or PNG file and writes its centre square, resized, to dst as
// [size, size, 3] bytes, row-major RGB.
//
// Transparency is dropped, as Pillow's convert("RGB") does; grey and CMYK become RGB;
// of channels of 16 bits the upper 8 are kept. A file that cannot be decoded is an ErrImage.
// Prepare waits while other goroutines take up the memory for decoding. When
// ctx ends it returns at once and leaves dst as it is.
func Prepare(ctx context.Context, file []byte, size int, dst []byte) error {
	if size < MinSize || size > MaxSize {
		return fmt.Errorf("size %d: expected %d to %d", size, MinSize, MaxSize)
	}
	if len(dst) != Bytes(size) {
		return fmt.Errorf("%d bytes for an image of %dx%d; expected %d", len(dst), size, size, Bytes(size))
	}
	need, err := memoryFor(file, size)
	if err != nil {
		return err
	}
	if err := memory.Acquire(ctx, need); err != nil {
		return err
	}
	// Decoders cannot be stopped: after the end of ctx the goroutine runs on until its decoder is done.
	var resized *image.RGBA
	var turn orientation
	done := make(chan error, 1)
	go func() {
		var err error
		resized, turn, err = decodeSquare(file, size)
		memory.Release(need)
		done <- err
	}()
	select {
	case err := <-done:
		if err == nil {
			writeUpright(resized, turn, size, dst)
		}
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// memoryFor returns a bound of the memory that a file takes, by its header.
func memoryFor(file []byte, size int) (int64, error) {
	var config image.Config
	var err error
	format := Sniff(file)
	switch format {
	case JPEG:
		config, err = jpeg.DecodeConfig(bytes.NewReader(file))
	case PNG:
		config, err = png.DecodeConfig(bytes.NewReader(file))
	case Empty:
		return 0, imageErrorf("the file is empty")
	default:
		return 0, imageErrorf("it is %s; JPEG and PNG are read", format)
	}
	switch {
	case err != nil:
		return 0, decodeError(format, err)
	case config.Width < 1 || config.Height < 1:
		return 0, imageErrorf("%dx%d pixels; at least one was expected", config.Width, config.Height)
	case config.Width > maxMemory/config.Height: // the product below could overflow
		return 0, tooLarge(config, maxMemory)
	}
	need := decodeBytes(format, file, config, size)
	if need > maxMemory {
		return 0, tooLarge(config, need)
	}
	return need, nil
}

// decodeSquare returns the picture's square as it is stored, resized, and the turn that makes it upright.
func decodeSquare(file []byte, size int) (resized *image.RGBA, turn orientation, err error) {
	// A decoder that panics over a malformed file must not end the program.
	defer func() {
		if r := recover(); r != nil {
			err = imageErrorf("the decoder gave up (%v)", r)
		}
	}()
	decoded, turn, err := decode(file)
	if err != nil {
		return nil, turn, err
	}
	return resize(decoded, centreSquare(decoded.Bounds(), turn), size), turn, nil
}

// decode returns the picture as it is stored and the turn that makes it upright.
func decode(file []byte) (picture image.Image, turn orientation, err error) {
	format := Sniff(file)
	if format == JPEG {
		turn = jpegOrientation(file)
		picture, err = decodeJPEG(file)
	} else {
		turn = pngOrientation(file)
		picture, err = png.Decode(bytes.NewReader(file))
	}
	if err != nil {
		return nil, upright, decodeError(format, err)
	}
	return picture, turn, nil
}

// decodeJPEG decodes a JPEG file, including one whose restart markers image/jpeg cannot follow.
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
