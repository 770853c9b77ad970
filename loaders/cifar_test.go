package loaders

import (
	"archive/tar"
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var (
	cifar10  = cifarSets[0]
	cifar100 = cifarSets[1]
)

// planes is a made-up image in the files' order: in row n, the pixel (y, x) of a
// plane, from 1, is (n+1)*plane + 3*y + x, so that no two places can be exchanged unnoticed.
func planes(n int) []uint8 {
	image := make([]uint8, 0, cifarImage)
	for plane := range cifarChannels {
		for y := range cifarSide {
			for x := range cifarSide {
				image = append(image, uint8((n+1)*(plane+1)+y*3+x))
			}
		}
	}
	return image
}

// pixels is the same image as a Split holds it.
func pixels(n int) []uint8 {
	image := make([]uint8, 0, cifarImage)
	for y := range cifarSide {
		for x := range cifarSide {
			for plane := range cifarChannels {
				image = append(image, uint8((n+1)*(plane+1)+y*3+x))
			}
		}
	}
	return image
}

// records are the rows first to first+n-1 of a file. Row i has the label i modulo
// the number of classes.
func records(set cifarSet, first, n int) []byte {
	var file []byte
	for row := first; row < first+n; row++ {
		for _, label := range set.labels {
			file = append(file, uint8(row%label.classes))
		}
		file = append(file, planes(row)...)
	}
	return file
}

// cifarFiles is a small set in the published layout: 50 training images of
// cifar10 and 200 of cifar100, and 20 and 100 test images.
func cifarFiles(set cifarSet) map[string][]byte {
	files := map[string][]byte{}
	perFile := map[string]int{"cifar10": 10, "cifar100": 200}[set.name]
	for i, name := range set.train {
		files[name] = records(set, i*perFile, perFile)
	}
	files[set.test] = records(set, 0, map[string]int{"cifar10": 20, "cifar100": 100}[set.name])
	for i, label := range set.labels {
		var names strings.Builder
		for class := range label.classes {
			fmt.Fprintf(&names, "kind%d_class%d\n", i, class)
		}
		files[label.names] = []byte(names.String() + "\n") // the publisher's ends with an empty line, too
	}
	return files
}

// packed is a tar archive of files in a folder, in an order that is not theirs.
func packed(files map[string][]byte, folder string) []byte {
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	if folder != "" {
		_ = w.WriteHeader(&tar.Header{Name: folder + "/", Typeflag: tar.TypeDir, Mode: 0o755})
	}
	names := slices.Sorted(maps.Keys(files))
	slices.Reverse(names)
	for _, name := range append(names, "readme.html") {
		content := files[name]
		_ = w.WriteHeader(&tar.Header{Name: filepath.ToSlash(filepath.Join(folder, name)), Mode: 0o644, Size: int64(len(content))})
		_, _ = w.Write(content) // into memory: cannot fail
	}
	_ = w.Close()
	return out.Bytes()
}

// requireRows checks a split against the rows of the file it was taken from.
func requireRows(t *testing.T, d *Dataset, s *Split, label func(row int) int) {
	t.Helper()
	require.NotEmpty(t, s.Rows)
	for i, row := range s.Rows {
		require.Equal(t, label(row), d.ClassOrder[s.Labels[i]], "row %d", row)
		require.True(t, bytes.Equal(pixels(row), s.Images[i*cifarImage:(i+1)*cifarImage]), "row %d", row)
	}
}

func TestCIFARIsReadFromEveryPlaceAlike(t *testing.T) {
	for _, set := range cifarSets {
		files := cifarFiles(set)
		plain := strings.TrimSuffix(set.archive.Name, ".gz")
		for _, c := range []struct {
			name  string
			files map[string][]byte // by path
			dir   string            // what -data names, below the folder of the files
			from  string            // where it says that they came from
		}{
			{"loose files", files, "", ""},
			{"files in the archive's folder", under(set.folder, files), "", set.folder},
			{"the archive in a folder", map[string][]byte{set.archive.Name: zipped(packed(files, set.folder))}, "", set.archive.Name},
			{"the archive itself", map[string][]byte{"my.tgz": zipped(packed(files, set.folder))}, "my.tgz", "my.tgz"},
			{"an archive that was unzipped", map[string][]byte{plain: packed(files, set.folder)}, "", plain},
			{"an archive without a folder", map[string][]byte{set.archive.Name: zipped(packed(files, ""))}, "", set.archive.Name},
			{"an archive packed anew", map[string][]byte{set.archive.Name: zipped(packed(files, "./data/"+set.folder))}, "", set.archive.Name},
			{"an archive beside files that are not all there",
				map[string][]byte{set.archive.Name: zipped(packed(files, set.folder)), set.test: files[set.test]}, "", set.archive.Name},
		} {
			t.Run(set.name+" "+c.name, func(t *testing.T) {
				dir := t.TempDir()
				write(t, dir, c.files)
				d, err := Load(t.Context(), set.name, Options{Dir: filepath.Join(dir, c.dir), Seed: 1})
				require.NoError(t, err)
				assert.Equal(t, filepath.Join(dir, c.from), d.Source)
				assert.False(t, d.Official)
				assert.Equal(t, [3]int{32, 32, 3}, [3]int{d.Height, d.Width, d.Channels})
				classes := set.labels[len(set.labels)-1].classes
				assert.Equal(t, classes, d.Classes)
				n := map[string][3]int{"cifar10": {43, 7, 20}, "cifar100": {170, 30, 100}}[set.name]
				assert.Equal(t, n, [3]int{d.Train.Len(), d.Valid.Len(), d.Test.Len()})
				for _, s := range []*Split{&d.Train, &d.Valid, &d.Test} {
					requireRows(t, d, s, func(row int) int { return row % classes })
				}
				assertDisjoint(t, d)
				for i, label := range d.ClassOrder {
					assert.Equal(t, fmt.Sprintf("kind%d_class%d", len(set.labels)-1, label), d.ClassNames[i])
				}
			})
		}
	}
}

// under moves files into a folder.
func under(folder string, files map[string][]byte) map[string][]byte {
	moved := map[string][]byte{}
	for name, content := range files {
		moved[filepath.Join(folder, name)] = content
	}
	return moved
}

func TestCIFARRowsCountThroughTheBatchesInOrder(t *testing.T) {
	dir := t.TempDir()
	files := cifarFiles(cifar10)
	files["data_batch_2.bin"] = records(cifar10, 10, 3) // batches need not have one length
	files["data_batch_3.bin"] = records(cifar10, 13, 17)
	write(t, dir, files)
	held, err := cifar10.read(t.Context(), Options{Dir: dir})
	require.NoError(t, err)
	require.Len(t, held.train.labels, 50)
	for row, label := range held.train.labels {
		assert.Equal(t, int32(row%10), label)
		assert.True(t, bytes.Equal(pixels(row), held.train.images[row*cifarImage:(row+1)*cifarImage]), "row %d", row)
	}
}

func TestCoarseTakesTheTwentyLabels(t *testing.T) {
	for _, archive := range []bool{false, true} {
		dir := t.TempDir()
		files := cifarFiles(cifar100)
		if archive {
			files = map[string][]byte{cifar100.archive.Name: zipped(packed(files, cifar100.folder))}
		}
		write(t, dir, files)
		d, err := Load(t.Context(), "cifar100", Options{Dir: dir, Coarse: true, Classes: "5"})
		require.NoError(t, err)
		assert.True(t, d.Coarse)
		assert.Equal(t, 5, d.Classes)
		assert.Equal(t, newRandomState(0).permutation(20)[:5], d.ClassOrder)
		assert.Equal(t, 50, d.Train.Len()+d.Valid.Len())
		for _, s := range []*Split{&d.Train, &d.Valid, &d.Test} {
			requireRows(t, d, s, func(row int) int { return row % 20 })
		}
		for i, label := range d.ClassOrder {
			assert.Equal(t, fmt.Sprintf("kind0_class%d", label), d.ClassNames[i])
		}
	}
}

func TestCIFARNeedsNoClassNames(t *testing.T) {
	dir := t.TempDir()
	files := cifarFiles(cifar10)
	delete(files, "batches.meta.txt")
	write(t, dir, files)
	d, err := Load(t.Context(), "cifar10", Options{Dir: dir})
	require.NoError(t, err)
	assert.Nil(t, d.ClassNames)
}

func TestCIFARIsFoundInTheDefaultPlaces(t *testing.T) {
	noPlaces(t)
	root := t.TempDir()
	t.Setenv("MDFA_DATA", root)
	write(t, cacheOf(t, "cifar10"), map[string][]byte{cifar10.archive.Name: zipped(packed(cifarFiles(cifar10), cifar10.folder))})
	d, err := Load(t.Context(), "cifar10", Options{})
	require.NoError(t, err)
	assert.Equal(t, homely(filepath.Join(cacheOf(t, "cifar10"), cifar10.archive.Name)), d.Source)

	write(t, filepath.Join(root, "cifar10"), cifarFiles(cifar10))
	d, err = Load(t.Context(), "cifar10", Options{})
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(root, "cifar10"), d.Source)
}

func TestThePublishedArchiveIsOfficial(t *testing.T) {
	dir := t.TempDir()
	content := zipped(packed(cifarFiles(cifar10), cifar10.folder))
	path := filepath.Join(dir, "any-name.tar.gz")
	require.NoError(t, os.WriteFile(path, content, 0o644))
	set := cifar10
	set.archive = described(set.archive.Name, content)
	held, err := set.read(t.Context(), Options{Dir: path})
	require.NoError(t, err)
	assert.True(t, held.official)
	set.archive.MD5 = strings.Repeat("0", 32)
	held, err = set.read(t.Context(), Options{Dir: path})
	require.NoError(t, err, "another one that is sound is read as well")
	assert.False(t, held.official)
}
