package loaders

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func put(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, content, 0o666))
	return path
}

func TestFilesOfManyImagesAreKnownByTheirContent(t *testing.T) {
	images := []byte{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6}
	labels := []byte{0, 0, 8, 1, 0, 0, 0, 2, 7, 9}
	record := make([]byte, 3073)
	record[0], record[1], record[1+1024], record[1+2048] = 9, 10, 20, 30
	for _, c := range []struct {
		content []byte
		want    Kind
	}{
		{images, IDXImages}, {zipped(images), IDXImages}, {labels, IDXLabels}, {zipped(labels), IDXLabels},
		{record, CIFARBatch}, {bytes.Repeat([]byte{1}, 3074*2), CIFARBatch},
		{nil, NoPictures}, {[]byte("text"), NoPictures}, {[]byte{0, 0}, NoPictures}, {[]byte{0x1f, 0x8b, 1}, NoPictures},
		{[]byte{0, 0, 8, 2, 0, 0}, NoPictures}, {make([]byte, 100), NoPictures},
	} {
		kind, err := KindOf(put(t, "file", c.content))
		require.NoError(t, err)
		assert.Equal(t, c.want, kind, "%x", c.content[:min(8, len(c.content))])
	}

	ctx := context.Background()
	for _, content := range [][]byte{images, zipped(images)} {
		p, err := ReadIDXImages(ctx, put(t, "file", content))
		require.NoError(t, err)
		assert.Equal(t, &Pictures{Height: 1, Width: 3, Channels: 1, Images: []byte{1, 2, 3, 4, 5, 6}}, p)
	}
	got, err := ReadIDXLabels(ctx, put(t, "file", labels))
	require.NoError(t, err)
	assert.Equal(t, []int32{7, 9}, got)
	p, err := ReadCIFARBatch(ctx, put(t, "file", record), "cifar10", false)
	require.NoError(t, err)
	assert.Equal(t, []int32{9}, p.Labels)
	assert.Equal(t, []byte{10, 20, 30, 0}, p.Images[:4], "planes become pixels")
}

func TestTheSetDecidesWhereASizeFitsBoth(t *testing.T) {
	path := put(t, "both.bin", make([]byte, 3073*3074))
	for name, records := range map[string]int{"cifar10": 3074, "cifar100": 3073, "mnist": 3074} {
		p, err := ReadCIFARBatch(context.Background(), path, name, false)
		require.NoError(t, err)
		assert.Len(t, p.Labels, records, name)
	}
}

func TestBadFilesOfManyImagesAreSentences(t *testing.T) {
	ctx := context.Background()
	huge := []byte{0, 0, 8, 3, 0, 0, 0, 2, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 3}
	_, err := ReadIDXImages(ctx, put(t, "file", huge))
	require.ErrorIs(t, err, ErrFormat)
	_, err = ReadIDXImages(ctx, put(t, "file", []byte{0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1}))
	require.ErrorIs(t, err, ErrTruncated)
	_, err = ReadCIFARBatch(ctx, put(t, "file", []byte("no records")), "cifar10", false)
	require.ErrorIs(t, err, ErrFormat)
	_, err = KindOf(t.TempDir())
	require.ErrorContains(t, err, "is a folder")
	_, err = KindOf(filepath.Join(t.TempDir(), "none"))
	require.Error(t, err)
}

func FuzzIDXImages(f *testing.F) {
	f.Add([]byte{0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 7})
	f.Fuzz(func(t *testing.T, content []byte) {
		p, err := ReadIDXImages(context.Background(), put(t, "file", content))
		if err == nil {
			require.NotEmpty(t, p.Images)
			require.Zero(t, len(p.Images)%(p.Height*p.Width))
		}
	})
}
