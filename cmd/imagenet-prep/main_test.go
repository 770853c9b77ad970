package imagenetprep

import (
	"archive/tar"
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/cmd/internal/cli"
	"mdfa/cmd/internal/runtest"
	"mdfa/internal/shards"
)

const programEnv = "PREP_TEST_PROGRAM" // from TestMain to the tests

// TestMain builds the program once: these tests run it as a user would.
func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (int, error) {
	dir, err := runtest.Programs("", "imagenet-prep")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	if err := os.Setenv(programEnv, filepath.Join(dir, "imagenet-prep")); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// finished is the output and exit code of a run of the program.
type finished struct {
	stdout, stderr string
	code           int
}

func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Getenv(programEnv), args...)
	cmd.Dir = t.TempDir()
	return cmd
}

func finish(t *testing.T, cmd *exec.Cmd) finished {
	t.Helper()
	stdout, stderr, code := runtest.Finish(t, cmd)
	return finished{stdout, stderr, code}
}

func prep(t *testing.T, args ...string) finished {
	t.Helper()
	return finish(t, command(t, args...))
}

var classes = []string{"n01440764", "n01443537", "n02119789"}

const (
	trainCount = 120 // of a class
	valCount   = 30
)

// photo is a small JPEG that differs by its seed.
func photo(t *testing.T, seed int) []byte {
	t.Helper()
	picture := image.NewYCbCr(image.Rect(0, 0, 80, 60), image.YCbCrSubsampleRatio420)
	for i := range picture.Y {
		picture.Y[i] = uint8(i*seed/7 + i/80*3)
	}
	for i := range picture.Cb {
		picture.Cb[i], picture.Cr[i] = uint8(100+seed%50), uint8(90+i%60)
	}
	var file bytes.Buffer
	require.NoError(t, jpeg.Encode(&file, picture, nil))
	return file.Bytes()
}

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

// download makes a folder with the files that people download.
func download(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var outer []tarFile
	for c, class := range classes {
		var inner []tarFile
		for i := range trainCount {
			inner = append(inner, tarFile{fmt.Sprintf("%s_%d.JPEG", class, i), photo(t, 1+c*1000+i)})
		}
		outer = append(outer, tarFile{class + ".tar", tarOf(t, inner)})
	}
	var val []tarFile
	truth := ""
	for i := range valCount {
		val = append(val, tarFile{fmt.Sprintf("ILSVRC2012_val_%08d.JPEG", i+1), photo(t, 5000+i)})
		truth += fmt.Sprintln(i%3 + 1)
	}
	for name, data := range map[string][]byte{
		"ILSVRC2012_img_train.tar":               tarOf(t, outer),
		"ILSVRC2012_img_val.tar":                 tarOf(t, val),
		"ILSVRC2012_validation_ground_truth.txt": []byte(truth),
		"ids.txt":                                []byte("n02119789\nn01443537\nn01440764\n"),
		"LOC_synset_mapping.txt":                 []byte("n01440764 tench, Tinca tinca\nn01443537 goldfish\n"),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o666))
	}
	return dir
}

// args prepare a download in small images and the smallest shards.
func args(from, out string, more ...string) []string {
	return append([]string{"-from", from, "-ids", filepath.Join(from, "ids.txt"), "-out", out, "-size", "96", "-shard", "1"}, more...)
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, entry := range entries {
		data, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		require.NoError(t, err)
		files[entry.Name()] = string(data)
	}
	return files
}

func TestADownloadIsPreparedAndDescribed(t *testing.T) {
	from, out := download(t), filepath.Join(t.TempDir(), "out")
	r := prep(t, args(from, out)...)
	require.Zero(t, r.code, r.stderr)
	assert.Equal(t, "prepared 360 training and 30 test images of 96x96 in 3 classes, 11 MB: "+out+"\n", r.stdout)
	before := contents(t, out)

	r = prep(t, args(from, out)...)
	require.Zero(t, r.code, r.stderr)
	assert.Equal(t, "nothing to do: there are already 360 training and 30 test images of 96x96 in 3 classes, 11 MB: "+out+"\n", r.stdout)
	assert.Equal(t, before, contents(t, out))

	r = prep(t, "-stats", "-verify", "-out", out)
	require.Zero(t, r.code, r.stderr)
	assert.Contains(t, r.stdout, "every checksum of "+out+" is right\n")
	assert.Contains(t, r.stdout, "train    360 images in 10 shards, 120 to 120 a class\n")
	assert.Contains(t, r.stdout, "0      n01440764  120    10    tench, Tinca tinca\n")
	assert.Contains(t, r.stdout, "2      n02119789  120    10")
}

func TestOneWorkerGivesTheSameBytes(t *testing.T) {
	from, dir := download(t), t.TempDir()
	for _, workers := range []string{"1", "5"} {
		r := prep(t, args(from, filepath.Join(dir, workers), "-workers", workers)...)
		require.Zero(t, r.code, r.stderr)
	}
	assert.Equal(t, contents(t, filepath.Join(dir, "1")), contents(t, filepath.Join(dir, "5")))
}

func TestKilledAtRandomMomentsItGoesOnToTheSameBytes(t *testing.T) {
	from, dir := download(t), t.TempDir()
	whole := filepath.Join(dir, "whole")
	start := time.Now()
	r := prep(t, args(from, whole)...)
	require.Zero(t, r.code, r.stderr)
	took := time.Since(start)
	want := contents(t, whole)

	broken := 0
	for round := range 10 {
		out := filepath.Join(dir, fmt.Sprint("killed", round))
		cmd := command(t, args(from, out)...)
		require.NoError(t, cmd.Start())
		time.Sleep(time.Duration(rand.Float64() * float64(took)))
		_ = cmd.Process.Kill() // fails when the program was faster
		if err := cmd.Wait(); err != nil {
			broken++
		}
		r := prep(t, args(from, out)...)
		require.Zero(t, r.code, r.stderr)
		require.Equal(t, want, contents(t, out), "round %d", round)
	}
	assert.Positive(t, broken, "no run was killed before its end")
}

func TestCtrlCLeavesWhatIsCompleteAndSaysHowToGoOn(t *testing.T) {
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		from, out := download(t), filepath.Join(t.TempDir(), "out")
		cmd := command(t, args(from, out, "-workers", "1")...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		require.NoError(t, cmd.Start())
		require.Eventually(t, func() bool {
			_, err := os.Stat(filepath.Join(out, "train-00000.idx"))
			return err == nil
		}, time.Minute, time.Millisecond)
		require.NoError(t, cmd.Process.Signal(sig))
		_ = cmd.Wait()
		require.Equal(t, cli.ExitInterrupted, cmd.ProcessState.ExitCode(), stderr.String())
		assert.Equal(t, "imagenet-prep: interrupted: give the same command again to go on; what is complete is kept in "+out+".\n", stderr.String())
		assert.NoFileExists(t, filepath.Join(out, "manifest.json"))
		r := prep(t, args(from, out)...)
		require.Zero(t, r.code, r.stderr)
		assert.Zero(t, prep(t, "-verify", "-out", out).code)
	}
}

func TestAFullDiskIsOneSentenceAndNoLoss(t *testing.T) {
	from, dir := download(t), t.TempDir()
	whole, out := filepath.Join(dir, "whole"), filepath.Join(dir, "out")
	require.Zero(t, prep(t, args(from, whole)...).code)

	// A limit on the size of files stands for a disk that is full.
	cmd := command(t, args(from, out)...)
	cmd.Args = append([]string{"sh", "-c", `ulimit -f 200; exec "$0" "$@"`, cmd.Path}, cmd.Args[1:]...)
	shell, err := exec.LookPath("sh")
	require.NoError(t, err)
	cmd.Path = shell
	r := finish(t, cmd)
	assert.Equal(t, cli.ExitFailed, r.code)
	assert.Equal(t, "imagenet-prep: "+out+" cannot be written (file too large): files may not grow that large here: raise the limit and start again, or name another folder; what is complete is kept.\n", r.stderr)
	r = prep(t, args(from, out)...)
	require.Zero(t, r.code, r.stderr)
	assert.Equal(t, contents(t, whole), contents(t, out))
}

func TestEveryMistakeIsOneSentence(t *testing.T) {
	from := download(t)
	train, val := filepath.Join(from, "ILSVRC2012_img_train.tar"), filepath.Join(from, "ILSVRC2012_img_val.tar")
	data, err := os.ReadFile(train)
	require.NoError(t, err)
	cutTar := filepath.Join(t.TempDir(), "cut.tar")
	require.NoError(t, os.WriteFile(cutTar, data[:len(data)/2], 0o666))
	empty := t.TempDir()
	for _, c := range []struct {
		name string
		args []string
		code int
		text string
	}{
		{"nothing asked for", nil, cli.ExitUsage, "nothing to do: name the images with -from or -train, or ask for -stats or -verify (imagenet-prep -h lists the flags)."},
		{"an unknown flag", []string{"-form", "x"}, cli.ExitUsage, "there is no flag -form; did you mean -from?"},
		{"a stray word", []string{"-stats", "folder"}, cli.ExitUsage, `unexpected argument "folder": imagenet-prep takes flags only, such as -from ~/Downloads/imagenet.`},
		{"an impossible size", []string{"-from", from, "-size", "0", "-out", "OUT"}, cli.ExitUsage, "-size 0: expected 1 to 4096 pixels."},
		{"too many shards", []string{"-from", from, "-shard", "0", "-out", "OUT"}, cli.ExitUsage, "-shard 0: expected 1 to 65536 MB."},
		{"no workers", []string{"-from", from, "-workers", "0", "-out", "OUT"}, cli.ExitUsage, "-workers 0: expected 1 to 4096."},
		{"two ways to name the images", []string{"-from", from, "-train", train, "-out", "OUT"}, cli.ExitUsage, "-from looks for the images by itself: leave it out, or -train and -val."},
		{"only validation images", []string{"-val", val}, cli.ExitUsage, "-val needs -train: the classes are those of the training images."},
		{"a size for what is prepared", []string{"-stats", "-size", "64"}, cli.ExitUsage, "-size needs -from or -train: it says how to prepare images."},
		{"no truth", []string{"-train", train, "-val", val, "-out", "OUT"}, cli.ExitUsage, val + " needs -truth FILE, which says the classes of its images."},
		{"a wrong folder", []string{"-from", empty, "-out", "OUT"}, cli.ExitFailed, empty + " has neither ILSVRC2012_img_train.tar nor a folder training or train: name the folder that has, or the images themselves with -train."},
		{"no folder", []string{"-from", filepath.Join(empty, "x"), "-out", "OUT"}, cli.ExitFailed, "-from " + filepath.Join(empty, "x") + ": there is no such folder."},
		{"a cut archive", []string{"-train", cutTar, "-out", "OUT"}, cli.ExitFailed, cutTar + " is cut off (there is no end mark after its last file): copy or download it again."},
		{"a file where the folder should be", []string{"-from", from, "-ids", filepath.Join(from, "ids.txt"), "-out", cutTar}, cli.ExitFailed,
			cutTar + " is a file; name a folder for the prepared images."},
		{"nothing prepared", []string{"-stats", "-out", empty}, cli.ExitFailed, empty + " holds no prepared images (there is no manifest.json)."},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := slices.Clone(c.args)
			if at := slices.Index(args, "OUT"); at >= 0 {
				args[at] = filepath.Join(t.TempDir(), "out")
			}
			r := prep(t, args...)
			assert.Equal(t, c.code, r.code)
			assert.Equal(t, "imagenet-prep: "+c.text+"\n", r.stderr)
		})
	}
}

func TestAFlippedByteIsFound(t *testing.T) {
	from, out := download(t), filepath.Join(t.TempDir(), "out")
	require.Zero(t, prep(t, args(from, out)...).code)
	path := filepath.Join(out, "train-00002.bin")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	data[len(data)/2] ^= 1
	require.NoError(t, os.WriteFile(path, data, 0o666))
	r := prep(t, "-verify", "-out", out)
	assert.Equal(t, cli.ExitFailed, r.code)
	assert.Contains(t, r.stderr, "imagenet-prep: "+path+" is damaged: image 18 (n01440764/n01440764_")
	assert.Equal(t, 1, strings.Count(r.stderr, "\n"))
}

func TestImagesThatCannotBeReadAreCounted(t *testing.T) {
	from, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	for i, class := range classes {
		dir := filepath.Join(from, "training", class)
		require.NoError(t, os.MkdirAll(dir, 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "1.JPEG"), photo(t, 1+i), 0o666))
	}
	require.NoError(t, os.WriteFile(filepath.Join(from, "training", classes[1], "2.JPEG"), []byte("no image"), 0o666))
	r := prep(t, "-from", from, "-out", out, "-size", "16")
	require.Zero(t, r.code, r.stderr)
	assert.Equal(t, "prepared 3 training and 0 test images of 16x16 in 3 classes, 2.3 kB: "+out+"\n"+
		"left out 1 of 4 files, which cannot be read, such as n01443537/2.JPEG (it is no image of a known format; JPEG and PNG are read); "+out+"/manifest.json lists them\n"+
		"there are no test images: training will hold every fifth training image back for the test\n", r.stdout)
	r = prep(t, "-from", from, "-out", out+"2", "-size", "16", "-strict")
	assert.Equal(t, cli.ExitFailed, r.code)
	assert.Contains(t, r.stderr, "imagenet-prep: n01443537/2.JPEG cannot be read (")
}

// Kaggle's archive has the validation images in one folder, and their classes at its root.
func TestKagglesArchiveIsPrepared(t *testing.T) {
	root := t.TempDir()
	below := filepath.Join(root, "ILSVRC", "Data", "CLS-LOC")
	write := func(dir, name string, data []byte) {
		require.NoError(t, os.MkdirAll(dir, 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o666))
	}
	var want []int32
	table := "ImageId,PredictionString\n"
	for i, class := range classes {
		write(filepath.Join(below, "train", class), "1.JPEG", photo(t, 1+i))
	}
	for i := range 20 {
		name, label := fmt.Sprintf("ILSVRC2012_val_%08d", i+1), i*i%len(classes)
		write(filepath.Join(below, "val"), name+".JPEG", photo(t, 10+i))
		write(filepath.Join(below, "test"), "ILSVRC2012_test_00000001.JPEG", photo(t, 3))
		want = append(want, int32(label))
		table = strings.Replace(table, "\n", fmt.Sprintf("\n%s,%s 85 1 499 272 \n", name, classes[label]), 1)
	}
	write(root, "LOC_val_solution.csv", []byte(table))
	write(root, "LOC_synset_mapping.txt", []byte(classes[0]+" tench, Tinca tinca\n"))
	for _, from := range []string{root, below} {
		out := filepath.Join(t.TempDir(), "out")
		r := prep(t, "-from", from, "-out", out, "-size", "16", "-stats")
		require.Zero(t, r.code, r.stderr)
		assert.Contains(t, r.stdout, "prepared 3 training and 20 test images of 16x16 in 3 classes")
		assert.Contains(t, r.stdout, "tench, Tinca tinca")
		set, err := shards.Open(t.Context(), out)
		require.NoError(t, err)
		assert.Equal(t, want, set.Test.Labels()) // images are in the order of their names
		set.Close()
	}
	require.NoError(t, os.Remove(filepath.Join(root, "LOC_val_solution.csv")))
	r := prep(t, "-from", root, "-out", filepath.Join(t.TempDir(), "out"))
	assert.Equal(t, cli.ExitUsage, r.code)
	assert.Equal(t, "imagenet-prep: "+filepath.Join(below, "val")+" needs -truth FILE, which says the classes of its images.\n", r.stderr)
}

func TestATerminalGetsALiveLine(t *testing.T) {
	cmd := command(t, args(download(t), filepath.Join(t.TempDir(), "out"), "-workers", "1")...)
	cmd.Env = append(os.Environ(), "TERM=xterm")
	terminal, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: 120})
	require.NoError(t, err)
	text, _ := io.ReadAll(terminal) // a terminal ends with an error of its own
	require.NoError(t, cmd.Wait(), string(text))
	assert.Contains(t, string(text), "train ")
	assert.Contains(t, string(text), " images")
	assert.Contains(t, string(text), "prepared 360 training and 30 test images")
}

func TestNamesOfOthersReachNoTerminal(t *testing.T) {
	from := t.TempDir()
	for i, class := range classes[:2] {
		dir := filepath.Join(from, "train", class)
		require.NoError(t, os.MkdirAll(dir, 0o777))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "1.JPEG"), photo(t, 1+i), 0o666))
	}
	require.NoError(t, os.WriteFile(filepath.Join(from, "train", classes[0], "\x1b[2J\nall is well.JPEG"), []byte("no image"), 0o666))
	out := filepath.Join(t.TempDir(), "out")
	for _, args := range [][]string{{"-from", from, "-out", out, "-size", "16"}, {"-stats", "-out", out}, {"-from", from, "-out", out + "2", "-size", "16", "-strict"}} {
		r := prep(t, args...)
		text := r.stdout + r.stderr
		assert.NotContains(t, text, "\x1b", args)
		assert.NotContains(t, text, "\nall is well", args)
		assert.Contains(t, text, `\x1b[2J\nall is well.JPEG`, args)
	}
}
