package protobuf

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The bytes are worked out by hand from the encoding's description.
func TestFieldsHaveTheirEncodings(t *testing.T) {
	for _, c := range []struct {
		name  string
		write func(*Message)
		want  []byte
	}{
		{"a small integer", func(m *Message) { m.Int(1, 150) }, []byte{0x08, 0x96, 0x01}},
		{"a negative integer takes ten bytes", func(m *Message) { m.Int(2, -1) },
			[]byte{0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01}},
		{"a field beyond 15 has a tag of two bytes", func(m *Message) { m.Int(20, 1) }, []byte{0xa0, 0x01, 0x01}},
		{"a zero is written", func(m *Message) { m.Int(1, 0) }, []byte{0x08, 0x00}},
		{"a float", func(m *Message) { m.Float(2, 1) }, []byte{0x15, 0, 0, 0x80, 0x3f}},
		{"a double", func(m *Message) { m.Double(1, math.Copysign(0, -1)) }, []byte{0x09, 0, 0, 0, 0, 0, 0, 0, 0x80}},
		{"a text", func(m *Message) { m.Text(2, "testing") }, []byte("\x12\x07testing")},
		{"no text", func(m *Message) { m.Text(2, "") }, []byte{0x12, 0}},
		{"bytes", func(m *Message) { m.Bytes(3, []byte{0x08, 0x96, 0x01}) }, []byte{0x1a, 0x03, 0x08, 0x96, 0x01}},
		{"packed doubles", func(m *Message) { m.Doubles(7, []float64{1, 2}) },
			[]byte{0x3a, 16, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f, 0, 0, 0, 0, 0, 0, 0, 0x40}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var m Message
			c.write(&m)
			assert.Equal(t, c.want, []byte(m))
		})
	}
}

func TestFieldsFollowEachOther(t *testing.T) {
	var inner, outer Message
	inner.Int(1, 1)
	outer.Bytes(1, inner)
	outer.Bytes(1, inner)
	assert.Equal(t, []byte{0x0a, 2, 0x08, 1, 0x0a, 2, 0x08, 1}, []byte(outer))
}
