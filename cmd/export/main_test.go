package export

import (
	"bytes"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo/training"
	"mdfa/cmd/internal/cli"
	"mdfa/gpu"
	"mdfa/internal/safetensors"
	"mdfa/model"
	"mdfa/run/checkpoint"
)

// runEnv tells this test binary to be the program.
const runEnv = "EXPORT_TEST_RUN"

func TestMain(m *testing.M) {
	if os.Getenv(runEnv) != "" {
		Command.Main(cli.Call{Program: []string{"export"}, Args: os.Args[1:]})
	}
	os.Exit(m.Run())
}

// program runs export in a folder.
func program(t *testing.T, dir string, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), runEnv+"=1")
	var out, err bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &err
	_ = cmd.Run() // the exit code says it
	return out.String(), err.String(), cmd.ProcessState.ExitCode()
}

// aRun writes a folder "run" with the checkpoints of a run of two epochs, the first of
// which was best: its weights are 1, the last ones 2.
func aRun(t *testing.T) (dir string, net *model.Network) {
	t.Helper()
	dir = t.TempDir()
	net, err := model.NewDense(model.Shape{H: 2, W: 3, C: 1}, []int{4}, 3, gpu.PL)
	require.NoError(t, err)
	c := &checkpoint.Checkpoint{
		Facts: checkpoint.Facts{
			Settings: checkpoint.Settings{
				Program: "abc", Rule: "mdfa", Network: net.Spec(), Seed: 7,
				Data: checkpoint.Data{Name: "pets", Shape: [3]int{2, 3, 1}, Classes: 3, ClassOrder: []int{9, 5, 6}, ClassNames: []string{"cat", `"dog"`, "häse"}},
			},
			Progress: training.Progress{BestEpoch: 1, Epochs: []training.Epoch{{Number: 1, Best: true}, {Number: 2}}},
		},
		Network: net, Params: filled(net, 2), Best: filled(net, 1),
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "run"), 0o777))
	require.NoError(t, checkpoint.NewWriter(filepath.Join(dir, "run"), nil).State(c))
	c.Params = c.Best
	require.NoError(t, checkpoint.NewWriter(filepath.Join(dir, "run"), nil).Weights(c))
	return dir, net
}

// filled is an arena whose blocks hold a value.
func filled(net *model.Network, value float32) []float32 {
	arena := make([]float32, net.Params)
	for _, tensor := range net.Split(arena) {
		for i := range tensor.Data {
			tensor.Data[i] = value
		}
	}
	return arena
}

func readTensors(t *testing.T, path string) ([]safetensors.Tensor, map[string]string) {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	info, err := file.Stat()
	require.NoError(t, err)
	tensors, metadata, err := safetensors.Read(file, info.Size())
	require.NoError(t, err)
	return tensors, metadata
}

func TestExportsONNX(t *testing.T) {
	dir, _ := aRun(t)
	stdout, stderr, code := program(t, dir, "run")
	require.Equal(t, 0, code, stderr)
	assert.Equal(t, strings.Join([]string{
		"network  2x3x1 -> dense 4 -> dense 3, 43 weights",
		"from     run/checkpoints/best.safetensors, weights after epoch 1, the best",
		"input    images [N, 2, 3, 1], float32, pixels / 255",
		"output   logits [N, 3], probabilities [N, 3]",
		`classes  "\"dog\"", häse, cat, in this order`,
		"written  net.onnx\n",
	}, "\n"), filepath.ToSlash(stdout))
	file, err := os.ReadFile(filepath.Join(dir, "net.onnx"))
	require.NoError(t, err)
	for _, text := range []string{`["\"dog\"","häse","cat"]`, "pets", "mdfa", "layers.0.weight"} {
		assert.Contains(t, string(file), text)
	}
	info, err := os.Stat(filepath.Join(dir, "net.onnx"))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode().Perm()&0o600)
}

func TestExportsTheWeightsThatWereAskedFor(t *testing.T) {
	dir, net := aRun(t)
	for _, c := range []struct {
		args    []string
		value   float32
		weights string
	}{
		{[]string{"run"}, 1, "best of 1"},
		{[]string{"run", "-weights", "last"}, 2, "last of 2"},
		{[]string{"run/checkpoints"}, 1, "best of 1"},
		{[]string{"run/checkpoints/best.safetensors"}, 1, "best of 1"},
		{[]string{"run/checkpoints/last.safetensors"}, 1, "best of 1"},
		{[]string{"-weights", "last", "run/checkpoints/last.safetensors"}, 2, "last of 2"},
	} {
		_, stderr, code := program(t, dir, append(c.args, "-o", "w.safetensors", "-force")...)
		require.Equal(t, 0, code, stderr)
		tensors, metadata := readTensors(t, filepath.Join(dir, "w.safetensors"))
		arena := make([]model.Tensor, len(tensors))
		for i, tensor := range tensors {
			arena[i] = model.Tensor(tensor)
		}
		got, err := net.Join(arena)
		require.NoError(t, err)
		assert.Equal(t, filled(net, c.value), got, c.args)
		assert.Equal(t, c.weights, metadata["weights"]+" of "+metadata["epoch"], c.args)
		assert.Equal(t, `["\"dog\"","häse","cat"]`, metadata["class_names"])
	}
}

func TestOneSentenceForEachMistake(t *testing.T) {
	dir, _ := aRun(t)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "taken.onnx"), []byte("mine"), 0o666))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "empty"), 0o777))
	const best = "run/checkpoints/best.safetensors"
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "nothing to export: name the folder of a run or a checkpoint, as in export results/mnist/… (export -h has more)."},
		{[]string{"run", "other"}, 2, "2 arguments, run and other among them: export takes one run or checkpoint at a time."},
		{[]string{"run", "-o", "taken.onnx"}, 2, "taken.onnx is there already: name another file with -o, or add -force to replace it."},
		{[]string{"run", "-o", "empty"}, 2, "-o empty is a folder: expected the name of a file."},
		{[]string{"run", "-o", ""}, 2, "-o is empty: expected the name of a file."},
		{[]string{"run", "-o", "no/net.onnx"}, 1, "no/net.onnx cannot be written (no such file or directory): make the folder no, or name another file with -o."},
		{[]string{"run", "-o", "taken.onnx/net.onnx"}, 1, "taken.onnx/net.onnx cannot be written (not a directory): a file is where a folder should be: move it, or name another file with -o."},
		{[]string{"run", "-o", "/dev/full", "-force"}, 2, "-o /dev/full is no regular file: name another one."},
		{[]string{best, "-o", best, "-force"}, 2, "-o " + best + " is the checkpoint itself: name another file."},
		{[]string{best, "-weights", "last"}, 1, best + " holds the weights of the best epoch alone: leave out -weights last, or name the run's folder."},
		{[]string{"run", "-weights", "worst"}, 2, "-weights worst: expected best or last."},
		{[]string{"run", "-format", "pickle"}, 2, "-format pickle: expected onnx or safetensors."},
		{[]string{"run", "-format", "onnx", "-o", "w.safetensors"}, 2, "-o w.safetensors: that is the name of a file of safetensors, and -format onnx was given; change one of them."},
		{[]string{"absent"}, 1, "absent: there is no such file or folder: expected a checkpoint (*.safetensors) or the folder of a run."},
		{[]string{"taken.onnx"}, 1, "taken.onnx is damaged or no checkpoint (the file ends too early): use another one."},
	} {
		stdout, stderr, code := program(t, dir, c.args...)
		assert.Equal(t, "export: "+c.want+"\n", stderr, c.args)
		assert.Equal(t, c.code, code, c.args)
		assert.Empty(t, stdout)
	}
	text, err := os.ReadFile(filepath.Join(dir, "taken.onnx"))
	require.NoError(t, err)
	assert.Equal(t, "mine", string(text))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 3, "nothing was left behind")
}

func TestWeightsThatAreNoNumbersAreRefused(t *testing.T) {
	dir, net := aRun(t)
	run := filepath.Join(dir, "run")
	for _, weights := range []string{"best", "last"} {
		c, err := checkpoint.LoadLatest(t.Context(), run)
		require.NoError(t, err)
		c.Params = filled(net, float32(math.NaN()))
		require.NoError(t, checkpoint.NewWriter(run, nil).State(c))
		require.NoError(t, checkpoint.NewWriter(run, nil).Weights(c))
		stdout, stderr, code := program(t, dir, "run", "-weights", weights)
		assert.Equal(t, 1, code)
		assert.Regexp(t, `^export: run/checkpoints/`+weights+`\.safetensors cannot be used \(its weights are NaN or infinite: the run diverged\): use another one\.\n$`, stderr)
		assert.Empty(t, stdout)
	}
}

func TestDamagedNewestCheckpointIsPassedOverAndSaid(t *testing.T) {
	dir, _ := aRun(t)
	best := filepath.Join(dir, "run", "checkpoints", "best.safetensors")
	file, err := os.ReadFile(best)
	require.NoError(t, err)
	file[len(file)-1] ^= 1
	require.NoError(t, os.WriteFile(best, file, 0o666))
	stdout, _, code := program(t, dir, "run")
	assert.Equal(t, 0, code)
	assert.Regexp(t, `^note     run/checkpoints/best.safetensors is damaged`, stdout)
	assert.Contains(t, stdout, "last.safetensors, weights after epoch 1, the best")
}

func TestFullDiskLeavesNothing(t *testing.T) {
	dir, _ := aRun(t)
	cmd := exec.CommandContext(t.Context(), "/bin/bash", "-c", `ulimit -f 0; exec "$0" run`, os.Args[0])
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), runEnv+"=1")
	text, _ := cmd.CombinedOutput()
	assert.Equal(t, "export: net.onnx cannot be written (file too large): files may not grow that large here: raise the limit, or name another file with -o.\n", string(text))
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1)
}

func TestNetworkBeyondONNXIsASentence(t *testing.T) {
	net, err := model.NewDense(model.Vector(2048), []int{2048}, 2, gpu.Tanh)
	require.NoError(t, err)
	params := make([]float32, net.Params)
	for range 130 { // of the same 16 MiB of weights: only their number counts
		net.Layers = append([]model.Layer{net.Layers[0]}, net.Layers...)
	}
	t.Chdir(t.TempDir())
	big := &trained{Checkpoint: &checkpoint.Checkpoint{Network: net}, params: params}
	err = big.save(t.Context(), options{output: "net.onnx", format: formatONNX})
	assert.EqualError(t, err, "an ONNX file holds less than 2 GiB, and this network has 549724161 weights: take -format safetensors")
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	assert.Empty(t, entries)
}

func TestHelpNamesEveryFlag(t *testing.T) {
	_, err := parse([]string{"-h"})
	var answer cli.Answer
	require.ErrorAs(t, err, &answer)
	for _, flag := range []string{"-o FILE", "-weights NAME", "-format NAME", "-force"} {
		assert.Contains(t, answer.Text, flag)
	}
}
