package loaders

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/internal/shards"
)

func TestClassesAreACountOrNames(t *testing.T) {
	for text, want := range map[string]Classes{
		"all": {}, "0": {}, "2": {Count: 2}, "-1": {Count: -1},
		"3,8": {Names: []string{"3", "8"}}, "3+8": {Names: []string{"3", "8"}}, "8, 3+1": {Names: []string{"8", "3", "1"}},
		"cat,great white shark": {Names: []string{"cat", "great white shark"}}, "all,3": {Names: []string{"all", "3"}},
	} {
		got, err := ParseClasses(text)
		require.NoError(t, err, text)
		assert.Equal(t, want, got, text)
		again, err := ParseClasses(got.String())
		require.NoError(t, err, text)
		assert.Equal(t, got, again, "the text of %q is read as the same", text)
	}
	for _, text := range []string{"", " ", "cat", "3,", ",3", "3,,8", "3++8", "+", "1e1", "99999999999999999999"} {
		_, err := ParseClasses(text)
		assert.ErrorContains(t, err, "expected a number of classes, or the names of at least two, such as 3,8", text)
	}
}

// Earlier versions picked these classes for these seeds.
func TestASeedPicksTheClassesThatItAlwaysDid(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, small())
	for seed, want := range [][]int{
		{2, 8, 4}, {2, 9, 6}, {4, 1, 5}, {5, 4, 1}, {3, 8, 4}, {9, 5, 2}, {8, 1, 7}, {8, 5, 0}, {8, 6, 9}, {8, 4, 7},
	} {
		for count := 2; count <= 3; count++ {
			d, err := Load(t.Context(), "mnist", Options{Dir: dir, Classes: fmt.Sprint(count), Seed: int64(seed)})
			require.NoError(t, err)
			assert.Equal(t, want[:count], d.ClassOrder, "seed %d", seed)
			assert.Empty(t, d.Named)

			same, err := Load(t.Context(), "mnist", Options{Dir: dir, Classes: fmt.Sprint(count), Seed: int64(seed), ClassSeed: new(int64(seed))})
			require.NoError(t, err)
			assert.Equal(t, d, same, "the same seed for both")

			again, err := Load(t.Context(), "mnist", Options{Dir: dir, ClassOrder: d.ClassOrder, Seed: int64(seed)})
			require.NoError(t, err)
			assert.Equal(t, d, again, "the same order")
		}
	}
}

func TestAClassSeedPicksTheClassesAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, small())
	load := func(seed, classSeed int64, classes string) *Dataset {
		d, err := Load(t.Context(), "mnist", Options{Dir: dir, Classes: classes, Seed: seed, ClassSeed: &classSeed})
		require.NoError(t, err)
		return d
	}
	first, second, other := load(0, 5, "3"), load(1, 5, "3"), load(0, 6, "3")
	assert.Equal(t, []int{9, 5, 2}, first.ClassOrder)
	assert.Equal(t, first.ClassOrder, second.ClassOrder)
	assert.ElementsMatch(t, append(first.Train.Rows, first.Valid.Rows...), append(second.Train.Rows, second.Valid.Rows...), "the same images")
	assert.NotEqual(t, first.Train.Rows, second.Train.Rows, "another split")
	assert.NotEqual(t, first.Test.Rows, second.Test.Rows, "another order")
	assert.Equal(t, []int{8, 1, 7}, other.ClassOrder)
	assert.Empty(t, first.Notes)

	all := load(0, 5, "10")
	assert.Equal(t, []string{"-class_seed 5 picks nothing, since mnist has 10 classes: it decides only which label stands for which"}, all.Notes)
	assert.Len(t, all.ClassOrder, 10)
}

// namedSet is a data set with the names of two of its classes.
type namedSet struct {
	name   string
	opt    Options
	texts  []string // for the same two classes
	named  string
	labels []int
}

// namedSets writes a data set of each kind.
func namedSets(t *testing.T) []namedSet {
	t.Helper()
	noPlaces(t)
	put := func(files map[string][]byte) Options {
		dir := t.TempDir()
		write(t, dir, files)
		return Options{Dir: dir}
	}
	photos := t.TempDir()
	writePhotos(t, photos, "train", shards.Train, trainOfClass)
	coarse := put(cifarFiles(cifar100))
	coarse.Coarse = true
	unnamed := cifarFiles(cifar10)
	delete(unnamed, "batches.meta.txt")
	archive := put(map[string][]byte{cifar10.archive.Name: packed(cifarFiles(cifar10), cifar10.folder)})
	archive.Dir = filepath.Join(archive.Dir, cifar10.archive.Name)
	return []namedSet{
		{"mnist", put(small()), []string{"3,8", "8,3", "8+3", ":8,3"}, "3+8", []int{3, 8}},
		{"fashion-mnist", put(small()), []string{"T-shirt/top,Ankle boot", "Ankle boot+T-shirt/top", "9,0", "0,Ankle boot"}, "T-shirt/top+Ankle boot", []int{0, 9}},
		{"cifar10", put(cifarFiles(cifar10)), []string{"kind0_class5,kind0_class2", "5,2", "2,kind0_class5"}, "kind0_class2+kind0_class5", []int{2, 5}},
		{"cifar10", archive, []string{"kind0_class5,kind0_class2", "2,5"}, "kind0_class2+kind0_class5", []int{2, 5}},
		{"cifar10", put(pythonFiles(cifar10)), []string{"kind0_class5,kind0_class2", "2,5"}, "kind0_class2+kind0_class5", []int{2, 5}},
		{"cifar10", put(unnamed), []string{"5,2", "2+5"}, "2+5", []int{2, 5}},
		{"cifar100", put(cifarFiles(cifar100)), []string{"kind1_class99,kind1_class0", "99,0"}, "kind1_class0+kind1_class99", []int{0, 99}},
		{"cifar100", coarse, []string{"kind0_class19,kind0_class7", "7,19"}, "kind0_class7+kind0_class19", []int{7, 19}},
		{"folder", Options{Dir: photos, Size: photoSize}, []string{"class2,class0", "0,2"}, "class0+class2", []int{0, 2}},
		{"imagenet", Options{Dir: preparedPhotos(t, true)}, []string{"the second,class0", "class0+class1", "1,0"}, "class0+class1", []int{0, 1}},
	}
}

func TestNamedClassesAreKeptInTheOrderOfTheDataSet(t *testing.T) {
	for _, set := range namedSets(t) {
		t.Run(set.name+" "+set.named, func(t *testing.T) {
			var first *Dataset
			for _, text := range append(set.texts, set.named) {
				set.opt.Classes = text
				d, err := Load(t.Context(), set.name, set.opt)
				require.NoError(t, err, text)
				assert.Equal(t, set.named, d.Named)
				assert.Equal(t, set.labels, d.ClassOrder)
				assert.Equal(t, 2, d.Classes)
				assert.NotZero(t, d.Train.Len())
				assert.NotZero(t, d.Test.Len())
				if first == nil {
					first = d
				}
				assert.Equal(t, first.Checksum(), d.Checksum(), text)
				assert.True(t, SameClasses(text, d.Named, d.ClassOrder, d.ClassNames), text)
			}
			assert.False(t, SameClasses("2", first.Named, first.ClassOrder, first.ClassNames))
			assert.False(t, SameClasses(set.named+"+x", first.Named, first.ClassOrder, first.ClassNames))
			assert.False(t, SameClasses("1,4", first.Named, first.ClassOrder, first.ClassNames))
			assert.False(t, SameClasses(set.named, "2", first.ClassOrder, first.ClassNames), "picked")

			set.opt.Classes, set.opt.Seed = set.named, 1
			d, err := Load(t.Context(), set.name, set.opt)
			require.NoError(t, err)
			assert.Equal(t, first.ClassOrder, d.ClassOrder)
			assert.NotEqual(t, first.Train.Rows, d.Train.Rows, "another split")
		})
	}
}

// odd has the names of classes that are hard to write.
var odd = naming{
	of:     "folder",
	ids:    []string{"a+b", "c,d", " e", "", "f\ng", "7", "crane", "crane", "all", "häse", ":1"},
	names:  []string{"a+b", "c,d", " e", "", "f\ng", "seven", "bird", "machine", "all", "häse", ":1"},
	labels: []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10},
}

func TestEveryClassHasASpelling(t *testing.T) {
	for at, want := range []string{":0", ":1", ":2", ":3", ":4", "7", ":6", ":7", "all", "häse", ":1"} {
		assert.Equal(t, want, odd.spelling(at))
		if at == 1 {
			continue // only a class that is called :1 takes its number from it
		}
		list, err := ParseClasses(want + "+x")
		require.NoError(t, err)
		found, err := odd.find(list.Names[:1])
		require.NoError(t, err)
		assert.Equal(t, []int{at}, found)
	}
}

func TestWrongNamesOfClassesAreRefusedInASentence(t *testing.T) {
	for _, c := range []struct {
		of    naming
		names []string
		want  string
	}{
		{odd, []string{"seven", "crane"}, "folder has 2 classes crane; name one of them as :6 or :7"},
		{odd, []string{"7", "seven"}, "7 and seven are the same class; name each class once"},
		{odd, []string{"7", "0"}, "folder has no class 0; it has :0 (a+b), :1 (c,d), … :1"}, // a number may be a name
		{naming{"pets", []string{"cat", "dog", "hare"}, []string{"cat", "dog", "hare"}, []int{0, 1, 2}}, []string{"cat", "x\n"}, `pets has no class "x\n"; it has cat, dog and hare`},
		{naming{"pets", []string{"cat", "dog"}, []string{"cat", "dog"}, []int{0, 1}}, []string{"cat", "0"}, "cat and 0 are the same class; name each class once"},
		{naming{"pets", []string{"cat", "dog"}, []string{"cat", "dog"}, []int{0, 1}}, []string{"cat", "00"}, "pets has no class 00; it has cat and dog"},
	} {
		_, err := c.of.find(c.names)
		assert.EqualError(t, err, c.want)
	}
	noPlaces(t)
	for text, want := range map[string]string{
		"3,x":    "-classes 3,x: mnist has no class x; it has 0, 1, … 9.",
		"3,10":   "-classes 3,10: mnist has no class 10; it has 0, 1, … 9.",
		"3,03":   "-classes 3,03: mnist has no class 03; it has 0, 1, … 9.",
		"3+3":    "-classes 3+3: 3 is named twice; name each class once.",
		"3,:3":   "-classes 3,:3: 3 and :3 are the same class; name each class once.",
		"cat":    "-classes cat: expected a number of classes, or the names of at least two, such as 3,8.",
		"3, 8 ,": `-classes "3, 8 ,": expected a number of classes, or the names of at least two, such as 3,8.`,
	} {
		_, err := Load(t.Context(), "mnist", Options{Classes: text})
		require.ErrorIs(t, err, ErrClasses, "before it looks for files")
		assert.EqualError(t, err, want)
	}
	_, err := Load(t.Context(), "fashion-mnist", Options{Classes: "Bag,x"})
	assert.EqualError(t, err, "-classes Bag,x: fashion-mnist has no class x; it has T-shirt/top, Trouser, Pullover, Dress, Coat, Sandal, Shirt, Sneaker, Bag and Ankle boot.")
	_, err = Load(t.Context(), "mnist", Options{Classes: "2", ClassSeed: new(int64(-1))})
	assert.ErrorIs(t, err, ErrSeed)
	for _, order := range [][]int{{3}, {3, 3}, {-1, 2}, {3, 10}} {
		_, err = Load(t.Context(), "mnist", Options{ClassOrder: order})
		assert.EqualError(t, err, fmt.Sprintf("mnist has the labels 0 to 9, and the labels %v were asked for: name the files that have them.", order))
	}
	dir := t.TempDir()
	write(t, dir, cifarFiles(cifar100))
	_, err = Load(t.Context(), "cifar100", Options{Dir: dir, Classes: "3,kind0_class3"})
	assert.EqualError(t, err, "-classes 3,kind0_class3: cifar100 has no class kind0_class3; it has kind1_class0, kind1_class1, … kind1_class99.")
}

func TestSharedDataSetsAreToldApartByTheirClasses(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, small())
	var shared Shared
	load := func(classes string, classSeed ...int64) *Dataset {
		opt := Options{Dir: dir, Classes: classes}
		if classSeed != nil {
			opt.ClassSeed = &classSeed[0]
		}
		d, err := shared.Load(t.Context(), "mnist", opt)
		require.NoError(t, err)
		return d
	}
	first := load("2", 5)
	assert.Same(t, first, load("2", 5))
	for want, d := range map[string]*Dataset{"[8 1]": load("2", 6), "[2 8]": load("2"), "[3 8]": load("3+8"), "[9 5]": first} {
		assert.Equal(t, want, fmt.Sprint(d.ClassOrder))
	}
}
