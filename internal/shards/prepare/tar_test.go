package prepare

import (
	"archive/tar"
	"bytes"
	"os"
	"path"
	"path/filepath"
	"slices"
	"syscall"
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
		part, err := openClassTars(t.Context(), path)
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
		train, err := openClassTars(t.Context(), path)
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
		_, err := openClassTars(t.Context(), path)
		require.ErrorIs(t, err, shards.ErrFormat, c.name)
		assert.EqualError(t, err, path+c.text)
	}
	_, err := openClassTars(t.Context(), filepath.Join(in, "absent.tar"))
	require.ErrorIs(t, err, shards.ErrAbsent)
	assert.EqualError(t, err, "there is no "+filepath.Join(in, "absent.tar")+": name the folder or archive that holds the images.")
	_, err = openClassTars(t.Context(), in)
	require.ErrorIs(t, err, shards.ErrFormat)
}

// withSparse is an archive of files, the first of which is sparse: 10 bytes at the beginning
// of 2^60.
func withSparse(t *testing.T, names []string, files map[string][]byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	write := func(name string, data []byte, records map[string]string) {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(data)), PAXRecords: records}))
		_, err := w.Write(data)
		require.NoError(t, err)
	}
	// The writer refuses the records of sparse files: they get their names below.
	write("huge.jpg", []byte("0123456789"), map[string]string{
		"GNU:sparse.map": "0,10,1152921504606846976,0", "GNU:sparse.numblocks": "2", "GNU:sparse.size": "1152921504606846976",
	})
	for _, name := range names {
		write(path.Base(name), files[name], nil)
	}
	require.NoError(t, w.Close())
	return bytes.ReplaceAll(out.Bytes(), []byte("GNU:sparse"), []byte("GNU.sparse"))
}

func TestAHugeSparseMemberIsLeftOutAtOnce(t *testing.T) {
	names, files := trainPhotos(t)
	inner := withSparse(t, names[:3], files)
	path := writeFile(t, t.TempDir(), "train.tar", tarOf(t, []string{"a.tar", "b.tar"}, map[string][]byte{"a.tar": inner, "b.tar": inner}))
	train, err := openClassTars(t.Context(), path)
	require.NoError(t, err)
	var all []Photo
	for photo, err := range train.photos(t.Context(), shards.Position{}) {
		require.NoError(t, err)
		all = append(all, photo)
	}
	require.Len(t, all, 8)
	for i, photo := range all { // also where work goes on after the sparse file, or before it
		var rest []string
		for p, err := range train.photos(t.Context(), photo.Next) {
			require.NoError(t, err)
			rest = append(rest, p.Name)
		}
		require.Len(t, rest, len(all)-i-1, "after %s", photo.Name)
	}
	source, err := NewSource(train, nil)
	require.NoError(t, err)
	m, _, err := Run(t.Context(), t.TempDir(), source, testOptions)
	require.NoError(t, err)
	assert.Equal(t, 6, m.Train.Images)
	assert.Equal(t, shards.Skipped{File: "a/huge.jpg", Reason: "it has 1.0 EiB; up to 256 MiB are read"}, m.Train.Skipped[0])
}

func TestNothingButAFileIsWaitedFor(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "pipe.tar")
	require.NoError(t, syscall.Mkfifo(pipe, 0o666))
	_, err := openClassTars(t.Context(), pipe)
	assert.EqualError(t, err, pipe+" is no file: name the tar archive itself.")
	_, err = openClassTars(t.Context(), "/dev/zero")
	assert.EqualError(t, err, "/dev/zero is no file: name the tar archive itself.")
	_, err = ReadTruth(t.Context(), pipe, "")
	assert.EqualError(t, err, pipe+" cannot be read (it is a named pipe: expected a regular file): check the disk and its permissions.")
	_, _, err = newBudget().load(pipe)(t.Context())
	assert.True(t, unreadable(err), "left out, not waited for: %v", err)
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
	train, err := openClassTars(t.Context(), writeFile(t, in, "train.tar", tarOfTars(t, names, files)))
	require.NoError(t, err)
	truth, err := parseTruth("truth.txt", []byte("n01440764\nn09999999\n"), "", nil)
	require.NoError(t, err)
	names, files, _ = valPhotos(t)
	test, err := openFlatTar(writeFile(t, in, "val.tar", tarOf(t, names, files)), truth)
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
		for _, open := range []func() (*Part, error){
			func() (*Part, error) { return openClassTars(t.Context(), path) },
			func() (*Part, error) { return openFlatTar(path, truth) },
		} {
			part, err := open()
			if err != nil {
				continue
			}
			before := int64(-1)
			for photo, err := range part.photos(t.Context(), shards.Position{}) {
				if err != nil {
					break
				}
				now := part.before(photo.Next)
				require.True(t, now > before && now <= part.amount+tarBlock, "places grow: %d after %d", now, before)
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
