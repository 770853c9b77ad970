package predict

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"encoding/json"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo/predict"
	"mdfa/cmd/internal/cli"
	"mdfa/gpu"
	"mdfa/model"
	"mdfa/run/checkpoint"
)

// halves is a run's folder whose network tells images with a bright left side (class 0)
// from those with a bright right side (class 1): with three classes, the third is never.
func halves(t *testing.T, input model.Shape, classes int, names ...string) string {
	t.Helper()
	net, err := model.NewDense(input, nil, classes, gpu.Tanh)
	require.NoError(t, err)
	params := make([]float32, net.Params)
	w := net.Layers[0].W.Of(params)
	for i := range input.Size() {
		right := i/input.C%input.W >= input.W/2
		value := float32(8) / float32(input.Size())
		switch {
		case classes == 2 && right:
			w[i] = value
		case classes == 2:
			w[i] = -value
		case right:
			w[i*classes+1], w[i*classes+2] = value, -1
		default:
			w[i*classes], w[i*classes+2] = value, -1
		}
	}
	dir := t.TempDir()
	order := []int{3, 5, 8}[:classes]
	require.NoError(t, checkpoint.NewWriter(dir, nil).Weights(&checkpoint.Checkpoint{
		Facts: checkpoint.Facts{Settings: checkpoint.Settings{
			Flags: map[string]string{"batch_size": "64"}, Rule: "bp", Network: net.Spec(),
			Data: checkpoint.Data{Name: "made-up", Shape: [3]int{input.H, input.W, input.C}, Classes: classes, ClassOrder: order, ClassNames: names},
		}},
		Network: net, Params: params,
	}))
	return dir
}

// side is a picture with one bright half.
func side(w, h int, right bool) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, w, h))
	for y := range h {
		for x := range w {
			c := color.RGBA{A: 255}
			if right == (x >= w/2) {
				c = color.RGBA{240, 240, 240, 255}
			}
			img.SetRGBA(x, y, c)
		}
	}
	return img
}

func write(t *testing.T, path string, content []byte) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o777))
	require.NoError(t, os.WriteFile(path, content, 0o666))
	return path
}

func pngOf(t *testing.T, img image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, png.Encode(&b, img))
	return b.Bytes()
}

func idxImages(h, w int, images ...[]byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte{0, 0, 8, 3}, uint32(len(images)))
	b = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(b, uint32(h)), uint32(w))
	return append(b, bytes.Join(images, nil)...)
}

func idxLabels(labels ...byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0, 0, 8, 1}, uint32(len(labels))), labels...)
}

// greys is an idx image with one bright half.
func greys(w, h int, right bool) []byte {
	img := side(w, h, right)
	pixels := make([]byte, w*h)
	for i := range pixels {
		pixels[i] = img.Pix[4*i]
	}
	return pixels
}

// finished is the output and exit code of a call of the program.
type finished struct {
	code           int
	stdout, stderr string
}

func call(args ...string) finished {
	var stdout, stderr bytes.Buffer
	err := run(context.Background(), args, &stdout, &stderr)
	code := cli.Report("predict", err, &stdout, &stderr)
	return finished{code, stdout.String(), stderr.String()}
}

func TestPhotographsOfAnySizeAreFittedAndNamed(t *testing.T) {
	dir := t.TempDir()
	for _, input := range []model.Shape{{H: 8, W: 8, C: 1}, {H: 8, W: 8, C: 3}} {
		run := halves(t, input, 3)
		left := write(t, filepath.Join(dir, "left.png"), pngOf(t, side(40, 30, false)))
		var jpg bytes.Buffer
		require.NoError(t, jpeg.Encode(&jpg, side(16, 64, true), nil))
		right := write(t, filepath.Join(dir, "right.jpg"), jpg.Bytes())
		got := call(run, left, right, "-device", "cpu", "-top", "2")
		require.Equal(t, 0, got.code, got.stderr)
		assert.Empty(t, got.stderr)
		lines := strings.Split(got.stdout, "\n")
		assert.Regexp(t, `^network  bp on made-up, 3 classes: 8x8x. -> dense 3$`, lines[0])
		assert.Regexp(t, `^device   cpu, `, lines[2])
		assert.Contains(t, got.stdout, "note     photographs: the centre square, resized to 8x8")
		assert.Equal(t, input.C == 1, strings.Contains(got.stdout, "made grey"))
		assert.Regexp(t, `left\.png +3 +9\d\.\d\d%  5 +\d\.\d\d%\n`, got.stdout)
		assert.Regexp(t, `right\.jpg +5 +9\d\.\d\d%  3 +\d\.\d\d%\n`, got.stdout)
		assert.NotContains(t, got.stdout, "accuracy", "no class is known")

		got = call(run, left, "-invert", "-quiet", "-top", "1")
		require.Equal(t, 0, got.code, got.stderr)
		assert.Regexp(t, `left\.png +5 +9\d\.\d\d%\n$`, got.stdout)
	}
}

func TestIDXAndCIFARFilesAreReadWithTheirLabels(t *testing.T) {
	dir := t.TempDir()
	run := halves(t, model.Shape{H: 8, W: 8, C: 1}, 2)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, err := z.Write(idxImages(8, 8, greys(8, 8, false), greys(8, 8, true), greys(8, 8, true), greys(8, 8, true)))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	images := write(t, filepath.Join(dir, "images.gz"), zipped.Bytes())
	labels := write(t, filepath.Join(dir, "labels"), idxLabels(3, 5, 3, 9))
	got := call(run, labels, images, "-show", "wrong", "-device", "cpu")
	require.Equal(t, 0, got.code, got.stderr)
	assert.Contains(t, got.stdout, "images.gz#2  5")
	assert.Contains(t, got.stdout, "wrong: it is 3\n")
	assert.NotContains(t, got.stdout, "images.gz#1")
	assert.Contains(t, got.stdout, "accuracy 66.67% of 3 images\nnote     1 images have no class that the network knows and are not counted\n")
	assert.Contains(t, got.stdout, "     3    5\n3    1    1\n5    0    1\n")

	record := make([]byte, 2*3073)
	record[0], record[3073] = 3, 5
	for i := range 3 * 32 * 32 {
		if i%32 < 16 {
			record[1+i] = 250 // the first is bright at the left
		} else {
			record[3073+1+i] = 250
		}
	}
	batch := write(t, filepath.Join(dir, "data_batch_1.bin"), record)
	got = call(run, batch, "-device", "cpu")
	require.Equal(t, 0, got.code, got.stderr)
	assert.Contains(t, got.stdout, "note     images of 32x32x3 are fitted to 8x8x1\n")
	assert.Contains(t, got.stdout, "accuracy 100.00% of 2 images\n")
}

func TestFoldersCalledLikeClassesAreLabels(t *testing.T) {
	dir := t.TempDir()
	run := halves(t, model.Shape{H: 8, W: 8, C: 3}, 3, "left", "right", "never")
	write(t, filepath.Join(dir, "left", "a.png"), pngOf(t, side(9, 9, false)))
	write(t, filepath.Join(dir, "right", "b.png"), pngOf(t, side(9, 9, true)))
	write(t, filepath.Join(dir, "right", "deeper", "c.png"), pngOf(t, side(9, 9, false)))
	write(t, filepath.Join(dir, "other", "d.png"), pngOf(t, side(9, 9, false)))
	write(t, filepath.Join(dir, "notes.txt"), []byte("text"))
	write(t, filepath.Join(dir, ".hidden.png"), []byte("text"))
	got := call(run, dir, "-device", "cpu")
	require.Equal(t, 0, got.code, got.stderr)
	assert.Contains(t, got.stdout, "accuracy 66.67% of 3 images")
	assert.Contains(t, got.stdout, "wrong: it is right")
	assert.Contains(t, got.stdout, "note     1 files in the folders are no images and were passed over")
	got = call(run, filepath.Join(dir, "right"), "-device", "cpu")
	assert.Contains(t, got.stdout, "accuracy 50.00% of 2 images", "the named folder counts, too")
}

func TestUnreadableFilesAreNamedAndTheOthersGoOn(t *testing.T) {
	dir := t.TempDir()
	run := halves(t, model.Shape{H: 8, W: 8, C: 1}, 3)
	good := write(t, filepath.Join(dir, "good.png"), pngOf(t, side(9, 9, false)))
	whole := pngOf(t, side(30, 30, false))
	var moving bytes.Buffer
	require.NoError(t, gif.Encode(&moving, side(9, 9, true), nil))
	faulty := map[string]string{
		write(t, filepath.Join(dir, "cut.png"), whole[:len(whole)/2]):            ": a PNG file that cannot be decoded (png: invalid format: not enough pixel data).",
		write(t, filepath.Join(dir, "empty.jpg"), nil):                           ": the file is empty.",
		write(t, filepath.Join(dir, "moving.gif"), moving.Bytes()):               ": it is a GIF file; JPEG and PNG are read.",
		write(t, filepath.Join(dir, "text.txt"), []byte("text")):                 ": it is no image of a known format; JPEG and PNG are read.",
		write(t, filepath.Join(dir, "short.idx"), idxImages(8, 8, []byte{1, 2})): " is cut off: it ends after 2 of the 64 bytes of images that its header announces; copy or download the file again.",
		filepath.Join(dir, "none.png"):                                           ": there is no such file or folder.",
	}
	args := []string{run, "-device", "cpu"}
	for path := range faulty {
		args = append(args, path)
	}
	got := call(append(args, good)...)
	assert.Equal(t, cli.ExitFailed, got.code)
	assert.Contains(t, got.stdout, "good.png")
	for path, text := range faulty {
		assert.Contains(t, got.stderr, "predict: "+path+text+"\n")
	}
	assert.Contains(t, got.stderr, "predict: 6 of 7 images could not be read.\n")
	assert.Equal(t, 7, strings.Count(got.stderr, "\n"))

	got = call(append(args, good, "-json")...)
	assert.Equal(t, cli.ExitFailed, got.code)
	faults := 0
	for line := range strings.Lines(got.stdout) {
		var v struct{ Image, Error string }
		require.NoError(t, json.Unmarshal([]byte(line), &v), line)
		if v.Error != "" {
			faults++
		}
	}
	assert.Equal(t, 6, faults)
}

func TestJSONHasWhatPeopleSeeAndTheLogits(t *testing.T) {
	dir := t.TempDir()
	run := halves(t, model.Shape{H: 8, W: 8, C: 1}, 3)
	images := write(t, filepath.Join(dir, "images"), idxImages(8, 8, greys(8, 8, true), greys(8, 8, false)))
	labels := write(t, filepath.Join(dir, "labels"), idxLabels(5, 5))
	got := call(run, images, labels, "-json", "-logits", "-device", "cpu", "-top", "2")
	require.Equal(t, 0, got.code, got.stderr)
	lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
	require.Len(t, lines, 3)
	var first imageObject
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &first))
	assert.Equal(t, images+"#0", first.Image)
	assert.Equal(t, int32(1), *first.Label)
	require.Len(t, first.Predictions, 2)
	assert.Equal(t, 1, first.Predictions[0].Class)
	assert.Equal(t, "5", first.Predictions[0].Name)
	require.Len(t, first.Logits, 3)
	scores := predict.Scores{float32(first.Logits[0].X), float32(first.Logits[1].X), float32(first.Logits[2].X)}
	assert.Equal(t, scores.Probabilities()[1], first.Predictions[0].Probability.X)
	var last struct{ Summary summaryObject }
	require.NoError(t, json.Unmarshal([]byte(lines[2]), &last))
	half := 0.5
	assert.Equal(t, summaryObject{Images: 2, Labelled: 2, Accuracy: &half, Top5: last.Summary.Top5,
		Classes: []string{"3", "5", "8"}, Confusion: [][]int{{0, 0, 0}, {1, 1, 0}, {0, 0, 0}}}, last.Summary)
}

func TestWeightsThatAreNoNumbersAreRefused(t *testing.T) {
	dir := halves(t, model.Shape{H: 2, W: 2, C: 1}, 2)
	c, err := checkpoint.Load(t.Context(), dir)
	require.NoError(t, err)
	c.Params[0] = float32(math.Inf(1))
	require.NoError(t, checkpoint.NewWriter(dir, nil).Weights(c))
	for _, weights := range []string{checkpoint.Best, checkpoint.Last} {
		_, err := checkpoint.LoadWeights(t.Context(), dir, weights)
		assert.ErrorContains(t, err, "its weights are NaN or infinite")
	}
}

func TestMistakesAreSentences(t *testing.T) {
	run := halves(t, model.Shape{H: 8, W: 8, C: 1}, 2)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, cli.ExitUsage, "what network? Name the folder of a run or a checkpoint, as in predict results/mnist/RUN image.png."},
		{[]string{run}, cli.ExitUsage, "no images: name files or folders behind " + run + ", or a part of its data set with -split test."},
		{[]string{run, "a.png", "-split", "test"}, cli.ExitUsage, "-split test and the images a.png: leave one of them out."},
		{[]string{run, "-split", "tests"}, cli.ExitUsage, "-split tests: expected train, valid or test."},
		{[]string{run, "a.png", "-show", "some"}, cli.ExitUsage, "-show some: expected all, wrong or none."},
		{[]string{run, "a.png", "-weights", "first"}, cli.ExitUsage, "-weights first: expected best or last."},
		{[]string{run, "a.png", "-logits"}, cli.ExitUsage, "-logits goes with -json."},
		{[]string{run, "a.png", "-data", "x"}, cli.ExitUsage, "-data goes with -split: it says where the data set is."},
		{[]string{run, t.TempDir()}, cli.ExitUsage, "hold no images: expected JPEG, PNG, idx or CIFAR files."},
		{[]string{t.TempDir(), "a.png"}, cli.ExitFailed, "holds no checkpoint"},
		{[]string{run, write(t, filepath.Join(t.TempDir(), "labels"), idxLabels(1))}, cli.ExitUsage, "holds 1 labels, and no file of images that was named with it has as many: name the one that they belong to, too."},
	} {
		got := call(append(c.args, "-device", "cpu")...)
		assert.Equal(t, c.code, got.code, c.args)
		assert.Contains(t, got.stderr, c.want)
		assert.Equal(t, 1, strings.Count(got.stderr, "\n"), got.stderr)
	}
}
