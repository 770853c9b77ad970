package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"unicode/utf8"
)

// Header is the part of a file before its data.
type Header struct {
	Metadata map[string]string
	Tensors  []Info // in the order of their data
	raw      []byte // length and JSON, as they stand in the file
}

// Info is a tensor without its data.
type Info struct {
	Name  string
	Shape []int
}

// Bytes returns the bytes of the header in the file, with its length in front.
func (h *Header) Bytes() []byte { return slices.Clone(h.raw) }

// Read reads a whole file of size bytes.
func Read(r io.Reader, size int64) ([]Tensor, map[string]string, error) {
	h, err := ReadHeader(r, size)
	if err != nil {
		return nil, nil, err
	}
	tensors, err := h.ReadData(r)
	return tensors, h.Metadata, err
}

// ReadHeader reads and checks the header of a file of size bytes: tensors of
// float32 and different names fill the rest of the file without gap or overlap. Memory
// stays within the size of the file. Any other file is an ErrFormat.
func ReadHeader(r io.Reader, size int64) (*Header, error) {
	raw := make([]byte, lengthBytes)
	if _, err := io.ReadFull(r, raw); err != nil {
		return nil, cut(err)
	}
	length := binary.LittleEndian.Uint64(raw)
	if length > maxHeader || int64(length) > size-lengthBytes {
		return nil, fmt.Errorf("a header of %d bytes in a file of %d: %w", length, size, ErrFormat)
	}
	raw = append(raw, make([]byte, length)...)
	if _, err := io.ReadFull(r, raw[lengthBytes:]); err != nil {
		return nil, cut(err)
	}
	h := &Header{raw: raw}
	if err := h.parse(raw[lengthBytes:], size-int64(len(raw))); err != nil {
		return nil, fmt.Errorf("the header: %w: %w", err, ErrFormat)
	}
	return h, nil
}

// cut turns the end of the file into an error that says so, and returns others unchanged.
func cut(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("the file ends too early: %w", ErrFormat)
	}
	return err
}

// placed is a tensor with the range of its data.
type placed struct {
	Info
	from, to int64
}

// parse reads the JSON; data is the number of bytes that follow.
func (h *Header) parse(text []byte, data int64) error {
	if !utf8.Valid(text) {
		return errors.New("it is no UTF-8")
	}
	in := json.NewDecoder(bytes.NewReader(text))
	var list []placed
	err := object(in, func(name string) error {
		if name == metadataName {
			h.Metadata = map[string]string{}
			return object(in, func(key string) error {
				value, err := in.Token()
				text, ok := value.(string)
				if err != nil || !ok {
					return fmt.Errorf("metadata %q is no text", key)
				}
				h.Metadata[key] = text
				return nil
			})
		}
		p, err := parseEntry(in)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		p.Name = name
		list = append(list, p)
		return nil
	})
	if err != nil {
		return err
	}
	if _, err := in.Token(); err != io.EOF {
		return errors.New("something follows its end")
	}
	slices.SortStableFunc(list, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to))
	})
	at := int64(0)
	for _, p := range list {
		if p.from != at {
			return fmt.Errorf("tensor %q begins at byte %d of the data; %d was expected", p.Name, p.from, at)
		}
		at = p.to
		h.Tensors = append(h.Tensors, p.Info)
	}
	if at != data {
		return fmt.Errorf("the tensors have %d bytes, the file %d", at, data)
	}
	return nil
}

// parseEntry reads the entry of one tensor.
func parseEntry(in *json.Decoder) (placed, error) {
	var p placed
	var kind string
	var offsets []int64
	fields := 0
	err := object(in, func(key string) error {
		fields++
		switch key {
		case "dtype":
			return in.Decode(&kind)
		case "shape":
			return in.Decode(&p.Shape)
		case "data_offsets":
			return in.Decode(&offsets)
		}
		return fmt.Errorf("%q is unknown", key)
	})
	if err != nil {
		return p, err
	}
	n, ok := elements(p.Shape)
	switch {
	case fields != 3 || p.Shape == nil || len(offsets) != 2:
		return p, errors.New("dtype, shape and two data_offsets are needed")
	case kind != dtype:
		return p, fmt.Errorf("elements of type %q; %s can be read", kind, dtype)
	case !ok || n > math.MaxInt/elementBytes:
		return p, fmt.Errorf("the shape %v is not possible", p.Shape)
	case offsets[0] < 0 || offsets[1] < offsets[0] || offsets[1]-offsets[0] != int64(n*elementBytes):
		return p, fmt.Errorf("bytes %d to %d for the shape %v", offsets[0], offsets[1], p.Shape)
	}
	p.from, p.to = offsets[0], offsets[1]
	return p, nil
}

// object reads a JSON object and calls value to read each value. Its keys must be different.
func object(in *json.Decoder, value func(key string) error) error {
	if open, err := in.Token(); err != nil || open != json.Delim('{') {
		return errors.New("an object in braces is missing")
	}
	seen := map[string]bool{}
	for in.More() {
		token, err := in.Token()
		key, ok := token.(string)
		if err != nil || !ok {
			return errors.New("a key is missing")
		}
		if seen[key] {
			return fmt.Errorf("%q is there twice", key)
		}
		seen[key] = true
		if err := value(key); err != nil {
			return err
		}
	}
	if _, err := in.Token(); err != nil {
		return errors.New("its end is missing")
	}
	return nil
}

// ReadData reads the tensors, which follow the header in r.
func (h *Header) ReadData(r io.Reader) ([]Tensor, error) {
	tensors := make([]Tensor, len(h.Tensors))
	buffer := make([]byte, pieceBytes)
	for i, info := range h.Tensors {
		n, _ := elements(info.Shape)
		tensors[i] = Tensor{info.Name, info.Shape, make([]float32, n)}
		for piece := range slices.Chunk(tensors[i].Data, pieceBytes/elementBytes) {
			read := buffer[:len(piece)*elementBytes]
			if _, err := io.ReadFull(r, read); err != nil {
				return nil, cut(err)
			}
			for j := range piece {
				piece[j] = math.Float32frombits(binary.LittleEndian.Uint32(read[j*elementBytes:]))
			}
		}
	}
	return tensors, nil
}
