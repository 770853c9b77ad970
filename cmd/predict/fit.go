package predict

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"

	"mdfa/internal/disk"
	"mdfa/internal/imageprep"
	"mdfa/model"
)

// The weights of red, green and blue in a grey value, in thousandths (ITU-R BT.601): a grey
// pixel keeps its value.
const (
	redPart, greenPart, bluePart = 299, 587, 114
	wholePart                    = redPart + greenPart + bluePart
)

// maxPhoto limits the file of a photograph.
const maxPhoto = 256 << 20

// fitFile reads a photograph and fits it to the network's input.
func fitFile(ctx context.Context, path string, input model.Shape, invert bool, dst []uint8) error {
	file, err := disk.ReadFile(ctx, path, maxPhoto)
	if err != nil {
		return disk.Reason(err)
	}
	if err := fitEncoded(ctx, file, input, dst); err != nil {
		return err
	}
	if invert {
		for i := range dst {
			dst[i] = ^dst[i]
		}
	}
	return nil
}

// fitEncoded prepares a JPEG or PNG file like the photographs of training.
func fitEncoded(ctx context.Context, file []byte, input model.Shape, dst []uint8) error {
	if input.H != input.W {
		return fmt.Errorf("images become squares, and the network takes %dx%d", input.H, input.W)
	}
	switch input.C {
	case imageprep.Channels:
		return imageprep.Prepare(ctx, file, input.H, dst)
	case 1:
		rgb := make([]uint8, imageprep.Bytes(input.H))
		if err := imageprep.Prepare(ctx, file, input.H, rgb); err != nil {
			return err
		}
		for i := range dst {
			red, green, blue := int(rgb[3*i]), int(rgb[3*i+1]), int(rgb[3*i+2])
			dst[i] = uint8((redPart*red + greenPart*green + bluePart*blue + wholePart/2) / wholePart)
		}
		return nil
	}
	return fmt.Errorf("the network takes images of %d channels, and images have 1 or 3", input.C)
}

// fitPixels fits an image of an idx or CIFAR file to the network's input. An image of another shape is
// prepared like a photograph.
func fitPixels(ctx context.Context, p picture, input model.Shape, dst []uint8) error {
	if p.shape == input {
		copy(dst, p.pixels)
		return nil
	}
	at := image.Rect(0, 0, p.shape.W, p.shape.H)
	var img image.Image
	if p.shape.C == 1 {
		img = &image.Gray{Pix: p.pixels, Stride: p.shape.W, Rect: at}
	} else {
		rgb := image.NewRGBA(at)
		for i := range p.shape.H * p.shape.W {
			rgb.SetRGBA(i%p.shape.W, i/p.shape.W, color.RGBA{R: p.pixels[3*i], G: p.pixels[3*i+1], B: p.pixels[3*i+2], A: 0xff})
		}
		img = rgb
	}
	var encoded bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.NoCompression}
	if err := encoder.Encode(&encoded, img); err != nil {
		return err
	}
	return fitEncoded(ctx, encoded.Bytes(), input, dst)
}
