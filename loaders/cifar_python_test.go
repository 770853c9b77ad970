package loaders

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// python2 writes pickles as Python 2 does with protocol 2, in which the publisher's are.
type python2 struct{ bytes.Buffer }

func (p *python2) text(s string) {
	if len(s) < 256 {
		p.Write([]byte{'U', byte(len(s))})
	} else {
		p.WriteByte('T')
		p.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(s))))
	}
	p.WriteString(s)
	p.WriteString("q\x01") // memorized, as every string is
}

func (p *python2) list(n int, item func(i int)) {
	p.WriteString("]q\x02(")
	for i := range n {
		item(i)
	}
	p.WriteByte('e')
}

// pickledRecords are the rows that records gives.
func pickledRecords(set cifarSet, first, n int) []byte {
	var p python2
	p.WriteString("\x80\x02}q\x00(")
	p.text("batch_label")
	p.text("training batch")
	for _, label := range set.labels {
		p.text(label.keys.labels)
		p.list(n, func(i int) { p.WriteString("K"); p.WriteByte(byte((first + i) % label.classes)) })
	}
	p.text("data")
	p.WriteString("cnumpy.core.multiarray\n_reconstruct\nq\x03cnumpy\nndarray\nq\x04K\x00\x85U\x01b\x87Rq\x05(K\x01M")
	p.Write([]byte{byte(n), byte(n >> 8), 'M', 0, cifarImage >> 8, 0x86})
	p.WriteString("cnumpy\ndtype\nq\x06U\x02u1K\x00K\x01\x87Rq\x07(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89")
	var images []byte
	for row := first; row < first+n; row++ {
		images = append(images, planes(row)...)
	}
	p.text(string(images))
	p.WriteString("tb")
	p.text("filenames")
	p.list(n, func(i int) { p.text(fmt.Sprintf("image_%d.png", i)) })
	p.WriteString("u.")
	return p.Bytes()
}

// pythonFiles is the set of cifarFiles in the Python version.
func pythonFiles(binary cifarSet) map[string][]byte {
	set, files := *binary.python, map[string][]byte{}
	perClass := map[string]int{"cifar10": 10, "cifar100": 200}[set.name]
	for i, name := range set.train {
		files[name] = pickledRecords(set, i*perClass, perClass)
	}
	files[set.test] = pickledRecords(set, 0, map[string]int{"cifar10": 20, "cifar100": 100}[set.name])
	var p python2
	p.WriteString("\x80\x02}q\x00(")
	p.text("num_vis")
	p.WriteString("M\x00\x0c")
	for i, label := range set.labels {
		p.text(label.keys.names)
		p.list(label.classes, func(class int) { p.text(fmt.Sprintf("kind%d_class%d", i, class)) })
	}
	p.WriteString("u.")
	files[set.labels[0].names] = p.Bytes()
	return files
}

// TestThePythonVersionIsTheSameDataSet compares the images and labels of both versions.
func TestThePythonVersionIsTheSameDataSet(t *testing.T) {
	for _, set := range cifarSets {
		files := pythonFiles(set)
		for name, c := range map[string]struct {
			files     map[string][]byte
			dir, from string
		}{
			"its folder":         {under(set.python.folder, files), "", set.python.folder},
			"loose files":        {files, "", ""},
			"its archive":        {map[string][]byte{set.python.archive.Name: zipped(packed(files, set.python.folder))}, "", set.python.archive.Name},
			"as Keras calls it":  {map[string][]byte{"cifar-10-batches-py.tar.gz": zipped(packed(files, set.python.folder))}, "cifar-10-batches-py.tar.gz", "cifar-10-batches-py.tar.gz"},
			"and the binary one": {map[string][]byte{set.archive.Name: zipped(packed(cifarFiles(set), set.folder)), set.python.archive.Name: {1}}, "", set.archive.Name},
		} {
			for _, coarse := range []bool{false, set.name == "cifar100"} {
				opt := Options{Coarse: coarse, Seed: 3}
				opt.Dir = t.TempDir()
				write(t, opt.Dir, cifarFiles(set))
				want, err := Load(t.Context(), set.name, opt)
				require.NoError(t, err)
				dir := t.TempDir()
				write(t, dir, c.files)
				opt.Dir = filepath.Join(dir, c.dir)
				got, err := Load(t.Context(), set.name, opt)
				require.NoError(t, err, name)
				assert.Equal(t, filepath.Join(dir, c.from), got.Source, name)
				got.Source = want.Source
				assert.Equal(t, want, got, name)
			}
		}
	}
}

// Python 3 writes strings in other instructions, and numpy may write arrays by columns.
func TestPicklesOfOtherProtocolsAreRead(t *testing.T) {
	text := func(code byte, s string) string { return string([]byte{code, byte(len(s))}) + s }
	rows := append(planes(0), planes(1)...)
	columns := make([]byte, len(rows))
	for i := range 2 {
		for k := range cifarImage {
			columns[k*2+i] = rows[i*cifarImage+k]
		}
	}
	for _, c := range []struct {
		order string
		data  []byte
	}{{"\x89", rows}, {"\x88", columns}} {
		file := "\x80\x04\x95" + string(make([]byte, 8)) + "}\x94(" + text(0x8c, "labels") + "\x94](K\x03K\x07e" + text('C', "data") + "\x94" +
			text(0x8c, "numpy._core.multiarray") + text(0x8c, "_reconstruct") + "\x93\x94" + text(0x8c, "numpy") + text(0x8c, "ndarray") + "\x93K\x00\x85" +
			text('C', "b") + "\x87R(K\x01K\x02M\x00\x0c\x86" + text(0x8c, "numpy") + text(0x8c, "dtype") + "\x93" + text(0x8c, "u1") + "\x89\x88\x87R(K\x03tb" +
			c.order + "B" + string(binary.LittleEndian.AppendUint32(nil, 2*cifarImage)) + string(c.data) + "tbu."
		split, err := cifar10.python.readBatch(t.Context(), bytes.NewReader([]byte(file)), "file", 0)
		require.NoError(t, err)
		assert.Equal(t, []int32{3, 7}, split.labels)
		assert.Equal(t, append(pixels(0), pixels(1)...), split.images)
	}
}

func TestLoadSaysWhatIsWrongWithAPythonFile(t *testing.T) {
	good := pythonFiles(cifar10)
	const again = "; copy or download the file again."
	for _, c := range []struct {
		name   string
		damage func(f map[string][]byte)
		kind   error
		text   string
	}{
		{"a cut file", func(f map[string][]byte) { f["data_batch_2"] = f["data_batch_2"][:5000] }, ErrTruncated,
			"DIR/data_batch_2 is cut off: it ends within a value" + again},
		{"a call of something else", func(f map[string][]byte) { f["data_batch_2"] = []byte("\x80\x02cos\nsystem\n(U\x02lstR.") }, ErrFormat,
			"DIR/data_batch_2 is no file of CIFAR's Python version (it is no pickle of plain values and byte arrays): copy or download the file again."},
		{"another dictionary", func(f map[string][]byte) { f["test_batch"] = f["batches.meta"] }, ErrFormat,
			"DIR/test_batch holds no images of CIFAR: an array \"data\" of 1 to 100000 rows of 3072 bytes was expected" + again},
		{"a label too large", func(f map[string][]byte) {
			f["data_batch_3"] = bytes.Replace(f["data_batch_3"], []byte("K\x05K\x06"), []byte("K\x0aK\x06"), 1)
		}, ErrFormat, "DIR/data_batch_3: label 10 in record 5; 0 to 9 were expected: is it a file of another data set?"},
		{"labels missing", func(f map[string][]byte) {
			f["data_batch_1"] = bytes.Replace(f["data_batch_1"], []byte("labels"), []byte("LABELS"), 1)
		}, ErrFormat, "DIR/data_batch_1 holds 10 images and no list \"labels\" with a label for each: copy or download the file again."},
		{"names missing", func(f map[string][]byte) { f["batches.meta"] = []byte("\x80\x02}.") }, ErrFormat,
			"DIR/batches.meta holds 0 class names; 10 were expected: put the data set's own file there, or remove it."},
		{"files missing", func(f map[string][]byte) { delete(f, "data_batch_4") }, ErrNotFound,
			"cifar10 in DIR is not complete: put data_batch_4 there, or name another folder with -data."},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir, files := t.TempDir(), map[string][]byte{}
			for name, content := range good {
				files[name] = content
			}
			c.damage(files)
			write(t, dir, files)
			_, err := Load(t.Context(), "cifar10", Options{Dir: dir})
			require.ErrorIs(t, err, c.kind)
			assert.EqualError(t, err, string(bytes.ReplaceAll([]byte(c.text), []byte("DIR"), []byte(dir))))
		})
	}
}

func FuzzPickle(f *testing.F) {
	f.Add(pickledRecords(*cifar10.python, 0, 1))
	f.Add(pickledRecords(*cifar100.python, 0, 1))
	f.Add(pythonFiles(cifar100)["meta"])
	f.Add([]byte("\x80\x02U\xff."))
	f.Add([]byte("T\xff\xff\xff\x7f."))
	f.Fuzz(func(t *testing.T, file []byte) {
		for _, set := range cifarSets {
			split, err := set.python.readBatch(context.Background(), bytes.NewReader(file), "file", 0)
			if err != nil {
				requireTold(t, err)
				continue
			}
			require.Len(t, split.images, len(split.labels)*cifarImage)
		}
		if _, err := cifar100.python.readMeta(file, "file", 1); err != nil {
			requireTold(t, err)
		}
	})
}
