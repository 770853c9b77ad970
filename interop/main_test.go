//go:build interop

package interop

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo/predict"
	"mdfa/gpu/cpu"
	"mdfa/internal/safetensors"
	"mdfa/loaders"
	"mdfa/model"
)

// Environment variables and paths of the tests.
const (
	pythonEnv = "MDFA_INTEROP_PYTHON" // a Python with wheels/interop.txt; or .cache/interop's
	binEnv    = "MDFA_INTEROP_BIN"    // from TestMain to the tests: the programs
)

// tolerance is the allowed difference of other programs' logits: 1e-5, as a share of logits
// beyond one. Sums of float32 in another order differ by about 1e-6.
const tolerance = 1e-5

// TestMain builds the programs that are tested.
func TestMain(m *testing.M) {
	code, err := buildAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func buildAndRun(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "interop")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	text, err := exec.Command("go", "build", "-o", filepath.Join(dir, "mdfa"), "../cmd/mdfa").CombinedOutput()
	if err != nil {
		return 1, fmt.Errorf("building mdfa: %w\n%s", err, text)
	}
	if err := os.Setenv(binEnv, dir); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// program runs one of our programs in a folder and returns its output.
func program(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	return output(t, dir, filepath.Join(os.Getenv(binEnv), "mdfa"), append([]string{name}, args...)...)
}

// interpreter is the path of Python.
func interpreter() string {
	if named := os.Getenv(pythonEnv); named != "" {
		return named
	}
	return filepath.Join("..", ".cache", "interop", "bin", "python")
}

// python runs a script of this folder and returns its output.
func python(t *testing.T, script string, args ...string) string {
	t.Helper()
	require.FileExists(t, interpreter(), "`make test-interop` installs it")
	return output(t, ".", interpreter(), append([]string{script}, args...)...)
}

func output(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(t, cmd.Run(), "%s %v\n%s%s", name, args, stdout.String(), stderr.String())
	return stdout.String()
}

// trainRun trains on MNIST on the cpu and returns the run's folder.
func trainRun(t *testing.T, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	program(t, dir, "train", append([]string{"-dataset", "mnist", "-device", "cpu", "-lr", "0.001"}, args...)...)
	folders, err := filepath.Glob(filepath.Join(dir, "results", "mnist", "*"))
	require.NoError(t, err)
	require.Len(t, folders, 1)
	return folders[0]
}

// mnist is the real data set.
var mnist = sync.OnceValues(func() (*loaders.Dataset, error) {
	return loaders.Load(context.Background(), "mnist", loaders.Options{})
})

// first returns the first n images of a split, 28x28x1 bytes each, with their labels as the files have them.
func first(data *loaders.Dataset, s *loaders.Split, n int) loaders.Split {
	cut := loaders.Split{Images: s.Images[:n*28*28], Labels: slices.Clone(s.Labels[:n])}
	for i, class := range cut.Labels {
		cut.Labels[i] = int32(data.ClassOrder[class])
	}
	return cut
}

// digits are the first test images of MNIST.
var digits = sync.OnceValues(func() (loaders.Split, error) {
	data, err := mnist()
	if err != nil {
		return loaders.Split{}, err
	}
	return first(data, &data.Test, 200), nil
})

// littleMNIST writes a part of MNIST into a folder, for runs whose accuracy does not matter.
func littleMNIST(t *testing.T) (dir string) {
	t.Helper()
	data, err := mnist()
	require.NoError(t, err)
	dir = t.TempDir()
	for prefix, s := range map[string]loaders.Split{"train": first(data, &data.Train, 2000), "t10k": first(data, &data.Test, 200)} {
		images := []byte{0, 0, 8, 3}
		for _, size := range []int{s.Len(), 28, 28} {
			images = binary.BigEndian.AppendUint32(images, uint32(size))
		}
		labels := binary.BigEndian.AppendUint32([]byte{0, 0, 8, 1}, uint32(s.Len()))
		for _, label := range s.Labels {
			labels = append(labels, byte(label))
		}
		require.NoError(t, os.WriteFile(filepath.Join(dir, prefix+"-images-idx3-ubyte"), append(images, s.Images...), 0o666))
		require.NoError(t, os.WriteFile(filepath.Join(dir, prefix+"-labels-idx1-ubyte"), labels, 0o666))
	}
	return dir
}

// digitLabels are the labels of the digits, as the files have them.
func digitLabels(t *testing.T) []int32 {
	t.Helper()
	split, err := digits()
	require.NoError(t, err)
	return split.Labels
}

// someDigits writes the digits to a file.
func someDigits(t *testing.T) (path string, pixels []byte) {
	t.Helper()
	split, err := digits()
	require.NoError(t, err)
	pixels = split.Images
	path = filepath.Join(t.TempDir(), "pixels")
	require.NoError(t, os.WriteFile(path, pixels, 0o666))
	return path, pixels
}

// weights are those of a file that export wrote, and the network that its metadata describe.
func weights(t *testing.T, path string) (net *model.Network, params []float32) {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	info, err := file.Stat()
	require.NoError(t, err)
	tensors, metadata, err := safetensors.Read(file, info.Size())
	require.NoError(t, err)
	var spec model.Spec
	decodeJSON(t, metadata["network"], &spec)
	net, err = spec.Network()
	require.NoError(t, err)
	blocks := make([]model.Tensor, len(tensors))
	for i, tensor := range tensors {
		blocks[i] = model.Tensor(tensor)
	}
	params, err = net.Join(blocks)
	require.NoError(t, err)
	return net, params
}

// ourLogits are the network's on the cpu.
func ourLogits(t *testing.T, net *model.Network, params []float32, pixels []byte) []float32 {
	t.Helper()
	dev := cpu.Open()
	defer func() { assert.NoError(t, dev.Close()) }()
	p, err := predict.New(dev, net, params, 64)
	require.NoError(t, err)
	logits, err := p.Logits(pixels)
	require.NoError(t, err)
	return logits
}

// readFloats is a file of float32.
func readFloats(t *testing.T, path string) []float32 {
	t.Helper()
	file, err := os.ReadFile(path)
	require.NoError(t, err)
	values := make([]float32, len(file)/4)
	_, err = binary.Decode(file, binary.LittleEndian, values)
	require.NoError(t, err)
	return values
}

// assertClose compares with the tolerance, and names the largest difference.
func assertClose(t *testing.T, want, got []float32) {
	t.Helper()
	require.Len(t, got, len(want))
	largest, at := 0.0, 0
	for i := range want {
		difference := math.Abs(float64(want[i])-float64(got[i])) / max(1, math.Abs(float64(want[i])))
		if !(difference <= largest) {
			largest, at = difference, i
		}
	}
	assert.LessOrEqual(t, largest, tolerance, "element %d is %g, and %g was expected", at, got[at], want[at])
}

func decodeJSON(t *testing.T, text string, into any) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(text), into), text)
}
