package bench

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/jpeg"
	_ "image/png" // for image.Decode
	"io/fs"
	"math/rand/v2"
	"path/filepath"

	"mdfa/internal/disk"
	"mdfa/internal/imageprep"
)

// Made-up photographs have the size of most of ImageNet's.
const (
	photoWidth   = 500
	photoHeight  = 375
	photoQuality = 90
	// photoCount is large enough that the files exceed a core's cache.
	photoCount = 32
	// maxPhotos bounds the photographs of a user's folder that are held in memory.
	maxPhotos = 256
)

// photograph is a JPEG or PNG file in memory.
type photograph struct {
	name string
	file []byte
}

// madeUpPhotographs draws n JPEG files, the same every time.
func madeUpPhotographs(n int) ([]photograph, error) {
	photos := make([]photograph, n)
	for i := range photos {
		var file bytes.Buffer
		if err := jpeg.Encode(&file, scene(uint64(i)), &jpeg.Options{Quality: photoQuality}); err != nil {
			return nil, fmt.Errorf("made-up photograph %d: %w", i, err)
		}
		photos[i] = photograph{name: fmt.Sprintf("made-up-%d.jpg", i), file: file.Bytes()}
	}
	return photos, nil
}

// The parts of a scene. Swings are in grey levels. Together they give a file of about
// 100 kB, like ImageNet's.
const (
	coarsest    = 256 // pixels from one lattice point to the next, halved down to 2
	coarseSwing = 90
	falloff     = 0.7 // of the swing when the lattice's width is halved
	tint        = 0.3 // swing of a colour, relative to that of brightness
	grain       = 32  // swing of each pixel by itself
)

// scene draws a picture whose content falls off with its frequency, as in photographs:
// a sum of lattices of random values, each finer and weaker than the one before, and the
// grain of a sensor.
func scene(seed uint64) *image.RGBA {
	rng := rand.New(rand.NewPCG(seed, 1))
	const planes = 1 + imageprep.Channels // one of brightness, and one for each colour
	var sum [planes][]float32             // each [photoHeight, photoWidth]
	for p := range sum {
		sum[p] = make([]float32, photoWidth*photoHeight)
		swing := float32(coarseSwing)
		if p > 0 {
			swing *= tint
		}
		for cell := coarsest; cell >= 2; cell /= 2 {
			addLattice(sum[p], rng, cell, swing)
			swing *= falloff
		}
	}
	picture := image.NewRGBA(image.Rect(0, 0, photoWidth, photoHeight))
	for i := range photoWidth * photoHeight {
		grey := 128 + sum[0][i] + grain*(2*rng.Float32()-1)
		for c := range imageprep.Channels {
			picture.Pix[4*i+c] = uint8(min(max(grey+sum[1+c][i], 0), 255))
		}
		picture.Pix[4*i+3] = 0xff
	}
	return picture
}

// addLattice adds random values at every cell-th pixel, with linear interpolation between them.
func addLattice(plane []float32, rng *rand.Rand, cell int, swing float32) {
	columns, rows := photoWidth/cell+2, photoHeight/cell+2
	values := make([]float32, columns*rows)
	for i := range values {
		values[i] = swing * (2*rng.Float32() - 1)
	}
	for y := range photoHeight {
		row, down := y/cell, float32(y%cell)/float32(cell)
		for x := range photoWidth {
			at, right := row*columns+x/cell, float32(x%cell)/float32(cell)
			upper := values[at] + right*(values[at+1]-values[at])
			lower := values[at+columns] + right*(values[at+columns+1]-values[at+columns])
			plane[y*photoWidth+x] += upper + down*(lower-upper)
		}
	}
}

// maxPhoto bounds the size of a photograph's file.
const maxPhoto = 256 << 20

// readPhotographs reads the JPEG and PNG files below a folder, evenly picked if there
// are more than maxPhotos. It skips other files.
func readPhotographs(ctx context.Context, dir string) ([]photograph, error) {
	var paths []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err == nil && entry.Type().IsRegular() {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("-images %s: %w", dir, err)
	}
	var photos []photograph
	every := float64(max(len(paths), maxPhotos)) / maxPhotos
	for k := 0.0; int(k) < len(paths); k += every {
		path := paths[int(k)]
		file, err := disk.ReadFile(ctx, path, maxPhoto)
		if err != nil {
			return nil, fmt.Errorf("-images: %w", err)
		}
		if format := imageprep.Sniff(file); format == imageprep.JPEG || format == imageprep.PNG {
			photos = append(photos, photograph{path, file})
		}
	}
	if len(photos) == 0 {
		return nil, fmt.Errorf("-images %s: no JPEG or PNG file was found there", dir)
	}
	return photos, nil
}

// decode decodes the file, which is one part of the preparation.
func (p photograph) decode() error {
	if _, _, err := image.Decode(bytes.NewReader(p.file)); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}

// prepare writes the photograph's pixels, as training reads them, to dst.
func (p photograph) prepare(ctx context.Context, size int, dst []byte) error {
	if err := imageprep.Prepare(ctx, p.file, size, dst); err != nil {
		return fmt.Errorf("%s: %w", p.name, err)
	}
	return nil
}
