package train

import (
	"archive/tar"
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Made-up photographs: each class has its own colour, under some noise.
const (
	synsets        = 22
	trainOfSynset  = 8
	valOfSynset    = 2
	preparedPixels = 32
)

func synset(class int) string { return fmt.Sprintf("n%08d", 1440764+1000*class) }

// photo is photograph i of a class, as a JPEG that is not square.
func photo(t *testing.T, class, i int) []byte {
	t.Helper()
	rng := rand.New(rand.NewPCG(uint64(class), uint64(i)))
	picture := image.NewRGBA(image.Rect(0, 0, 48, 40))
	for y := range 40 {
		for x := range 48 {
			noise := func(level int) uint8 { return uint8(100*level + rng.IntN(50)) }
			picture.Set(x, y, color.RGBA{noise(class % 3), noise(class / 3 % 3), noise(class / 9), 255})
		}
	}
	var file bytes.Buffer
	require.NoError(t, jpeg.Encode(&file, picture, &jpeg.Options{Quality: 90}))
	return file.Bytes()
}

// tarFile is a member of an archive.
type tarFile struct {
	name string
	data []byte
}

func tarOf(t *testing.T, files []tarFile) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		require.NoError(t, w.WriteHeader(&tar.Header{Name: f.name, Mode: 0o644, Size: int64(len(f.data))}))
		_, err := w.Write(f.data)
		require.NoError(t, err)
	}
	require.NoError(t, w.Close())
	return out.Bytes()
}

// writeFiles writes files by their path below dir, in folders that are made.
func writeFiles(t *testing.T, dir string, files map[string][]byte) {
	t.Helper()
	for name, data := range files {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, data, 0o644))
	}
}

// imageNetTars is a folder with the files that people download from image-net.org: a tar
// of a tar for each synset, a tar of validation images, and the classes of the latter.
func imageNetTars(t *testing.T) string {
	t.Helper()
	var classes, val []tarFile
	truth := ""
	for class := range synsets {
		var photos []tarFile
		for i := range trainOfSynset {
			photos = append(photos, tarFile{fmt.Sprintf("%s_%d.JPEG", synset(class), i), photo(t, class, i)})
		}
		classes = append(classes, tarFile{synset(class) + ".tar", tarOf(t, photos)})
		for i := range valOfSynset {
			name := fmt.Sprintf("ILSVRC2012_val_%08d.JPEG", len(val)+1)
			val = append(val, tarFile{name, photo(t, class, trainOfSynset+i)})
			truth += name + " " + synset(class) + "\n"
		}
	}
	dir := t.TempDir()
	writeFiles(t, dir, map[string][]byte{
		"ILSVRC2012_img_train.tar":               tarOf(t, classes),
		"ILSVRC2012_img_val.tar":                 tarOf(t, val),
		"ILSVRC2012_validation_ground_truth.txt": []byte(truth),
	})
	return dir
}

// photoFolders writes the same photographs, of the first few classes, into dir as people
// keep their own: a folder for each class in train and, with test, in test.
func photoFolders(t *testing.T, dir string, classes int, test bool) {
	t.Helper()
	files := map[string][]byte{}
	for class := range classes {
		for i := range trainOfSynset + valOfSynset {
			folder := "train"
			if i >= trainOfSynset {
				folder = "test"
			}
			if folder == "train" || test {
				files[fmt.Sprintf("%s/kind %02d/%d.jpg", folder, class, i)] = photo(t, class, i)
			}
		}
	}
	writeFiles(t, dir, files)
}

// preparedFolder runs imagenet-prep and returns the prepared folder.
func preparedFolder(t *testing.T, from string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "prepared")
	cmd := exec.CommandContext(t.Context(), os.Getenv(prepEnv), "-from", from, "-out", dir, "-size", fmt.Sprint(preparedPixels))
	text, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", text)
	return dir
}
