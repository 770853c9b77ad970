package prepare

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/internal/shards"
)

// prepared opens folders below in, and prepares them into dir.
func prepared(t testing.TB, in, dir string, test bool) (*shards.Manifest, bool, error) {
	t.Helper()
	train, err := openFolder(t.Context(), filepath.Join(in, "train"), false)
	require.NoError(t, err)
	var held *Part
	if test {
		held, err = openFolder(t.Context(), filepath.Join(in, "test"), false)
		require.NoError(t, err)
	}
	source, err := NewSource(train, held)
	require.NoError(t, err)
	return Run(t.Context(), dir, source, testOptions)
}

func TestLinksToFoldersAreFollowedAndLoopsAreNot(t *testing.T) {
	in := t.TempDir()
	for i, class := range []string{"a", "b", "c"} {
		for n := range 10 {
			writeFile(t, in, fmt.Sprintf("pool/%s/%d.png", class, n), photo(t, 10*i+n))
		}
	}
	link := func(to, from string) {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(in, from)), 0o777))
		require.NoError(t, os.Symlink(to, filepath.Join(in, from)))
	}
	link("../pool/a", "train/a") // a class that is a link
	for n := range 10 {
		link(fmt.Sprintf("../../pool/b/%d.png", n), fmt.Sprintf("train/b/%d.png", n))
	}
	link("../../pool/c", "train/c/sub") // a folder below a class
	link(".", "train/c/self")
	link("..", "train/c/up")
	link("../../pool/c", "train/c/twice")
	link("../../train/c", "pool/c/back")
	link("nowhere", "train/gone")
	for _, exact := range []bool{false, true} {
		part, err := openFolder(t.Context(), filepath.Join(in, "train"), exact)
		require.NoError(t, err)
		source, err := NewSource(part, nil)
		require.NoError(t, err)
		m, _, err := Run(t.Context(), t.TempDir(), source, testOptions)
		require.NoError(t, err)
		assert.Equal(t, []int{10, 10, 10}, m.Train.PerClass)
		assert.Empty(t, m.Train.Skipped)
	}
}

func TestAClassOrTestSetThatLosesAllIsAnError(t *testing.T) {
	webp := []byte("RIFF\x00\x00\x00\x00WEBPVP8 ")
	const reason = " (it is a WebP file; JPEG and PNG are read); mend them, or convert them to JPEG or PNG."
	for _, c := range []struct {
		name string
		lost []string // files
		want string
	}{
		{"a training class", []string{"train/b/0.png", "train/b/1.png"}, "/train holds no images of the class b that can be read: all 2 files were left out (2 of 8 in all), such as b/0.png" + reason},
		{"a test class", []string{"test/b/0.png", "test/b/1.png"}, "/test holds no images of the class b that can be read: all 2 files were left out (2 of 8 in all), such as b/0.png" + reason},
		{"the test set", []string{"test/a/0.png", "test/a/1.png", "test/b/0.png", "test/b/1.png"}, "/test holds no images that can be read: all 4 files were left out (4 of 8 in all), such as a/0.png" + reason},
		{"some of each", []string{"train/a/0.png", "test/b/1.png"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			in, dir := t.TempDir(), t.TempDir()
			for i, class := range []string{"train/a", "train/b", "test/a", "test/b"} {
				for n := range 2 {
					writeFile(t, in, fmt.Sprintf("%s/%d.png", class, n), photo(t, 2*i+n))
				}
			}
			for _, file := range c.lost {
				writeFile(t, in, file, webp)
			}
			for range 2 { // when it is prepared, and when the shards are there
				_, _, err := prepared(t, in, dir, true)
				if c.want == "" {
					require.NoError(t, err)
					continue
				}
				require.ErrorIs(t, err, shards.ErrFormat)
				require.EqualError(t, err, in+c.want)
			}
			if c.want == "" {
				return
			}
			for i, file := range c.lost { // mended in place
				writeFile(t, in, file, photo(t, 50+i))
			}
			m, _, err := prepared(t, in, dir, true)
			require.NoError(t, err)
			assert.Equal(t, []int{2, 2}, m.Train.PerClass)
			assert.Equal(t, []int{2, 2}, m.Test.PerClass)
		})
	}
}

// Names and times of folders are those of before, so only the files themselves tell.
func TestAPhotoThatWasMendedIsTakenIn(t *testing.T) {
	in, dir := t.TempDir(), t.TempDir()
	_, files := trainPhotos(t)
	for name, data := range files {
		writeFile(t, in, "train/"+name, data)
	}
	mended := testClasses[1] + "/" + testClasses[1] + "_2.JPEG"
	writeFile(t, in, "train/"+mended, files[mended][:40])
	writeFile(t, in, "train/"+testClasses[2]+"/notes", []byte("no image"))
	m, fresh, err := prepared(t, in, dir, false)
	require.NoError(t, err)
	require.True(t, fresh)
	require.Len(t, m.Train.Skipped, 2)
	_, fresh, err = prepared(t, in, dir, false)
	require.NoError(t, err)
	require.False(t, fresh, "nothing was mended")

	writeFile(t, in, "train/"+mended, files[mended])
	m, fresh, err = prepared(t, in, dir, false)
	require.NoError(t, err)
	require.True(t, fresh)
	assert.Len(t, m.Train.Skipped, 1)
	assert.Equal(t, []int{perClass, perClass, perClass}, m.Train.PerClass)
	anew := t.TempDir()
	_, _, err = prepared(t, in, anew, false)
	require.NoError(t, err)
	assert.Equal(t, everything(t, anew), everything(t, dir))
}

func TestValidationImagesInOneFolderHaveTheClassesOfTheTruth(t *testing.T) {
	in := t.TempDir()
	_, files := trainPhotos(t)
	for name, data := range files {
		writeFile(t, in, "train/"+name, data)
	}
	train, err := openFolder(t.Context(), filepath.Join(in, "train"), false)
	require.NoError(t, err)
	names, val, text := valPhotos(t)
	for _, name := range names {
		writeFile(t, in, "val/"+name, val[name])
	}
	writeFile(t, in, "val/._"+names[0], []byte("x"))
	truth, err := parseTruth("truth.txt", []byte(text), "", nil)
	require.NoError(t, err)
	require.True(t, IsFlat(filepath.Join(in, "val")))
	require.False(t, IsFlat(filepath.Join(in, "train")))
	test, err := openFlatFolder(filepath.Join(in, "val"), truth)
	require.NoError(t, err)
	source, err := NewSource(train, test)
	require.NoError(t, err)
	fromFolder := t.TempDir()
	m, _, err := Run(t.Context(), fromFolder, source, testOptions)
	require.NoError(t, err)
	assert.Equal(t, []int{3, 3, 2}, m.Test.PerClass)

	fromTars := t.TempDir()
	_, _, err = Run(t.Context(), fromTars, tars(t, t.TempDir()), testOptions)
	require.NoError(t, err)
	assert.Equal(t, shardBytes(t, fromTars), shardBytes(t, fromFolder))

	writeFile(t, in, "val/ILSVRC2012_val_00000099.JPEG", photo(t, 1))
	_, err = openFlatFolder(filepath.Join(in, "val"), truth)
	assert.EqualError(t, err, "truth.txt has 8 lines, so none is about ILSVRC2012_val_00000099.JPEG.")
}

func TestAppleDoublesInArchivesArePassedOver(t *testing.T) {
	names, files := trainPhotos(t)
	inner := tarOf(t, append([]string{"._x.JPEG"}, names[:3]...), map[string][]byte{
		"._x.JPEG": []byte("x"), names[0]: files[names[0]], names[1]: files[names[1]], names[2]: files[names[2]],
	})
	outer := tarOf(t, []string{"._a.tar", "a.tar", "b.tar"}, map[string][]byte{"._a.tar": []byte("\x00\x05\x16\x07"), "a.tar": inner, "b.tar": inner})
	train, err := openClassTars(t.Context(), writeFile(t, t.TempDir(), "train.tar", outer))
	require.NoError(t, err)
	source, err := NewSource(train, nil)
	require.NoError(t, err)
	m, _, err := Run(t.Context(), t.TempDir(), source, testOptions)
	require.NoError(t, err)
	assert.Equal(t, []string{"a", "b"}, source.Classes())
	assert.Equal(t, []int{3, 3}, m.Train.PerClass)
	assert.Empty(t, m.Train.Skipped)
}
