// Package onnx writes models in the Open Neural Network Exchange format: the messages of
// onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto) as far as a
// feed-forward network of float32 needs them. The caller chooses the operators:
// https://onnx.ai/onnx/operators/.
//
// The Go modules for ONNX read models or run them; no maintained one writes them.
package onnx

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"mdfa/internal/protobuf"
)

// Opset is the version of the operators that models refer to, of ONNX 1.12. Runtimes since
// 2022 have it.
const Opset = 17

// irVersion is the version of the file format that came with Opset.
const irVersion = 8

// ErrTooLarge marks models of 2 GiB or more, which a protobuf file cannot hold.
var ErrTooLarge = errors.New("an ONNX file holds less than 2 GiB")

// Model is a graph with its description.
type Model struct {
	Producer, Version string // the program that wrote it
	Doc               string // a description for a person
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

// Dim is one dimension: a size, or the name of one whose size is free.
type Dim struct {
	Size int
	Name string
}

// Tensor is a constant of float32, row-major. Without a shape it is a single number.
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

// piece is a part of the file: bytes, then the numbers of a constant.
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
	head := append(m.head(), protobuf.Head(modelGraph, size)...)
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

// head returns the model without its graph.
func (m *Model) head() protobuf.Fields {
	head := slices.Concat(
		protobuf.Int(modelIRVersion, irVersion),
		protobuf.Text(modelProducer, m.Producer),
		protobuf.Text(modelProducerVersion, m.Version),
		protobuf.Text(modelDoc, m.Doc),
		protobuf.Message(modelOpset, protobuf.Int(opsetVersion, Opset))) // of the domain "", ONNX's own
	for _, p := range m.Metadata {
		head = append(head, protobuf.Message(modelMetadata, protobuf.Text(propertyKey, p.Key), protobuf.Text(propertyValue, p.Value))...)
	}
	return head
}

// pieces returns the graph.
func (g *Graph) pieces() ([]piece, error) {
	small := protobuf.Text(graphName, g.Name)
	for _, v := range g.Inputs {
		small = append(small, v.field(graphInput)...)
	}
	for _, v := range g.Outputs {
		small = append(small, v.field(graphOutput)...)
	}
	for _, n := range g.Nodes {
		node, err := n.field()
		if err != nil {
			return nil, err
		}
		small = append(small, node...)
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

// piece returns the tensor as a field of the graph.
func (t *Tensor) piece() (piece, error) {
	n := 1
	var m protobuf.Fields
	for _, d := range t.Shape {
		n *= d
		m = append(m, protobuf.Int(tensorDims, int64(d))...)
	}
	if n != len(t.Data) {
		return piece{}, fmt.Errorf("onnx: %s has %d numbers for the shape %v", t.Name, len(t.Data), t.Shape)
	}
	m = slices.Concat(m, protobuf.Int(tensorDataType, float32Type), protobuf.Text(tensorName, t.Name), protobuf.Head(tensorRaw, 4*n))
	return piece{append(protobuf.Head(graphConstant, len(m)+4*n), m...), t.Data}, nil
}

// field returns the node as a field of the graph.
func (n *Node) field() (protobuf.Fields, error) {
	var m protobuf.Fields
	for _, name := range n.Inputs {
		m = append(m, protobuf.Text(nodeInput, name)...)
	}
	for _, name := range n.Outputs {
		m = append(m, protobuf.Text(nodeOutput, name)...)
	}
	m = slices.Concat(m, protobuf.Text(nodeName, n.Name), protobuf.Text(nodeOp, n.Op))
	for _, a := range n.Attributes {
		attribute := protobuf.Text(attributeName, a.Name)
		switch v := a.Value.(type) {
		case int:
			attribute = slices.Concat(attribute, protobuf.Int(attributeInt, int64(v)), protobuf.Int(attributeType, typeInt))
		case []int:
			for _, i := range v {
				attribute = append(attribute, protobuf.Int(attributeInts, int64(i))...)
			}
			attribute = append(attribute, protobuf.Int(attributeType, typeInts)...)
		default:
			return nil, fmt.Errorf("onnx: attribute %s of %s is a %T: int and []int are possible", a.Name, n.Op, v)
		}
		m = append(m, protobuf.Message(nodeAttribute, attribute)...)
	}
	return protobuf.Message(graphNode, m), nil
}

// field returns the value as a field of the graph.
func (v *Value) field(number int) protobuf.Fields {
	var shape protobuf.Fields
	for _, d := range v.Shape {
		size := protobuf.Text(dimName, d.Name)
		if d.Name == "" {
			size = protobuf.Int(dimSize, int64(d.Size))
		}
		shape = append(shape, protobuf.Message(shapeDim, size)...)
	}
	return protobuf.Message(number,
		protobuf.Text(valueName, v.Name),
		protobuf.Message(valueType, protobuf.Message(typeTensor,
			protobuf.Int(tensorTypeElem, float32Type), protobuf.Message(tensorTypeShape, shape))),
		protobuf.Text(valueDoc, v.Doc))
}
