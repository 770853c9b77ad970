package kernels

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCountRefusesWhatAnIndexCannotHold(t *testing.T) {
	n, err := Count(MaxElements)
	require.NoError(t, err)
	assert.EqualValues(t, MaxElements, n)
	for _, bad := range []int{-1, MaxElements + 1, 1 << 40} {
		_, err = Count(bad)
		assert.Error(t, err)
	}
}

func TestWidthIsFourOnlyForAlignedRows(t *testing.T) {
	assert.EqualValues(t, 4, Width(8, 256, 16))
	assert.EqualValues(t, 1, Width(6, 256))
	assert.EqualValues(t, 1, Width(8, 256, 8))
	assert.EqualValues(t, 4, BytesWidth(784, 4, 256))
	assert.EqualValues(t, 1, BytesWidth(784, 2, 256))
}

// TestBlocksStayWithinTheirBounds tries many sizes: no plan may ask for more threads
// than the kernel was compiled for, or for more blocks than a grid holds.
func TestBlocksStayWithinTheirBounds(t *testing.T) {
	fits := func(k Kernel, s Shape) {
		t.Helper()
		assert.LessOrEqual(t, s.Block[0]*s.Block[1]*s.Block[2], uint32(k.MaxThreads()), "%v %v", k, s)
		assert.LessOrEqual(t, s.Grid[1], uint32(maxGridY), "%v %v", k, s)
		assert.LessOrEqual(t, s.Shared, uint32(48<<10), "%v %v", k, s)
		assert.False(t, s.empty(), "%v %v", k, s)
	}
	for _, width := range []int32{1, 4} {
		for _, n := range []int{4, 12, 32, 96, 100, 256, 260, 864, 1024, 9600, 100_000} {
			fits(KernelGather, GatherShape(n, n, width))
			fits(KernelGatherImages, GatherShape(n, n, width))
			fits(KernelAdam, ElementsShape(n, width, 64))
			fits(KernelIm2col, Im2colShape(n, 110, 110, 4*n, 54, 54, n, width))
			fits(KernelBiasTanh, BiasShape(n, 4*n, width, 64))
			s, rows := Col2imShape(n*n, n, width)
			fits(KernelCol2im, s)
			positions := min(n*n, MaxElements)
			p := PoolShape(positions, n, width)
			fits(KernelPool, p)
			assert.GreaterOrEqual(t, int(p.Grid[0])*int(p.Block[1]), positions, "all positions are covered")
			assert.GreaterOrEqual(t, int(p.Grid[1]*p.Block[0])*int(width), n, "all channels are covered")
			assert.GreaterOrEqual(t, int(rows)*int(s.Grid[0]), n*n, "all positions are covered")
			assert.GreaterOrEqual(t, int(s.Grid[1]*s.Block[0])*int(width), n, "all channels are covered")
			a := DeltaArgs{Batch: int32(n), Logits: MaxDirectLogits, Columns: int32(2 * n), Layers: 2, Width: width}
			a.Layer[0].Size, a.Layer[1].Size = int32(n), int32(n)
			fits(KernelFeedback, a.Shape())
			for _, logits := range []int{1, 2, 1000} {
				fits(KernelLossSoftmax, LossShape(n, logits))
			}
		}
	}
	// The most rows that an operation can have beside so many columns that a block takes one.
	fits(KernelBiasTanh, BiasShape(MaxElements/129, 129, 1, 64))
	fits(KernelLossFinish, LossFinishShape())
	for _, n := range []int{1, 2048, 2049, MaxElements} {
		fits(KernelCompare, CompareShape(n))
	}
	fits(KernelCompareFinish, CompareFinishShape())
}

func TestTilesOfLayersFollowEachOther(t *testing.T) {
	a := DeltaArgs{Batch: 129, Columns: 17088, Layers: 3, Width: 4}
	a.Layer[0].Size, a.Layer[1].Size, a.Layer[2].Size = 13824, 2400, 864
	s := a.Shape()
	assert.Equal(t, []int32{0, 108, 127}, []int32{a.Layer[0].FirstTile, a.Layer[1].FirstTile, a.Layer[2].FirstTile})
	assert.Equal(t, [3]uint32{134, 2, 1}, s.Grid)
	assert.Zero(t, s.Shared)

	c := ColumnSumsArgs{Matrices: 2}
	c.Matrix[0].Cols, c.Matrix[1].Cols = 96, 10
	assert.Equal(t, [3]uint32{4, 1, 1}, c.Shape().Grid)
	assert.EqualValues(t, 3, c.Matrix[1].FirstTile)
}

func TestWhatIsEmptyStillDoesItsDuty(t *testing.T) {
	assert.Equal(t, [3]uint32{1, 1, 1}, LossShape(0, 10).Grid, "the counters rise")
	assert.Equal(t, [3]uint32{1, 3, 1}, GatherShape(3, 0, 1).Grid, "labels are gathered without features")
	assert.True(t, GatherShape(0, 784, 4).empty())
}
