package export

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo/predict"
	"mdfa/gpu"
	"mdfa/gpu/cpu"
	"mdfa/internal/onnx"
	"mdfa/model"
)

// tensor is a value of the interpreter below, row-major.
type tensor struct {
	shape []int
	data  []float64
}

func newTensor(shape ...int) tensor {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return tensor{shape, make([]float64, n)}
}

// offset is the place of an element.
func (t tensor) offset(index ...int) int {
	at := 0
	for i, d := range t.shape {
		at = at*d + index[i]
	}
	return at
}

// evaluate runs a graph as the descriptions of ONNX's operators say, in float64. `make
// test-interop` runs the same graphs in onnxruntime.
func evaluate(t *testing.T, g onnx.Graph, images tensor) map[string]tensor {
	t.Helper()
	values := map[string]tensor{g.Inputs[0].Name: images}
	for _, c := range g.Constants {
		require.NotContains(t, values, c.Name)
		v := newTensor(c.Shape...)
		for i, x := range c.Data {
			v.data[i] = float64(x)
		}
		values[c.Name] = v
	}
	for _, n := range g.Nodes {
		var in []tensor
		for _, name := range n.Inputs {
			require.Contains(t, values, name, "%s comes before its input", n.Name)
			in = append(in, values[name])
		}
		require.NotContains(t, values, n.Outputs[0])
		values[n.Outputs[0]] = operate(t, n, in)
	}
	return values
}

func operate(t *testing.T, n onnx.Node, in []tensor) tensor {
	t.Helper()
	attributes := map[string]any{}
	for _, a := range n.Attributes {
		attributes[a.Name] = a.Value
	}
	elementwise := func(f func(float64) float64) tensor {
		out := newTensor(in[0].shape...)
		for i, x := range in[0].data {
			out.data[i] = f(x)
		}
		return out
	}
	x := in[0]
	switch n.Op {
	case "Tanh":
		return elementwise(math.Tanh)
	case "Relu":
		return elementwise(func(x float64) float64 { return max(x, 0) })
	case "Clip":
		return elementwise(func(x float64) float64 { return min(max(x, in[1].data[0]), in[2].data[0]) })
	case "Sub", "Div": // of a number for each channel, the last dimension
		out, channels := newTensor(x.shape...), len(in[1].data)
		require.Equal(t, channels, x.shape[len(x.shape)-1])
		for i, v := range x.data {
			if out.data[i] = v - in[1].data[i%channels]; n.Op == "Div" {
				out.data[i] = v / in[1].data[i%channels]
			}
		}
		return out
	case "Neg":
		return elementwise(func(x float64) float64 { return -x })
	case "Sigmoid":
		return elementwise(func(x float64) float64 { return 1 / (1 + math.Exp(-x)) })
	case "Flatten":
		require.Equal(t, 1, attributes["axis"])
		return tensor{[]int{x.shape[0], len(x.data) / x.shape[0]}, x.data}
	case "Transpose":
		return transpose(x, attributes["perm"].([]int))
	case "Gemm":
		return gemm(x, in[1], in[2])
	case "Conv":
		pads := attributes["pads"].([]int)
		require.Equal(t, []int{pads[0], pads[0], pads[0], pads[0]}, pads)
		return convolve(pad(x, pads[0]), in[1], in[2], attributes["strides"].([]int)[0])
	case "MaxPool", "AveragePool":
		kernel, strides := attributes["kernel_shape"].([]int), attributes["strides"].([]int)
		require.Equal(t, []int{kernel[0], kernel[0], strides[0], strides[0]}, append(kernel, strides...))
		return poolOf(x, n.Op == "MaxPool", kernel[0], strides[0])
	case "Concat":
		out := newTensor(x.shape[0], 2)
		for i := range x.shape[0] {
			out.data[2*i], out.data[2*i+1] = x.data[i], in[1].data[i]
		}
		return out
	case "Softmax":
		return softmax(x)
	}
	require.Fail(t, "unknown operator", n.Op)
	return tensor{}
}

func transpose(x tensor, perm []int) tensor {
	s := x.shape
	out := newTensor(s[perm[0]], s[perm[1]], s[perm[2]], s[perm[3]])
	index := make([]int, 4)
	for index[0] = range s[0] {
		for index[1] = range s[1] {
			for index[2] = range s[2] {
				for index[3] = range s[3] {
					out.data[out.offset(index[perm[0]], index[perm[1]], index[perm[2]], index[perm[3]])] = x.data[x.offset(index...)]
				}
			}
		}
	}
	return out
}

func gemm(x, w, b tensor) tensor {
	out := newTensor(x.shape[0], w.shape[1])
	for i := range x.shape[0] {
		for o := range w.shape[1] {
			sum := b.data[o]
			for k := range w.shape[0] {
				sum += x.data[x.offset(i, k)] * w.data[w.offset(k, o)]
			}
			out.data[out.offset(i, o)] = sum
		}
	}
	return out
}

// pad puts n zeros beyond each side of NCHW images.
func pad(x tensor, n int) tensor {
	out := newTensor(x.shape[0], x.shape[1], x.shape[2]+2*n, x.shape[3]+2*n)
	for i := range x.shape[0] {
		for c := range x.shape[1] {
			for row := range x.shape[2] {
				copy(out.data[out.offset(i, c, row+n, n):], x.data[x.offset(i, c, row, 0):][:x.shape[3]])
			}
		}
	}
	return out
}

// poolOf takes the largest or the average of each window, over NCHW.
func poolOf(x tensor, largest bool, k, stride int) tensor {
	out := newTensor(x.shape[0], x.shape[1], (x.shape[2]-k)/stride+1, (x.shape[3]-k)/stride+1)
	for n := range out.shape[0] {
		for c := range out.shape[1] {
			for row := range out.shape[2] {
				for column := range out.shape[3] {
					most, sum := math.Inf(-1), 0.0
					for i := range k {
						for j := range k {
							v := x.data[x.offset(n, c, row*stride+i, column*stride+j)]
							most, sum = max(most, v), sum+v
						}
					}
					if !largest {
						most = sum / float64(k*k)
					}
					out.data[out.offset(n, c, row, column)] = most
				}
			}
		}
	}
	return out
}

// convolve is VALID, over NCHW.
func convolve(x, w, b tensor, stride int) tensor {
	k := w.shape[2]
	out := newTensor(x.shape[0], w.shape[0], (x.shape[2]-k)/stride+1, (x.shape[3]-k)/stride+1)
	for n := range out.shape[0] {
		for o := range out.shape[1] {
			for row := range out.shape[2] {
				for column := range out.shape[3] {
					sum := b.data[o]
					for c := range w.shape[1] {
						for i := range k {
							for j := range k {
								sum += x.data[x.offset(n, c, row*stride+i, column*stride+j)] * w.data[w.offset(o, c, i, j)]
							}
						}
					}
					out.data[out.offset(n, o, row, column)] = sum
				}
			}
		}
	}
	return out
}

func softmax(x tensor) tensor {
	out := newTensor(x.shape...)
	for i := range x.shape[0] {
		sum := 0.0
		for j := range x.shape[1] {
			out.data[x.offset(i, j)] = math.Exp(x.data[x.offset(i, j)])
			sum += out.data[x.offset(i, j)]
		}
		for j := range x.shape[1] {
			out.data[x.offset(i, j)] /= sum
		}
	}
	return out
}

// everyKind visits a small network of each kind, with parameters of the size that training gives.
func everyKind(t *testing.T, visit func(t *testing.T, net *model.Network, params []float32)) {
	input := model.Shape{H: 11, W: 9, C: 3} // not square: rows are not columns
	kinds := map[string]func(classes int, act gpu.Activation) (*model.Network, error){
		"fc":   func(k int, a gpu.Activation) (*model.Network, error) { return model.NewDense(input, []int{7, 5}, k, a) },
		"none": func(k int, a gpu.Activation) (*model.Network, error) { return model.NewDense(input, nil, k, a) },
		"conv": func(k int, a gpu.Activation) (*model.Network, error) {
			return model.NewConv(input, []model.Filter{{Filters: 4, Kernel: 3, Stride: 2}, {Filters: 6, Kernel: 2, Stride: 1}}, k, a)
		},
		"pooled": func(k int, a gpu.Activation) (*model.Network, error) {
			return model.New(input, []model.Filter{
				{Filters: 4, Kernel: 3, Stride: 1, Pad: 1, Pool: model.Pooling{Kind: gpu.MaxPooling, Kernel: 3, Stride: 2}},
				{Filters: 6, Kernel: 2, Stride: 1, Pool: model.Pooling{Kind: gpu.AveragePooling, Kernel: 2, Stride: 1}},
			}, []int{5}, k, a)
		},
		"dense behind conv": func(k int, a gpu.Activation) (*model.Network, error) {
			return model.New(input, []model.Filter{{Filters: 4, Kernel: 3, Stride: 2, Pad: 2}, {Filters: 6, Kernel: 2, Stride: 1}}, []int{7, 5}, k, a)
		},
	}
	for name, build := range kinds {
		for _, act := range gpu.Activations() {
			for _, classes := range []int{2, 10} {
				t.Run(fmt.Sprintf("%s %v %d", name, act, classes), func(t *testing.T) {
					net, err := build(classes, act)
					require.NoError(t, err)
					params := make([]float32, net.Params)
					rng := rand.New(rand.NewPCG(1, 2))
					for i := range params {
						params[i] = float32(rng.NormFloat64() / 3)
					}
					if classes == 2 {
						net.Normalization = &model.Normalization{Mean: []float64{0.5, 0.3, 0}, Deviation: []float64{0.25, 0.4, 0}}
					}
					visit(t, net, params)
				})
			}
		}
	}
}

// logitTolerance is the largest difference of an export's logits, relative for numbers above one.
const logitTolerance = 1e-5

func within(t *testing.T, want []float32, got []float64) {
	t.Helper()
	require.Len(t, got, len(want))
	for i, x := range want {
		assert.InDelta(t, float64(x), got[i], logitTolerance*max(1, math.Abs(float64(x))), "element %d", i)
	}
}

func TestGraphHasTheLogitsOfTheNetwork(t *testing.T) {
	everyKind(t, func(t *testing.T, net *model.Network, params []float32) {
		const n = 3
		pixels := make([]uint8, n*net.Input.Size())
		images := newTensor(n, net.Input.H, net.Input.W, net.Input.C)
		rng := rand.New(rand.NewPCG(3, 4))
		for i := range pixels {
			pixels[i] = uint8(rng.UintN(256))
			images.data[i] = float64(pixels[i]) / 255
		}
		dev := cpu.Open()
		defer func() { assert.NoError(t, dev.Close()) }()
		p, err := predict.New(dev, net, params, n)
		require.NoError(t, err)
		want, err := p.Logits(pixels)
		require.NoError(t, err)

		values := evaluate(t, buildGraph(net, params), images)
		within(t, want, values[logitsName].data)
		probabilities := values[probabilitiesName]
		assert.Equal(t, []int{n, net.Classes}, probabilities.shape)
		for i := range n {
			sum := 0.0
			for class := range net.Classes {
				sum += probabilities.data[i*net.Classes+class]
			}
			assert.InDelta(t, 1, sum, 1e-12)
		}
		if net.Classes == 2 {
			assert.InDelta(t, 1/(1+math.Exp(-float64(want[0]))), probabilities.data[1], logitTolerance)
		}
	})
}
