package loaders

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// idx writes an idx file of unsigned bytes.
func idx(dims []uint32, data []uint8) []byte {
	file := []byte{0, 0, idxUint8, byte(len(dims))}
	for _, d := range dims {
		file = binary.BigEndian.AppendUint32(file, d)
	}
	return append(file, data...)
}

func zipped(plain []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(plain) // into memory: cannot fail
	_ = w.Close()
	return out.Bytes()
}

// with returns a copy of a file with one byte changed; at < 0 counts from its
// end.
func with(file []byte, at int, b byte) []byte {
	changed := bytes.Clone(file)
	if at < 0 {
		at += len(changed)
	}
	changed[at] = b
	return changed
}

// counting returns 0, 1, 2, ...
func counting(n int) []uint8 {
	data := make([]uint8, n)
	for i := range data {
		data[i] = uint8(i)
	}
	return data
}

var (
	smallImages = idxWant{images: true, height: 3, width: 2}
	labelsOnly  = idxWant{}
)

func TestReadIDXTakesPlainAndGzippedFiles(t *testing.T) {
	images := idx([]uint32{4, 3, 2}, counting(24))
	labels := idx([]uint32{5}, counting(5))
	many := counting(3*firstRead + 6) // the buffer must grow more than once
	manyImages := idx([]uint32{uint32(len(many) / 6), 3, 2}, many[:len(many)/6*6])
	for _, c := range []struct {
		name string
		file []byte
		want idxWant
		data []uint8
	}{
		{"images", images, smallImages, counting(24)},
		{"gzipped images", zipped(images), smallImages, counting(24)},
		{"labels", labels, labelsOnly, counting(5)},
		{"gzipped labels", zipped(labels), labelsOnly, counting(5)},
		{"gzip in two members", append(zipped(images[:20]), zipped(images[20:])...), smallImages, counting(24)},
		{"a large file", manyImages, smallImages, many[:len(many)/6*6]},
		{"a large gzipped file", zipped(manyImages), smallImages, many[:len(many)/6*6]},
	} {
		t.Run(c.name, func(t *testing.T) {
			data, err := readIDX(bytes.NewReader(c.file), "file", c.want)
			require.NoError(t, err)
			assert.True(t, bytes.Equal(c.data, data))
		})
	}
}

func TestReadIDXTakesAReaderThatGivesLittle(t *testing.T) {
	file := zipped(idx([]uint32{4, 3, 2}, counting(24)))
	data, err := readIDX(iotest.OneByteReader(bytes.NewReader(file)), "file", smallImages)
	require.NoError(t, err)
	assert.Equal(t, counting(24), data)
}

func TestReadIDXSaysWhatIsWrong(t *testing.T) {
	images := idx([]uint32{4, 3, 2}, counting(24))
	labels := idx([]uint32{5}, counting(5))
	gz := zipped(images)
	for _, c := range []struct {
		name string
		file []byte
		want idxWant
		kind error
		text string
	}{
		{"empty", nil, smallImages, ErrTruncated,
			"f is empty: copy or download the file again."},
		{"one byte", images[:1], smallImages, ErrTruncated,
			"f is cut off: it ends within its idx header; copy or download the file again."},
		{"only a magic", images[:4], smallImages, ErrTruncated,
			"f is cut off: it ends within its idx header; copy or download the file again."},
		{"cut within the sizes", images[:13], smallImages, ErrTruncated,
			"f is cut off: it ends within its idx header; copy or download the file again."},
		{"no data", images[:16], smallImages, ErrTruncated,
			"f is cut off: it ends after 0 of the 24 bytes of images that its header announces; copy or download the file again."},
		{"cut within the data", images[:len(images)-1], smallImages, ErrTruncated,
			"f is cut off: it ends after 23 of the 24 bytes of images that its header announces; copy or download the file again."},
		{"gzip of a cut file", zipped(images[:len(images)-1]), smallImages, ErrTruncated,
			"f is cut off: it ends after 23 of the 24 bytes of images that its header announces; copy or download the file again."},
		{"gzip magic alone", gz[:2], smallImages, ErrTruncated,
			"f is cut off: it ends in its gzip header; copy or download the file again."},
		{"gzip cut within its data", gz[:len(gz)-20], smallImages, ErrTruncated, "f is cut off: it ends "},
		{"gzip without its checksum", gz[:len(gz)-8], smallImages, ErrTruncated,
			"f is cut off: it ends within its gzip trailer; copy or download the file again."},
		{"gzip of an unknown method", with(gz, 2, 7), smallImages, ErrCorrupt,
			"f is damaged: its gzip stream is wrong in its gzip header (gzip: invalid header); copy or download the file again."},
		{"gzip with a damaged block", with(gz, 10, 0xff), smallImages, ErrCorrupt,
			"f is damaged: its gzip stream is wrong within its idx header (flate: corrupt input before offset 1); copy or download the file again."},
		{"gzip with a wrong checksum", with(gz, -8, gz[len(gz)-8]^1), smallImages, ErrCorrupt,
			"f is damaged: its gzip stream is wrong within its gzip trailer (gzip: invalid checksum); copy or download the file again."},
		{"gzip with a wrong length", with(gz, -1, 1), smallImages, ErrCorrupt,
			"f is damaged: its gzip stream is wrong within its gzip trailer (gzip: invalid checksum); copy or download the file again."},
		{"rubbish after the gzip stream", append(bytes.Clone(gz), "rubbish and more"...), smallImages, ErrCorrupt,
			"f is damaged: its gzip stream is wrong within its gzip trailer (gzip: invalid header); copy or download the file again."},
		{"a byte too many", append(bytes.Clone(images), 0), smallImages, ErrFormat,
			"f goes on after the 24 bytes of images that its header announces: copy or download the file again."},
		{"gzip of a byte too many", zipped(append(bytes.Clone(labels), 0)), labelsOnly, ErrFormat,
			"f goes on after the 5 bytes of labels that its header announces: copy or download the file again."},
		{"a web page", []byte("<!DOCTYPE html>"), smallImages, ErrFormat,
			"f is not an idx file (it begins with the bytes 3c 21 44 4f; 00 00 was expected): put the data set's own file there."},
		{"floats", with(images, 2, 0x0d), smallImages, ErrFormat,
			"f is an idx file of type 0x0d; unsigned bytes (0x08) were expected: put the data set's own file there."},
		{"labels for images", labels, smallImages, ErrFormat,
			"f holds labels where images were expected: swap the images and the labels file."},
		{"images for labels", images, labelsOnly, ErrFormat,
			"f holds images where labels were expected: swap the images and the labels file."},
		{"four dimensions for images", idx([]uint32{4, 3, 2, 1}, counting(24)), smallImages, ErrFormat,
			"f has 4 dimensions; images have 3 (number, height, width): put the data set's own file there."},
		{"two dimensions for labels", idx([]uint32{5, 1}, counting(5)), labelsOnly, ErrFormat,
			"f has 2 dimensions; labels have 1 (number): put the data set's own file there."},
		{"no dimensions", []byte{0, 0, idxUint8, 0, 1}, labelsOnly, ErrFormat,
			"f has 0 dimensions; labels have 1 (number): put the data set's own file there."},
		{"height and width exchanged", idx([]uint32{4, 2, 3}, counting(24)), smallImages, ErrFormat,
			"f holds images of 2x3; 3x2 was expected: is it a file of another data set?"},
		{"no images", idx([]uint32{0, 3, 2}, nil), smallImages, ErrFormat,
			"f holds no images: copy or download the file again."},
		{"more than memory", idx([]uint32{1<<32 - 1, 3, 2}, counting(24)), smallImages, ErrFormat,
			"f announces 4294967295 images, more than 2 GiB: its header is damaged; copy or download the file again."},
		{"more than there is", idx([]uint32{1<<31 - 1}, counting(24)), labelsOnly, ErrTruncated,
			"f is cut off: it ends after 24 of the 2147483647 bytes of labels that its header announces; copy or download the file again."},
	} {
		t.Run(c.name, func(t *testing.T) {
			data, err := readIDX(bytes.NewReader(c.file), "f", c.want)
			require.ErrorIs(t, err, c.kind)
			assert.NotErrorIs(t, err, ErrUsage)
			assert.Contains(t, err.Error(), c.text)
			assert.Nil(t, data)
		})
	}
}

func TestReadIDXPassesOnErrorsOfTheDisk(t *testing.T) {
	broken := errors.New("input/output error")
	file := idx([]uint32{4, 3, 2}, counting(24))
	for _, upTo := range []int{0, 1, 10, 20, len(file)} {
		_, err := readIDX(io.MultiReader(bytes.NewReader(file[:upTo]), iotest.ErrReader(broken)), "f", smallImages)
		require.ErrorIs(t, err, broken, "after %d bytes", upTo)
		assert.Contains(t, err.Error(), "reading f failed ")
		assert.Contains(t, err.Error(), "(input/output error): check the disk or name another folder with -data.")
		for _, kind := range []error{ErrTruncated, ErrCorrupt, ErrFormat} {
			assert.NotErrorIs(t, err, kind)
		}
	}
}

// A header of 16 bytes that claims 2 GiB must cost no more than the first
// buffer and a reader's own.
func TestReadIDXAllocatesOnlyForWhatArrives(t *testing.T) {
	const allowed = 4 * firstRead
	file := idx([]uint32{(1<<31 - 1) / 6, 3, 2}, counting(24))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := readIDX(bytes.NewReader(file), "f", smallImages)
	runtime.ReadMemStats(&after)
	require.ErrorIs(t, err, ErrTruncated)
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(allowed))
}

func FuzzReadIDX(f *testing.F) {
	images := idx([]uint32{4, 3, 2}, counting(24))
	labels := idx([]uint32{5}, counting(5))
	for _, file := range [][]byte{
		nil, images, labels, zipped(images), zipped(labels), images[:13],
		zipped(images)[:20], with(zipped(images), -8, 0), append(zipped(labels), 0),
		idx([]uint32{1<<32 - 1, 3, 2}, counting(24)), idx([]uint32{1<<31 - 1}, counting(3)),
	} {
		f.Add(file, true)
		f.Add(file, false)
	}
	f.Fuzz(func(t *testing.T, file []byte, asImages bool) {
		want := idxWant{images: asImages, height: 3, width: 2}
		data, err := readIDX(bytes.NewReader(file), "some file", want)
		if err != nil {
			known := errors.Is(err, ErrTruncated) || errors.Is(err, ErrCorrupt) || errors.Is(err, ErrFormat)
			require.True(t, known, "an error without a sentinel: %v", err)
			require.Contains(t, err.Error(), "some file")
			require.Nil(t, data)
			return
		}
		// What was read is all there is: writing it again gives the file.
		dims := []uint32{uint32(len(data))}
		if asImages {
			dims = []uint32{uint32(len(data) / 6), 3, 2}
		}
		plain := file
		if file[0] == 0x1f {
			unzip, err := gzip.NewReader(bytes.NewReader(file))
			require.NoError(t, err)
			plain, err = io.ReadAll(unzip)
			require.NoError(t, err)
		}
		require.True(t, bytes.Equal(idx(dims, data), plain))
	})
}
