//go:build interop

package interop

import (
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
	"mdfa/gpu"
	"mdfa/gpu/cpu"
	"mdfa/model"
)

// kind is a network by train's flags.
type kind struct{ name, args string }

// kinds returns networks of every kind: each rule, both kinds of layers and the two together, each
// activation, one logit and several, and the paper's own sizes.
func kinds() []kind {
	list := []kind{
		{"linear 10", "-model bp -layers none"},
		{"normalized fc", "-model bp -layers 30 -normalize"},
		{"normalized conv", "-model mdfa -convnet -filters 8:5:2 -normalize"},
		{"the paper's fc", "-model mdfa"},
		{"the paper's conv", "-model mdfa -convnet -classes 2"},
	}
	rules := algo.Rules()
	for _, act := range gpu.Activations() {
		for _, classes := range []int{2, 10} {
			for _, net := range []kind{{"fc", "-layers 30,20"}, {"conv", "-convnet -filters 8:5:2,12:3:2"}, {"both", "-convnet -filters 8:5:2:2,12:3:2:1 -layers 20"}, {"pooled", "-convnet -filters 6:5:1:2,max:2:2,16:5:1,avg:2:2 -layers 20"}} {
				rule := rules[len(list)%len(rules)]
				list = append(list, kind{
					fmt.Sprintf("%s %v %d", net.name, act, classes),
					fmt.Sprintf("-model %s %s -activation %v -classes %d", rule.Name, net.args, act, classes),
				})
			}
		}
	}
	return list
}

// exported is a network that was trained for a few steps.
type exported struct {
	name, rule        string
	dir               string // with what was exported
	net               *model.Network
	logits            []float32 // of the digits, on the cpu
	onnxOut, torchOut string
}

// everyKind trains and exports a network of each kind.
func everyKind(t *testing.T, pixels []byte) (all []exported) {
	t.Helper()
	data := littleMNIST(t)
	for _, kind := range kinds() {
		args := strings.Fields(kind.args)
		run, dir := trainRun(t, append(args, "-data", data, "-max_steps", "25")...), t.TempDir()
		program(t, dir, "export", run, "-o", "net.onnx")
		program(t, dir, "export", run, "-o", "net.safetensors")
		net, params := weights(t, filepath.Join(dir, "net.safetensors"))
		all = append(all, exported{
			name: kind.name, rule: args[1], dir: dir,
			net: net, logits: ourLogits(t, net, params, pixels),
			onnxOut: filepath.Join(dir, "onnx.out"), torchOut: filepath.Join(dir, "torch.out"),
		})
	}
	return all
}

func TestOtherProgramsHaveOurLogits(t *testing.T) {
	pixelFile, pixels := someDigits(t)
	all := everyKind(t, pixels)
	onnxArgs, torchArgs := []string{pixelFile, "28", "28", "1"}, []string{pixelFile}
	for _, e := range all {
		onnxArgs = append(onnxArgs, filepath.Join(e.dir, "net.onnx"), e.onnxOut)
		torchArgs = append(torchArgs, filepath.Join(e.dir, "net.safetensors"), e.torchOut)
	}
	metadata := strings.Split(strings.TrimSpace(python(t, "run_onnx.py", onnxArgs...)), "\n")
	require.Len(t, metadata, len(all))
	python(t, "run_torch.py", torchArgs...)
	for i, e := range all {
		t.Run("onnxruntime runs the ONNX file of "+e.name, func(t *testing.T) {
			var facts map[string]string
			decodeJSON(t, metadata[i], &facts)
			assert.Equal(t, "mdfa", facts["producer"])
			assert.Equal(t, e.rule, facts["rule"])
			assert.Equal(t, "mnist", facts["dataset"])
			var names []string
			decodeJSON(t, facts["class_names"], &names)
			assert.Len(t, names, e.net.Classes)
			assert.True(t, slices.IsSorted(names), "digits in the order of their labels: %v", names)

			got := readFloats(t, e.onnxOut)
			require.Len(t, got, len(e.logits)/e.net.Logits*(e.net.Logits+e.net.Classes))
			assertClose(t, e.logits, got[:len(e.logits)])
			assertProbabilities(t, got[len(e.logits):], e.logits, e.net)
		})
		t.Run("PyTorch loads the weights of "+e.name, func(t *testing.T) {
			assertClose(t, e.logits, readFloats(t, e.torchOut))
		})
	}
}

// TestPyTorchHasBPsGradients compares bp with autograd on a LeNet: padding, both poolings, and dense layers.
func TestPyTorchHasBPsGradients(t *testing.T) {
	const n = 50
	_, pixels := someDigits(t)
	pixels, labels := pixels[:n*28*28], digitLabels(t)[:n]
	data, dir := littleMNIST(t), t.TempDir()
	path := func(name string) string { return filepath.Join(dir, name) }
	require.NoError(t, os.WriteFile(path("pixels"), pixels, 0o666))
	text, err := binary.Append(nil, binary.LittleEndian, labels)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path("labels"), text, 0o666))
	args := []string{path("pixels"), path("labels")}
	for _, act := range gpu.Activations() {
		run := trainRun(t, "-model", "bp", "-activation", act.String(), "-convnet",
			"-filters", "6:5:1:2,max:2:2,16:5:1,avg:2:2", "-layers", "120,84", "-data", data, "-max_steps", "25")
		program(t, dir, "export", run, "-o", act.String()+".safetensors")
		args = append(args, path(act.String()+".safetensors"), path(act.String()))
	}
	python(t, "grad_torch.py", args...)
	for _, act := range gpu.Activations() {
		t.Run(act.String(), func(t *testing.T) {
			net, params := weights(t, path(act.String()+".safetensors"))
			theirs := readFloats(t, path(act.String()))

			dev := cpu.Open()
			defer func() { assert.NoError(t, dev.Close()) }()
			l, err := algo.NewLearner(dev, net, algo.Config{Rule: algo.BP, Optimizer: gpu.SGD, Batch: n}, params, nil)
			require.NoError(t, err)
			x := make([]float32, len(pixels))
			for i, p := range pixels {
				x[i] = float32(p) / 255
			}
			s := l.Step(n)
			require.NoError(t, gpu.Upload(dev, s.Input(0).Buf, 0, x))
			require.NoError(t, gpu.Upload(dev, s.Labels().Buf, 0, labels))
			require.NoError(t, l.Train(nil))
			ours, err := l.Grads()
			require.NoError(t, err)
			for _, tensor := range net.Split(ours) {
				largest := 0.0
				for _, g := range tensor.Data {
					largest = max(largest, math.Abs(float64(g)))
				}
				require.Positive(t, largest, tensor.Name)
				require.GreaterOrEqual(t, len(theirs), len(tensor.Data))
				for i, g := range tensor.Data {
					require.InDelta(t, theirs[i], g, tolerance*largest, "%s, element %d", tensor.Name, i)
				}
				theirs = theirs[len(tensor.Data):]
			}
			assert.Empty(t, theirs)
		})
	}
}

// TestArgmaxIsTheLabel compares the largest output with the digit, as it is and by its name in
// the metadata.
func TestArgmaxIsTheLabel(t *testing.T) {
	pixelFile, _ := someDigits(t)
	labels := digitLabels(t)
	numberOfClasses, dir := []string{"10", "3", "2"}, t.TempDir()
	onnxArgs, torchArgs := []string{pixelFile, "28", "28", "1"}, []string{pixelFile}
	path := func(classes, kind string) string { return filepath.Join(dir, classes+kind) }
	for _, classes := range numberOfClasses {
		run := trainRun(t, "-model", "bp", "-layers", "32", "-classes", classes, "-max_epochs", "1")
		program(t, dir, "export", run, "-o", path(classes, ".onnx"))
		program(t, dir, "export", run, "-o", path(classes, ".safetensors"))
		onnxArgs = append(onnxArgs, path(classes, ".onnx"), path(classes, ".onnx.out"))
		torchArgs = append(torchArgs, path(classes, ".safetensors"), path(classes, ".torch.out"))
	}
	metadata := strings.Split(strings.TrimSpace(python(t, "run_onnx.py", onnxArgs...)), "\n")
	require.Len(t, metadata, len(numberOfClasses))
	python(t, "run_torch.py", torchArgs...)
	for i, classes := range numberOfClasses {
		net, _ := weights(t, path(classes, ".safetensors"))
		var facts map[string]string
		decodeJSON(t, metadata[i], &facts)
		var names []string
		var numbers []int
		decodeJSON(t, facts["class_names"], &names)
		decodeJSON(t, facts["class_labels"], &numbers)
		require.Len(t, names, net.Classes)

		out := readFloats(t, path(classes, ".onnx.out"))
		n := len(labels)
		probabilities, logits := out[n*net.Logits:], readFloats(t, path(classes, ".torch.out"))
		seen, byName, byNumber, asLabel, byTorch := 0, 0, 0, 0, 0
		for i, label := range labels {
			if !slices.Contains(numbers, int(label)) {
				continue
			}
			seen++
			largest := func(row []float32) int { return slices.Index(row, slices.Max(row)) }
			class := largest(probabilities[i*net.Classes : (i+1)*net.Classes])
			row := logits[i*net.Logits : (i+1)*net.Logits]
			if net.Logits == 1 {
				row = []float32{0, row[0]}
			}
			for _, c := range []struct {
				right bool
				count *int
			}{
				{names[class] == fmt.Sprint(label), &byName},
				{numbers[class] == int(label), &byNumber},
				{class == int(label), &asLabel},
				{names[largest(row)] == fmt.Sprint(label), &byTorch},
			} {
				if c.right {
					*c.count++
				}
			}
		}
		assert.Greater(t, byName, seen*8/10, "%s classes, of %d images", classes, seen)
		assert.Equal(t, byName, byNumber)
		assert.Equal(t, byName, byTorch)
		if classes == "10" {
			assert.Equal(t, byName, asLabel, "where all classes are kept, argmax is the label")
		}
	}
}

// assertProbabilities compares with softmax of the logits, or with sigmoid of one.
func assertProbabilities(t *testing.T, got, logits []float32, net *model.Network) {
	t.Helper()
	var want []float32
	for row := range slices.Chunk(logits, net.Logits) {
		if net.Logits == 1 {
			row = []float32{0, row[0]} // sigmoid is softmax over these
		}
		sum := 0.0
		for _, a := range row {
			sum += math.Exp(float64(a))
		}
		for _, a := range row {
			want = append(want, float32(math.Exp(float64(a))/sum))
		}
	}
	assertClose(t, want, got)
}

func TestSafetensorsReadsEveryFile(t *testing.T) {
	run := trainRun(t, "-model", "mdfa", "-layers", "12", "-optimizer", "adam", "-max_epochs", "1")
	dir := t.TempDir()
	program(t, dir, "export", run, "-o", "net.safetensors")
	net, params := weights(t, filepath.Join(dir, "net.safetensors"))
	type contents struct {
		Metadata map[string]string
		Tensors  map[string]struct {
			Shape []int
			Type  string
			Sum   float64
		}
	}
	for name, want := range map[string]int{
		filepath.Join(dir, "net.safetensors"):                 4,
		filepath.Join(run, "checkpoints", "best.safetensors"): 4,
		filepath.Join(run, "checkpoints", "last.safetensors"): 4 * (2 + 2), // with the best, and what adam keeps
	} {
		var got contents
		decodeJSON(t, python(t, "read_safetensors.py", name), &got)
		assert.NotEmpty(t, got.Metadata)
		assert.Len(t, got.Tensors, want, name)
		for _, tensor := range net.Split(params) {
			sum := 0.0
			for _, x := range tensor.Data {
				sum += float64(x)
			}
			assert.Equal(t, tensor.Shape, got.Tensors[tensor.Name].Shape)
			assert.Equal(t, "float32", got.Tensors[tensor.Name].Type)
			assert.InDelta(t, sum, got.Tensors[tensor.Name].Sum, 1e-9, "%s in %s", tensor.Name, name)
		}
	}
}
