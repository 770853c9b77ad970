package imageprep

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	// fixtureSize is that of the expected pictures in testdata.
	fixtureSize = 24
	// meanTolerance in grey levels: decoders may round differently and upsample colour
	// by another filter; a wrong kernel or a shift by a pixel makes far more.
	meanTolerance = 2.0
)

func TestPrepareAgreesWithPillow(t *testing.T) {
	wanted, err := filepath.Glob("testdata/*.want.png")
	require.NoError(t, err)
	require.Len(t, wanted, 29)
	for _, path := range wanted {
		name := strings.TrimSuffix(filepath.Base(path), ".want.png")
		t.Run(name, func(t *testing.T) {
			got := make([]byte, Bytes(fixtureSize))
			require.NoError(t, Prepare(t.Context(), fixture(t, name), fixtureSize, got))
			assert.LessOrEqual(t, meanDifference(got, pixels(t, path)), meanTolerance)
		})
	}
}

// The comparison above has to notice a picture that is turned or shifted.
func TestMeanDifferenceTellsPicturesApart(t *testing.T) {
	want := pixels(t, "testdata/orientation-1.want.png")
	got := make([]byte, len(want))
	for _, other := range []string{"orientation-2", "orientation-8", "tall"} {
		// As it is stored: an orientation that is not heeded would pass unseen otherwise.
		stored := bytes.Replace(fixture(t, other), []byte("Exif\x00\x00"), []byte("None\x00\x00"), 1)
		require.NoError(t, Prepare(t.Context(), stored, fixtureSize, got))
		if other == "tall" {
			assert.Greater(t, meanDifference(got, want), 4*meanTolerance)
			continue
		}
		assert.Greater(t, meanDifference(got, pixels(t, "testdata/"+other+".want.png")), 4*meanTolerance, other)
	}
	shifted := append(bytes.Clone(want[Channels:]), want[:Channels]...)
	assert.Greater(t, meanDifference(shifted, want), 4*meanTolerance)
}

func TestPrepareLeavesTheRightSizeAlone(t *testing.T) {
	picture := image.NewNRGBA(image.Rect(0, 0, 7, 5))
	for i := range picture.Pix {
		picture.Pix[i] = uint8(37*i) | 1
	}
	var file bytes.Buffer
	require.NoError(t, png.Encode(&file, picture))
	got := make([]byte, Bytes(5))
	require.NoError(t, Prepare(t.Context(), file.Bytes(), 5, got))
	for y := range 5 {
		for x := range 5 {
			want := picture.NRGBAAt(x+1, y)
			at := (y*5 + x) * Channels
			require.Equal(t, []byte{want.R, want.G, want.B}, got[at:at+Channels], "column %d, row %d", x, y)
		}
	}
}

func TestPrepareKeepsTheUpperByteOf16Bits(t *testing.T) {
	picture := image.NewNRGBA64(image.Rect(0, 0, 1, 1))
	picture.SetNRGBA64(0, 0, color.NRGBA64{R: 0x12ff, G: 0x3400, B: 0xfeed, A: 0xffff})
	var file bytes.Buffer
	require.NoError(t, png.Encode(&file, picture))
	got := make([]byte, Bytes(1))
	require.NoError(t, Prepare(t.Context(), file.Bytes(), 1, got))
	assert.Equal(t, []byte{0x12, 0x34, 0xfe}, got)
}

func TestPrepareSaysWhatIsWrongWithAnImage(t *testing.T) {
	whole := fixture(t, "wide")
	for _, c := range []struct {
		name string
		file []byte
		text string
	}{
		{"nothing", nil, "the file is empty"},
		{"a cut file", whole[:len(whole)/2], "a JPEG file that is cut off (its picture data ends early)"},
		{"a cut header", whole[:20], "a JPEG file that is cut off"},
		{"a damaged header", append([]byte("\xff\xd8\xff\xe0\x00\x10"), make([]byte, 300)...),
			"a JPEG file that cannot be decoded (invalid JPEG format: missing SOI marker)"},
		{"a cut PNG", fixture(t, "palette")[:70], "a PNG file that is cut off"},
		{"a GIF", []byte("GIF89a\x01\x00\x01\x00"), "it is a GIF file; JPEG and PNG are read"},
		{"a WebP", []byte("RIFF\x00\x00\x00\x00WEBPVP8 "), "it is a WebP file; JPEG and PNG are read"},
		{"a web page", []byte("\n <!DOCTYPE html>"), "it is a web page or other markup; JPEG and PNG are read"},
		{"a text", []byte("n01440764"), "it is no image of a known format; JPEG and PNG are read"},
		{"an interlaced PNG of 16 bits", widePNG(t), "its 12000x8000 pixels take 1.7 GiB of memory or more; 1.0 GiB are used at most: make it smaller"},
		{"more pixels than memory", bombPNG(t), "its 100000x100000 pixels take 1.0 GiB of memory or more; 1.0 GiB are used at most: make it smaller"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := Prepare(t.Context(), c.file, 8, make([]byte, Bytes(8)))
			require.ErrorIs(t, err, ErrImage)
			if c.name == "a damaged header" {
				assert.Contains(t, err.Error(), "a JPEG file that ")
				return
			}
			assert.EqualError(t, err, c.text)
		})
	}
}

func TestPrepareRefusesASizeThatDoesNotFit(t *testing.T) {
	for _, c := range []struct {
		size, length int
		text         string
	}{
		{0, 0, "size 0: expected 1 to 4096"},
		{MaxSize + 1, 0, "size 4097: expected 1 to 4096"},
		{8, 8 * 8, "64 bytes for an image of 8x8; expected 192"},
	} {
		err := Prepare(t.Context(), fixture(t, "wide"), c.size, make([]byte, c.length))
		require.EqualError(t, err, c.text)
		assert.NotErrorIs(t, err, ErrImage)
	}
}

// Cameras and programs write the orientation as numbers of other types than the standard's.
func TestAnOrientationOfAnyWholeNumberCounts(t *testing.T) {
	tiff := func(order binary.AppendByteOrder, mark string, kind uint16, value ...byte) []byte {
		out := order.AppendUint32([]byte(mark), 8)
		out = order.AppendUint16(out, 1)
		out = order.AppendUint16(out, tagOrientation)
		out = order.AppendUint16(out, kind)
		out = order.AppendUint32(out, 1)
		return append(out, value...)
	}
	little, big := binary.LittleEndian, binary.BigEndian
	for _, c := range []struct {
		name string
		tiff []byte
		want orientation
	}{
		{"SHORT", tiff(little, "II*\x00", 3, 6, 0, 0xff, 0xff), turnRight},
		{"SHORT, big end first", tiff(big, "MM\x00*", 3, 0, 6, 0xff, 0xff), turnRight},
		{"LONG", tiff(little, "II*\x00", 4, 6, 0, 0, 0), turnRight},
		{"LONG, big end first", tiff(big, "MM\x00*", 4, 0, 0, 0, 6), turnRight},
		{"BYTE", tiff(big, "MM\x00*", 1, 6, 0, 0, 0), turnRight},
		{"SLONG", tiff(big, "MM\x00*", 9, 0, 0, 0, 8), turnLeft},
		{"LONG that is too large", tiff(little, "II*\x00", 4, 6, 0, 1, 0), upright},
		{"ASCII", tiff(little, "II*\x00", 2, 6, 0, 0, 0), upright},
		{"9", tiff(little, "II*\x00", 3, 9, 0, 0, 0), upright},
	} {
		segment := append([]byte(exifHead), c.tiff...)
		jpegFile := appendSegment([]byte{0xff, markerSOI}, markerAPP1, segment)
		assert.Equal(t, c.want, jpegOrientation(jpegFile), c.name)
		for _, chunk := range [][]byte{c.tiff, segment} {
			file := binary.BigEndian.AppendUint32([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x00none____"), uint32(len(chunk)))
			assert.Equal(t, c.want, pngOrientation(append(append(file, "eXIf"...), chunk...)), c.name)
		}
	}
}

func FuzzPrepare(f *testing.F) {
	for _, name := range []string{"wide", "grey", "cmyk", "ycck", "orientation-6", "palette", "png-inside"} {
		f.Add(fixture(f, name))
	}
	f.Add([]byte("\xff\xd8\xff"))
	dst := make([]byte, Bytes(6))
	f.Fuzz(func(t *testing.T, file []byte) {
		// Large pictures are only slow, and slowness would hide what else there is.
		if config, _, err := image.DecodeConfig(bytes.NewReader(file)); err == nil && config.Width*config.Height > 1<<16 {
			return
		}
		if err := Prepare(t.Context(), file, 6, dst); err != nil {
			require.ErrorIs(t, err, ErrImage)
			require.NotContains(t, err.Error(), "\n")
		}
	})
}

func FuzzOrientation(f *testing.F) {
	f.Add(fixture(f, "orientation-6")[:200])
	f.Add([]byte("\xff\xd8\xff\xe1\x00\x20Exif\x00\x00II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x05\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, turn := range []orientation{jpegOrientation(file), pngOrientation(file)} {
			require.True(t, turn >= upright && turn <= turnLeft)
		}
		require.NotEmpty(t, Sniff(file))
	})
}

// fixture reads testdata/NAME.jpg or .png.
func fixture(t testing.TB, name string) []byte {
	t.Helper()
	file, err := os.ReadFile("testdata/" + name + ".jpg")
	if os.IsNotExist(err) {
		file, err = os.ReadFile("testdata/" + name + ".png")
	}
	require.NoError(t, err)
	return file
}

// pixels reads a PNG of fixtureSize as RGB bytes.
func pixels(t testing.TB, path string) []byte {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	picture, err := png.Decode(file)
	require.NoError(t, err)
	require.Equal(t, image.Rect(0, 0, fixtureSize, fixtureSize), picture.Bounds())
	var out []byte
	for y := range fixtureSize {
		for x := range fixtureSize {
			c := color.NRGBAModel.Convert(picture.At(x, y)).(color.NRGBA)
			out = append(out, c.R, c.G, c.B)
		}
	}
	return out
}

// meanDifference in grey levels.
func meanDifference(a, b []byte) float64 {
	sum := 0
	for i := range a {
		sum += max(int(a[i])-int(b[i]), int(b[i])-int(a[i]))
	}
	return float64(sum) / float64(len(a))
}

// bombPNG is a valid header that announces 10^10 pixels.
func bombPNG(t *testing.T) []byte {
	t.Helper()
	var file bytes.Buffer
	require.NoError(t, png.Encode(&file, image.NewGray(image.Rect(0, 0, 1, 1))))
	return withPNGSize(file.Bytes(), 100000, 100000)
}

func BenchmarkPrepare(b *testing.B) {
	var file bytes.Buffer
	picture := image.NewRGBA(image.Rect(0, 0, 500, 375))
	for i := range picture.Pix {
		picture.Pix[i] = uint8(i/1000 + i%97)
	}
	require.NoError(b, jpeg.Encode(&file, picture, nil))
	dst := make([]byte, Bytes(224))
	for b.Loop() {
		if err := Prepare(b.Context(), file.Bytes(), 224, dst); err != nil {
			b.Fatal(err)
		}
	}
}

// withPNGSize changes the size in a PNG's header chunk (RFC 2083, section 4.1.1).
func withPNGSize(file []byte, width, height uint32) []byte {
	const ihdr, end = 12, 29 // from the chunk's name to before its checksum
	changed := bytes.Clone(file)
	binary.BigEndian.PutUint32(changed[ihdr+4:], width)
	binary.BigEndian.PutUint32(changed[ihdr+8:], height)
	binary.BigEndian.PutUint32(changed[end:], crc32.ChecksumIEEE(changed[ihdr:end]))
	return changed
}
