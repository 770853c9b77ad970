//go:build cuda

package cuda

import (
	"mdfa/gpu/cuda/internal/arena"
	"mdfa/gpu/cuda/kernels"
)

// matrix is a row-major matrix [rows, cols] in device memory, without gaps.
type matrix struct {
	at         kernels.DevicePtr
	rows, cols int
}

// product is C = op(A)·op(B), or C += op(A)·op(B). op(A) is [m, k], op(B) is [k, n].
type product struct {
	c, a, b        matrix
	transA, transB bool
	accumulate     bool
	stride         int // between the rows of c, which are a part of a wider matrix; 0: c.cols
}

// rowStride returns the distance of c's rows in memory.
func (p product) rowStride() int { return max(p.stride, p.c.cols) }

// inner returns k, the length of the sums.
func (p product) inner() int {
	if p.transA {
		return p.a.rows
	}
	return p.a.cols
}

// productAlign is the alignment of an operand that cuBLAS can profit from: the widest load.
const productAlign = 16

// kind returns the product with the alignment in place of each address.
func (p product) kind() product {
	for _, m := range []*matrix{&p.a, &p.b, &p.c} {
		m.at %= productAlign
	}
	return p
}

// bytes returns the memory for a matrix of a kind, at an aligned address.
func (m matrix) bytes() int {
	return int(arena.RoundUp(uint64(4*m.rows*m.cols+productAlign), arena.Align))
}

// factorBytes returns the memory for either factor of a kind; both can lie there.
func (p product) factorBytes() int { return max(p.a.bytes(), p.b.bytes()) }

// scratchBytes returns the memory for a product of a kind.
func (p product) scratchBytes() int {
	c := p.c
	c.cols = p.rowStride()
	return p.factorBytes() + c.bytes()
}

// in places a product of a kind in memory.
func (p product) in(scratch kernels.DevicePtr) product {
	p.a.at += scratch
	p.b.at += scratch
	p.c.at += scratch + kernels.DevicePtr(p.factorBytes())
	return p
}

// halved returns a product like p in which the longest side has half its length, or whose rows of c lie closer together.
func (p product) halved() product {
	m, n, k := p.c.rows, p.c.cols, p.inner()
	gap := p.rowStride() - n
	if gap > productAlign {
		p.stride = n + gap%productAlign // lies at the same alignment
		return p
	}
	switch max(m, n, k) {
	case m:
		m /= 2
	case n:
		n /= 2
	default:
		k /= 2
	}
	p.a.resize(m, k, p.transA)
	p.b.resize(k, n, p.transB)
	p.c.resize(m, n, false)
	p.stride = n + gap
	return p
}

func (m *matrix) resize(rows, cols int, trans bool) {
	if trans {
		rows, cols = cols, rows
	}
	m.rows, m.cols = rows, cols
}
