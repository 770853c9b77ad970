// Package protobuf writes messages in the binary format of Protocol Buffers
// (https://protobuf.dev/programming-guides/encoding/), for formats of which this project
// writes a few messages and reads none: a page of calls is shorter than generated code.
// The bytes of each field come from protowire, the encoder under the official Go module.
package protobuf

import (
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
)

// Fields is the encoding of any number of fields in their order; the concatenation of two
// is one, too. A message is the Fields that it holds. A repeated field is several of the
// same number. Every field is written, even with its default value.
type Fields []byte

func tag(field int, kind protowire.Type) Fields {
	return protowire.AppendTag(nil, protowire.Number(field), kind)
}

// Int returns an integer, an enumeration or a boolean (int32, int64, uint32, uint64, bool,
// enum; not sint or fixed).
func Int(field int, v int64) Fields {
	return protowire.AppendVarint(tag(field, protowire.VarintType), uint64(v))
}

// Float returns a float.
func Float(field int, v float32) Fields {
	return protowire.AppendFixed32(tag(field, protowire.Fixed32Type), math.Float32bits(v))
}

// Double returns a double.
func Double(field int, v float64) Fields {
	return protowire.AppendFixed64(tag(field, protowire.Fixed64Type), math.Float64bits(v))
}

// Text returns a string, which must be UTF-8.
func Text(field int, v string) Fields { return Bytes(field, []byte(v)) }

// Bytes returns a bytes field.
func Bytes(field int, v []byte) Fields { return append(Head(field, len(v)), v...) }

// Doubles returns a packed repeated double.
func Doubles(field int, values []float64) Fields {
	f := Head(field, 8*len(values))
	for _, v := range values {
		f = protowire.AppendFixed64(f, math.Float64bits(v))
	}
	return f
}

// Message returns an embedded message.
func Message(field int, content ...Fields) Fields {
	return Bytes(field, slices.Concat(content...))
}

// Head returns the beginning of a bytes field or an embedded message, which size bytes must follow.
func Head(field, size int) Fields {
	return protowire.AppendVarint(tag(field, protowire.BytesType), uint64(size))
}
