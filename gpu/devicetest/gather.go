package devicetest

import (
	"fmt"
	"math"
	"slices"

	"mdfa/gpu"
)

// gatherSetup is one call of Gather: rows of features, n of them by cursor and order.
type gatherSetup struct {
	name              string
	n, features, rows int
	order             []int32 // nil: no order
	behind            []int32 // elements of the buffer behind the order
	cursor            int32
	scale             float32
}

func gatherCases() []opCase {
	setups := []gatherSetup{
		{name: "WithoutOrderRowsComeInTheirOwn", n: 3, features: 5, rows: 10, cursor: 0},
		{name: "CursorCountsBatches", n: 3, features: 5, rows: 10, cursor: 2},
		{name: "PastTheDataGivesZerosAndNoLabel", n: 4, features: 5, rows: 10, cursor: 2},
		{name: "FarPastTheData", n: 4, features: 5, rows: 10, cursor: 1000},
		{name: "CursorTimesBatchDoesNotWrap", n: 4, features: 5, rows: 10, cursor: 1 << 30},
		{name: "LargestCursorDoesNotWrap", n: 3, features: 5, rows: 10, cursor: math.MaxInt32},
		{name: "NegativeCursorIsOutside", n: 4, features: 5, rows: 10, cursor: -1},
		{name: "SmallestCursorIsOutside", n: 4, features: 5, rows: 10, cursor: math.MinInt32},
		{name: "OrderPicksRows", n: 4, features: 7, rows: 9, cursor: 1, order: []int32{1, 2, 3, 4, 8, 0, 5, 5}},
		{name: "OrderOutsideTheDataGivesZeros", n: 4, features: 7, rows: 9, order: []int32{-1, 9, math.MaxInt32, 8}},
		{name: "OrderSmallestRow", n: 2, features: 7, rows: 9, order: []int32{math.MinInt32, 0}},
		{name: "PastTheOrderGivesZeros", n: 4, features: 7, rows: 9, cursor: 1, order: []int32{1, 2, 3, 4, 8, 0}},
		{name: "CursorPastTheOrderDoesNotWrap", n: 4, features: 7, rows: 9, cursor: 1 << 30, order: []int32{1, 2, 3, 4}},
		{name: "RowsBehindTheOrderAreNotTaken", n: 4, features: 7, rows: 9, cursor: 1, order: []int32{1, 2, 3, 4, 8, 0}, behind: []int32{5, 6, 7}},
		{name: "EmptyOrder", n: 2, features: 7, rows: 9, order: []int32{}},
		{name: "EmptyDataSet", n: 2, features: 7},
		{name: "EmptyBatch", n: 0, features: 7, rows: 9},
		{name: "NoFeatures", n: 3, features: 0, rows: 9},
		{name: "OneOfEach", n: 1, features: 1, rows: 1},
		{name: "NegativeScale", n: 3, features: 31, rows: 5, scale: -2.5},
		{name: "SubnormalScale", n: 3, features: 31, rows: 5, scale: math.SmallestNonzeroFloat32},
	}
	for _, size := range [][2]int{{31, 32}, {32, 31}, {33, 33}, {2, 1023}, {1023, 2}, {3, 1025}, {1025, 1}, {64, 784}, {101, 3072}} {
		n, features := size[0], size[1]
		r := seeded(fmt.Sprint("order", n, features))
		order := make([]int32, 2*n)
		for i := range order {
			order[i] = r.Int32N(int32(n + 3))
		}
		setups = append(setups, gatherSetup{name: fmt.Sprintf("%dx%d", n, features),
			n: n, features: features, rows: n + 3, order: order, cursor: 1})
	}
	var cases []opCase
	for _, g := range setups {
		if g.scale == 0 {
			g.scale = 1.0 / 255
		}
		cases = append(cases, opCase{g.name, g.n * g.features, g.lay})
	}
	return cases
}

func (g gatherSetup) lay(s *stage) func() error {
	r := seeded("gather" + g.name)
	data, y := pixels(r, g.rows*g.features), labels(r, g.rows, 1000)
	wantX, wantY := make([]float64, g.n*g.features), make([]int32, g.n)
	for i := range g.n {
		row := int64(g.cursor)*int64(g.n) + int64(i)
		if g.order != nil {
			if row >= 0 && row < int64(len(g.order)) {
				row = int64(g.order[row])
			} else {
				row = -1
			}
		}
		if row < 0 || row >= int64(g.rows) {
			wantY[i] = -1
			continue
		}
		wantY[i] = y[row]
		for f := range g.features {
			// One rounding of one product: every device has the same bits.
			wantX[i*g.features+f] = float64(g.scale * float32(data[int(row)*g.features+f]))
		}
	}
	args := gpu.GatherArgs{
		X:      out(s, "X", len(wantX), exactly(func() []float64 { return wantX })).Mat(g.n, g.features),
		Y:      out(s, "Y", g.n, equals(wantY)),
		Data:   in(s, "Data", data),
		Labels: in(s, "Labels", y),
		Cursor: in(s, "Cursor", []int32{g.cursor}),
		Scale:  g.scale,
	}
	if g.order != nil {
		args.Order = in(s, "Order", slices.Concat(g.order, g.behind)).Slice(0, len(g.order))
	}
	return func() error { return s.d.Gather(args) }
}
