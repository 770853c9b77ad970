package loaders

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const (
	trainImages = "train-images-idx3-ubyte.gz"
	trainLabels = "train-labels-idx1-ubyte.gz"
	testImages  = "t10k-images-idx3-ubyte.gz"
	testLabels  = "t10k-labels-idx1-ubyte.gz"
)

func TestLoadSaysWhatIsWrongWithTheFiles(t *testing.T) {
	swap := func(files map[string][]byte, a, b string) { files[a], files[b] = files[b], files[a] }
	for _, c := range []struct {
		name   string
		damage func(files map[string][]byte)
		kind   error
		text   string // DIR stands for the folder
	}{
		{"an empty file", func(f map[string][]byte) { f[testLabels] = nil }, ErrTruncated,
			"DIR/t10k-labels-idx1-ubyte.gz is empty: copy or download the file again."},
		{"a truncated download", func(f map[string][]byte) { f[trainLabels] = f[trainLabels][:25] }, ErrTruncated,
			"DIR/train-labels-idx1-ubyte.gz is cut off: it ends after "},
		{"a damaged download", func(f map[string][]byte) { f[trainImages] = with(f[trainImages], -6, 0x55) }, ErrCorrupt,
			"DIR/train-images-idx3-ubyte.gz is damaged: its gzip stream is wrong within its gzip trailer (gzip: invalid checksum); copy or download the file again."},
		{"a web page", func(f map[string][]byte) { f[testImages] = []byte("<html>404</html>") }, ErrFormat,
			"DIR/t10k-images-idx3-ubyte.gz is not an idx file (it begins with the bytes 3c 68 74 6d; 00 00 was expected): put the data set's own file there."},
		{"images and labels swapped", func(f map[string][]byte) { swap(f, trainImages, trainLabels) }, ErrFormat,
			"DIR/train-images-idx3-ubyte.gz holds labels where images were expected: swap the images and the labels file."},
		{"labels a copy of the images", func(f map[string][]byte) { f[trainLabels] = f[trainImages] }, ErrFormat,
			"DIR/train-labels-idx1-ubyte.gz holds images where labels were expected: swap the images and the labels file."},
		{"images of another size", func(f map[string][]byte) { f[trainImages] = idx([]uint32{40, 32, 32}, make([]uint8, 40*32*32)) }, ErrFormat,
			"DIR/train-images-idx3-ubyte.gz holds images of 32x32; 28x28 was expected: is it a file of another data set?"},
		{"fewer labels than images", func(f map[string][]byte) { f[trainLabels] = digits(39) }, ErrFormat,
			"DIR/train-images-idx3-ubyte.gz holds 40 images but DIR/train-labels-idx1-ubyte.gz 39 labels: is one of them from another set, or a train file exchanged with a t10k file? Put the two that belong together there."},
		{"only the images exchanged", func(f map[string][]byte) { swap(f, trainImages, testImages) }, ErrFormat,
			"DIR/train-images-idx3-ubyte.gz holds 20 images but DIR/train-labels-idx1-ubyte.gz 40 labels: is one of them from another set, or a train file exchanged with a t10k file? Put the two that belong together there."},
		{"train and test exchanged", func(f map[string][]byte) {
			f[trainImages], f[trainLabels] = pictures(mnistTestCount), digits(mnistTestCount)
			f[testImages], f[testLabels] = pictures(mnistTrainCount), digits(mnistTrainCount)
		}, ErrFormat,
			"DIR/train-labels-idx1-ubyte.gz holds 10000 labels and DIR/t10k-labels-idx1-ubyte.gz 60000: the train and t10k files are exchanged; give them each other's names."},
		{"a label too large", func(f map[string][]byte) { f[testLabels] = with(digits(20), 8+13, 10) }, ErrFormat,
			"DIR/t10k-labels-idx1-ubyte.gz: label 10 in row 13; 0 to 9 were expected: is it a file of another data set?"},
		{"two files at fault name the first", func(f map[string][]byte) { f[testLabels], f[trainLabels] = nil, nil }, ErrTruncated,
			"DIR/train-labels-idx1-ubyte.gz is empty: copy or download the file again."},
		{"a folder without two of the files", func(f map[string][]byte) { delete(f, trainLabels); delete(f, testImages) }, ErrNotFound,
			"mnist in DIR is not complete: put train-labels-idx1-ubyte.gz and t10k-images-idx3-ubyte.gz there (gzipped or not), or name another folder with -data."},
		{"an empty folder", func(f map[string][]byte) { clear(f) }, ErrNotFound,
			"mnist in DIR is not complete: put train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz there (gzipped or not), or name another folder with -data."},
		{"no images of the classes asked for", func(f map[string][]byte) {
			f[testLabels] = idx([]uint32{20}, bytes.Repeat([]uint8{1}, 20))
		}, ErrFormat,
			"mnist: 8 training and 0 test images have one of the labels [2 8]; both need some: give more or other -classes, or complete files."},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			files := small()
			c.damage(files)
			write(t, dir, files)
			d, err := Load(t.Context(), "mnist", Options{Dir: dir, Classes: "2"})
			assert.Nil(t, d)
			require.ErrorIs(t, err, c.kind)
			assert.NotErrorIs(t, err, ErrUsage)
			want := strings.NewReplacer("DIR/", dir+string(filepath.Separator), "DIR", dir).Replace(c.text)
			assert.Contains(t, err.Error(), want)
		})
	}
}

func TestLoadSaysWhatIsWrongWithTheFolder(t *testing.T) {
	noPlaces(t)
	const four = "train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-images-idx3-ubyte.gz and t10k-labels-idx1-ubyte.gz"
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	absent := filepath.Join(t.TempDir(), "absent")

	_, err := Load(t.Context(), "mnist", Options{Dir: absent})
	require.ErrorIs(t, err, ErrNotFound)
	assert.EqualError(t, err, "-data "+absent+": there is no such folder; name the one that holds "+four+".")

	_, err = Load(t.Context(), "mnist", Options{Dir: file})
	require.ErrorIs(t, err, ErrNotFound)
	assert.EqualError(t, err, "-data "+file+" is a file; name the folder that holds "+four+".")

	// A default place with some files of another set is a mistake to be told, not to
	// be passed over.
	cache := cacheOf(t, "mnist")
	files := small()
	delete(files, testLabels)
	write(t, cache, files)
	_, err = Load(t.Context(), "mnist", Options{via: offline{}})
	require.ErrorIs(t, err, ErrChecksum)
	assert.ErrorContains(t, err, filepath.Join(cache, trainImages)+" is there but is not the published file: ")
}

// A file name too long for any file system stands for every error of the
// operating system that is not absence; unlike permissions it also holds for
// an administrator.
func TestLoadPassesOnWhatTheOperatingSystemSays(t *testing.T) {
	_, err := Load(t.Context(), "mnist", Options{Dir: strings.Repeat("x", 5000)})
	var at *fs.PathError
	require.ErrorAs(t, err, &at)
	assert.NotErrorIs(t, err, ErrNotFound)
	assert.NotErrorIs(t, err, ErrUsage)
	assert.Contains(t, err.Error(), "cannot be read (")
	assert.Contains(t, err.Error(), "): check its permissions or name another folder with -data.")
}
