package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"mdfa/gpu"
	"mdfa/internal/onnx"
	"mdfa/internal/version"
	"mdfa/model"
)

// The names of the graph's input and outputs.
const (
	imagesName        = "images"
	logitsName        = "logits"
	probabilitiesName = "probabilities"
)

// builder chains nodes: the output of each is the input of the next.
type builder struct {
	graph onnx.Graph
	net   *model.Network
	at    string // the input of the next node
	flat  bool   // the input of the next node is [N, units], no longer an image
}

// buildGraph returns the network with its parameters (an arena) as a graph. Images are NHWC at its
// input, as everywhere in this program. ONNX convolves NCHW, so the graph transposes before the first
// convolution and after the last one, and the weights of the dense layer behind it stay as they are.
func buildGraph(net *model.Network, params []float32) onnx.Graph {
	in := net.Input
	b := &builder{net: net, at: imagesName}
	b.graph = onnx.Graph{
		Name: "mdfa",
		Inputs: []onnx.Value{{Name: imagesName, Doc: "pixels divided by 255, in rows, channels last",
			Shape: []onnx.Dim{{Name: "N"}, {Size: in.H}, {Size: in.W}, {Size: in.C}}}},
		Outputs: []onnx.Value{
			{Name: logitsName, Shape: []onnx.Dim{{Name: "N"}, {Size: net.Logits}}},
			{Name: probabilitiesName, Doc: "of each class", Shape: []onnx.Dim{{Name: "N"}, {Size: net.Classes}}},
		},
	}
	b.normalize()
	convolves := net.Layers[0].Kind == model.Conv
	if convolves {
		b.node("Transpose", "to_nchw", onnx.Attribute{Name: "perm", Value: []int{0, 3, 1, 2}})
	}
	last := len(net.Layers) - 1
	for i, l := range net.Layers {
		name := fmt.Sprintf("layers.%d", i)
		if l.Kind == model.Conv {
			b.conv(name, l, params)
		} else {
			b.flatten(convolves)
			b.dense(name, l, params)
		}
		if i < last {
			b.activate(name)
		}
		b.pool(name, l.Pool)
	}
	b.graph.Nodes[len(b.graph.Nodes)-1].Outputs[0] = logitsName
	b.probabilities()
	return b.graph
}

// node appends an operator whose input is the current value. Its output has its name.
func (b *builder) node(op, name string, attributes ...onnx.Attribute) {
	b.operate(op, name, nil, attributes...)
}

func (b *builder) operate(op, name string, more []string, attributes ...onnx.Attribute) {
	b.graph.Nodes = append(b.graph.Nodes, onnx.Node{
		Op: op, Name: name, Inputs: append([]string{b.at}, more...), Outputs: []string{name}, Attributes: attributes,
	})
	b.at = name
}

// constant appends a tensor and returns its name.
func (b *builder) constant(name string, shape []int, data []float32) string {
	b.graph.Constants = append(b.graph.Constants, onnx.Tensor{Name: name, Shape: shape, Data: data})
	return name
}

// flatten makes rows of images, in h, w, c order, unless they are rows already. Convolutions leave NCHW.
func (b *builder) flatten(convolved bool) {
	if b.flat {
		return
	}
	b.flat = true
	if convolved {
		b.node("Transpose", "to_nhwc", onnx.Attribute{Name: "perm", Value: []int{0, 2, 3, 1}})
	}
	b.node("Flatten", "flatten", onnx.Attribute{Name: "axis", Value: 1})
}

// normalize appends the network's normalization by channel, the last dimension of an image.
func (b *builder) normalize() {
	n := b.net.Normalization
	if n == nil {
		return
	}
	mean, deviation := make([]float32, len(n.Mean)), make([]float32, len(n.Mean))
	for c := range mean {
		mean[c], deviation[c] = float32(n.Mean[c]), float32(n.Divisor(c))
	}
	b.operate("Sub", "centred", []string{b.constant("normalization.mean", []int{len(mean)}, mean)})
	b.operate("Div", "normalized", []string{b.constant("normalization.deviation", []int{len(mean)}, deviation)})
}

func (b *builder) dense(name string, l model.Layer, params []float32) {
	w := b.constant(name+".weight", l.WeightShape(), l.W.Of(params))
	bias := b.constant(name+".bias", []int{l.Channels()}, l.B.Of(params))
	b.operate("Gemm", name, []string{w, bias})
}

func (b *builder) conv(name string, l model.Layer, params []float32) {
	shape := []int{l.Out.C, l.In.C, l.Kernel, l.Kernel}
	w := b.constant(name+".weight", shape, outputsFirst(l, l.W.Of(params)))
	bias := b.constant(name+".bias", []int{l.Channels()}, l.B.Of(params))
	b.operate("Conv", name, []string{w, bias},
		onnx.Attribute{Name: "kernel_shape", Value: []int{l.Kernel, l.Kernel}},
		onnx.Attribute{Name: "pads", Value: []int{l.Pad, l.Pad, l.Pad, l.Pad}},
		onnx.Attribute{Name: "strides", Value: []int{l.Stride, l.Stride}})
}

// outputsFirst turns filters [k, k, c_in, c_out] into [c_out, c_in, k, k].
func outputsFirst(l model.Layer, w []float32) []float32 {
	turned := make([]float32, 0, len(w))
	positions := l.Kernel * l.Kernel
	for o := range l.Out.C {
		for c := range l.In.C {
			for p := range positions {
				turned = append(turned, w[(p*l.In.C+c)*l.Out.C+o])
			}
		}
	}
	return turned
}

// activate applies f.
func (b *builder) activate(layer string) {
	name := layer + ".activation"
	node := b.net.Activation.ONNX()
	var inputs []string
	for _, input := range node.Inputs {
		inputs = append(inputs, b.constant(name+"."+input.Name, nil, []float32{input.Value}))
	}
	b.operate(node.Op, name, inputs)
}

// pool pools an image; without a pooling it appends nothing.
func (b *builder) pool(layer string, p model.Pooling) {
	op := map[gpu.Pooling]string{gpu.MaxPooling: "MaxPool", gpu.AveragePooling: "AveragePool"}[p.Kind]
	if op != "" {
		b.node(op, layer+".pooling",
			onnx.Attribute{Name: "kernel_shape", Value: []int{p.Kernel, p.Kernel}},
			onnx.Attribute{Name: "strides", Value: []int{p.Stride, p.Stride}})
	}
}

// probabilities appends softmax, or for one logit a sigmoid(-a) and sigmoid(a), the probabilities of
// class 0 and 1: 1 - sigmoid(a) would lose digits near 0.
func (b *builder) probabilities() {
	if b.net.Logits > 1 {
		b.graph.Nodes = append(b.graph.Nodes, onnx.Node{
			Op: "Softmax", Name: probabilitiesName, Inputs: []string{logitsName}, Outputs: []string{probabilitiesName},
			Attributes: []onnx.Attribute{{Name: "axis", Value: 1}},
		})
		return
	}
	const minus, first, second = "minus_logits", "probability_0", "probability_1"
	b.graph.Nodes = append(b.graph.Nodes,
		onnx.Node{Op: "Neg", Name: minus, Inputs: []string{logitsName}, Outputs: []string{minus}},
		onnx.Node{Op: "Sigmoid", Name: first, Inputs: []string{minus}, Outputs: []string{first}},
		onnx.Node{Op: "Sigmoid", Name: second, Inputs: []string{logitsName}, Outputs: []string{second}},
		onnx.Node{Op: "Concat", Name: probabilitiesName, Inputs: []string{first, second}, Outputs: []string{probabilitiesName},
			Attributes: []onnx.Attribute{{Name: "axis", Value: 1}}})
}

// producer is the program in the metadata of a file.
const producer = "mdfa"

// onnxModel returns the network as the content of a file.
func (t *trained) onnxModel() (*onnx.Model, error) {
	metadata, err := t.properties()
	if err != nil {
		return nil, err
	}
	return &onnx.Model{
		Producer: producer, Version: version.Read().String(),
		Doc:      fmt.Sprintf("%v, trained with %s on %s", t.Network, t.Rule, t.Data.Name),
		Metadata: metadata,
		Graph:    buildGraph(t.Network, t.params),
	}, nil
}

// properties returns the metadata of the weights. Lists and objects are JSON.
func (t *trained) properties() ([]onnx.Property, error) {
	var failed error
	text := func(value any) string {
		text, err := json.Marshal(value)
		failed = errors.Join(failed, err)
		return string(text)
	}
	list := []onnx.Property{
		{Key: "producer", Value: producer},
		{Key: "version", Value: version.Read().String()},
		{Key: "trained_by_version", Value: t.Program},
		{Key: "rule", Value: t.Rule},
		{Key: "dataset", Value: t.Data.Name},
		{Key: "class_names", Value: text(t.classNames())},
		{Key: "class_labels", Value: text(t.Data.ClassOrder)},
		{Key: "output_order", Value: "output i is class i of class_names and class_labels, which are in the order of the labels"},
		{Key: "network", Value: text(t.Network.Spec())},
		{Key: "weights", Value: t.weights},
		{Key: "epoch", Value: strconv.Itoa(t.Epoch())},
		{Key: "seed", Value: strconv.FormatInt(t.Seed, 10)},
		{Key: "input", Value: "float32 [N, height, width, channels], pixels divided by 255"},
	}
	return list, failed
}
