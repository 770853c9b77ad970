package protobuf

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
)

// The bytes are worked out by hand from the encoding's description.
func TestFieldsHaveTheirEncodings(t *testing.T) {
	for name, c := range map[string]struct {
		fields Fields
		want   string
	}{
		"a small integer":                          {Int(1, 150), "\x08\x96\x01"},
		"a negative integer takes ten bytes":       {Int(2, -1), "\x10\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"},
		"a field beyond 15 has a tag of two bytes": {Int(20, 1), "\xa0\x01\x01"},
		"a zero is written":                        {Int(1, 0), "\x08\x00"},
		"a float":                                  {Float(2, 1), "\x15\x00\x00\x80\x3f"},
		"a double":                                 {Double(1, math.Copysign(0, -1)), "\x09\x00\x00\x00\x00\x00\x00\x00\x80"},
		"a text":                                   {Text(2, "testing"), "\x12\x07testing"},
		"no text":                                  {Text(2, ""), "\x12\x00"},
		"bytes":                                    {Bytes(3, []byte{0x08, 0x96, 0x01}), "\x1a\x03\x08\x96\x01"},
		"packed doubles": {Doubles(7, []float64{1, 2}),
			"\x3a\x10\x00\x00\x00\x00\x00\x00\xf0\x3f\x00\x00\x00\x00\x00\x00\x00\x40"},
		"a message of two fields": {Message(1, Int(1, 1), Text(2, "x")), "\x0a\x05\x08\x01\x12\x01x"},
		"an empty message":        {Message(1), "\x0a\x00"},
		"the head of a message":   {Head(1, 300), "\x0a\xac\x02"},
	} {
		assert.Equal(t, c.want, string(c.fields), name)
	}
}
