// Package blas multiplies float32 matrices on one thread, with OpenBLAS (or Apple's
// Accelerate) where one is found at run time and with gonum otherwise. The library
// is opened without cgo, so a program that uses it needs no C compiler to build.
package blas

import (
	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/gonum"
)

// variable names the BLAS to use.
const variable = "MDFA_BLAS"

// Library multiplies matrices. It is safe for concurrent use.
type Library struct {
	name, path string
	sgemm      uintptr // Fortran entry; 0 for gonum
}

// Gonum returns the library in pure Go, which every build has; it is several times slower.
func Gonum() *Library { return &Library{name: "gonum"} }

// Name describes the library for a person, e.g.
// "OpenBLAS 0.3.34, Zen kernels (lib/libopenblas.so)".
func (l *Library) Name() string {
	if l.path == "" {
		return l.name
	}
	return l.name + " (" + l.path + ")"
}

// Fast reports whether this is a native library.
func (l *Library) Fast() bool { return l.sgemm != 0 }

// Product is one prepared multiplication C = op(A)·op(B) + beta·C over row-major
// matrices: C is [M, N], op(A) [M, K], op(B) [K, N]; LDA, LDB and LDC are the row
// strides of the matrices in memory. It holds no references that the garbage collector
// does not see, and running it allocates nothing.
type Product struct {
	C, A, B        []float32
	M, N, K        int
	LDC, LDA, LDB  int
	TransA, TransB bool
	Accumulate     bool // beta = 1; otherwise C is overwritten, not read

	native nativeArgs
}

// Run performs the product. Concurrent runs of the same Product are not allowed.
func (l *Library) Run(p *Product) {
	if p.M == 0 || p.N == 0 {
		return
	}
	if p.K == 0 {
		p.clear()
		return
	}
	if l.sgemm != 0 {
		l.runNative(p)
		return
	}
	beta := float32(0)
	if p.Accumulate {
		beta = 1
	}
	gonum.Implementation{}.Sgemm(trans(p.TransA), trans(p.TransB), p.M, p.N, p.K,
		1, p.A, p.LDA, p.B, p.LDB, beta, p.C, p.LDC)
}

// clear computes the product over an empty inner dimension.
func (p *Product) clear() {
	if p.Accumulate {
		return
	}
	for i := range p.M {
		clear(p.C[i*p.LDC : i*p.LDC+p.N])
	}
}

func trans(t bool) blas.Transpose {
	if t {
		return blas.Trans
	}
	return blas.NoTrans
}
