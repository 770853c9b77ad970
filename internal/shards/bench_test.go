package shards

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// benchPlan has images of 224x224, as ImageNet is prepared.
var benchPlan = Plan{RecordBytes: 224 * 224 * 3, ShardImages: 256, Classes: 2}

// BenchmarkImage shows what reading an image costs: with the comparison of its checksum
// (the first time), without (later), and by the system's read call in place of the
// mapping.
func BenchmarkImage(b *testing.B) {
	dir := b.TempDir()
	w, err := NewWriter(dir, Train, benchPlan)
	require.NoError(b, err)
	image := make([]byte, benchPlan.RecordBytes)
	for i := range benchPlan.ShardImages {
		image[i] = byte(i)
		require.NoError(b, w.Add(image, 0, "", Position{}))
	}
	split, err := w.Finish()
	require.NoError(b, err)
	m := &Manifest{Size: 224, Channels: 3, ShardImages: benchPlan.ShardImages, Classes: make([]Class, 2), Train: split}
	images, err := openImages(b.Context(), dir, m, &m.Train)
	require.NoError(b, err)
	defer images.unmap()

	b.Run("first", func(b *testing.B) {
		b.SetBytes(int64(len(image)))
		for i := 0; b.Loop(); i++ {
			k := i * 37 % images.Len()
			images.checked[k/32].Store(0)
			require.NoError(b, images.Image(k, image))
		}
	})
	b.Run("later", func(b *testing.B) {
		b.SetBytes(int64(len(image)))
		for i := 0; b.Loop(); i++ {
			require.NoError(b, images.Image(i*37%images.Len(), image))
		}
	})
	b.Run("read call", func(b *testing.B) {
		file, err := os.Open(filepath.Join(dir, split.Shards[0].File))
		require.NoError(b, err)
		defer file.Close()
		b.SetBytes(int64(len(image)))
		for i := 0; b.Loop(); i++ {
			_, err := file.ReadAt(image, int64(i*37%images.Len())*int64(len(image)))
			require.NoError(b, err)
		}
	})
}
