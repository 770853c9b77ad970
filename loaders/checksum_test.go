package loaders

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// sums are images of which only checksums are known.
type sums []uint32

func (s sums) Sum(i int) uint32        { return s[i] }
func (s sums) Image(int, []byte) error { return nil }

func TestChecksumTellsDataSetsApart(t *testing.T) {
	make := func(change func(*Dataset)) string {
		d := &Dataset{
			Height: 1, Width: 2, Channels: 1, Classes: 2,
			Train: Split{Images: []uint8{1, 2, 3, 4}, Labels: []int32{0, 1}},
			Valid: Split{Images: []uint8{5, 6}, Labels: []int32{1}},
			Test:  Split{Source: rowsOf{sums{7, 8, 9}, []int{2, 0}}, Labels: []int32{1, 0}},
		}
		change(d)
		return d.Checksum()
	}
	plain := make(func(*Dataset) {})
	assert.Len(t, plain, 64)
	assert.Equal(t, plain, make(func(d *Dataset) { d.Name, d.Source = "other", "elsewhere" }), "names do not count")
	seen := map[string]bool{plain: true}
	for name, change := range map[string]func(*Dataset){
		"shape":         func(d *Dataset) { d.Height, d.Width = 2, 1 },
		"a pixel":       func(d *Dataset) { d.Train.Images[3] ^= 1 },
		"a label":       func(d *Dataset) { d.Valid.Labels[0] = 0 },
		"order":         func(d *Dataset) { d.Train.Images, d.Train.Labels = []uint8{3, 4, 1, 2}, []int32{1, 0} },
		"the cut":       func(d *Dataset) { d.Train.Images, d.Valid.Images = d.Train.Images[:2], []uint8{3, 4, 5, 6} },
		"other classes": func(d *Dataset) { d.Classes = 3 },
		"a file's row":  func(d *Dataset) { d.Test.Source = rowsOf{sums{7, 8, 9}, []int{1, 0}} },
		"a file's sum":  func(d *Dataset) { d.Test.Source = rowsOf{sums{7, 8, 10}, []int{2, 0}} },
	} {
		got := make(change)
		assert.False(t, seen[got], name)
		seen[got] = true
	}
}
