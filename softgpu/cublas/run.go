package cublas

import (
	"math"
	"runtime"
	"sync"
	"sync/atomic"
)

// The product is cut into tiles of C, each computed by one goroutine from copies of its operands that lie in the
// order in which they are used. Sizes in elements; a tile and its operands fit a core's cache of 512 KiB.
const (
	tileRows = 64
	tileCols = 128
	blockK   = 256 // terms of one partial sum
)

// soloFLOPs is the size below which waking a second goroutine costs more than it saves.
const soloFLOPs = 200_000

// scratch is the working memory of one goroutine.
type scratch struct {
	a    [tileRows * blockK]float32   // panels of panelRows rows: [rows/panelRows, k, panelRows]
	b    [tileCols * blockK]float32   // panels of panelCols columns: [cols/panelCols, k, panelCols]
	sums [tileRows * tileCols]float32 // one block of [panelCols, panelRows] after the other
}

var pool = sync.Pool{New: func() any { return new(scratch) }}

// Run computes the product. The slices begin with the matrices' first elements and hold at least as many
// elements as their Len; the caller has called Check. A and B must not overlap C.
//
// Every element of C is a sum of float32 products, each rounded, in the order of k: partial sums of blockK terms,
// added up in order. That is more exact than one running sum, and always the same.
func (g *Sgemm) Run(a, b, c []float32) {
	switch {
	case !g.WritesC():
		return
	case !g.ReadsAB():
		g.scale(c)
		return
	}
	tilesM := (int(g.M) + tileRows - 1) / tileRows
	tilesN := (int(g.N) + tileCols - 1) / tileCols
	var next atomic.Int64
	work := func() {
		s := pool.Get().(*scratch)
		defer pool.Put(s)
		for {
			t := int(next.Add(1)) - 1
			if t >= tilesM*tilesN {
				return
			}
			g.tile(s, t%tilesM*tileRows, t/tilesM*tileCols, a, b, c)
		}
	}
	workers := min(runtime.GOMAXPROCS(0), tilesM*tilesN)
	if g.FLOPs() < soloFLOPs {
		workers = 1
	}
	var wg sync.WaitGroup
	for range workers - 1 {
		wg.Go(work)
	}
	work()
	wg.Wait()
}

// scale sets C = Beta·C.
func (g *Sgemm) scale(c []float32) {
	for j := range int(g.N) {
		column := c[j*int(g.LDC):][:g.M]
		if g.Beta == 0 {
			clear(column)
			continue
		}
		for i := range column {
			column[i] *= g.Beta
		}
	}
}

// tile computes the tile of C that begins at row i0 and column j0.
func (g *Sgemm) tile(s *scratch, i0, j0 int, a, b, c []float32) {
	rows, cols := min(tileRows, int(g.M)-i0), min(tileCols, int(g.N)-j0)
	panelsM := (rows + panelRows - 1) / panelRows
	panelsN := (cols + panelCols - 1) / panelCols
	clear(s.sums[:panelsM*panelsN*panelRows*panelCols])
	for k0 := 0; k0 < int(g.K); k0 += blockK {
		k := min(blockK, int(g.K)-k0)
		left, right := s.a[:panelsM*panelRows*k], s.b[:panelsN*panelCols*k]
		packPanels(left, a, int(g.LDA), g.TransA == OpN, i0, rows, k0, k, panelRows)
		packPanels(right, b, int(g.LDB), g.TransB != OpN, j0, cols, k0, k, panelCols)
		if g.TF32 {
			roundTF32(left)
			roundTF32(right)
		}
		for jp := range panelsN {
			for ip := range panelsM {
				sums := s.sums[(jp*panelsM+ip)*panelRows*panelCols:]
				addPanel((*[panelRows * panelCols]float32)(sums),
					left[ip*panelRows*k:(ip+1)*panelRows*k], right[jp*panelCols*k:(jp+1)*panelCols*k])
			}
		}
	}
	for j := range cols {
		column := c[(j0+j)*int(g.LDC)+i0:][:rows]
		for ip := range panelsM {
			sums := s.sums[((j/panelCols*panelsM+ip)*panelCols+j%panelCols)*panelRows:][:panelRows]
			part := column[ip*panelRows : min((ip+1)*panelRows, rows)]
			for i := range part {
				if g.Beta == 0 {
					part[i] = g.Alpha * sums[i]
				} else {
					// Both products rounded: a compiler that fuses one into the sum would change the bits.
					part[i] = float32(g.Alpha*sums[i]) + float32(g.Beta*part[i])
				}
			}
		}
	}
}

// packPanels copies rows first to first+count of op(A), at k0 to k0+k, into panels of the given width: [panel, k, width],
// with zeros in the place of rows that do not exist. For B it is columns instead. along tells that the elements of one k
// lie side by side in memory, rather than those of one row.
func packPanels(dst, src []float32, ld int, along bool, first, count, k0, k, width int) {
	for x := 0; x < count; x += width {
		panel := dst[x*k : (x+width)*k]
		n := min(width, count-x)
		if n < width {
			clear(panel)
		}
		if along {
			for p := range k {
				copy(panel[p*width:][:n], src[(k0+p)*ld+first+x:])
			}
			continue
		}
		for i := range n {
			line := src[(first+x+i)*ld+k0:][:k]
			for p, v := range line {
				panel[p*width+i] = v
			}
		}
	}
}

const (
	tf32Half = 0x1000 // half a unit in the last of the 10 bits that stay
	tf32Mask = 0x1fff // the 13 bits that go
	exponent = 0x7f80_0000
)

// roundTF32 rounds every element to 10 bits of mantissa; NaN and infinities stay.
func roundTF32(s []float32) {
	for i, v := range s {
		if bits := math.Float32bits(v); bits&exponent != exponent {
			s[i] = math.Float32frombits((bits + tf32Half) &^ tf32Mask)
		}
	}
}
