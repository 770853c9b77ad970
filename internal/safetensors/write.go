package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"unicode/utf8"
)

// Write writes a file, the tensors in the order given. The same arguments give the same
// bytes. Names must be different, and texts UTF-8.
func Write(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	header, err := header(tensors, metadata)
	if err != nil {
		return err
	}
	if _, err := w.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(header)))); err != nil {
		return err
	}
	if _, err := w.Write(header); err != nil {
		return err
	}
	buffer := make([]byte, 0, pieceBytes)
	for _, t := range tensors {
		if err := writeData(w, t.Data, buffer); err != nil {
			return err
		}
	}
	return nil
}

// header returns the JSON of a file, padded with blanks.
func header(tensors []Tensor, metadata map[string]string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	if len(metadata) > 0 {
		for key, text := range metadata {
			if !utf8.ValidString(key) || !utf8.ValidString(text) {
				return nil, fmt.Errorf("metadata %q is no UTF-8", key)
			}
		}
		text, err := json.Marshal(metadata) // in the order of the keys
		if err != nil {
			return nil, fmt.Errorf("metadata: %w", err)
		}
		fmt.Fprintf(&b, "%q:%s", metadataName, text)
	}
	seen := map[string]bool{metadataName: true}
	at := 0
	for _, t := range tensors {
		n := len(t.Data)
		count, ok := elements(t.Shape)
		switch {
		case seen[t.Name] || !utf8.ValidString(t.Name):
			return nil, fmt.Errorf("%q cannot be the name of a tensor, or is one already", t.Name)
		case !ok || count != n:
			return nil, fmt.Errorf("tensor %q has %d elements for the shape %v", t.Name, n, t.Shape)
		}
		seen[t.Name] = true
		name, err := json.Marshal(t.Name)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		info, err := json.Marshal(entry{dtype, append([]int{}, t.Shape...), []int{at, at + n*elementBytes}})
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%s:%s", name, info)
		at += n * elementBytes
	}
	b.WriteByte('}')
	for b.Len()%alignment != 0 {
		b.WriteByte(' ')
	}
	if b.Len() > maxHeader {
		return nil, fmt.Errorf("the header has %d bytes; %d are allowed", b.Len(), maxHeader)
	}
	return b.Bytes(), nil
}

// entry is a tensor in the header.
type entry struct {
	DType   string `json:"dtype"`
	Shape   []int  `json:"shape"`
	Offsets []int  `json:"data_offsets"`
}

// pieceBytes is the number of bytes that are converted at a time.
const pieceBytes = 1 << 16

func writeData(w io.Writer, data []float32, buffer []byte) error {
	for piece := range slices.Chunk(data, pieceBytes/elementBytes) {
		buffer = buffer[:0]
		for _, x := range piece {
			buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(x))
		}
		if _, err := w.Write(buffer); err != nil {
			return err
		}
	}
	return nil
}
