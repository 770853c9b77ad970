package prepare

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/internal/shards"
)

func TestACutArchiveIsNeverTakenForAWholeOne(t *testing.T) {
	in := t.TempDir()
	names, files := trainPhotos(t)
	whole := tarOfTars(t, names, files)
	const trailer = 2 * tarBlock // of zeros; with the first of them an archive is complete
	for length := 0; length < len(whole)-trailer; length += 1700 {
		path := writeFile(t, in, "train.tar", whole[:length])
		part, err := OpenClassTars(path)
		require.Nil(t, part)
		require.ErrorIs(t, err, shards.ErrFormat, "%d of %d bytes", length, len(whole))
		require.Contains(t, err.Error(), path+" is ")
		if length > 0 {
			require.Contains(t, err.Error(), ": copy or download it again.")
		}
	}
}

// The outer archive is whole, but was packed from one that was cut off.
func TestACutInnerArchiveIsAnError(t *testing.T) {
	in := t.TempDir()
	names, files := trainPhotos(t)
	inner := tarOf(t, names[:3], files)
	for _, length := range []int{0, 100, 600, 900, 1024, len(inner) - 2*tarBlock} {
		path := writeFile(t, in, "train.tar", tarOf(t, []string{"a.tar", "b.tar"}, map[string][]byte{"a.tar": inner, "b.tar": inner[:length]}))
		train, err := OpenClassTars(path)
		require.NoError(t, err)
		source, err := NewSource(train, nil)
		require.NoError(t, err)
		dir := t.TempDir()
		_, _, err = Run(t.Context(), dir, source, testOptions)
		require.ErrorIs(t, err, shards.ErrFormat)
		assert.Contains(t, err.Error(), path+" is cut off (in b.tar, at ", "%d bytes", length)
		_, err = shards.ReadManifest(dir)
		assert.ErrorIs(t, err, shards.ErrAbsent)
	}
}

func TestArchivesSayWhatTheyAreInstead(t *testing.T) {
	in := t.TempDir()
	names, files := trainPhotos(t)
	damaged := tarOfTars(t, names, files)
	copy(damaged[100:], "rubbish in the header")
	for _, c := range []struct {
		name string
		data []byte
		text string
	}{
		{"photo.tar", photo(t, 1), " is a PNG file; a tar archive was expected."},
		{"web.tar", []byte("<html>"), " is a web page or other markup; a tar archive was expected."},
		{"images.tar", tarOf(t, names, files), " holds no archives such as n01440764.tar; ILSVRC2012_img_train.tar was expected, or a folder of classes."},
		{"damaged.tar", damaged, " is damaged, or no tar archive (at its beginning): copy or download it again."},
	} {
		path := writeFile(t, in, c.name, c.data)
		_, err := OpenClassTars(path)
		require.ErrorIs(t, err, shards.ErrFormat, c.name)
		assert.EqualError(t, err, path+c.text)
	}
	_, err := OpenClassTars(filepath.Join(in, "absent.tar"))
	require.ErrorIs(t, err, shards.ErrAbsent)
	assert.EqualError(t, err, "there is no "+filepath.Join(in, "absent.tar")+": name the folder or archive that holds the images.")
	_, err = OpenClassTars(in)
	require.ErrorIs(t, err, shards.ErrFormat)
}

func TestTruthComesInThreeForms(t *testing.T) {
	const val3 = "ILSVRC2012_val_00000003.JPEG"
	for _, c := range []struct{ name, text, ids, want string }{
		{"file and synset", "ILSVRC2012_val_00000003.JPEG n3\n\n# note\nother.JPEG n4\n", "", "n3"},
		{"file without its ending, comma, head", "ImageId,PredictionString\nILSVRC2012_val_00000003,n5 85 131 499 454\n", "", "n5"},
		{"a synset a line", "n1\nn2\nn7\n", "", "n7"},
		{"an ID a line", "3\r\n1\r\n2\r\n", "n9 first\nn8\nn7\n", "n8"},
	} {
		t.Run(c.name, func(t *testing.T) {
			idFile := ""
			if c.ids != "" {
				idFile = "ids.txt"
			}
			truth, err := parseTruth("truth.txt", []byte(c.text), idFile, []byte(c.ids))
			require.NoError(t, err)
			class, err := truth.class(val3)
			require.NoError(t, err)
			assert.Equal(t, c.want, class)
		})
	}
}

func TestTruthSaysWhatIsWrong(t *testing.T) {
	var alphabetical bytes.Buffer
	for i := range ilsvrcClasses {
		alphabetical.WriteString("n0" + string(rune('a'+i/100)) + string(rune('a'+i/10%10)) + string(rune('a'+i%10)) + "\n")
	}
	for _, c := range []struct{ name, text, ids, want string }{
		{"empty", "\n", "", "truth.txt is empty; a line for each validation image was expected."},
		{"IDs without synsets", "490\n361\n", "", "truth.txt holds numbers: give with -ids a text file "},
		{"an ID too large", "1\n3\n", "n1\nn2\n", `truth.txt, line 2: "3"; an ID from 1 to 2 was expected, one for each line of ids.txt.`},
		{"a word among IDs", "1\nn2\n", "n1\nn2\n", `truth.txt, line 2: "n2"; an ID from 1 to 2 was expected, one for each line of ids.txt.`},
		{"a synset twice", "1\n", "n1\nn1\n", "ids.txt, line 2: n1 was there before; each ID has a synset of its own."},
		{"synsets in the wrong order", "1\n", alphabetical.String(), "ids.txt lists the synsets in alphabetical order; that of ILSVRC2012_ID was expected (it begins with n02119789, n02100735)."},
		{"two classes for a file", "a.JPEG n1\na n2\n", "", "truth.txt, line 2: a is of class n2, but an earlier line says n1."},
		{"a line without a class", "a.JPEG n1\nb.JPEG\n", "", `truth.txt, line 2: "b.JPEG"; a file name and a synset were expected.`},
		{"two words among one", "n1\nn2 n3\n", "", `truth.txt, line 2: "n2 n3"; one synset was expected, as in its first line.`},
	} {
		t.Run(c.name, func(t *testing.T) {
			idFile := ""
			if c.ids != "" {
				idFile = "ids.txt"
			}
			_, err := parseTruth("truth.txt", []byte(c.text), idFile, []byte(c.ids))
			require.ErrorIs(t, err, shards.ErrFormat)
			assert.Contains(t, err.Error(), c.want)
		})
	}
	truth, err := parseTruth("truth.txt", []byte("n1\nn2\n"), "", nil)
	require.NoError(t, err)
	_, err = truth.class("val_3.JPEG")
	assert.EqualError(t, err, "truth.txt has 2 lines, so none is about val_3.JPEG.")
	_, err = truth.class("picture.JPEG")
	assert.EqualError(t, err, "picture.JPEG has no number at its end, such as ILSVRC2012_val_00000001.JPEG: which line of truth.txt is about it cannot be told.")
}

func TestAValidationClassMustHaveBeenTrained(t *testing.T) {
	in := t.TempDir()
	names, files := trainPhotos(t)
	train, err := OpenClassTars(writeFile(t, in, "train.tar", tarOfTars(t, names, files)))
	require.NoError(t, err)
	truth, err := parseTruth("truth.txt", []byte("n01440764\nn09999999\n"), "", nil)
	require.NoError(t, err)
	names, files, _ = valPhotos(t)
	test, err := OpenFlatTar(writeFile(t, in, "val.tar", tarOf(t, names, files)), truth)
	require.NoError(t, err)
	_, err = NewSource(train, test)
	assert.EqualError(t, err, filepath.Join(in, "val.tar")+" has images of the class n09999999, but "+
		filepath.Join(in, "train.tar")+" has none: what is tested must have been trained.")
}

func TestSynsetsHaveNames(t *testing.T) {
	names, err := parseSynsets("f", []byte("n01440764 tench, Tinca tinca\r\n\nn01443537\tgoldfish\n"))
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"n01440764": "tench, Tinca tinca", "n01443537": "goldfish"}, names)
	_, err = parseSynsets("f", []byte("n01440764\n"))
	assert.EqualError(t, err, `f, line 1: "n01440764"; a synset and its name were expected, such as "n01440764 tench".`)
}

func FuzzTars(f *testing.F) {
	names, files := trainPhotos(f)
	f.Add(tarOfTars(f, names[:2], files))
	f.Add(tarOf(f, names[:2], files))
	dir := f.TempDir()
	truth, err := parseTruth("t", []byte("n1\nn2\n"), "", nil)
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(dir, "fuzz.tar")
		require.NoError(t, os.WriteFile(path, slices.Concat(data, make([]byte, 2*tarBlock)), 0o666))
		for _, open := range []func() (Part, error){
			func() (Part, error) { return OpenClassTars(path) },
			func() (Part, error) { return OpenFlatTar(path, truth) },
		} {
			part, err := open()
			if err != nil {
				continue
			}
			before := int64(-1)
			for photo, err := range part.photos(shards.Position{}) {
				if err != nil {
					break
				}
				now := part.before(photo.Next)
				require.True(t, now > before && now <= part.amount()+tarBlock, "places grow: %d after %d", now, before)
				before = now
			}
		}
	})
}

func FuzzTruth(f *testing.F) {
	f.Add([]byte("a n1\nb n2\n"), []byte("n1\n"))
	f.Add([]byte("1\n2\n"), []byte("n1\nn2\n"))
	f.Fuzz(func(t *testing.T, text, ids []byte) {
		truth, err := parseTruth("t", text, "i", ids)
		if err == nil {
			require.NotEmpty(t, truth.classes())
		}
		_, _ = parseSynsets("s", text)
	})
}
