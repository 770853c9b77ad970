package devicetest

import (
	"fmt"
	"math"
	"slices"

	"mdfa/gpu"
	"mdfa/gpu/internal/philox"
)

// gatherSetup is one call of Gather: rows of features, n of them by cursor and order.
type gatherSetup struct {
	name              string
	n, features, rows int
	order             []int32 // nil: no order
	behind            []int32 // elements of the buffer behind the order
	cursor            int32
	scale             float32
	normalized        int         // channels that are normalized; 0: none
	augment           gpu.Augment // without its step
	step              int32
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
	for _, g := range imageSetups() {
		if g.features == 0 {
			g.features = g.augment.Height * g.augment.Width * g.augment.Channels
		}
		setups = append(setups, g)
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

// imageSetups are images that are normalized, moved and mirrored. Their features follow from the augmentation.
func imageSetups() []gatherSetup {
	moved := func(height, width, channels, shift int, flip bool) gpu.Augment {
		return gpu.Augment{Height: height, Width: width, Channels: channels, Shift: shift, Flip: flip, Seed: 0x9e3779b97f4a7c15}
	}
	from := func(first int, a gpu.Augment) gpu.Augment {
		a.First = first
		return a
	}
	outside := []int32{8, -1, 9, 0, math.MaxInt32, 3}
	return []gatherSetup{
		{name: "NormalizesOneChannel", n: 3, features: 31, rows: 5, normalized: 1},
		{name: "NormalizesThreeChannels", n: 5, features: 33, rows: 5, normalized: 3},
		{name: "NormalizesVectorsOfThreeChannels", n: 5, features: 36, rows: 5, normalized: 3},
		{name: "NormalizesVectorsOfFiveChannels", n: 3, features: 1040, rows: 5, normalized: 5},
		{name: "EachFeatureIsAChannel", n: 3, features: 36, rows: 5, normalized: 36},
		{name: "MoreChannelsThanThreads", n: 3, features: 602, rows: 5, normalized: 301},
		{name: "MovesMoreChannelsThanThreads", n: 3, rows: 5, augment: moved(2, 2, 300, 1, true)},
		{name: "NormalizesAPhotograph", n: 9, features: 3072, rows: 11, normalized: 3},
		{name: "NormalizedRowsOutsideAreZeros", n: 6, features: 12, rows: 9, normalized: 3, order: outside},
		{name: "NormalizesWithoutFeatures", n: 3, features: 0, rows: 9, normalized: 3},
		{name: "Mirrors", n: 9, rows: 9, augment: moved(4, 5, 1, 0, true)},
		{name: "MirrorsPixelsOfThreeChannels", n: 9, rows: 9, augment: moved(3, 4, 3, 0, true)},
		{name: "MirrorsALine", n: 9, rows: 9, augment: moved(1, 33, 1, 0, true)},
		{name: "Moves", n: 33, rows: 35, augment: moved(5, 7, 1, 2, false)},
		{name: "MovesAsFarAsAnImageCan", n: 33, rows: 35, augment: moved(3, 4, 3, 2, false)},
		{name: "MovesAndMirrors", n: 33, rows: 35, augment: moved(6, 5, 3, 2, true), cursor: 1, order: permuted(70, 35)},
		{name: "MovesAndMirrorsVectors", n: 33, rows: 35, augment: moved(8, 6, 2, 3, true)},
		{name: "MovesAndMirrorsAPhotograph", n: 9, rows: 11, augment: moved(32, 32, 3, 4, true), normalized: 3},
		{name: "MovesHigherThanWide", n: 17, rows: 17, augment: moved(9, 3, 1, 2, true), normalized: 1},
		{name: "ZerosAreNormalizedToo", n: 33, rows: 35, augment: moved(4, 4, 3, 3, true), normalized: 3},
		{name: "MovedRowsOutsideAreZeros", n: 6, rows: 9, augment: moved(4, 4, 3, 2, true), normalized: 3, order: outside},
		{name: "AnotherStepDrawsAgain", n: 17, rows: 17, augment: moved(5, 7, 1, 2, true), step: 1},
		{name: "APartOfTheBatch", n: 17, rows: 17, augment: from(23, moved(5, 7, 1, 2, true)), step: 1},
		{name: "LargestStep", n: 17, rows: 17, augment: moved(5, 7, 1, 2, true), step: math.MaxInt32},
		{name: "NegativeStep", n: 17, rows: 17, augment: moved(5, 7, 1, 2, true), step: -1},
		{name: "MovesNoImages", n: 0, rows: 9, augment: moved(5, 7, 1, 2, true)},
	}
}

// permuted returns n rows of as many as there are.
func permuted(n, rows int) []int32 {
	order := make([]int32, n)
	for i := range order {
		order[i] = int32((i*17 + 5) % rows)
	}
	return order
}

// moved is the definition of gpu.Augment in the words of the field: the image is padded with shift zeros on each side,
// cropped at a random place, and mirrored.
func (g gatherSetup) moved(image []uint8, i int) []uint8 {
	a := g.augment
	if !a.Changes() {
		return image
	}
	words := philox.Words([4]uint32{uint32(a.First + i), uint32(g.step)}, [2]uint32{uint32(a.Seed), uint32(a.Seed >> 32)})
	places := float64(2*a.Shift + 1)
	top, left := int(float64(words[0])*0x1p-32*places), int(float64(words[1])*0x1p-32*places)
	wide := a.Width + 2*a.Shift
	padded := make([]uint8, (a.Height+2*a.Shift)*wide*a.Channels)
	for y := range a.Height {
		copy(padded[((y+a.Shift)*wide+a.Shift)*a.Channels:], image[y*a.Width*a.Channels:(y+1)*a.Width*a.Channels])
	}
	var out []uint8
	for y := range a.Height {
		for x := range a.Width {
			if a.Flip && words[2] >= 1<<31 {
				x = a.Width - 1 - x
			}
			at := ((y+top)*wide + x + left) * a.Channels
			out = append(out, padded[at:at+a.Channels]...)
		}
	}
	return out
}

func (g gatherSetup) lay(s *stage) func() error {
	r := seeded("gather" + g.name)
	data, y := pixels(r, g.rows*g.features), labels(r, g.rows, 1000)
	mean, scales := scale(uniform(r, g.normalized), 300), uniform(r, g.normalized)
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
		image := g.moved(data[int(row)*g.features:(int(row)+1)*g.features], i)
		for f := range g.features {
			// Each operation is rounded: every device has the same bits.
			value := float64(g.scale * float32(image[f]))
			if g.normalized > 0 {
				c := f % g.normalized
				value = float64(float32(float64(image[f])-float64(mean[c])) * scales[c])
			}
			wantX[i*g.features+f] = value
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
	if g.normalized > 0 {
		args.Mean, args.Scales = in(s, "Mean", mean), in(s, "Scales", scales)
	}
	if args.Augment = g.augment; args.Augment.Changes() {
		args.Augment.Step = in(s, "Step", []int32{g.step})
	}
	return func() error { return s.d.Gather(args) }
}
