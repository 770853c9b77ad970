package cublas

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCheckNamesTheWrongArgument(t *testing.T) {
	right := Sgemm{M: 3, N: 4, K: 5, LDA: 3, LDB: 5, LDC: 3}
	tests := []struct {
		want   string
		change func(g *Sgemm)
	}{
		{"m is -1", func(g *Sgemm) { g.M = -1 }},
		{"n is -2", func(g *Sgemm) { g.N = -2 }},
		{"k is -3", func(g *Sgemm) { g.K = -3 }},
		{"transa is 3", func(g *Sgemm) { g.TransA = 3 }},
		{"transb is -1", func(g *Sgemm) { g.TransB = -1 }},
		{"lda is 2, at least 3", func(g *Sgemm) { g.LDA = 2 }},
		{"lda is 3, at least 5", func(g *Sgemm) { g.TransA = OpT }},
		{"ldb is 4, at least 5", func(g *Sgemm) { g.LDB = 4 }},
		{"ldb is 3, at least 4", func(g *Sgemm) { g.TransB, g.LDB = OpC, 3 }},
		{"ldc is 2, at least 3", func(g *Sgemm) { g.LDC = 2 }},
		{"ldc is 0, at least 1", func(g *Sgemm) { g.M, g.LDC = 0, 0 }},
	}
	require.NoError(t, right.Check())
	for _, test := range tests {
		t.Run(test.want, func(t *testing.T) {
			g := right
			test.change(&g)
			err := g.Check()
			require.ErrorIs(t, err, ErrInvalidValue)
			assert.ErrorContains(t, err, test.want)
		})
	}
}

func TestEmptyProductsAreNoErrors(t *testing.T) {
	g := Sgemm{LDA: 1, LDB: 1, LDC: 1}
	require.NoError(t, g.Check())
	g.Run(nil, nil, nil)
	assert.Zero(t, g.A().Len()+g.B().Len()+g.C().Len())
}

func TestWhatAProductTouches(t *testing.T) {
	type touched struct{ a, b, c []Range }
	tests := map[string]struct {
		g      Sgemm
		want   touched
		readsC bool
		flops  uint64
	}{
		"gaps between columns": {
			Sgemm{M: 2, N: 2, K: 3, LDA: 4, LDB: 5, LDC: 3, Alpha: 1},
			touched{[]Range{{0, 8}, {16, 8}, {32, 8}}, []Range{{0, 12}, {20, 12}}, []Range{{0, 8}, {12, 8}}},
			false, 24,
		},
		"transposed, no gaps": {
			Sgemm{TransA: OpT, TransB: OpC, M: 2, N: 4, K: 3, LDA: 3, LDB: 4, LDC: 2, Alpha: 1, Beta: 1},
			touched{[]Range{{0, 24}}, []Range{{0, 48}}, []Range{{0, 32}}},
			true, 48,
		},
		"one column with a large stride": {
			Sgemm{M: 2, N: 1, K: 1, LDA: 9, LDB: 9, LDC: 9, Alpha: 1},
			touched{[]Range{{0, 8}}, []Range{{0, 4}}, []Range{{0, 8}}},
			false, 4,
		},
		"alpha 0":               {Sgemm{M: 2, N: 2, K: 2, LDA: 2, LDB: 2, LDC: 2, Beta: 3}, touched{c: []Range{{0, 16}}}, true, 0},
		"k 0":                   {Sgemm{M: 2, N: 2, LDA: 2, LDB: 1, LDC: 2, Alpha: 1}, touched{c: []Range{{0, 16}}}, false, 0},
		"alpha 0 and beta 1":    {Sgemm{M: 2, N: 2, K: 2, LDA: 2, LDB: 2, LDC: 2, Beta: 1}, touched{}, true, 0},
		"no rows":               {Sgemm{N: 2, K: 2, LDA: 1, LDB: 2, LDC: 1, Alpha: 1, Beta: 1}, touched{}, false, 0},
		"no columns, beta of 1": {Sgemm{M: 2, K: 2, LDA: 2, LDB: 2, LDC: 2, Alpha: 1, Beta: 1}, touched{}, false, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, test.g.Check())
			assert.Equal(t, test.want, touched{test.g.A().Ranges(), test.g.B().Ranges(), test.g.C().Ranges()})
			assert.Equal(t, test.readsC, test.g.ReadsC())
			assert.Equal(t, test.flops, test.g.FLOPs())
			for _, m := range []struct {
				length int
				ranges []Range
			}{{test.g.A().Len(), test.want.a}, {test.g.B().Len(), test.want.b}, {test.g.C().Len(), test.want.c}} {
				end := 0
				if n := len(m.ranges); n > 0 {
					end = int(m.ranges[n-1].Offset+m.ranges[n-1].Size) / floatBytes
				}
				assert.Equal(t, end, m.length, "the length ends with the last range")
			}
		})
	}
}

func TestTF32RoundsToTenBitsTiesAway(t *testing.T) {
	inf := float32(math.Inf(1))
	tests := []struct{ in, want float32 }{
		{1, 1},
		{1 + 0x1p-10, 1 + 0x1p-10},
		{1 + 0x1p-11, 1 + 0x1p-10},                 // a tie
		{-1 - 0x1p-11, -1 - 0x1p-10},               // a tie
		{1 + 0x1p-11 - 0x1p-23, 1},                 // just below
		{1 + 0x3p-11, 1 + 0x2p-10},                 // a tie
		{2 - 0x1p-23, 2},                           // carries into the exponent
		{math.MaxFloat32, inf}, {inf, inf}, {0, 0}, //
		{0x1p-149, 0}, {0x1p-136, 0x1p-136}, // below and at the last bit of a subnormal
		{0x1p-137, 0x1p-136}, {-0x1p-137, -0x1p-136}, // ties
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.in), func(t *testing.T) {
			got := []float32{test.in}
			roundTF32(got)
			assert.Equal(t, test.want, got[0])
		})
	}
	nan := []float32{math.Float32frombits(0x7fbfffff)}
	roundTF32(nan)
	assert.Equal(t, uint32(0x7fbfffff), math.Float32bits(nan[0]), "a NaN stays what it is")
}
