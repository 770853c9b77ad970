// Package protobuf writes messages in the binary format of Protocol Buffers
// (https://protobuf.dev/programming-guides/encoding/), for formats of which this project
// writes a few messages and reads none: a page of calls then says more than generated code.
// The bytes of each field come from protowire, the encoder under the official Go module.
package protobuf

import (
	"math"

	"google.golang.org/protobuf/encoding/protowire"
)

// Message is an encoded message. The zero Message is the empty one. Fields are appended in
// the order of the calls, and a repeated field by calling again with its number. Every
// field is written, also one that has its default value.
type Message []byte

// Int appends an integer, an enumeration or a boolean (int32, int64, uint32, uint64, bool,
// enum; not sint or fixed).
func (m *Message) Int(field int, v int64) {
	*m = protowire.AppendTag(*m, protowire.Number(field), protowire.VarintType)
	*m = protowire.AppendVarint(*m, uint64(v))
}

// Float appends a float.
func (m *Message) Float(field int, v float32) {
	*m = protowire.AppendTag(*m, protowire.Number(field), protowire.Fixed32Type)
	*m = protowire.AppendFixed32(*m, math.Float32bits(v))
}

// Double appends a double.
func (m *Message) Double(field int, v float64) {
	*m = protowire.AppendTag(*m, protowire.Number(field), protowire.Fixed64Type)
	*m = protowire.AppendFixed64(*m, math.Float64bits(v))
}

// Text appends a string, which must be UTF-8.
func (m *Message) Text(field int, v string) {
	*m = protowire.AppendTag(*m, protowire.Number(field), protowire.BytesType)
	*m = protowire.AppendString(*m, v)
}

// Bytes appends a bytes field or an embedded message.
func (m *Message) Bytes(field int, v []byte) {
	*m = protowire.AppendTag(*m, protowire.Number(field), protowire.BytesType)
	*m = protowire.AppendBytes(*m, v)
}

// Doubles appends a packed repeated double.
func (m *Message) Doubles(field int, values []float64) {
	*m = protowire.AppendTag(*m, protowire.Number(field), protowire.BytesType)
	*m = protowire.AppendVarint(*m, uint64(8*len(values)))
	for _, v := range values {
		*m = protowire.AppendFixed64(*m, math.Float64bits(v))
	}
}
