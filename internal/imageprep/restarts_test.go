package imageprep

import (
	"bytes"
	"image"
	"image/jpeg"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// restartsOf names the pictures with restart markers and what jpegtran made them of.
var restartsOf = map[string]string{
	"restarts-progressive": "wide", "restarts-often": "tall", "restarts-planes": "wide",
	"restarts-refined": "wide", "restarts-turned": "orientation-6",
}

// shown is a picture's pixels, without those that a decoder keeps beside them.
func shown(picture image.Image) []uint8 { return toRGB(picture, picture.Bounds()).Pix }

func TestRestartMarkersChangeNoPixel(t *testing.T) {
	for name, source := range restartsOf {
		file := fixture(t, name)
		_, err := jpeg.Decode(bytes.NewReader(file))
		require.ErrorContains(t, err, "missing 0xff00", name+": image/jpeg reads it: the rewriting may go")
		got, err := decodeJPEG(file)
		require.NoError(t, err, name)
		want, err := jpeg.Decode(bytes.NewReader(fixture(t, source)))
		require.NoError(t, err)
		assert.Equal(t, shown(want), shown(got), name)
	}
}

func TestACutFileWithRestartMarkersIsCutOff(t *testing.T) {
	whole := fixture(t, "restarts-progressive")
	dst := make([]byte, Bytes(8))
	begin := bytes.Index(whole, []byte{0xff, markerSOS})
	for length := begin; length < len(whole)-2; length += 17 {
		err := Prepare(t.Context(), whole[:length], 8, dst)
		require.ErrorIs(t, err, ErrImage, "%d bytes", length)
		assert.Contains(t, err.Error(), "a JPEG file that is cut off", "%d bytes", length)
	}
}

// A marker that is missing, or one of another number, is damage.
func TestAWrongRestartMarkerIsDamage(t *testing.T) {
	file := bytes.Clone(fixture(t, "restarts-progressive"))
	at := bytes.Index(file, []byte{0xff, markerRST0 + 1})
	require.Positive(t, at)
	file[at+1]++
	err := Prepare(t.Context(), file, 8, make([]byte, Bytes(8)))
	require.ErrorIs(t, err, ErrImage)
	assert.Contains(t, err.Error(), "a JPEG file that cannot be decoded")
}

// What is damaged without restart markers keeps the decoder's words.
func TestOnlyRestartMarkersAreRewritten(t *testing.T) {
	file := bytes.Clone(fixture(t, "progressive"))
	file[len(file)-40], file[len(file)-39] = 0xff, 0xb7
	_, err := sequentialJPEG(file)
	require.Error(t, err)
	_, err = sequentialJPEG(fixture(t, "wide"))
	assert.EqualError(t, err, "it has no restart markers")
}

func FuzzSequentialJPEG(f *testing.F) {
	for name := range restartsOf {
		f.Add(fixture(f, name))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if config, err := jpeg.DecodeConfig(bytes.NewReader(file)); err != nil || config.Width*config.Height > 1<<16 {
			return // large pictures are only slow
		}
		rewritten, err := sequentialJPEG(file)
		if err != nil {
			return
		}
		// The decoder may refuse it for what was copied, and for nothing else.
		if _, err := jpeg.Decode(bytes.NewReader(rewritten)); err != nil {
			require.NotContains(t, err.Error(), "Huffman")
			require.NotContains(t, err.Error(), "0xff00")
		}
	})
}
