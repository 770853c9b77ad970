// Package safetensors reads and writes tensors in the safetensors format, which Python's
// safetensors package reads as well (https://github.com/huggingface/safetensors, "Format"):
//
//	8 bytes       N, the length of the header, little-endian
//	N bytes       JSON: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, …,
//	              "__metadata__": {"key": "text", …}}
//	the rest      the tensors, row-major, little-endian, in the ranges of data_offsets
//
// github.com/nlpodyssey/safetensors has no release, silently keeps the last of two tensors of one
// name, and needs the whole file in memory beside the tensors. This package refuses a file that contradicts
// itself, and reads as a stream.
package safetensors

import (
	"errors"
	"math"
)

// ErrFormat marks a file that is no safetensors file or contradicts itself.
var ErrFormat = errors.New("not a sound safetensors file")

// Tensor is a named array of float32, row-major. A tensor with an empty shape is a single number.
type Tensor struct {
	Name  string
	Shape []int
	Data  []float32 // [product of Shape]
}

// dtype is the type of all elements in the header.
const dtype = "F32"

const elementBytes = 4

// elements returns the product of a shape; ok is false if a side is negative or the product overflows.
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

// metadataName is the entry of the header that holds no tensor.
const metadataName = "__metadata__"

const (
	lengthBytes = 8
	// maxHeader is the longest header that the format allows.
	maxHeader = 100_000_000
	// alignment is the unit of the data's start: the header is filled up with blanks.
	alignment = 8
)
