package loaders

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/internal/shards"
)

// photoFolder is a folder of the user's own photographs.
func photoFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	writePhotos(t, dir, "train", shards.Train, trainOfClass)
	writePhotos(t, dir, "test", shards.Test, testOfClass)
	return dir
}

// cachesOf lists the prepared folders in the user's cache.
func cachesOf(t *testing.T) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(cacheOf(t, "folder"), "*"))
	require.NoError(t, err)
	return paths
}

func TestAFolderIsPreparedOnce(t *testing.T) {
	noPlaces(t)
	dir := photoFolder(t)
	var steps []Progress
	opt := Options{Dir: dir, Size: photoSize, Seed: 2, Progress: func(p Progress) { steps = append(steps, p) }}
	d, err := Load(t.Context(), "folder", opt)
	require.NoError(t, err)
	assert.Equal(t, []int{photoSize, photoSize, 3, photoClasses}, []int{d.Height, d.Width, d.Channels, d.Classes})
	assert.Equal(t, []int{51, 9, 12}, []int{d.Train.Len(), d.Valid.Len(), d.Test.Len()})
	assert.Equal(t, dir, d.Source)
	labelsFollowImages(t, d, "train", &d.Train)
	labelsFollowImages(t, d, "valid", &d.Valid)
	labelsFollowImages(t, d, "test", &d.Test)
	require.Len(t, steps, 74, "the beginning, one for each of 72 files, and the end")
	last := steps[len(steps)-1]
	assert.Equal(t, Progress{Name: "preparing images of 4x4", Unit: "files", Done: 72, Total: 72, Finished: true}, last)

	steps = nil
	again, err := Load(t.Context(), "folder", opt)
	require.NoError(t, err)
	assert.Equal(t, d, again)
	assert.Empty(t, steps, "nothing to prepare")
	assert.Len(t, cachesOf(t), 1)
}

func TestAFolderWithChangedFilesIsPreparedAnew(t *testing.T) {
	noPlaces(t)
	dir := photoFolder(t)
	opt := Options{Dir: dir, Size: photoSize}
	_, err := Load(t.Context(), "folder", opt)
	require.NoError(t, err)
	other := filepath.Join(dir, "train", "class1", "05.png")
	data, err := os.ReadFile(filepath.Join(dir, "train", "class1", "06.png"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(other, append(data, 0), 0o644)) // what follows a PNG does not count
	d, err := Load(t.Context(), "folder", opt)
	require.NoError(t, err)
	assert.Len(t, cachesOf(t), 2)
	seen := map[uint8]int{}
	size := photoSize * photoSize * 3
	for _, s := range []Split{d.Train, d.Valid} {
		for i := range s.Len() {
			seen[s.Images[i*size]]++
		}
	}
	assert.Equal(t, 2, seen[photoValue(shards.Train, 1, 6)])
	assert.Zero(t, seen[photoValue(shards.Train, 1, 5)])
}

func TestAFolderHasADefaultSize(t *testing.T) {
	noPlaces(t)
	d, err := Load(t.Context(), "folder", Options{Dir: photoFolder(t)})
	require.NoError(t, err)
	assert.Equal(t, []int{64, 64}, []int{d.Height, d.Width})
}

func TestPreparingAFolderCanBeStopped(t *testing.T) {
	noPlaces(t)
	ctx, cancel := context.WithCancel(t.Context())
	opt := Options{Dir: photoFolder(t), Size: photoSize, Progress: func(Progress) { cancel() }}
	_, err := Load(ctx, "folder", opt)
	require.ErrorIs(t, err, context.Canceled)
	opt.Progress = nil
	_, err = Load(t.Context(), "folder", opt)
	require.NoError(t, err)
}

func TestFolderSaysWhatIsWrong(t *testing.T) {
	noPlaces(t)
	dir := photoFolder(t)
	lone := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(lone, "train"), 0o755))
	foreign := photoFolder(t)
	require.NoError(t, os.Mkdir(filepath.Join(foreign, "test", "zebra"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(foreign, "test", "zebra", "1.png"), nil, 0o644))
	for _, c := range []struct {
		name string
		opt  Options
		kind error
		text string
	}{
		{"no folder named", Options{}, ErrOption, "-dataset folder needs -data DIR, a folder with train/<class>/ and, if there are such images, test/<class>/ and val/<class>/."},
		{"an impossible size", Options{Dir: dir, Size: 5000}, ErrOption, "-size 5000: expected 1 to 4096 pixels (leave the flag out for 64)."},
		{"no such folder", Options{Dir: filepath.Join(dir, "x")}, ErrNotFound, "-data " + filepath.Join(dir, "x") + ": there is no such folder; name the one that holds train/<class>/."},
		{"a file", Options{Dir: filepath.Join(dir, "train", "class0", "00.png")}, ErrNotFound, "-data " + filepath.Join(dir, "train", "class0", "00.png") + " is a file; name the folder that holds train/<class>/."},
		{"no train", Options{Dir: filepath.Join(dir, "test")}, ErrNotFound, "-data " + filepath.Join(dir, "test") + " has no folder train: put the training images into " + filepath.Join(dir, "test", "train", "<class>") + ", a folder for each class."},
		{"no classes", Options{Dir: lone}, ErrNotFound, filepath.Join(lone, "train") + " holds no folders: name the one that has a folder for each class (such as n01440764) with images in it."},
		{"a test class that is not trained", Options{Dir: foreign}, ErrFormat, filepath.Join(foreign, "test") + " has images of the class zebra, but " + filepath.Join(foreign, "train") + " has none: what is tested must have been trained."},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Load(t.Context(), "folder", c.opt)
			require.ErrorIs(t, err, c.kind)
			assert.EqualError(t, err, c.text)
		})
	}
	assert.Empty(t, cachesOf(t))
}

func TestADamagedCopyOfAFolderSaysThatItMayBeRemoved(t *testing.T) {
	noPlaces(t)
	opt := Options{Dir: photoFolder(t), Size: photoSize}
	_, err := Load(t.Context(), "folder", opt)
	require.NoError(t, err)
	cache := cachesOf(t)[0]
	require.NoError(t, flipByte(filepath.Join(cache, "train-00000.bin"), 5))
	_, err = Load(t.Context(), "folder", opt)
	require.ErrorIs(t, err, ErrChecksum)
	assert.Contains(t, err.Error(), homely(cache)+" only holds copies of "+homely(opt.Dir)+": remove it, and it is made anew.")
	require.NoError(t, os.RemoveAll(cache))
	_, err = Load(t.Context(), "folder", opt)
	require.NoError(t, err)
}

func TestAFolderOfValidationImagesIsTheValidationSplit(t *testing.T) {
	noPlaces(t)
	dir := photoFolder(t)
	for name, says := range map[string]string{"val": "val", "valid": "valid", "validation": "validation"} {
		at := filepath.Join(dir, name)
		writePhotos(t, dir, name, shards.Test, testOfClass)
		d, err := Load(t.Context(), "folder", Options{Dir: dir, Size: photoSize, Seed: 2})
		require.NoError(t, err)
		assert.Equal(t, []int{60, 12, 12}, []int{d.Train.Len(), d.Valid.Len(), d.Test.Len()})
		labelsFollowImages(t, d, "train", &d.Train)
		labelsFollowImages(t, d, "test", &d.Valid)
		assert.Equal(t, d.Test.Images, d.Valid.Images, "they were given the same pictures, in the protocol's order")
		assert.Equal(t, []string{"the validation images are those of " + says + "/; none are cut from the training images"}, d.Notes)
		two, err := Load(t.Context(), "folder", Options{Dir: dir, Size: photoSize, Classes: "2"})
		require.NoError(t, err)
		assert.Equal(t, []int{2 * trainOfClass, 2 * testOfClass}, []int{two.Train.Len(), two.Valid.Len()})
		require.NoError(t, os.RemoveAll(at))
	}
	require.NoError(t, os.Rename(filepath.Join(dir, "test"), filepath.Join(dir, "valid")))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "extra", "x"), 0o755))
	d, err := Load(t.Context(), "folder", Options{Dir: dir, Size: photoSize, Seed: 2})
	require.NoError(t, err)
	assert.Equal(t, []int{51, 9, 12}, []int{d.Train.Len(), d.Valid.Len(), d.Test.Len()})
	assert.Equal(t, []string{
		"the images of valid/ are the test set, since there is no folder test; validation images are cut from the training images",
		"passed over in " + dir + ": extra",
	}, d.Notes)
}

func TestAFolderSaysWhichPhotographsWereLeftOut(t *testing.T) {
	noPlaces(t)
	dir := photoFolder(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "train", "class1", "05.png"), []byte("RIFF\x00\x00\x00\x00WEBPVP8 "), 0o644))
	mended := filepath.Join(dir, "test", "class2", "x.jpg")
	require.NoError(t, os.WriteFile(mended, []byte("\x00\x00\x00\x18ftypheic"), 0o644))
	for range 2 { // also when they were left out before
		d, err := Load(t.Context(), "folder", Options{Dir: dir, Size: photoSize})
		require.NoError(t, err)
		assert.Equal(t, LeftOut{Files: 2, Of: 73, Examples: []LeftOutFile{
			{"train/class1/05.png", "it is a WebP file; JPEG and PNG are read"},
			{"test/class2/x.jpg", "it is a HEIC file; JPEG and PNG are read"},
		}}, d.LeftOut)
	}
	whole, err := os.ReadFile(filepath.Join(dir, "test", "class2", "00.png"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(mended, whole, 0o644))
	d, err := Load(t.Context(), "folder", Options{Dir: dir, Size: photoSize})
	require.NoError(t, err)
	assert.Equal(t, 1, d.LeftOut.Files)
	assert.Equal(t, 13, d.Test.Len())
}
