package prepare

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/internal/shards"
)

// The made-up ImageNet of these tests.
var (
	testClasses = []string{"n01440764", "n01443537", "n02119789"}
	testOptions = Options{Size: 6, ShardBytes: 4 * 6 * 6 * 3, Workers: 3} // four images a shard
)

const (
	perClass = 7 // training images
	valCount = 8
)

// photo is a small picture with a colour of its own.
func photo(t testing.TB, seed int) []byte {
	t.Helper()
	picture := image.NewNRGBA(image.Rect(0, 0, 9, 7))
	for i := range 9 * 7 {
		picture.SetNRGBA(i%9, i/9, color.NRGBA{R: uint8(31 * seed), G: uint8(17*seed + i), B: uint8(3 * i), A: 255})
	}
	var file bytes.Buffer
	require.NoError(t, png.Encode(&file, picture))
	return file.Bytes()
}

// trainPhotos are the training images by "class/file", in the order of preparation.
func trainPhotos(t testing.TB) (names []string, files map[string][]byte) {
	t.Helper()
	files = map[string][]byte{}
	for c, class := range testClasses {
		for i := range perClass {
			files[fmt.Sprintf("%s/%s_%d.JPEG", class, class, i)] = photo(t, 50*c+i)
		}
	}
	return slices.Sorted(maps.Keys(files)), files
}

// tarOf packs files in the given order.
func tarOf(t testing.TB, names []string, files map[string][]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, name := range names {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name]))}))
		_, err := w.Write(files[name])
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

// tarOfTars packs files "class/file" as ILSVRC2012_img_train.tar does.
func tarOfTars(t testing.TB, names []string, files map[string][]byte) []byte {
	t.Helper()
	inner := map[string][]byte{}
	for _, class := range testClasses {
		var mine []string
		content := map[string][]byte{}
		for _, name := range names {
			if rest, ok := strings.CutPrefix(name, class+"/"); ok {
				mine, content[rest] = append(mine, rest), files[name]
			}
		}
		if len(mine) > 0 {
			inner[class+".tar"] = tarOf(t, mine, content)
		}
	}
	return tarOf(t, slices.Sorted(maps.Keys(inner)), inner)
}

// valPhotos are validation images; image k is of class k mod 3.
func valPhotos(t testing.TB) (names []string, files map[string][]byte, truth string) {
	t.Helper()
	files = map[string][]byte{}
	for i := range valCount {
		name := fmt.Sprintf("ILSVRC2012_val_%08d.JPEG", i+1)
		files[name] = photo(t, 200+i)
		truth += testClasses[i%3] + "\n"
	}
	return slices.Sorted(maps.Keys(files)), files, truth
}

func writeFile(t testing.TB, dir, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(dir, filepath.FromSlash(name))
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
	require.NoError(t, os.WriteFile(path, data, 0o666))
	return path
}

// tars are both archives of the made-up ImageNet.
func tars(t testing.TB, dir string) *Source {
	t.Helper()
	names, files := trainPhotos(t)
	train, err := openClassTars(t.Context(), writeFile(t, dir, "train.tar", tarOfTars(t, names, files)))
	require.NoError(t, err)
	names, files, truth := valPhotos(t)
	return withVal(t, dir, train, tarOf(t, names, files), truth)
}

func withVal(t testing.TB, dir string, train *Part, val []byte, truth string) *Source {
	t.Helper()
	known, err := ReadTruth(t.Context(), writeFile(t, dir, "truth.txt", []byte(truth)), "")
	require.NoError(t, err)
	test, err := openFlatTar(writeFile(t, dir, "val.tar", val), known)
	require.NoError(t, err)
	source, err := NewSource(train, test)
	require.NoError(t, err)
	return source
}

// folders are the same photographs in folders.
func folders(t testing.TB, dir string) *Source {
	t.Helper()
	_, files := trainPhotos(t)
	for name, data := range files {
		writeFile(t, dir, "training/"+name, data)
	}
	names, files, _ := valPhotos(t)
	for i, name := range names {
		writeFile(t, dir, "validation/"+testClasses[i%3]+"/"+name, files[name])
	}
	train, err := openFolder(t.Context(), filepath.Join(dir, "training"), false)
	require.NoError(t, err)
	test, err := openFolder(t.Context(), filepath.Join(dir, "validation"), false)
	require.NoError(t, err)
	source, err := NewSource(train, test)
	require.NoError(t, err)
	return source
}

// shardBytes are the shards of a folder; what differs by source, such as the manifest, is
// left out.
func shardBytes(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	paths, err := filepath.Glob(filepath.Join(dir, "*.bin"))
	require.NoError(t, err)
	for _, path := range paths {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		files[filepath.Base(path)] = string(data)
	}
	return files
}

// everything is every file of a folder but the lock.
func everything(t testing.TB, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, entry := range entries {
		if entry.Name() != ".lock" {
			data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
			require.NoError(t, err)
			files[entry.Name()] = string(data)
		}
	}
	return files
}

func TestArchivesAndFoldersGiveTheSameShards(t *testing.T) {
	fromTars, fromFolders := t.TempDir(), t.TempDir()
	m, fresh, err := Run(t.Context(), fromTars, tars(t, t.TempDir()), testOptions)
	require.NoError(t, err)
	assert.True(t, fresh)
	assert.Equal(t, 3*perClass, m.Train.Images)
	assert.Equal(t, []int{perClass, perClass, perClass}, m.Train.PerClass)
	assert.Equal(t, []int{3, 3, 2}, m.Test.PerClass)
	assert.Len(t, m.Train.Shards, 6)
	require.NotEmpty(t, shardBytes(t, fromTars))

	_, _, err = Run(t.Context(), fromFolders, folders(t, t.TempDir()), testOptions)
	require.NoError(t, err)
	// The validation images come in another order from folders: class by class.
	for name, data := range shardBytes(t, fromTars) {
		if strings.HasPrefix(name, shards.Train) {
			assert.Equal(t, data, shardBytes(t, fromFolders)[name], name)
		}
	}
	set, err := shards.Open(t.Context(), fromTars)
	require.NoError(t, err)
	defer set.Close()
	require.NoError(t, set.Verify(t.Context(), func(int64, int64) {}))
	assert.Equal(t, []int32{0, 1, 2, 0, 1, 2, 0, 1}, set.Test.Labels())
}

func TestAnyNumberOfWorkersGivesTheSameBytes(t *testing.T) {
	source := tars(t, t.TempDir())
	var want map[string]string
	for _, workers := range []int{1, 2, 7} {
		dir, opt := t.TempDir(), testOptions
		opt.Workers = workers
		_, _, err := Run(t.Context(), dir, source, opt)
		require.NoError(t, err)
		if want == nil {
			want = everything(t, dir)
		}
		require.Equal(t, want, everything(t, dir), "%d workers", workers)
	}
}

func TestWorkThatIsBrokenOffAnywhereEndsInTheSameBytes(t *testing.T) {
	for name, open := range map[string]func(testing.TB, string) *Source{"tars": tars, "folders": folders} {
		t.Run(name, func(t *testing.T) {
			source, whole := open(t, t.TempDir()), t.TempDir()
			_, _, err := Run(t.Context(), whole, source, testOptions)
			require.NoError(t, err)
			want := everything(t, whole)
			for stop := 1; stop < 3*perClass+valCount; stop += 3 {
				dir, seen := t.TempDir(), 0
				ctx, cancel := context.WithCancel(t.Context())
				opt := testOptions
				opt.Progress = func(Progress) {
					if seen++; seen == stop {
						cancel()
					}
				}
				_, _, err := Run(ctx, dir, source, opt)
				require.ErrorIs(t, err, context.Canceled)
				_, err = shards.ReadManifest(dir)
				require.ErrorIs(t, err, shards.ErrAbsent)

				var first Progress
				opt.Progress = func(p Progress) {
					if first.Total == 0 {
						first = p
					}
				}
				_, fresh, err := Run(t.Context(), dir, source, opt)
				require.NoError(t, err)
				require.True(t, fresh)
				require.Equal(t, want, everything(t, dir), "broken off after %d", stop)
				if stop > 8 {
					assert.Positive(t, first.Kept, "what was complete is not done again")
					assert.Greater(t, first.Done, first.Kept)
				}
			}
		})
	}
}

func TestASecondRunHasNothingToDo(t *testing.T) {
	source, dir := tars(t, t.TempDir()), t.TempDir()
	_, _, err := Run(t.Context(), dir, source, testOptions)
	require.NoError(t, err)
	before := everything(t, dir)
	opt := testOptions
	opt.Progress = func(Progress) { t.Error("an image was prepared again") }
	m, fresh, err := Run(t.Context(), dir, source, opt)
	require.NoError(t, err)
	assert.False(t, fresh)
	assert.Equal(t, 3*perClass, m.Train.Images)
	assert.Equal(t, before, everything(t, dir))

	// New names for the classes need no image to be prepared again.
	opt.ClassNames = map[string]string{"n01440764": "tench"}
	_, fresh, err = Run(t.Context(), dir, source, opt)
	require.NoError(t, err)
	assert.False(t, fresh)
	m, err = shards.ReadManifest(dir)
	require.NoError(t, err)
	assert.Equal(t, []shards.Class{{ID: "n01440764", Name: "tench"}, {ID: "n01443537"}, {ID: "n02119789"}}, m.Classes)
}

func TestAnotherSourceOrSizeIsNotMixedIn(t *testing.T) {
	in, dir := t.TempDir(), t.TempDir()
	source := folders(t, in)
	_, _, err := Run(t.Context(), dir, source, testOptions)
	require.NoError(t, err)
	before := everything(t, dir)
	other := testOptions
	other.Size = 5
	_, _, err = Run(t.Context(), dir, source, other)
	require.ErrorIs(t, err, shards.ErrOther)
	assert.Contains(t, err.Error(), dir+" already holds images of 6x6 prepared from "+filepath.Join(in, "training"))

	writeFile(t, in, "training/n01440764/new.JPEG", photo(t, 1))
	_, _, err = Run(t.Context(), dir, folders(t, in), testOptions)
	require.ErrorIs(t, err, shards.ErrOther)
	assert.Equal(t, before, everything(t, dir))
}

func TestAnImageThatCannotBeReadIsLeftOutAndListed(t *testing.T) {
	in := t.TempDir()
	names, files := trainPhotos(t)
	files[names[2]] = files[names[2]][:40]
	files[names[9]] = []byte("<html>")
	train, err := openClassTars(t.Context(), writeFile(t, in, "train.tar", tarOfTars(t, names, files)))
	require.NoError(t, err)
	source, err := NewSource(train, nil)
	require.NoError(t, err)
	dir := t.TempDir()
	m, _, err := Run(t.Context(), dir, source, testOptions)
	require.NoError(t, err)
	assert.Equal(t, []int{perClass - 1, perClass - 1, perClass}, m.Train.PerClass)
	assert.Equal(t, []shards.Skipped{
		{File: names[2], Reason: "a PNG file that is cut off"},
		{File: names[9], Reason: "it is a web page or other markup; JPEG and PNG are read"},
	}, m.Train.Skipped)

	strict := testOptions
	strict.Strict = true
	want := names[2] + " cannot be read (a PNG file that is cut off): mend or remove it, or leave -strict out to go on without such images."
	for _, dir := range []string{t.TempDir(), dir} { // from the beginning, and when it is complete
		_, _, err = Run(t.Context(), dir, source, strict)
		require.ErrorIs(t, err, shards.ErrFormat)
		assert.EqualError(t, err, want)
	}
}

func TestAFolderMayHoldOddThings(t *testing.T) {
	in := t.TempDir()
	writeFile(t, in, "a/1.png", photo(t, 1))
	writeFile(t, in, "a/.DS_Store", []byte("x"))
	writeFile(t, in, "a/deeper/2", photo(t, 2))
	writeFile(t, in, "b/3.JPEG", photo(t, 3))
	writeFile(t, in, ".hidden/4.png", photo(t, 4))
	writeFile(t, in, "__MACOSX/a/._1.png", []byte("x"))
	writeFile(t, in, "a/@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg", photo(t, 1))
	writeFile(t, in, "a/Thumbs.db", []byte("x"))
	writeFile(t, in, "docs/notes.txt", []byte("x"))
	writeFile(t, in, "loose.jpg", photo(t, 4))
	writeFile(t, in, "readme.txt", []byte("x"))
	writeFile(t, in, "elsewhere/5.png", photo(t, 5))
	require.NoError(t, os.Symlink(filepath.Join(in, "elsewhere"), filepath.Join(in, "c")))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(in, "b", "gone.png")))
	for _, exact := range []bool{false, true} {
		train, err := openFolder(t.Context(), in, exact)
		require.NoError(t, err)
		source, err := NewSource(train, nil)
		require.NoError(t, err)
		m, _, err := Run(t.Context(), t.TempDir(), source, testOptions)
		require.NoError(t, err)
		assert.Equal(t, []string{"a", "b", "c", "elsewhere"}, source.Classes())
		assert.Equal(t, []string{"no class, and passed over in " + in + ": .hidden, __MACOSX, docs, 1 photographs beside the folders"}, source.Notes())
		assert.Equal(t, []int{2, 1, 1, 1}, m.Train.PerClass)
		assert.Equal(t, []shards.Skipped{{File: "b/gone.png", Reason: "no such file or directory"}}, m.Train.Skipped)
	}
}

// With exact listing a file that is changed in place shows.
func TestFingerprintFollowsTheFiles(t *testing.T) {
	in := t.TempDir()
	path := writeFile(t, in, "a/1.png", photo(t, 1))
	mark := func(exact bool) string {
		part, err := openFolder(t.Context(), in, exact)
		require.NoError(t, err)
		return part.fingerprint
	}
	exact, quick := mark(true), mark(false)
	require.NoError(t, os.WriteFile(path, append(photo(t, 1), 0), 0o666))
	assert.NotEqual(t, exact, mark(true))
	assert.Equal(t, quick, mark(false))
	writeFile(t, in, "a/2.png", photo(t, 2))
	assert.NotEqual(t, quick, mark(false))
}

func TestRunSaysWhatIsWrongWithTheImages(t *testing.T) {
	in := t.TempDir()
	for i, class := range []string{"a", "b"} {
		writeFile(t, in, fmt.Sprintf("bad/%s/%d.png", class, i), []byte("no image"))
		writeFile(t, in, "empty/"+class+"/.keep", nil)
	}
	writeFile(t, in, "one/a/1.png", photo(t, 1))
	for name, text := range map[string]string{
		"bad":   " holds no images that can be read: all 2 files were left out (2 of 2 in all), such as a/0.png (it is no image of a known format; JPEG and PNG are read); mend them, or convert them to JPEG or PNG.",
		"empty": " holds no folder with photographs (there is a, b): name the one that has a folder for each class (such as n01440764) with images in it.",
		"one":   " holds images of 1 classes; at least 2 are needed, each in a folder or archive of its own.",
	} {
		part, err := openFolder(t.Context(), filepath.Join(in, name), false)
		if err == nil {
			var source *Source
			source, err = NewSource(part, nil)
			require.NoError(t, err)
			_, _, err = Run(t.Context(), t.TempDir(), source, testOptions)
		}
		assert.EqualError(t, err, filepath.Join(in, name)+text)
	}
}
