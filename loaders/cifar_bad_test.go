package loaders

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestLoadSaysWhatIsWrongWithCIFARFiles(t *testing.T) {
	for _, c := range []struct {
		name   string
		set    cifarSet
		damage func(files map[string][]byte)
		kind   error
		text   string // DIR stands for the folder
	}{
		{"a truncated file", cifar10, func(f map[string][]byte) { f["data_batch_2.bin"] = f["data_batch_2.bin"][:2*3073+512] }, ErrTruncated,
			"DIR/data_batch_2.bin is cut off: record 2 has 512 of its 3,073 bytes; copy or download the file again."},
		{"a truncated file of two labels", cifar100, func(f map[string][]byte) { f["test.bin"] = f["test.bin"][:3073] }, ErrTruncated,
			"DIR/test.bin is cut off: record 0 has 3,073 of its 3,074 bytes; copy or download the file again."},
		{"an empty file", cifar10, func(f map[string][]byte) { f["test_batch.bin"] = nil }, ErrTruncated,
			"DIR/test_batch.bin is empty: copy or download the file again."},
		{"a label too large", cifar10, func(f map[string][]byte) { f["data_batch_5.bin"] = with(f["data_batch_5.bin"], 7*3073, 10) }, ErrFormat,
			"DIR/data_batch_5.bin: label 10 in record 7; 0 to 9 were expected: is it a file of another data set?"},
		{"a coarse label too large", cifar100, func(f map[string][]byte) { f["train.bin"] = with(f["train.bin"], 3*3074, 20) }, ErrFormat,
			"DIR/train.bin: coarse label 20 in record 3; 0 to 19 were expected: is it a file of another data set?"},
		{"a fine label too large", cifar100, func(f map[string][]byte) { f["train.bin"] = with(f["train.bin"], 3*3074+1, 100) }, ErrFormat,
			"DIR/train.bin: fine label 100 in record 3; 0 to 99 were expected: is it a file of another data set?"},
		{"a web page", cifar10, func(f map[string][]byte) { f["data_batch_1.bin"] = []byte("<html>" + strings.Repeat(" ", 4000)) }, ErrFormat,
			"DIR/data_batch_1.bin: label 60 in record 0; 0 to 9 were expected: is it a file of another data set?"},
		{"the other set's file", cifar10, func(f map[string][]byte) { f["data_batch_1.bin"] = cifarFiles(cifar100)["train.bin"] }, ErrFormat,
			"DIR/data_batch_1.bin: label "},
		{"two files at fault name the first", cifar10, func(f map[string][]byte) { f["test_batch.bin"], f["data_batch_4.bin"] = nil, nil }, ErrTruncated,
			"DIR/data_batch_4.bin is empty: copy or download the file again."},
		{"files that are missing", cifar10, func(f map[string][]byte) { delete(f, "data_batch_3.bin"); delete(f, "test_batch.bin") }, ErrNotFound,
			"cifar10 in DIR is not complete: put data_batch_3.bin and test_batch.bin there, or name another folder with -data."},
		{"too few names", cifar10, func(f map[string][]byte) { f["batches.meta.txt"] = []byte("cat\r\ndog\r\n") }, ErrFormat,
			"DIR/batches.meta.txt holds 2 class names; 10 were expected: put the data set's own file there, or remove it."},
		{"names that would garble a terminal", cifar10, func(f map[string][]byte) { f["batches.meta.txt"] = []byte("cat\x1b[2J\n") }, ErrFormat,
			"DIR/batches.meta.txt is not a text of class names: put the data set's own file there, or remove it."},
		{"an empty folder", cifar10, func(f map[string][]byte) { clear(f) }, ErrNotFound,
			"cifar10 is not in DIR. Put cifar-10-binary.tar.gz (170,052,171 bytes, MD5 c32a1d4ab5d03f1284b67883e8d87530), from https://www.cs.toronto.edu/~kriz/, in "},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			files := cifarFiles(c.set)
			c.damage(files)
			write(t, dir, files)
			d, err := Load(t.Context(), c.set.name, Options{Dir: dir})
			assert.Nil(t, d)
			require.ErrorIs(t, err, c.kind)
			assert.NotErrorIs(t, err, ErrUsage)
			want := strings.NewReplacer("DIR/", dir+string(filepath.Separator), "DIR", dir).Replace(c.text)
			assert.Contains(t, err.Error(), want)
		})
	}
}

func TestLoadSaysWhatIsWrongWithACIFARArchive(t *testing.T) {
	files := cifarFiles(cifar10)
	archive := packed(files, cifar10.folder)
	gz := zipped(archive)
	without := cifarFiles(cifar10)
	delete(without, "data_batch_3.bin")
	cut := cifarFiles(cifar10)
	cut["data_batch_3.bin"] = cut["data_batch_3.bin"][:3073+100]
	// The members are packed in the order test_batch, data_batch_5, 4, ...
	const header = 512
	middle := bytes.Index(archive, []byte("cifar-10-batches-bin/data_batch_4.bin"))
	for _, c := range []struct {
		name    string
		content []byte
		kind    error
		text    string // FILE stands for the archive
	}{
		{"empty", nil, ErrTruncated, "FILE is empty: copy or download the file again."},
		{"cut off", gz[:len(gz)/2], ErrTruncated, "FILE is cut off: record "},
		{"cut off in its last bytes", gz[:len(gz)-4], ErrTruncated, "FILE is cut off: it ends at its end; copy or download the file again."},
		{"cut off, unzipped", archive[:middle+header+3073+10], ErrTruncated,
			"data_batch_4.bin in FILE is cut off: record 1 has 10 of its 3,073 bytes; copy or download the file again."},
		{"cut off between members", archive[:middle+100], ErrTruncated,
			"FILE is cut off: it ends after data_batch_5.bin; copy or download the file again."},
		{"damaged", with(gz, -5, gz[len(gz)-5]+1), ErrCorrupt, "FILE is damaged: its gzip stream is wrong at its end (gzip: invalid checksum)"},
		{"damaged between members", with(archive, middle+150, 'x'), ErrCorrupt,
			"FILE is damaged: its tar stream is wrong after data_batch_5.bin; copy or download the file again."},
		{"damaged in its first bytes", with(gz, 2, 9), ErrCorrupt, "FILE is damaged: its gzip stream is wrong in its gzip header (gzip: invalid header)"},
		{"a web page", []byte("<html>" + strings.Repeat(" ", 4000)), ErrFormat,
			"FILE is not a tar archive: put cifar-10-binary.tar.gz from https://www.cs.toronto.edu/~kriz/ there, or name its folder with -data."},
		{"a member missing", zipped(packed(without, cifar10.folder)), ErrFormat,
			"FILE does not hold data_batch_3.bin: get cifar-10-binary.tar.gz from https://www.cs.toronto.edu/~kriz/."},
		{"a member cut off", zipped(packed(cut, cifar10.folder)), ErrTruncated,
			"data_batch_3.bin in FILE is cut off: record 1 has 100 of its 3,073 bytes; copy or download the file again."},
		{"a member twice", append(bytes.Clone(archive[:len(archive)-1024]), archive...), ErrFormat,
			"FILE holds test_batch.bin twice: copy or download the file again."},
		{"the other set", zipped(packed(cifarFiles(cifar100), cifar100.folder)), ErrFormat,
			"FILE does not hold data_batch_1.bin: get cifar-10-binary.tar.gz from https://www.cs.toronto.edu/~kriz/."},
		{"a part of the Python version", zipped(packed(map[string][]byte{"data_batch_1": pickledRecords(*cifar10.python, 0, 1)}, "cifar-10-batches-py")), ErrFormat,
			"FILE does not hold data_batch_2: get cifar-10-python.tar.gz from https://www.cs.toronto.edu/~kriz/."},
		{"a size beyond reason", announcing(1 << 40), ErrCorrupt,
			"FILE is damaged: it announces 1,099,511,627,776 bytes for test_batch.bin; copy or download the file again."},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "cifar.tar.gz")
			require.NoError(t, os.WriteFile(path, c.content, 0o644))
			d, err := Load(t.Context(), "cifar10", Options{Dir: path})
			assert.Nil(t, d)
			require.ErrorIs(t, err, c.kind)
			want := strings.ReplaceAll(c.text, "FILE", path)
			if c.name == "cut off" { // which record depends on the compression
				want = " in " + path + strings.TrimPrefix(c.text, "FILE")
			}
			assert.Contains(t, err.Error(), want)
		})
	}
}

// behind is a CIFAR archive with zeros behind it, as many as its file takes no room for.
func behind(t *testing.T, zeros int64) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "cifar.tar")
	require.NoError(t, os.WriteFile(path, packed(cifarFiles(cifar10), cifar10.folder), 0o644))
	require.NoError(t, os.Truncate(path, zeros))
	return path
}

func TestZerosBehindAnArchiveAreNotReadForEver(t *testing.T) {
	path := behind(t, 200<<30)
	_, err := Load(t.Context(), "cifar10", Options{Dir: path})
	require.ErrorIs(t, err, ErrFormat)
	assert.EqualError(t, err, path+" is not the data set's own archive: it goes on after 1.0 GiB; copy or download the file again.")

	// Zipped, zeros take a thousandth of their room. A gigabyte of them would take a minute here.
	defer func(most int64) { maxArchive = most }(maxArchive)
	maxArchive = 8 << 20
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	_, err = w.Write(packed(cifarFiles(cifar10), cifar10.folder))
	require.NoError(t, err)
	_, err = w.Write(make([]byte, maxArchive))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	require.Less(t, int64(bomb.Len()), maxArchive)
	require.NoError(t, os.WriteFile(path+".gz", bomb.Bytes(), 0o644))
	_, err = Load(t.Context(), "cifar10", Options{Dir: path + ".gz"})
	require.ErrorIs(t, err, ErrFormat)
	assert.ErrorContains(t, err, "it goes on after 8.0 MiB")
}

func TestNothingWaitsForANamedPipe(t *testing.T) {
	dir := t.TempDir()
	pipe := filepath.Join(dir, "pipe")
	require.NoError(t, syscall.Mkfifo(pipe, 0o666))
	want := pipe + " cannot be read (it is a named pipe: expected a regular file): check its permissions or name another folder with -data."
	_, err := Load(t.Context(), "cifar10", Options{Dir: pipe})
	assert.EqualError(t, err, want)
	_, err = KindOf(pipe)
	assert.EqualError(t, err, want)
	_, err = ReadIDXImages(t.Context(), pipe)
	assert.EqualError(t, err, want)
	_, err = ReadIDXLabels(t.Context(), pipe)
	assert.EqualError(t, err, want)
	_, err = ReadCIFARBatch(t.Context(), pipe, "cifar10", false)
	assert.EqualError(t, err, want)
	for _, set := range []string{"mnist", "fashion-mnist", "imagenet", "folder"} {
		_, err := Load(t.Context(), set, Options{Dir: pipe})
		assert.Error(t, err, set)
	}
	write(t, dir, cifarFiles(cifar10))
	require.NoError(t, os.Remove(filepath.Join(dir, "batches.meta.txt")))
	require.NoError(t, os.Rename(pipe, filepath.Join(dir, "batches.meta.txt")))
	_, err = Load(t.Context(), "cifar10", Options{Dir: dir})
	assert.ErrorContains(t, err, "batches.meta.txt cannot be read (it is a named pipe: expected a regular file)")
}

// announcing is a tar archive whose only header claims size bytes.
func announcing(size int64) []byte {
	var out bytes.Buffer
	_ = tar.NewWriter(&out).WriteHeader(&tar.Header{Name: "test_batch.bin", Mode: 0o644, Size: size})
	return out.Bytes()
}

func TestLoadSaysThatTheCIFARFolderIsNotThere(t *testing.T) {
	absent := filepath.Join(t.TempDir(), "absent")
	_, err := Load(t.Context(), "cifar100", Options{Dir: absent})
	require.ErrorIs(t, err, ErrNotFound)
	assert.EqualError(t, err, "-data "+absent+": there is no such folder; name the one that holds cifar-100-binary.tar.gz or what is in it.")
}

func TestLoadOfCIFARStopsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, cifarFiles(cifar10))
	archive := filepath.Join(dir, "a.tar.gz")
	require.NoError(t, os.WriteFile(archive, zipped(packed(cifarFiles(cifar10), "")), 0o644))
	stopped, stop := context.WithCancel(t.Context())
	stop()
	for _, place := range []string{dir, archive} {
		_, err := Load(stopped, "cifar10", Options{Dir: place})
		assert.ErrorIs(t, err, context.Canceled)
	}
}
