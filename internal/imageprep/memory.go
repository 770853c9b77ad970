package imageprep

import (
	"image"

	"github.com/dustin/go-humanize"
	"golang.org/x/sync/semaphore"
)

// maxMemory bounds the memory of all photographs that are decoded at one time, by
// any number of goroutines. The largest of ImageNet takes half of it.
const maxMemory = 1 << 30

// memory hands out maxMemory.
var memory = semaphore.NewWeighted(maxMemory)

// decodeBytes bounds the memory of decoding a picture and resizing it to size, by its header:
// the decoder's buffers, the square in RGB, and the two passes of the resampling.
func decodeBytes(format Format, file []byte, config image.Config, size int) int64 {
	if format == PNG {
		return int64(config.Width)*int64(config.Height)*pngPixel(file) + resizeBytes(config, size)
	}
	return jpegBytes(file, config) + resizeBytes(config, size)
}

func resizeBytes(config image.Config, size int) int64 {
	const floats = 32 // bytes of a pixel between the two passes: four float64
	side, to := int64(min(config.Width, config.Height)), int64(size)
	return 4*side*side + floats*side*to + 4*to*to
}

// pngPixel returns the bytes of a decoded pixel (image/png: 4 for several channels, 8
// for channels of 16 bits). The passes of an interlaced file are pictures of their own: the
// largest has half of the pixels.
func pngPixel(file []byte) int64 {
	const depthAt, interlaceAt = 24, 28 // in the file (PNG, 11.2.2 IHDR)
	const grey, palette = 0, 3
	depth, colour := file[depthAt], file[depthAt+1]
	bytes := int64(4)
	if colour == grey || colour == palette {
		bytes = 1
		if len(file) > interlaceAt+16 && colour == grey {
			bytes = 4 // grey with transparency (tRNS) has four channels
		}
	}
	if depth == 16 {
		bytes = 8
	}
	if file[interlaceAt] != 0 {
		bytes *= 2
	}
	return bytes
}

// jpegBytes bounds the memory that image/jpeg allocates: a byte a sample, four more if coefficients
// stay in memory, and four a pixel if colours are converted.
func jpegBytes(file []byte, config image.Config) int64 {
	const mcu = 32 // the pixels that a side is rounded up to
	pixels := (int64(config.Width) + mcu) * (int64(config.Height) + mcu)
	frame, kept := jpegFrame(file)
	samples, largest := int64(0), int64(1)
	for i := 0; i+3 <= len(frame); i += 3 {
		factors := int64(frame[i+1]>>4) * int64(frame[i+1]&15)
		samples, largest = samples+factors, max(largest, factors)
	}
	bytes := pixels * samples / largest
	if kept {
		bytes *= 5
	}
	if len(frame) > 3 {
		bytes += 4 * pixels
	}
	return bytes
}

// jpegFrame returns the entries of a frame's components, three bytes each (ITU-T T.81, B.2.2), none
// for a file without a frame. kept says whether its coefficients stay in memory: those of a
// progressive file do, and those of a file with restart markers, which may have to be rewritten.
func jpegFrame(file []byte) (components []byte, kept bool) {
	const fixed = 6 // bytes before the components
	_, _ = jpegSegments(file, 2, func(marker byte, segment []byte) bool {
		if marker >= markerSOF0 && marker <= markerSOF2 && len(segment) >= fixed {
			components, kept = segment[fixed:], kept || marker == markerSOF2
		}
		kept = kept || marker == markerDRI
		return true
	})
	return components, kept
}

// tooLarge refuses a picture that needs more than maxMemory.
func tooLarge(config image.Config, least int64) error {
	return imageErrorf("its %dx%d pixels take %s of memory or more; %s are used at most: make it smaller", config.Width, config.Height,
		humanize.IBytes(uint64(least)), humanize.IBytes(maxMemory))
}
