package kernels

import "fmt"

// The limits and choices of the launch plans below.
const (
	maxGridY = 65535 // blocks in y, of every compute capability

	wideColumns  = 8192 // from this number of columns on a feedback tile is 128 wide, else 32
	rowsPerChunk = 128  // rows of a batch that one block of feedback sums up
	rowsPerLane  = 8    // positions that one thread of col2im and pool_back works on, and one of bias_* at most
	fewestRows   = 2    // rows that one thread of bias_* works on at least

	lossOneBlock  = 16384 // up to this number of logits one block does the whole loss
	maxLossBlocks = 1024

	comparedPerThread = 8    // elements that one thread of compare sums up at least, in large arrays
	maxCompareBlocks  = 1024 // that compare_finish reads
)

// Count returns n as a kernel's parameter. More than MaxElements is an error, because a
// kernel's index could overflow.
func Count(n int) (int32, error) {
	if n < 0 || n > MaxElements {
		return 0, fmt.Errorf("%d elements in one operation: at most %d are possible; use smaller batches", n, MaxElements)
	}
	return int32(n), nil
}

// Width returns the `width` of a launch over float matrices: 4 if rows of the given length
// can be cut into vectors of four and every pointer is aligned to them, else 1.
func Width(row int, ptrs ...DevicePtr) int32 {
	for _, p := range ptrs {
		if p%16 != 0 {
			return 1
		}
	}
	if row%4 != 0 {
		return 1
	}
	return 4
}

// BytesWidth returns the width of a launch over a matrix of bytes beside matrices of floats: four
// bytes belong to four floats.
func BytesWidth(row int, bytes DevicePtr, floats ...DevicePtr) int32 {
	if bytes%4 != 0 {
		return 1
	}
	return Width(row, floats...)
}

// ElementsShape returns the launch of sgd, rmsprop, adam and the kernels of Sign: at most maxBlocks blocks, a small
// multiple of the multiprocessors, share n elements.
func ElementsShape(n int, width int32, maxBlocks int) Shape {
	return Shape{
		Grid:  [3]uint32{uint32(min(ceil(n, Block*int(width)), maxBlocks)), 1, 1},
		Block: [3]uint32{Block, 1, 1},
	}
}

// BiasShape returns the launch of bias_*. A thread works on as many rows as leave a block for
// each eighth of maxBlocks: few in small layers, whose time is the time of one thread.
func BiasShape(rows, cols int, width int32, maxBlocks int) Shape {
	depth := cols / int(width)
	x := even(depth)
	if x == 0 {
		return Shape{}
	}
	y := Block / x
	tiles, blocks := ceil(depth, x), ceil(rows, y)
	perLane := max(fewestRows, min(rowsPerLane, blocks*tiles/max(1, maxBlocks/8)))
	return Shape{
		Grid:  [3]uint32{uint32(tiles), uint32(min(ceil(blocks, perLane), maxGridY)), 1},
		Block: [3]uint32{uint32(x), uint32(y), 1},
	}
}

// GatherShape returns the launch of gather. Labels are gathered also where there are no features.
func GatherShape(batch, features int, width int32) Shape {
	return Shape{
		Grid:  [3]uint32{uint32(max(1, ceil(features, Block*int(width)))), uint32(min(batch, maxGridY)), 1},
		Block: [3]uint32{Block, 1, 1},
	}
}

// Im2colShape returns the launch of im2col over padded images [inH, inW, channels] with outputs
// [outH, outW]; patch is kernel · kernel · channels.
func Im2colShape(images, inH, inW, channels, outH, outW, patch int, width int32) Shape {
	if width == 1 {
		x := even(patch)
		if x == 0 {
			return Shape{}
		}
		y := max(1, min(Block/x, outW))
		return Shape{
			Grid:  [3]uint32{uint32(ceil(outW, y)), uint32(min(images*outH, maxGridY)), 1},
			Block: [3]uint32{uint32(x), uint32(y), 1},
		}
	}
	if outH == 0 || outW == 0 {
		return Shape{}
	}
	return PoolShape(images*inH*inW, channels, width)
}

// PoolShape returns the launch of pool over positions = images · outH · outW.
func PoolShape(positions, channels int, width int32) Shape {
	depth := channels / int(width)
	x := even(depth)
	if x == 0 {
		return Shape{}
	}
	y := Block / x
	return Shape{
		Grid:  [3]uint32{uint32(ceil(positions, y)), uint32(ceil(depth, x)), 1},
		Block: [3]uint32{uint32(x), uint32(y), 1},
	}
}

// Col2imShape returns the launch of col2im and pool_back over positions = images · inH · inW, and its
// rows_per_block. It leaves Grid[0] rows of channel sums.
func Col2imShape(positions, channels int, width int32) (s Shape, rowsPerBlock int32) {
	depth := channels / int(width)
	x := even(depth)
	if x == 0 {
		return Shape{}, 0
	}
	y := Block / x
	rows := y * rowsPerLane
	return Shape{
		Grid:  [3]uint32{uint32(ceil(positions, rows)), uint32(ceil(depth, x)), 1},
		Block: [3]uint32{uint32(x), uint32(y), 1},
	}, int32(rows)
}

// DeltaChunks returns the number of rows that feedback and times_slope leave in each
// layer's sums for a batch: 1 means that they are the column sums themselves.
func DeltaChunks(batch int) int { return ceil(batch, rowsPerChunk) }

// Shape returns the launch of feedback, label_feedback, both with a drawn B, and times_slope. It sets
// RowsPerBlock and every layer's FirstTile; Batch, Columns, Layers, Width and every Size must be set before,
// Logits for the two of feedback, which keep rows of B and E in shared memory, and Labels for the two of
// label_feedback, which do not.
func (a *DeltaArgs) Shape() Shape {
	columns := TileColumns
	if a.Columns >= wideColumns {
		columns = 4 * TileColumns
	}
	x := columns / int(a.Width)
	y := Block / x
	tiles := 0
	for i := range a.Layer[:a.Layers] {
		a.Layer[i].FirstTile = int32(tiles)
		tiles += ceil(int(a.Layer[i].Size), columns)
	}
	a.RowsPerBlock = rowsPerChunk
	s := Shape{
		Grid:  [3]uint32{uint32(tiles), uint32(DeltaChunks(int(a.Batch))), 1},
		Block: [3]uint32{uint32(x), uint32(y), 1},
	}
	if a.Labels == 0 {
		s.Shared = 4 * uint32(min(a.Logits, MaxDirectLogits)) * uint32(columns+RowsPerThread*y)
	}
	return s
}

// FeedbackShared returns the dynamic shared memory in bytes of a block of feedback over wide
// layers.
func FeedbackShared(logits int) int {
	a := DeltaArgs{Batch: 1, Logits: int32(logits), Columns: wideColumns, Layers: 1, Width: 4}
	return int(a.Shape().Shared)
}

// Shape returns the launch of column_sums. It sets every matrix's FirstTile; Matrices, Rows
// and Cols must be set before.
func (a *ColumnSumsArgs) Shape() Shape {
	tiles := 0
	for i := range a.Matrix[:a.Matrices] {
		a.Matrix[i].FirstTile = int32(tiles)
		tiles += ceil(int(a.Matrix[i].Cols), TileColumns)
	}
	return Shape{
		Grid:  [3]uint32{uint32(tiles), 1, 1},
		Block: [3]uint32{TileColumns, SumsBlock / TileColumns, 1},
	}
}

// LossShape returns the launch of loss_sigmoid (one logit) and loss_softmax. With more than
// one block, loss_finish and column_sums have to follow, and Grid[0] · NumMetrics
// float64 are needed for the partial sums. An empty batch takes a block, too: it raises
// the counters, and its bias gradient is zero.
func LossShape(batch, logits int) Shape {
	if batch*logits <= lossOneBlock {
		return Shape{Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{LossBlock, 1, 1}}
	}
	rows := LossSplitBlock / Warp // a warp for each row
	if logits == 1 {
		rows = LossSplitBlock
	}
	return Shape{
		Grid:  [3]uint32{uint32(min(ceil(batch, rows), maxLossBlocks)), 1, 1},
		Block: [3]uint32{LossSplitBlock, 1, 1},
	}
}

// LossFinishShape returns the launch of loss_finish.
func LossFinishShape() Shape {
	return Shape{Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{LossSplitBlock, 1, 1}}
}

// CompareShape returns the launch of compare over n elements. With more than one block,
// compare_finish has to follow, and Grid[0] · NumCompared float64 are needed for the partial
// sums. It depends on n alone, and so do the bits.
func CompareShape(n int) Shape {
	return Shape{
		Grid:  [3]uint32{uint32(min(ceil(n, Block*comparedPerThread), maxCompareBlocks)), 1, 1},
		Block: [3]uint32{Block, 1, 1},
	}
}

// CompareFinishShape returns the launch of compare_finish.
func CompareFinishShape() Shape {
	return Shape{Grid: [3]uint32{1, 1, 1}, Block: [3]uint32{Block, 1, 1}}
}

func ceil(n, per int) int { return (n + per - 1) / per }

// even returns the block width for n columns: as few passes as possible, equally full.
func even(n int) int {
	if n == 0 {
		return 0
	}
	return ceil(n, ceil(n, Block))
}
