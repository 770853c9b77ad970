package imageprep

import (
	"bytes"
	"context"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// widePNG announces 96 million pixels of 16 bits a channel, interlaced.
func widePNG(t testing.TB) []byte {
	t.Helper()
	var file bytes.Buffer
	require.NoError(t, png.Encode(&file, image.NewRGBA64(image.Rect(0, 0, 2, 2))))
	changed := file.Bytes()
	const interlaceAt = 28
	changed[interlaceAt] = 1
	return withPNGSize(changed, 12000, 8000) // which also renews the checksum
}

// TestTheBoundHoldsWhatDecodingAllocates compares the bound of each kind of file with what
// decoding and resizing it really allocates.
func TestTheBoundHoldsWhatDecodingAllocates(t *testing.T) {
	const w, h = 1200, 900
	at := image.Rect(0, 0, w, h)
	encode := func(img image.Image) []byte {
		var file bytes.Buffer
		require.NoError(t, png.Encode(&file, img))
		return file.Bytes()
	}
	files := map[string][]byte{
		"grey": encode(image.NewGray(at)), "grey of 16 bits": encode(image.NewGray16(at)), "colours": encode(opaque(at)),
		"transparent": encode(image.NewNRGBA(at)), "16 bits": encode(image.NewNRGBA64(at)),
		"palette": encode(image.NewPaletted(at, color.Palette{color.Black, color.White})),
	}
	var file bytes.Buffer
	require.NoError(t, jpeg.Encode(&file, opaque(at), nil))
	files["baseline JPEG"] = bytes.Clone(file.Bytes())
	for _, name := range []string{"cmyk", "ycck", "wide", "png-inside"} {
		files[name] = fixture(t, name)
	}
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	for name, file := range files {
		const slack = 256 << 10 // for what does not grow with the picture
		var before, between, after runtime.MemStats
		runtime.ReadMemStats(&before)
		picture, turn, err := decode(file)
		require.NoError(t, err, name)
		runtime.ReadMemStats(&between)
		square := centreSquare(picture.Bounds(), turn)
		if p, ok := picture.(interface{ Opaque() bool }); ok && p.Opaque() { // others leave garbage, a colour at a time
			resize(picture, square, 300)
		}
		runtime.ReadMemStats(&after)
		config := image.Config{Width: picture.Bounds().Dx(), Height: picture.Bounds().Dy()}
		bound := decodeBytes(Sniff(file), file, config, 300)
		assert.LessOrEqual(t, between.TotalAlloc-before.TotalAlloc, uint64(bound-resizeBytes(config, 300)+slack), name)
		assert.LessOrEqual(t, after.TotalAlloc-before.TotalAlloc, uint64(bound+slack), name)
	}
}

func opaque(at image.Rectangle) image.Image {
	img := image.NewRGBA(at)
	for i := range img.Pix {
		img.Pix[i] = 0xff
	}
	return img
}

func TestDecodingWaitsForMemoryAndEndsWithItsContext(t *testing.T) {
	require.NoError(t, memory.Acquire(t.Context(), maxMemory))
	ctx, cancel := context.WithCancel(t.Context())
	file := fixture(t, "wide")
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			assert.ErrorIs(t, Prepare(ctx, file, 8, make([]byte, Bytes(8))), context.Canceled)
		})
	}
	time.Sleep(10 * time.Millisecond) // so that some do wait
	cancel()
	all.Wait()
	memory.Release(maxMemory)
	require.NoError(t, Prepare(t.Context(), file, 8, make([]byte, Bytes(8))))
	require.True(t, memory.TryAcquire(maxMemory), "all memory was given back")
	memory.Release(maxMemory)
}
