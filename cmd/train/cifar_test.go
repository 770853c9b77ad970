package train

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// cifarRecords are n images in CIFAR's binary format, with as many labels before each as
// classes are given. The last label decides the colour.
func cifarRecords(n int, classes ...int) []byte {
	const plane = 32 * 32
	rng := rand.New(rand.NewPCG(7, uint64(n)))
	var file []byte
	for row := range n {
		label := 0
		for _, of := range classes {
			label = row % of
			file = append(file, byte(label))
		}
		for _, level := range []int{label % 3, label / 3 % 3, label / 9 % 3} {
			for range plane {
				file = append(file, byte(100*level+rng.IntN(50)))
			}
		}
	}
	return file
}

func classNames(prefix string, n int) []byte {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%s%d\n", prefix, i)
	}
	return []byte(b.String())
}

func cifar10Files() map[string][]byte {
	files := map[string][]byte{"test_batch.bin": cifarRecords(50, 10), "batches.meta.txt": classNames("thing", 10)}
	for i := range 5 {
		files[fmt.Sprintf("data_batch_%d.bin", i+1)] = cifarRecords(60, 10)
	}
	return files
}

func cifar100Files() map[string][]byte {
	return map[string][]byte{
		"train.bin": cifarRecords(1200, 20, 100), "test.bin": cifarRecords(200, 20, 100),
		"coarse_label_names.txt": classNames("group", 20), "fine_label_names.txt": classNames("thing", 100),
	}
}

// cifarArchive packs files as the publisher does.
func cifarArchive(t *testing.T, folder string, files map[string][]byte) []byte {
	t.Helper()
	var members []tarFile
	for name, data := range files {
		members = append(members, tarFile{folder + "/" + name, data})
	}
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestSpeed)
	require.NoError(t, err)
	_, err = w.Write(tarOf(t, members))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

func TestTrainsOnCIFARFromItsArchivesAndFiles(t *testing.T) {
	root, loose := t.TempDir(), t.TempDir()
	archive := cifarArchive(t, "cifar-10-batches-bin", cifar10Files())
	writeFiles(t, filepath.Join(root, "cifar10"), map[string][]byte{"cifar-10-binary.tar.gz": archive})
	writeFiles(t, filepath.Join(root, "cifar100", "cifar-100-binary"), cifar100Files())
	writeFiles(t, loose, map[string][]byte{"my cifar.tar.gz": archive})
	writeFiles(t, filepath.Join(loose, "files"), cifar10Files())

	for _, c := range []struct {
		args           []string
		data, headline string // "$" stands for MDFA_DATA
		folder         string
		sizes          string
		coarse         string
	}{
		{[]string{"-dataset", "cifar10", "-classes", "5", "-model", "mdfa"}, "$/cifar10/cifar-10-binary.tar.gz",
			"mdfa · fully connected network on cifar10, classes thing2, thing8, thing4, thing9 and thing1 (seed 0)",
			"cifar10/mdfa-dense-c5-s0", "128 train · 22 validation · 25 test", "false"},
		{[]string{"-dataset", "cifar10", "-model", "dfa", "-seed", "3", "-data", filepath.Join(loose, "my cifar.tar.gz")}, filepath.Join(loose, "my cifar.tar.gz"),
			"dfa · fully connected network on cifar10, 10 classes (seed 3)",
			"cifar10/dfa-dense-c10-s3", "255 train · 45 validation · 50 test", "false"},
		{[]string{"-dataset", "cifar10", "-model", "fa", "-convnet", "-data", filepath.Join(loose, "files")}, filepath.Join(loose, "files"),
			"fa · convnet on cifar10, 10 classes (seed 0)",
			"cifar10/fa-convnet-c10-s0", "255 train · 45 validation · 50 test", "false"},
		{[]string{"-dataset", "cifar100", "-classes", "2", "-model", "bp", "-convnet", "-batch_size", "4"}, "$/cifar100/cifar-100-binary",
			"bp · convnet on cifar100, classes thing26 and thing86 (seed 0)",
			"cifar100/bp-convnet-c2-s0", "21 train · 3 validation · 4 test", "false"},
		{[]string{"-dataset", "cifar100", "-coarse", "-model", "dfa"}, "$/cifar100/cifar-100-binary",
			"dfa · fully connected network on cifar100, 20 classes (seed 0)",
			"cifar100/dfa-dense-coarse-c20-s0", "1,020 train · 180 validation · 200 test", "true"},
		{[]string{"-dataset", "cifar100", "-coarse", "-classes", "3"}, "$/cifar100/cifar-100-binary",
			"bp · fully connected network on cifar100, classes group18, group1 and group19 (seed 0)",
			"cifar100/bp-dense-coarse-c3-s0", "153 train · 27 validation · 30 test", "true"},
	} {
		t.Run(c.folder, func(t *testing.T) {
			t.Parallel()
			cmd := command(t, append([]string{"-max_steps", "3", "-device", "cpu"}, c.args...)...)
			cmd.Env = append(os.Environ(), "MDFA_DATA="+root)
			got := finish(t, cmd)
			require.Equal(t, 0, got.code, got.stderr)
			assert.Equal(t, c.headline, strings.SplitN(got.stdout, "\n", 2)[0])
			assert.Contains(t, got.stdout, "\ndata     "+c.sizes+" images\n")
			source := strings.Replace(c.data, "$", root, 1)
			assert.Contains(t, got.stdout, "\nsource   "+source+"\n")
			assert.Contains(t, got.stdout, "\nnetwork  32x32x3 -> ")
			assert.NotContains(t, got.stdout, "\nnote ")
			assert.Regexp(t, `results/`+c.folder+`-\d{8}T\d{6}$`, got.runFolder(t))
			row := requireResult(t, got)
			assert.Equal(t, source, row["data"])
			assert.Equal(t, c.coarse, row["coarse"])
			assert.Equal(t, "32x32x3", row["image_size"])
		})
	}
}

// Colours become pixels in the right order only where the planes of the files are undone,
// and labels stay with their images: then the classes are learnt, streamed or not.
func TestLearnsCIFARsClasses(t *testing.T) {
	const learnt = 0.8 // of ten colours, some of them close
	dir := t.TempDir()
	writeFiles(t, dir, cifar10Files())
	got := onBothCaches(t, nil, "-dataset", "cifar10", "-data", dir, "-model", "mdfa",
		"-layers", "64", "-batch_size", "8", "-max_epochs", "25", "-lr", "0.0003")
	assert.GreaterOrEqual(t, parseShare(t, requireResult(t, got)["test_accuracy"]), learnt)
}
