package model

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
)

// specimens are networks of every kind.
func specimens(t *testing.T) []*Network {
	t.Helper()
	var nets []*Network
	for _, make := range []func() (*Network, error){
		func() (*Network, error) { return NewDense(Shape{4, 3, 2}, []int{7, 5}, 2, gpu.Tanh) },
		func() (*Network, error) { return NewDense(Vector(3), nil, 10, gpu.ReLU) },
		func() (*Network, error) {
			return NewConv(Shape{9, 8, 3}, []Filter{{Filters: 6, Kernel: 3, Stride: 2}, {Filters: 5, Kernel: 2, Stride: 1}}, 3, gpu.PL)
		},
		func() (*Network, error) {
			pool := Pooling{gpu.AveragePooling, 2, 1}
			return New(Shape{9, 8, 3}, []Filter{{Filters: 6, Kernel: 3, Stride: 2, Pad: 1, Pool: pool}, {Filters: 5, Kernel: 2, Stride: 1}}, []int{7, 4}, 3, gpu.Tanh)
		},
	} {
		n, err := make()
		require.NoError(t, err)
		nets = append(nets, n)
	}
	nets[0].Normalization = &Normalization{Mean: []float64{0.25, 1.0 / 3}, Deviation: []float64{0.125, 0}}
	return nets
}

func TestSpecBuildsTheSameNetwork(t *testing.T) {
	for _, want := range specimens(t) {
		text, err := json.Marshal(want.Spec())
		require.NoError(t, err)
		var spec Spec
		require.NoError(t, json.Unmarshal(text, &spec))
		got, err := spec.Network()
		require.NoError(t, err)
		assert.Equal(t, want, got, "%s", text)
	}
	text, err := json.Marshal(specimens(t)[2].Spec())
	require.NoError(t, err)
	assert.JSONEq(t, `{"input":[9,8,3],"classes":3,"activation":"pl","layers":[
		{"kind":"conv","filters":6,"kernel":3,"stride":2},{"kind":"conv","filters":5,"kernel":2,"stride":1}]}`, string(text))
}

func TestSpecRefusesWhatIsNoNetwork(t *testing.T) {
	dense, conv := LayerSpec{Kind: "dense", Units: 3}, LayerSpec{Kind: "conv", Filters: 2, Kernel: 1, Stride: 1}
	for want, change := range map[string]func(*Spec){
		"layer 1 is a convolution behind":     func(s *Spec) { s.Layers = []LayerSpec{dense, conv} },
		`layer 0: "2:2" is no pooling`:        func(s *Spec) { conv.Pool = "2:2"; s.Layers = []LayerSpec{conv} },
		`layer 0: "max:2" is not max:kernel`:  func(s *Spec) { conv.Pool = "max:2"; s.Layers = []LayerSpec{conv} },
		`layer 0 is of the kind "pool"`:       func(s *Spec) { s.Layers = []LayerSpec{{Kind: "pool"}} },
		`activation "swish"`:                  func(s *Spec) { s.Activation = "swish" },
		"0 classes":                           func(s *Spec) { s.Classes = 0 },
		"a layer needs at least 1 unit":       func(s *Spec) { s.Layers = []LayerSpec{{Kind: "dense"}} },
		"filters, kernel and stride must be":  func(s *Spec) { s.Layers = []LayerSpec{{Kind: "conv", Filters: 1}} },
		"height, width and channels must be":  func(s *Spec) { s.Input = [3]int{0, 1, 1} },
		"1 means and 0 deviations for images": func(s *Spec) { s.Normalization = &Normalization{Mean: []float64{0.5}} },
		"mean 0.5 and deviation -1": func(s *Spec) {
			s.Normalization = &Normalization{Mean: []float64{0.5}, Deviation: []float64{-1}}
		},
		"mean NaN and deviation 1": func(s *Spec) {
			s.Normalization = &Normalization{Mean: []float64{math.NaN()}, Deviation: []float64{1}}
		},
		"has more than 2147483647 outputs or ": func(s *Spec) { s.Layers = []LayerSpec{{Kind: "dense", Units: 1 << 40}} },
	} {
		s := Spec{Input: [3]int{2, 2, 1}, Classes: 3, Activation: "tanh"}
		change(&s)
		_, err := s.Network()
		assert.ErrorContains(t, err, want)
	}
}

func TestNormalizationGivesTheNumbersOfDevices(t *testing.T) {
	n := Normalization{Mean: []float64{0.5, 0.2}, Deviation: []float64{0.25, 0}}
	mean, scales := n.Bytes()
	assert.Equal(t, []float32{127.5, 51}, mean)
	assert.Equal(t, []float32{1 / 63.75, 1.0 / 255}, scales, "a deviation of 0 counts as 1")
	assert.Equal(t, "mean 0.5000 0.2000, deviation 0.2500 0.0000", n.String())
}

func TestSplitAndJoinAreInverse(t *testing.T) {
	for _, n := range specimens(t) {
		arena := make([]float32, n.Params)
		for i := range arena {
			arena[i] = float32(i + 1)
		}
		tensors := n.Split(arena)
		assert.Len(t, tensors, 2*len(n.Layers))
		elements := 0
		for _, tensor := range tensors {
			product := 1
			for _, length := range tensor.Shape {
				product *= length
			}
			assert.Len(t, tensor.Data, product, tensor.Name)
			elements += product
		}
		assert.Equal(t, n.Weights(), elements, "padding is not stored")

		joined, err := n.Join(tensors)
		require.NoError(t, err)
		assert.Equal(t, tensors, n.Split(joined))
		require.Len(t, joined, n.Params)
		nonzero := 0
		for _, x := range joined {
			if x != 0 {
				nonzero++
			}
		}
		assert.Equal(t, elements, nonzero, "padding is zero")
	}
}

func TestTensorsHaveTheNamesAndShapesOfTheirLayers(t *testing.T) {
	n := specimens(t)[2]
	var got []string
	for _, tensor := range n.Split(make([]float32, n.Params)) {
		got = append(got, tensor.Name)
	}
	assert.Equal(t, []string{"layers.0.weight", "layers.0.bias", "layers.1.weight", "layers.1.bias", "layers.2.weight", "layers.2.bias"}, got)
	assert.Equal(t, []int{3, 3, 3, 6}, n.Split(make([]float32, n.Params))[0].Shape)
	assert.Equal(t, []int{30, 3}, n.Split(make([]float32, n.Params))[4].Shape)
}

func TestJoinRefusesOtherTensors(t *testing.T) {
	n := specimens(t)[0]
	for want, change := range map[string]func([]Tensor) []Tensor{
		"tensor layers.1.bias of 4x3x2 -> dense 7 -> dense 5 -> dense 1 is missing":    func(l []Tensor) []Tensor { return append(l[:3:3], l[4:]...) },
		"tensor layers.0.weight has the shape [7 24] and 168 elements; [24 7] was exp": func(l []Tensor) []Tensor { l[0].Shape = []int{7, 24}; return l },
		"tensor layers.0.bias has the shape [7] and 6 elements":                        func(l []Tensor) []Tensor { l[1].Data = l[1].Data[1:]; return l },
		`tensor "layers.3.weight" belongs to no layer`:                                 func(l []Tensor) []Tensor { return append(l, Tensor{Name: "layers.3.weight"}) },
		`tensor "layers.0.bias" is there twice`:                                        func(l []Tensor) []Tensor { return append(l, l[1]) },
	} {
		_, err := n.Join(change(n.Split(make([]float32, n.Params))))
		assert.ErrorContains(t, err, want)
	}
}
