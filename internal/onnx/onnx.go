// Package onnx writes models in the Open Neural Network Exchange format: the messages of
// onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto) as far as a
// feed-forward network of float32 needs them. What the operators mean is for the caller to
// know: https://onnx.ai/onnx/operators/.
//
// The Go modules for ONNX read models or run them; none that is kept up writes them.
package onnx

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"mdfa/internal/protobuf"
)

// Opset is the version of the operators that models refer to, of ONNX 1.12. Runtimes since
// 2022 have it.
const Opset = 17

// irVersion is the version of the file format that came with Opset.
const irVersion = 8

// ErrTooLarge marks models of 2 GiB or more, which a protobuf file cannot hold.
var ErrTooLarge = errors.New("an ONNX file holds less than 2 GiB")

// Model is a graph and what is known about it.
type Model struct {
	Producer, Version string // the program that wrote it
	Doc               string // what it is, for a person
	Metadata          []Property
	Graph             Graph
}

// Property is one entry of a model's metadata.
type Property struct{ Key, Value string }

// Graph computes its outputs from its inputs and constants, node by node in their order.
type Graph struct {
	Name            string
	Inputs, Outputs []Value
	Constants       []Tensor // "initializers" in ONNX
	Nodes           []Node
}

// Value is an input or output of float32.
type Value struct {
	Name, Doc string
	Shape     []Dim
}

// Dim is one dimension: a size, or a name for one that is free.
type Dim struct {
	Size int
	Name string
}

// Tensor is a constant of float32, row-major. No shape at all is a single number.
type Tensor struct {
	Name  string
	Shape []int
	Data  []float32
}

// Node is one operator.
type Node struct {
	Op, Name        string
	Inputs, Outputs []string
	Attributes      []Attribute
}

// Attribute is a number of an operator, or several.
type Attribute struct {
	Name  string
	Value any // int or []int
}

// Fields of the messages.
const (
	modelIRVersion       = 1
	modelProducer        = 2
	modelProducerVersion = 3
	modelDoc             = 6
	modelGraph           = 7
	modelOpset           = 8
	modelMetadata        = 14

	opsetVersion = 2

	propertyKey   = 1
	propertyValue = 2

	graphNode     = 1
	graphName     = 2
	graphConstant = 5
	graphInput    = 11
	graphOutput   = 12

	nodeInput     = 1
	nodeOutput    = 2
	nodeName      = 3
	nodeOp        = 4
	nodeAttribute = 5

	attributeName = 1
	attributeInt  = 3
	attributeInts = 8
	attributeType = 20
	typeInt       = 2 // values of attributeType
	typeInts      = 7

	tensorDims     = 1
	tensorDataType = 2
	tensorName     = 8
	tensorRaw      = 9
	float32Type    = 1 // a value of tensorDataType and of tensorTypeElem

	valueName       = 1
	valueType       = 2
	valueDoc        = 3
	typeTensor      = 1
	tensorTypeElem  = 1
	tensorTypeShape = 2
	shapeDim        = 1
	dimSize         = 1
	dimName         = 2
)

// piece is a part of the file: bytes, then numbers.
type piece struct {
	head []byte
	data []float32
}

func (p piece) size() int { return len(p.head) + 4*len(p.data) }

// Write writes the model. The constants' numbers go straight to w, so that a large network
// is not copied. The error wraps ErrTooLarge, or is w's.
func (m *Model) Write(w io.Writer) error {
	graph, err := m.Graph.pieces()
	if err != nil {
		return err
	}
	size := 0
	for _, p := range graph {
		size += p.size()
	}
	head := m.head()
	head = protowire.AppendTag(head, modelGraph, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(size))
	if size+len(head) > math.MaxInt32 {
		return fmt.Errorf("onnx: the model has %d bytes: %w", size+len(head), ErrTooLarge)
	}
	out := bufio.NewWriter(w)
	for _, p := range append([]piece{{head: head}}, graph...) {
		if err := p.write(out); err != nil {
			return err
		}
	}
	return out.Flush()
}

func (p piece) write(w io.Writer) error {
	if _, err := w.Write(p.head); err != nil {
		return err
	}
	const most = 1 << 14 // floats that are turned into bytes at a time
	buffer := make([]byte, 4*min(most, len(p.data)))
	for data := p.data; len(data) > 0; {
		n := min(most, len(data))
		for i, v := range data[:n] {
			binary.LittleEndian.PutUint32(buffer[4*i:], math.Float32bits(v))
		}
		if _, err := w.Write(buffer[:4*n]); err != nil {
			return err
		}
		data = data[n:]
	}
	return nil
}

// head is all of the model but its graph.
func (m *Model) head() protobuf.Message {
	var head protobuf.Message
	head.Int(modelIRVersion, irVersion)
	head.Text(modelProducer, m.Producer)
	head.Text(modelProducerVersion, m.Version)
	head.Text(modelDoc, m.Doc)
	var opset protobuf.Message // of the domain "", ONNX's own
	opset.Int(opsetVersion, Opset)
	head.Bytes(modelOpset, opset)
	for _, p := range m.Metadata {
		var property protobuf.Message
		property.Text(propertyKey, p.Key)
		property.Text(propertyValue, p.Value)
		head.Bytes(modelMetadata, property)
	}
	return head
}

// pieces is the graph's message.
func (g *Graph) pieces() ([]piece, error) {
	var small protobuf.Message
	small.Text(graphName, g.Name)
	for _, v := range g.Inputs {
		small.Bytes(graphInput, v.message())
	}
	for _, v := range g.Outputs {
		small.Bytes(graphOutput, v.message())
	}
	for _, n := range g.Nodes {
		node, err := n.message()
		if err != nil {
			return nil, err
		}
		small.Bytes(graphNode, node)
	}
	list := []piece{{head: small}}
	for _, t := range g.Constants {
		p, err := t.piece()
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// piece is the tensor as a field of the graph.
func (t *Tensor) piece() (piece, error) {
	n := 1
	var m protobuf.Message
	for _, d := range t.Shape {
		n *= d
		m.Int(tensorDims, int64(d))
	}
	if n != len(t.Data) {
		return piece{}, fmt.Errorf("onnx: %s has %d numbers for the shape %v", t.Name, len(t.Data), t.Shape)
	}
	m.Int(tensorDataType, float32Type)
	m.Text(tensorName, t.Name)
	raw := protowire.AppendTag(m, tensorRaw, protowire.BytesType)
	raw = protowire.AppendVarint(raw, uint64(4*n))

	head := protowire.AppendTag(nil, graphConstant, protowire.BytesType)
	head = protowire.AppendVarint(head, uint64(len(raw)+4*n))
	return piece{append(head, raw...), t.Data}, nil
}

func (n *Node) message() (protobuf.Message, error) {
	var m protobuf.Message
	for _, name := range n.Inputs {
		m.Text(nodeInput, name)
	}
	for _, name := range n.Outputs {
		m.Text(nodeOutput, name)
	}
	m.Text(nodeName, n.Name)
	m.Text(nodeOp, n.Op)
	for _, a := range n.Attributes {
		var attribute protobuf.Message
		attribute.Text(attributeName, a.Name)
		switch v := a.Value.(type) {
		case int:
			attribute.Int(attributeInt, int64(v))
			attribute.Int(attributeType, typeInt)
		case []int:
			for _, i := range v {
				attribute.Int(attributeInts, int64(i))
			}
			attribute.Int(attributeType, typeInts)
		default:
			return nil, fmt.Errorf("onnx: attribute %s of %s is a %T: int and []int are possible", a.Name, n.Op, v)
		}
		m.Bytes(nodeAttribute, attribute)
	}
	return m, nil
}

func (v *Value) message() protobuf.Message {
	var shape, tensor, kind, m protobuf.Message
	for _, d := range v.Shape {
		var dim protobuf.Message
		if d.Name != "" {
			dim.Text(dimName, d.Name)
		} else {
			dim.Int(dimSize, int64(d.Size))
		}
		shape.Bytes(shapeDim, dim)
	}
	tensor.Int(tensorTypeElem, float32Type)
	tensor.Bytes(tensorTypeShape, shape)
	kind.Bytes(typeTensor, tensor)
	m.Text(valueName, v.Name)
	m.Bytes(valueType, kind)
	m.Text(valueDoc, v.Doc)
	return m
}
