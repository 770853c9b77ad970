package loaders

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// rowSource is a source whose images of one byte are their rows.
type rowSource struct{ rows int }

func (s rowSource) Image(i int, dst []uint8) error {
	if i >= s.rows {
		return errors.New("no such row")
	}
	dst[0] = uint8(i)
	return nil
}

func TestImagesOfASourceFollowTheirLabels(t *testing.T) {
	raw := func(n int) rawSplit {
		labels := make([]int32, n)
		for row := range labels {
			labels[row] = int32(row % 5)
		}
		return rawSplit{source: rowSource{n}, labels: labels}
	}
	def := definition{name: "made up", height: 1, width: 1, channels: 1, classes: 5}
	d, err := arrange(def, contents{train: raw(100), test: raw(30)}, []int{3, 0, 4}, 7)
	require.NoError(t, err)
	assert.Equal(t, [3]int{51, 9, 18}, [3]int{d.Train.Len(), d.Valid.Len(), d.Test.Len()})
	for _, s := range []*Split{&d.Train, &d.Valid, &d.Test} {
		assert.Nil(t, s.Images)
		image := make([]uint8, 1)
		for i, row := range s.Rows {
			require.NoError(t, s.Source.Image(i, image))
			assert.Equal(t, uint8(row), image[0])
			assert.Equal(t, row%5, d.ClassOrder[s.Labels[i]])
		}
	}
}

// The split depends on labels alone, so that it is the same for images in memory.
func TestASourceIsSplitAsImagesInMemoryAre(t *testing.T) {
	labels := make([]int32, 100)
	images := make([]uint8, 100)
	for row := range labels {
		labels[row], images[row] = int32(row%5), uint8(row)
	}
	def := definition{name: "made up", height: 1, width: 1, channels: 1, classes: 5}
	in, err := arrange(def, contents{train: rawSplit{images: images, labels: labels}, test: rawSplit{images: images, labels: labels}}, []int{4, 1}, 1)
	require.NoError(t, err)
	out, err := arrange(def, contents{train: rawSplit{source: rowSource{100}, labels: labels}, test: rawSplit{source: rowSource{100}, labels: labels}}, []int{4, 1}, 1)
	require.NoError(t, err)
	assert.Equal(t, in.Train.Rows, out.Train.Rows)
	assert.Equal(t, in.Train.Labels, out.Train.Labels)
	assert.Equal(t, in.Test.Rows, out.Test.Rows)
}
