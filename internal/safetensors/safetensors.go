// Package safetensors reads and writes tensors in the safetensors format, which Python's
// safetensors package reads as well (https://github.com/huggingface/safetensors, "Format"):
//
//	8 bytes       N, the length of the header, little-endian
//	N bytes       JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …,
//	              "__metadata__": {"key": "text", …}}
//	the rest      the tensors, row-major, little-endian, in the ranges of data_offsets
//
// It is written anew and not taken from github.com/nlpodyssey/safetensors: that module has
// no release, keeps the last of two tensors of one name without a word, and wants the whole
// file in memory beside the tensors. Here a file that is at odds with itself is refused, and
// reading streams.
package safetensors

import (
	"errors"
	"math"
)

// ErrFormat marks what is no safetensors file, or one that is at odds with itself.
var ErrFormat = errors.New("not a sound safetensors file")

// Tensor is a named array of float32, row-major. No shape at all is a single number.
type Tensor struct {
	Name  string
	Shape []int
	Data  []float32 // as many as the product of Shape
}

// dtype is the type of all elements, as the header names it: nothing else is kept so.
const dtype = "F32"

const elementBytes = 4

// elements is the product of a shape; ok is false where it is negative or overflows.
func elements(shape []int) (n int, ok bool) {
	n = 1
	for _, length := range shape {
		if length < 0 || length > 0 && n > math.MaxInt/length {
			return 0, false
		}
		n *= length
	}
	return n, true
}

// metadataName is the entry of the header that is no tensor.
const metadataName = "__metadata__"

const (
	lengthBytes = 8
	// maxHeader is the longest header that the format allows.
	maxHeader = 100_000_000
	// alignment is the unit of the data's start: the header is filled up with blanks.
	alignment = 8
)
