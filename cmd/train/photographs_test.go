package train

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/run/folder"
)

// onBothCaches runs the program with the images on the device and streamed to it, wants
// the same epochs of both, and returns the first run.
func onBothCaches(t *testing.T, env []string, args ...string) finished {
	t.Helper()
	var runs []finished
	var epochs []string
	for _, cache := range []string{"on", "off"} {
		cmd := command(t, append([]string{"-device", "cpu", "-cache", cache}, args...)...)
		cmd.Env = append(os.Environ(), env...)
		got := finish(t, cmd)
		require.Equal(t, 0, got.code, got.stderr)
		assert.Empty(t, got.stderr)
		runs = append(runs, got)
		epochs = append(epochs, stable(t, filepath.Join(got.runFolder(t), "epochs.csv"), "images_per_second"))
	}
	assert.Contains(t, runs[0].stdout, "\ncache    images stay on the device\n")
	assert.Contains(t, runs[1].stdout, "\ncache    images are streamed to the device, as -cache off asks\n")
	assert.Equal(t, epochs[0], epochs[1])
	return runs[0]
}

// requireResult is the only row of a run's result.csv.
func requireResult(t *testing.T, got finished) map[string]string {
	t.Helper()
	_, rows := table(t, filepath.Join(got.runFolder(t), "result.csv"))
	require.Len(t, rows, 1)
	return rows[0]
}

func parseShare(t *testing.T, text string) float64 {
	t.Helper()
	x, err := strconv.ParseFloat(text, 64)
	require.NoError(t, err)
	return x
}

func TestTrainsOnImageNetFromItsTars(t *testing.T) {
	prepared := preparedFolder(t, imageNetTars(t))
	root := t.TempDir()
	require.NoError(t, os.Symlink(prepared, filepath.Join(root, "imagenet")))
	for _, c := range []struct {
		classes int
		model   string
		network string // its flags
	}{
		{2, "mdfa", "-layers 16"}, {9, "dfa", "-layers 16"}, {20, "bp", ""},
		{2, "bp", "-convnet"}, {9, "fa", "-convnet -filters 8:5:2,8:3:2"}, {20, "mdfa", "-convnet -filters 8:5:2,8:3:2"},
	} {
		t.Run(fmt.Sprintf("%s of %d classes %s", c.model, c.classes, c.network), func(t *testing.T) {
			t.Parallel()
			args := fmt.Sprintf("-dataset imagenet -size %d -classes %d -model %s %s -batch_size 4 -max_epochs 2 -lr 0.001",
				preparedPixels, c.classes, c.model, c.network)
			got := onBothCaches(t, []string{"MDFA_DATA=" + root}, strings.Fields(args)...)

			train := c.classes * trainOfSynset
			valid := int(0.15 * float64(train))
			assert.Contains(t, got.stdout, fmt.Sprintf("\ndata     %d train · %d validation · %d test images\n",
				train-valid, valid, c.classes*valOfSynset))
			assert.Contains(t, got.stdout, "\nsource   "+filepath.Join(root, "imagenet")+"\n")
			assert.Contains(t, got.stdout, "\nnetwork  32x32x3 -> ")
			kind := "dense"
			if strings.Contains(c.network, "-convnet") {
				kind = "convnet"
			}
			assert.Regexp(t, fmt.Sprintf(`results/imagenet/%s-%s-c%d-s0-\d{8}T\d{6}$`, c.model, kind, c.classes), got.runFolder(t))

			row := requireResult(t, got)
			assert.Equal(t, []string{"imagenet", strconv.Itoa(c.classes), "32x32x3", "complete", "2"},
				[]string{row["dataset"], row["classes"], row["image_size"], row["status"], row["epochs"]})
			_, epochs := table(t, filepath.Join(got.runFolder(t), "epochs.csv"))
			if c.classes < folder.TopFive {
				assert.NotContains(t, got.stdout, "top-5")
				assert.Empty(t, row["test_top5"]+epochs[0]["valid_top5"])
				return
			}
			assert.Regexp(t, `(?m)^test     \d+\.\d\d%, top-5 \d+\.\d\d%$`, got.stdout)
			assert.GreaterOrEqual(t, parseShare(t, row["test_top5"]), parseShare(t, row["test_accuracy"]))
			assert.NotEmpty(t, epochs[0]["valid_top5"])
		})
	}
}

// The photographs differ by colour alone, so a network that is given them under their
// own labels learns them soon.
func TestLearnsPreparedPhotographs(t *testing.T) {
	const learnt = 0.8 // of 22 colours, some of them close
	got := runTrain(t, "-dataset", "imagenet", "-data", preparedFolder(t, imageNetTars(t)), "-model", "dfa",
		"-layers", "64", "-batch_size", "8", "-max_epochs", "60", "-lr", "0.0003", "-device", "cpu", "-quiet")
	require.Equal(t, 0, got.code, got.stderr)
	assert.GreaterOrEqual(t, parseShare(t, requireResult(t, got)["test_accuracy"]), learnt)
}

func TestTrainsOnAFolderOfPhotographs(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	photoFolders(t, dir, 6, true)
	env := []string{"XDG_CACHE_HOME=" + cache}
	args := []string{"-dataset", "folder", "-data", dir, "-size", "32", "-layers", "16", "-batch_size", "8", "-max_epochs", "2"}

	got := onBothCaches(t, env, args...)
	assert.Contains(t, got.stdout, "preparing images of 32x32: 60 files in ")
	assert.Contains(t, got.stdout, "\ndata     41 train · 7 validation · 12 test images\n")
	assert.Contains(t, got.stdout, "\nnetwork  32x32x3 -> dense 16 -> dense 6 ")
	assert.Regexp(t, `results/folder/bp-dense-c6-s0-\d{8}T\d{6}$`, got.runFolder(t))

	cmd := command(t, append(args, "-classes", "3")...)
	cmd.Env = append(os.Environ(), env...)
	again := finish(t, cmd)
	require.Equal(t, 0, again.code, again.stderr)
	assert.NotContains(t, again.stdout, "preparing", "once is enough")
	assert.Regexp(t, `^bp · fully connected network on folder, classes kind 0\d, kind 0\d and kind 0\d \(seed 0\)\n`, again.stdout)
}

func TestWithoutTestPhotographsSomeAreHeldBack(t *testing.T) {
	dir := t.TempDir()
	photoFolders(t, dir, 5, false)
	cmd := command(t, "-dataset", "folder", "-data", dir, "-size", "8", "-layers", "8", "-batch_size", "4", "-max_epochs", "1")
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+t.TempDir())
	got := finish(t, cmd)
	require.Equal(t, 0, got.code, got.stderr)
	assert.Contains(t, got.stdout, "\ndata     28 train · 4 validation · 8 test images\n")
	assert.Contains(t, got.stdout, "(no test images there: every 5th training image is held back for the test)")
}

// The paper has networks for 32 and 224 pixels; photographs come in any size.
func TestPhotographsOfAnySizeHaveADefaultNetwork(t *testing.T) {
	dir, cache := t.TempDir(), t.TempDir()
	photoFolders(t, dir, 2, true)
	const smallLayers, largeLayers = "conv 96 5/2 -> conv 96 3/2 -> conv 96 3/1", "conv 96 9/4 -> conv 96 3/2 -> conv 128 5/1 -> "
	for _, c := range []struct{ args, network, note string }{
		{"-max_steps 1", "64x64x3 -> dense 1024 -> dense 1024 -> dense 1 ", "64x64x3: these are its layers for 32x32x3 (-layers names others)"},
		{"-max_steps 1 -convnet", "64x64x3 -> " + smallLayers, "64x64x3: these are its layers for 32x32x3 (-filters names others)"},
		{"-max_steps 1 -convnet -size 192", "192x192x3 -> " + smallLayers, "192x192x3: these are its layers for 32x32x3 (-filters names others)"},
		{"-max_steps 1 -convnet -size 193", "193x193x3 -> " + largeLayers, "193x193x3: these are its layers for 224x224x3 (-filters names others)"},
		{"-max_steps 1 -size 32", "32x32x3 -> dense 1024 -> dense 1024 -> dense 1 ", ""},
		{"-max_steps 1 -layers 8", "64x64x3 -> dense 8 -> dense 1 ", ""},
	} {
		cmd := command(t, append(strings.Fields(c.args), "-dataset", "folder", "-data", dir, "-batch_size", "4", "-device", "cpu")...)
		cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+cache)
		got := finish(t, cmd)
		require.Equal(t, 0, got.code, got.stderr)
		assert.Contains(t, got.stdout, "\nnetwork  "+c.network)
		if c.note == "" {
			assert.NotContains(t, got.stdout, "\nnote ")
		} else {
			assert.Contains(t, got.stdout, "\nnote     the paper has no network for images of "+c.note+"\n")
		}
	}
}

func TestPhotographsTooSmallForTheConvolutionsSaySo(t *testing.T) {
	dir := t.TempDir()
	photoFolders(t, dir, 2, true)
	cmd := command(t, "-dataset", "folder", "-data", dir, "-size", "16", "-convnet", "-batch_size", "4", "-quiet")
	cmd.Env = append(os.Environ(), "XDG_CACHE_HOME="+t.TempDir())
	got := finish(t, cmd)
	assert.Equal(t, exitUsage, got.code)
	assertSentence(t, got, "-filters: layer 2 (conv 96 3/1) does not fit: its kernel is 3x3 and what reaches it only 2x2")
}
