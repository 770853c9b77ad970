package loaders

import (
	"bytes"
	"errors"
	"fmt"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/internal/imageprep"
	"mdfa/internal/shards"
	"mdfa/internal/shards/prepare"
)

const (
	photoSize    = 4
	photoClasses = 3
	trainOfClass = 20
	testOfClass  = 4
)

// photoValue is the grey of image i of a class in a split, which no other image has.
func photoValue(split string, class, i int) uint8 {
	if split == shards.Test {
		return uint8(200 + class*testOfClass + i)
	}
	return uint8(class*trainOfClass + i)
}

// writePhotos makes split/<class>/*.png, n files in each class.
func writePhotos(t *testing.T, dir, folder, split string, n int) {
	t.Helper()
	files := map[string][]byte{}
	for class := range photoClasses {
		for i := range n {
			picture := image.NewGray(image.Rect(0, 0, photoSize+1, photoSize))
			for k := range picture.Pix {
				picture.Pix[k] = photoValue(split, class, i)
			}
			var file bytes.Buffer
			require.NoError(t, png.Encode(&file, picture))
			files[fmt.Sprintf("%s/class%d/%02d.png", folder, class, i)] = file.Bytes()
		}
	}
	write(t, dir, files)
}

// preparedPhotos is a prepared folder of the made-up photographs.
func preparedPhotos(t *testing.T, withTest bool) string {
	t.Helper()
	from, dir := t.TempDir(), t.TempDir()
	writePhotos(t, from, "train", shards.Train, trainOfClass)
	train, err := prepare.Open(t.Context(), filepath.Join(from, "train"), nil, false)
	require.NoError(t, err)
	var test *prepare.Part
	if withTest {
		writePhotos(t, from, "val", shards.Test, testOfClass)
		test, err = prepare.Open(t.Context(), filepath.Join(from, "val"), nil, false)
		require.NoError(t, err)
	}
	source, err := prepare.NewSource(train, test)
	require.NoError(t, err)
	_, _, err = prepare.Run(t.Context(), dir, source, prepare.Options{
		Size: photoSize, ShardBytes: 7 * imageprep.Bytes(photoSize), // so that there are several shards
		ClassNames: map[string]string{"class1": "the second"}})
	require.NoError(t, err)
	return dir
}

// labelsFollowImages checks that every image of a split has the label of its class.
func labelsFollowImages(t *testing.T, d *Dataset, name string, s *Split) {
	t.Helper()
	size := d.Height * d.Width * d.Channels
	record := make([]uint8, size)
	for i := range s.Len() {
		if s.Images != nil {
			copy(record, s.Images[i*size:(i+1)*size])
		} else {
			require.NoError(t, s.Source.Image(i, record))
		}
		value := int(record[0])
		require.Equal(t, bytes.Repeat([]byte{record[0]}, size), record, "an image of one colour")
		class := value / trainOfClass
		if value >= 200 {
			class = (value - 200) / testOfClass
		}
		require.Equal(t, d.ClassOrder[s.Labels[i]], class, "%s, image %d", name, i)
	}
}

func TestImageNetIsReadFromItsPreparedFolder(t *testing.T) {
	noPlaces(t)
	dir := preparedPhotos(t, true)
	for _, place := range []string{"named", "in MDFA_DATA"} {
		opt := Options{Dir: dir, Seed: 3}
		if place == "in MDFA_DATA" {
			root := t.TempDir()
			require.NoError(t, os.Symlink(dir, filepath.Join(root, "imagenet")))
			t.Setenv("MDFA_DATA", root)
			opt.Dir = ""
		}
		d, err := Load(t.Context(), "imagenet", opt)
		require.NoError(t, err, place)
		assert.Equal(t, []int{photoSize, photoSize, 3, photoClasses}, []int{d.Height, d.Width, d.Channels, d.Classes})
		assert.Equal(t, []int{51, 9, 12}, []int{d.Train.Len(), d.Valid.Len(), d.Test.Len()}, "15% of 60 are for validation")
		for i, label := range d.ClassOrder {
			assert.Equal(t, []string{"class0", "the second", "class2"}[label], d.ClassNames[i])
		}
		for name, s := range map[string]*Split{"train": &d.Train, "valid": &d.Valid, "test": &d.Test} {
			assert.NotNil(t, s.Images, "few images are read into memory")
			labelsFollowImages(t, d, name, s)
		}
	}
}

func TestASubsetOfImageNetsClassesKeepsItsLabels(t *testing.T) {
	d, err := Load(t.Context(), "imagenet", Options{Dir: preparedPhotos(t, true), Classes: "2", Seed: 5})
	require.NoError(t, err)
	assert.Equal(t, []int{34, 6, 8}, []int{d.Train.Len(), d.Valid.Len(), d.Test.Len()})
	labelsFollowImages(t, d, "train", &d.Train)
	labelsFollowImages(t, d, "test", &d.Test)
}

// Images that stay in their files are the same, in the same order, as in memory.
func TestImagesThatStayInFilesAreTheSame(t *testing.T) {
	dir := preparedPhotos(t, true)
	inFiles, err := readPrepared(t.Context(), dir, 0)
	require.NoError(t, err)
	require.Nil(t, inFiles.train.images)
	def := definition{name: "imagenet"}.with(inFiles)
	want, err := Load(t.Context(), "imagenet", Options{Dir: dir, Classes: "2", Seed: 5})
	require.NoError(t, err)
	streamed, err := arrange(def, inFiles, want.ClassOrder, 5)
	require.NoError(t, err)
	for _, pair := range [][2]*Split{{&want.Train, &streamed.Train}, {&want.Valid, &streamed.Valid}, {&want.Test, &streamed.Test}} {
		inMemory, inFiles := pair[0], pair[1]
		require.Nil(t, inFiles.Images)
		assert.Equal(t, inMemory.Labels, inFiles.Labels)
		assert.Equal(t, inMemory.Rows, inFiles.Rows)
		size := imageprep.Bytes(photoSize)
		var readers sync.WaitGroup
		for i := range inFiles.Len() {
			readers.Go(func() {
				got := make([]uint8, size)
				assert.NoError(t, inFiles.Source.Image(i, got))
				assert.Equal(t, inMemory.Images[i*size:(i+1)*size], got)
			})
		}
		readers.Wait()
	}
}

func TestWithoutTestImagesEveryFifthIsHeldBack(t *testing.T) {
	dir := preparedPhotos(t, false)
	for _, seed := range []int64{0, 1} {
		d, err := Load(t.Context(), "imagenet", Options{Dir: dir, Seed: seed})
		require.NoError(t, err)
		assert.Equal(t, []int{41, 7, 12}, []int{d.Train.Len(), d.Valid.Len(), d.Test.Len()})
		assert.Equal(t, dir+" (no test images there: every 5th training image is held back for the test)", d.Source)
		size := imageprep.Bytes(photoSize)
		for i := range d.Test.Len() {
			assert.EqualValues(t, 4, d.Test.Images[i*size]%5, "seed %d", seed) // grey k is image k
		}
		labelsFollowImages(t, d, "test", &d.Test)
	}
}

func TestImageNetSaysWhatIsWrong(t *testing.T) {
	noPlaces(t)
	_, err := Load(t.Context(), "imagenet", Options{})
	require.ErrorIs(t, err, ErrNotFound)
	assert.EqualError(t, err, "imagenet is not in "+homely(cacheOf(t, "imagenet"))+
		". Download ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar from https://image-net.org/ (an account is needed) and prepare them with imagenet-prep, or name a prepared folder with -data.")

	for _, c := range []struct {
		name   string
		damage func(dir string) error
		kind   error
		text   string // DIR stands for the folder
	}{
		{"a missing index", func(dir string) error { return os.Remove(filepath.Join(dir, "train-00001.idx")) }, ErrNotFound,
			"train-00001.idx is missing from DIR: copy it there again, or prepare the images again."},
		{"a missing manifest", func(dir string) error { return os.Remove(filepath.Join(dir, "manifest.json")) }, ErrNotFound,
			"-data DIR: DIR is not complete: its preparation was broken off; start it again to finish it. Prepare ImageNet there with imagenet-prep -out DIR, or name the folder that it made."},
		{"no folder", func(dir string) error { return os.RemoveAll(dir) }, ErrNotFound,
			"-data DIR: there is no such folder; name the one that holds what imagenet-prep has prepared."},
		{"an empty folder", func(dir string) error { return errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o755)) }, ErrNotFound,
			"-data DIR: DIR holds no prepared images (there is no manifest.json). Prepare ImageNet there with imagenet-prep -out DIR, or name the folder that it made."},
		{"a flipped byte", func(dir string) error { return flipByte(filepath.Join(dir, "train-00002.bin"), 10) }, ErrChecksum,
			"DIR/train-00002.bin is damaged: image 0 (class0/14.png) is not as it was written (its CRC32C differs): copy the file again, or prepare the images again."},
		{"a flipped byte in an index", func(dir string) error { return flipByte(filepath.Join(dir, "test-00000.idx"), 110) }, ErrChecksum,
			"DIR/test-00000.idx is damaged (its checksum differs): copy it again, or prepare the images again."},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := preparedPhotos(t, true)
			require.NoError(t, c.damage(dir))
			_, err := Load(t.Context(), "imagenet", Options{Dir: dir})
			require.ErrorIs(t, err, c.kind)
			assert.EqualError(t, err, string(bytes.ReplaceAll([]byte(c.text), []byte("DIR"), []byte(dir))))
		})
	}
	_, err = Load(t.Context(), "imagenet", Options{Dir: preparedPhotos(t, true), Classes: "4"})
	require.ErrorIs(t, err, ErrClasses)
	assert.EqualError(t, err, "-classes 4: imagenet has only 3 classes; give 2 to 3 (leave the flag out to use all).")
}

func TestImageNetHasTheSizeItWasPreparedAt(t *testing.T) {
	dir := preparedPhotos(t, true)
	_, err := Load(t.Context(), "imagenet", Options{Dir: dir, Size: photoSize})
	require.NoError(t, err)
	_, err = Load(t.Context(), "imagenet", Options{Dir: dir, Size: 64})
	require.ErrorIs(t, err, ErrOption)
	assert.EqualError(t, err, "-size 64: "+dir+" was prepared at 4x4; prepare another folder with imagenet-prep -size 64, or leave the flag out.")
}

// A damaged image that stays in its file is an error when it is asked for.
func TestAFlippedByteInAStreamedImageIsAnError(t *testing.T) {
	dir := preparedPhotos(t, true)
	require.NoError(t, flipByte(filepath.Join(dir, "train-00000.bin"), 0))
	held, err := readPrepared(t.Context(), dir, 0)
	require.NoError(t, err)
	got := make([]uint8, imageprep.Bytes(photoSize))
	require.ErrorIs(t, held.train.source.Image(0, got), ErrChecksum)
	require.NoError(t, held.train.source.Image(1, got))
}

func flipByte(path string, at int) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	data[at] ^= 1
	return os.WriteFile(path, data, 0o644)
}
