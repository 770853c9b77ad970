package cpu

import (
	"mdfa/gpu"
	"mdfa/gpu/cpu/blas"
	"mdfa/gpu/cpu/vec"
)

// tile is one part of a matrix product: rows [row, row+M) and columns [col, col+N) of C.
type tile struct {
	blas.Product
	row, col int
}

// columnUnit keeps the borders between parts of columns at whole cache lines.
const columnUnit = 16

// tiles cuts C = op(A)·op(B) along the longer side of C, or with byColumns along its columns,
// for callers that sum over rows.
func tiles(c, a, b gpu.Mat, transA, transB, byColumns bool) []*tile {
	return tilesOf(floats(c.Span), c.Rows, c.Cols, c.Cols, a, b, transA, transB, byColumns)
}

// tilesOf is tiles for a C [rows, cols] that begins at the first of values, with rows that lie stride apart.
func tilesOf(values []float32, rows, cols, stride int, a, b gpu.Mat, transA, transB, byColumns bool) []*tile {
	k := a.Cols
	if transA {
		k = a.Rows
	}
	parts := productParts(2 * rows * cols * k)
	byRows := rows > cols && !byColumns
	list := make([]*tile, 0, parts)
	for part := range parts {
		t := &tile{Product: blas.Product{
			M: rows, N: cols, K: k,
			LDC: stride, LDA: a.Cols, LDB: b.Cols,
			TransA: transA, TransB: transB,
		}}
		if byRows {
			from, to := cut(rows, parts, part, 8)
			t.row, t.M = from, to-from
		} else {
			from, to := cut(cols, parts, part, columnUnit)
			t.col, t.N = from, to-from
		}
		if t.M == 0 || t.N == 0 {
			continue
		}
		startA, startB := t.row*a.Cols, t.col
		if transA {
			startA = t.row
		}
		if transB {
			startB = t.col * b.Cols
		}
		t.C = values[t.row*stride+t.col:]
		if k > 0 {
			t.A, t.B = floats(a.Span)[startA:], floats(b.Span)[startB:]
		}
		list = append(list, t)
	}
	return list
}

// each returns a phase with one part for each tile.
func each(list []*tile, work func(t *tile)) phase {
	return phase{len(list), func(part, _ int) { work(list[part]) }}
}

// Gemm multiplies matrices.
func (d *Device) Gemm(a gpu.GemmArgs) error {
	return d.submit("gemm", a.Check(), []gpu.Span{a.C.Span, a.A.Span, a.B.Span}, func() []phase {
		return []phase{each(tiles(a.C, a.A, a.B, a.TransA, a.TransB, false), func(t *tile) { d.blas.Run(&t.Product) })}
	})
}

// units is a layer's output in memory. A slice that its activation does not need is nil.
type units struct {
	act       gpu.Activation
	h, pre, v []float32 // f' is computed from v
}

func unitsOf(h gpu.Hidden) units {
	return units{act: h.Act, h: floats(h.H), pre: floats(h.Pre), v: floats(h.SlopeSource())}
}

// activate adds the bias and applies f to the n = len(bias) units from start on.
func (u units) activate(start int, bias []float32) {
	vec.Activate(u.act, part(u.h, start, len(bias)), part(u.pre, start, len(bias)), bias)
}

// timesSlope multiplies d by f' of the n = len(d) units from start on, and adds the products to sum.
func (u units) timesSlope(start int, d, sum []float32) {
	vec.TimesSlope(u.act, d, part(u.v, start, len(d)), sum)
}

// part returns s[start:start+n], or nil where s is nil.
func part(s []float32, start, n int) []float32 {
	if s == nil {
		return nil
	}
	return s[start : start+n]
}

// Dense multiplies and activates each tile while it is in the cache.
func (d *Device) Dense(a gpu.DenseArgs) error {
	uses := []gpu.Span{a.Out.H, a.Out.Pre, a.X.Span, a.W.Span, a.B}
	return d.submit("dense", a.Check(), uses, func() []phase {
		z := a.Out.Sums().Mat(a.X.Rows, a.W.Cols)
		out, bias := unitsOf(a.Out), floats(a.B)
		return []phase{each(tiles(z, a.X, a.W, false, false, false), func(t *tile) {
			d.blas.Run(&t.Product)
			for row := t.row; row < t.row+t.M; row++ {
				out.activate(row*z.Cols+t.col, bias[t.col:t.col+t.N])
			}
		})}
	})
}

// DenseBackward cuts along the columns, so that each part owns the sums of its columns.
func (d *Device) DenseBackward(a gpu.DenseBackwardArgs) error {
	uses := []gpu.Span{a.DX.Span, a.DY.Span, a.M.Span, a.Below.H, a.Below.Pre, a.BiasGrad}
	return d.submit("dense backward", a.Check(), uses, func() []phase {
		dx, below := floats(a.DX.Span), unitsOf(a.Below)
		sums := make([]float32, a.DX.Cols)
		return []phase{
			each(tiles(a.DX, a.DY, a.M, false, a.Trans, true), func(t *tile) {
				d.blas.Run(&t.Product)
				sum := sums[t.col : t.col+t.N]
				clear(sum)
				for row := range t.M {
					start := row*a.DX.Cols + t.col
					below.timesSlope(start, dx[start:start+t.N], sum)
				}
			}),
			fold(floats(a.BiasGrad), sums),
		}
	})
}

// fold returns the phase that adds the sums of a layer's columns by channel: column j belongs
// to channel j modulo the number of channels.
func fold(channels, columns []float32) phase {
	return serial(func() { columnSums(channels, columns) })
}

// columnSums sets sums to the column sums of a row-major matrix, from the first row to
// the last.
func columnSums(sums, matrix []float32) {
	clear(sums)
	for n, at := len(sums), 0; at < len(matrix); at += n {
		vec.Add(sums, matrix[at:at+n])
	}
}
