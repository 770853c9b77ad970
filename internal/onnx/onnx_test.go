package onnx

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
)

// fields takes a message apart: integers as varints, everything else as bytes.
func fields(t *testing.T, data []byte) (bytesOf map[protowire.Number][][]byte, intsOf map[protowire.Number][]uint64) {
	t.Helper()
	bytesOf, intsOf = map[protowire.Number][][]byte{}, map[protowire.Number][]uint64{}
	for len(data) > 0 {
		num, kind, n := protowire.ConsumeTag(data)
		require.GreaterOrEqual(t, n, 0)
		data = data[n:]
		switch kind {
		case protowire.VarintType:
			var v uint64
			v, n = protowire.ConsumeVarint(data)
			intsOf[num] = append(intsOf[num], v)
		case protowire.BytesType:
			var v []byte
			v, n = protowire.ConsumeBytes(data)
			bytesOf[num] = append(bytesOf[num], v)
		default:
			require.Fail(t, "unexpected wire type")
		}
		require.GreaterOrEqual(t, n, 0)
		data = data[n:]
	}
	return bytesOf, intsOf
}

// example is y = relu(conv(x)).
func example() *Model {
	weights := make([]float32, 40000) // more than are turned into bytes at a time
	for i := range weights {
		weights[i] = float32(i) / 7
	}
	return &Model{
		Producer: "mdfa", Version: "1", Doc: "an example",
		Metadata: []Property{{"rule", "mdfa"}, {"dataset", "mnist"}},
		Graph: Graph{
			Name:    "net",
			Inputs:  []Value{{Name: "x", Doc: "the images", Shape: []Dim{{Name: "N"}, {Size: 3}, {Size: 200}, {Size: 200}}}},
			Outputs: []Value{{Name: "y", Shape: []Dim{{Name: "N"}, {Size: 4}, {Size: 101}, {Size: 101}}}},
			Constants: []Tensor{
				{Name: "w", Shape: []int{4, 1, 100, 100}, Data: weights},
				{Name: "low", Data: []float32{-1}},
			},
			Nodes: []Node{
				{Op: "Conv", Name: "conv", Inputs: []string{"x", "w"}, Outputs: []string{"a"},
					Attributes: []Attribute{{"strides", []int{1, 2}}, {"group", 3}}},
				{Op: "Relu", Name: "relu", Inputs: []string{"a"}, Outputs: []string{"y"}},
			},
		},
	}
}

func texts(list [][]byte) (texts []string) {
	for _, b := range list {
		texts = append(texts, string(b))
	}
	return texts
}

func TestModelHoldsWhatItWasGiven(t *testing.T) {
	m := example()
	var file bytes.Buffer
	require.NoError(t, m.Write(&file))
	top, numbers := fields(t, file.Bytes())
	assert.Equal(t, []uint64{irVersion}, numbers[modelIRVersion])
	assert.Equal(t, "mdfa", string(top[modelProducer][0]))
	_, opset := fields(t, top[modelOpset][0])
	assert.Equal(t, []uint64{Opset}, opset[opsetVersion])
	require.Len(t, top[modelMetadata], 2)
	property, _ := fields(t, top[modelMetadata][1])
	assert.Equal(t, "dataset=mnist", string(property[propertyKey][0])+"="+string(property[propertyValue][0]))

	graph, _ := fields(t, top[modelGraph][0])
	require.Len(t, graph[graphNode], 2)
	conv, _ := fields(t, graph[graphNode][0])
	assert.Equal(t, []string{"Conv"}, texts(conv[nodeOp]))
	assert.Equal(t, []string{"x", "w"}, texts(conv[nodeInput]))
	require.Len(t, conv[nodeAttribute], 2)
	_, strides := fields(t, conv[nodeAttribute][0])
	assert.Equal(t, []uint64{1, 2}, strides[attributeInts])
	assert.Equal(t, []uint64{typeInts}, strides[attributeType])
	_, group := fields(t, conv[nodeAttribute][1])
	assert.Equal(t, []uint64{3}, group[attributeInt])

	require.Len(t, graph[graphConstant], 2)
	w, dims := fields(t, graph[graphConstant][0])
	assert.Equal(t, []uint64{4, 1, 100, 100}, dims[tensorDims])
	raw := w[tensorRaw][0]
	require.Len(t, raw, 4*40000)
	for i, v := range m.Graph.Constants[0].Data {
		require.Equal(t, v, math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])))
	}
	low, none := fields(t, graph[graphConstant][1])
	assert.Empty(t, none[tensorDims], "a single number has no dimensions")
	assert.Equal(t, []byte{0, 0, 0x80, 0xbf}, low[tensorRaw][0])

	input, _ := fields(t, graph[graphInput][0])
	kind, _ := fields(t, input[valueType][0])
	tensor, _ := fields(t, kind[typeTensor][0])
	shape, _ := fields(t, tensor[tensorTypeShape][0])
	require.Len(t, shape[shapeDim], 4)
	free, _ := fields(t, shape[shapeDim][0])
	assert.Equal(t, "N", string(free[dimName][0]))
	_, fixed := fields(t, shape[shapeDim][1])
	assert.Equal(t, []uint64{3}, fixed[dimSize])
}

func TestMistakesOfTheCallerAreErrors(t *testing.T) {
	m := example()
	m.Graph.Constants[0].Shape = []int{2, 2}
	assert.EqualError(t, m.Write(io.Discard), "onnx: w has 40000 numbers for the shape [2 2]")
	m = example()
	m.Graph.Nodes[0].Attributes[0].Value = 1.5
	assert.ErrorContains(t, m.Write(io.Discard), "attribute strides of Conv is a float64")
}

func TestModelOfTwoGiBIsRefusedBeforeAnythingIsWritten(t *testing.T) {
	shared := make([]float32, 1<<20) // 4 MiB, counted 512 times
	m := example()
	for range 512 {
		m.Graph.Constants = append(m.Graph.Constants, Tensor{Name: "w", Shape: []int{1 << 20}, Data: shared})
	}
	var file bytes.Buffer
	require.ErrorIs(t, m.Write(&file), ErrTooLarge)
	assert.Zero(t, file.Len())
}

var errFull = errors.New("full")

type fullWriter struct{ room int }

func (w *fullWriter) Write(p []byte) (int, error) {
	if w.room -= len(p); w.room < 0 {
		return 0, errFull
	}
	return len(p), nil
}

func TestErrorOfTheFileIsReturned(t *testing.T) {
	for _, room := range []int{0, 100, 5000, 100000} {
		assert.ErrorIs(t, example().Write(&fullWriter{room}), errFull, "%d bytes", room)
	}
}
