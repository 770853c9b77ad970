package safetensors

import (
	"bytes"
	"encoding/binary"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// file puts a header before some bytes of data.
func file(header string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(header)))
	return append(append(b, header...), make([]byte, data)...)
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	long := make([]float32, pieceBytes)
	for i := range long {
		long[i] = float32(i)
	}
	want := []Tensor{
		{"a.weight", []int{2, 3}, []float32{1, -2, float32(math.Inf(1)), math.SmallestNonzeroFloat32, 0, 0.1}},
		{"empty", []int{4, 0}, []float32{}},
		{"scalar", []int{}, []float32{7}},
		{`"é\`, []int{pieceBytes}, long},
	}
	metadata := map[string]string{"b": "<text>\n", "a": ""}
	var b bytes.Buffer
	require.NoError(t, Write(&b, want, metadata))
	assert.Zero(t, (binary.LittleEndian.Uint64(b.Bytes())+lengthBytes)%alignment, "the data are aligned")
	var again bytes.Buffer
	require.NoError(t, Write(&again, want, metadata))
	assert.Equal(t, b.Bytes(), again.Bytes())

	got, texts, err := Read(&b, int64(b.Len()))
	require.NoError(t, err)
	assert.Equal(t, want, got)
	assert.Equal(t, metadata, texts)
	assert.Zero(t, b.Len(), "all of it was read")
}

func TestTheBytesAreThoseOfTheFormat(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, Write(&b, []Tensor{{"w", []int{1, 2}, []float32{1, -2}}}, map[string]string{"k": "v"}))
	const header = `{"__metadata__":{"k":"v"},"w":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]}}       `
	want := append(file(header, 0), 0, 0, 0x80, 0x3f, 0, 0, 0, 0xc0)
	assert.Equal(t, string(want), b.String())
}

func TestTensorsThatCannotBeWrittenAreRefused(t *testing.T) {
	for _, tensors := range [][]Tensor{
		{{"a", []int{2}, []float32{1}}},
		{{"a", []int{-1}, nil}},
		{{"a", []int{math.MaxInt, 2}, nil}},
		{{"a", []int{0}, nil}, {"a", []int{0}, nil}},
		{{metadataName, []int{0}, nil}},
		{{"\xff", []int{0}, nil}},
	} {
		assert.Error(t, Write(&bytes.Buffer{}, tensors, nil), "%v", tensors)
	}
	assert.Error(t, Write(&bytes.Buffer{}, nil, map[string]string{"a": "\xff"}))
}

func TestFilesAtOddsWithThemselvesAreRefused(t *testing.T) {
	const w = `"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}`
	require.NoError(t, readable(file("{"+w+"}", 8)))
	for name, broken := range map[string][]byte{
		"nothing":           nil,
		"half a length":     {1, 0},
		"huge length":       binary.LittleEndian.AppendUint64(nil, math.MaxUint64),
		"long length":       binary.LittleEndian.AppendUint64(nil, maxHeader+1),
		"header cut":        file("{"+w+"}", 8)[:20],
		"data cut":          file("{"+w+"}", 7),
		"data left":         file("{"+w+"}", 9),
		"no JSON":           file("w", 0),
		"array":             file("[]", 0),
		"open end":          file("{"+w, 8),
		"second value":      file("{"+w+"}{}", 8),
		"other Unicode":     file("{\"\xff\":{}}", 0),
		"name twice":        file("{"+w+","+w+"}", 8),
		"metadata twice":    file(`{"__metadata__":{},"__metadata__":{}}`, 0),
		"metadata number":   file(`{"__metadata__":{"a":1}}`, 0),
		"key twice":         file(`{"w":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}`, 8),
		"key unknown":       file(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"x":1}}`, 8),
		"key missing":       file(`{"w":{"dtype":"F32","data_offsets":[0,4]}}`, 4),
		"shape null":        file(`{"w":{"dtype":"F32","shape":null,"data_offsets":[0,4]}}`, 4),
		"type unknown":      file(`{"w":{"dtype":"BF16","shape":[2],"data_offsets":[0,8]}}`, 8),
		"negative length":   file(`{"w":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}`, 8),
		"overflow":          file(`{"w":{"dtype":"F32","shape":[4294967296,4294967296,4],"data_offsets":[0,0]}}`, 0),
		"large":             file(`{"w":{"dtype":"F32","shape":[9223372036854775807],"data_offsets":[0,8]}}`, 8),
		"fraction":          file(`{"w":{"dtype":"F32","shape":[2.5],"data_offsets":[0,10]}}`, 10),
		"three offsets":     file(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}`, 8),
		"backwards":         file(`{"w":{"dtype":"F32","shape":[0],"data_offsets":[8,0]}}`, 8),
		"other size":        file(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,8]}}`, 8),
		"hole at the start": file(`{"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8),
		"hole":              file("{"+w+`,"v":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}`, 16),
		"overlap":           file("{"+w+`,"v":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}`, 8),
		"past the end":      file("{"+w+`,"v":{"dtype":"F32","shape":[250],"data_offsets":[8,1008]}}`, 8),
	} {
		assert.ErrorIs(t, readable(broken), ErrFormat, name)
	}
}

func readable(b []byte) error {
	_, _, err := Read(bytes.NewReader(b), int64(len(b)))
	return err
}

func FuzzRead(f *testing.F) {
	f.Add(file(`{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"__metadata__":{"a":"b"}}`, 8))
	f.Add(file(`{"v":{"dtype":"F32","shape":[],"data_offsets":[8,12]},"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]}}`, 12))
	f.Add(file(strings.Repeat("{", 100), 0))
	f.Fuzz(func(t *testing.T, b []byte) {
		tensors, metadata, err := Read(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		var out bytes.Buffer
		require.NoError(t, Write(&out, tensors, metadata))
		again, texts, err := Read(&out, int64(out.Len()))
		require.NoError(t, err)
		require.Len(t, again, len(tensors))
		for i, tensor := range tensors {
			require.Equal(t, tensor.Name, again[i].Name)
			require.Equal(t, tensor.Shape, again[i].Shape)
			for j, x := range tensor.Data {
				require.Equal(t, math.Float32bits(x), math.Float32bits(again[i].Data[j]))
			}
		}
		require.Equal(t, len(metadata), len(texts))
	})
}
