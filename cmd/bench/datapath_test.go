package bench

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/internal/imageprep"
	"mdfa/internal/shards"
)

// short is a measurement that only shows that there is one.
const short = dataWindows * 5 * time.Millisecond

func TestMadeUpPhotographsAreLikeImageNets(t *testing.T) {
	const low, high = 80_000, 120_000 // bytes: ImageNet's are 110 kB on average
	photos, err := madeUpPhotographs(2)
	require.NoError(t, err)
	again, err := madeUpPhotographs(2)
	require.NoError(t, err)
	for i, p := range photos {
		config, format, err := image.DecodeConfig(bytes.NewReader(p.file))
		require.NoError(t, err)
		assert.Equal(t, "jpeg", format)
		assert.Equal(t, [2]int{photoWidth, photoHeight}, [2]int{config.Width, config.Height})
		assert.True(t, len(p.file) > low && len(p.file) < high, "%d bytes", len(p.file))
		assert.Equal(t, p, again[i], "the same every time")
	}
	assert.NotEqual(t, photos[0].file, photos[1].file)
}

func TestPreparedSetHoldsThePhotographsInTurn(t *testing.T) {
	const size = 16
	photos, err := madeUpPhotographs(3)
	require.NoError(t, err)
	for name, c := range map[string]struct{ total, want int }{
		"more than the photographs": {5 * size * size * 3, 5},
		"fewer":                     {2 * size * size * 3, 2},
		"at least one":              {1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, writePrepared(t.Context(), dir, photos, size, c.total))
			set, err := shards.Open(t.Context(), dir)
			require.NoError(t, err)
			defer set.Close()
			e := prepared(set)
			require.Equal(t, c.want, e.Len())
			want, got := make([]byte, imageprep.Bytes(size)), make([]byte, imageprep.Bytes(size))
			for i, label := range e.Labels {
				require.NoError(t, imageprep.Prepare(context.Background(), photos[i%3].file, size, want))
				require.NoError(t, e.Source.Image(i, got))
				assert.Equal(t, want, got)
				assert.EqualValues(t, i%classes, label)
			}
		})
	}
}

// rowPattern is a line of the table: what, median, slowest, fastest.
var rowPattern = regexp.MustCompile(`(?m)^(.*?)  +([\d,]+)  +([\d,]+)  +([\d,]+)\b`)

func TestDataPathPrintsEveryRate(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	d := &dataPath{size: 16, batch: 8, total: short, made: 2, bytes: 100 * imageprep.Bytes(16), digits: 100}
	var out bytes.Buffer
	require.NoError(t, d.run(t.Context(), &out))
	text := out.String()
	assert.Contains(t, text, "photos    2 made-up JPEGs of 500x375")
	assert.Contains(t, text, "prepared  100 images of 16x16, 77 kB")
	assert.Regexp(t, `decoding takes \d+% of it`, text)
	var names []string
	for _, row := range rowPattern.FindAllStringSubmatch(text, -1) {
		names = append(names, row[1])
		for _, rate := range row[2:] {
			assert.NotEqual(t, "0", rate, row[0])
		}
	}
	assert.Equal(t, []string{
		"decode photographs", "prepare: decode, cut, resize to 16x16",
		"read ahead 16x16, shuffled, batch 8", "read ahead 28x28, shuffled, batch 8",
	}, names)
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	assert.Empty(t, left, "what was written is gone")
}

func TestPhotographsAreDecodedAndPreparedInEachWindow(t *testing.T) {
	photos, err := madeUpPhotographs(2)
	require.NoError(t, err)
	d := &dataPath{size: 64, total: short, photos: photos}
	decoded, made, share, err := d.photographs(t.Context(), 1)
	require.NoError(t, err)
	assert.Len(t, decoded, dataWindows)
	assert.Len(t, made, dataWindows)
	assert.Positive(t, decoded.median())
	assert.Positive(t, made.median())
	assert.Positive(t, share)
}

func TestDataPathReadsTheUsersPhotographs(t *testing.T) {
	dir := t.TempDir()
	photos, err := madeUpPhotographs(1)
	require.NoError(t, err)
	var drawing bytes.Buffer
	require.NoError(t, png.Encode(&drawing, image.NewGray(image.Rect(0, 0, 40, 30))))
	for name, file := range map[string][]byte{
		"b/photo.JPEG": photos[0].file, "a/drawing": drawing.Bytes(), "a/notes.txt": []byte("none"), "empty": nil,
	} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, file, 0o644))
	}
	got, err := readPhotographs(t.Context(), dir)
	require.NoError(t, err)
	require.Len(t, got, 2)
	assert.Equal(t, drawing.Bytes(), got[0].file)
	assert.Equal(t, photos[0].file, got[1].file)
}

func TestUsersPhotographsArePickedEvenly(t *testing.T) {
	dir := t.TempDir()
	const photoBytes = 3
	for i := range photoBytes * maxPhotos {
		file := append([]byte("\xff\xd8\xff"), byte(i), byte(i>>8)) // looks like a JPEG file
		require.NoError(t, os.WriteFile(filepath.Join(dir, string([]byte{'0' + byte(i/100), '0' + byte(i/10%10), '0' + byte(i%10)})), file, 0o644))
	}
	got, err := readPhotographs(t.Context(), dir)
	require.NoError(t, err)
	require.Len(t, got, maxPhotos)
	for k, p := range got {
		assert.Equal(t, []byte{byte(k * photoBytes), byte(k * photoBytes >> 8)}, p.file[3:])
	}
}

func TestDataPathNamesWhatItCannotUse(t *testing.T) {
	empty, broken := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(broken, "cut.jpg"), []byte("\xff\xd8\xff\xe0"), 0o644))
	for name, c := range map[string]struct{ dir, want string }{
		"no folder":     {filepath.Join(empty, "none"), "-images " + filepath.Join(empty, "none") + ": "},
		"no images":     {empty, "-images " + empty + ": no JPEG or PNG file was found there"},
		"a broken file": {broken, "cut.jpg: a JPEG file that is cut off"},
	} {
		t.Run(name, func(t *testing.T) {
			d := &dataPath{images: c.dir, size: 8, batch: 8, total: short, bytes: 1}
			assert.ErrorContains(t, d.run(t.Context(), &bytes.Buffer{}), c.want)
		})
	}
}

func TestDataPathEndsWhenItIsToldTo(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d := &dataPath{size: 8, batch: 8, total: time.Hour, made: 1, bytes: 1, digits: 1}
	require.ErrorIs(t, d.run(ctx, &bytes.Buffer{}), context.Canceled)
	left, err := os.ReadDir(os.Getenv("TMPDIR"))
	require.NoError(t, err)
	assert.Empty(t, left)
}
