package cublas

import (
	"errors"
	"fmt"
)

// Transposes as cublasOperation_t counts them. For real matrices the conjugate transpose is the transpose.
const (
	OpN int32 = iota
	OpT
	OpC
)

// ErrInvalidValue is the error that Check wraps: cuBLAS answers CUBLAS_STATUS_INVALID_VALUE.
var ErrInvalidValue = errors.New("softgpu: invalid value")

// Sgemm is one product of column-major float32 matrices,
//
//	C = Alpha · op(A) · op(B) + Beta · C
//
// with op(A) [M, K], op(B) [K, N] and C [M, N]. A column of a matrix as it lies in memory begins LDA, LDB or LDC
// elements after the one before it. Source: cuBLAS documentation, cublasSgemm.
type Sgemm struct {
	TransA, TransB int32 // OpN, OpT or OpC
	M, N, K        int32
	LDA, LDB, LDC  int32
	Alpha, Beta    float32

	// TF32 rounds the elements of A and B to 10 bits of mantissa first, to nearest and ties away from zero, as tensor
	// cores take them (CUBLAS_TF32_TENSOR_OP_MATH; PTX ISA 9.7.9, cvt.rna.tf32.f32).
	TF32 bool
}

// Check returns an error that wraps ErrInvalidValue and names the argument if cuBLAS would refuse the call.
func (g *Sgemm) Check() error {
	sizes := []struct {
		name  string
		value int32
	}{{"m", g.M}, {"n", g.N}, {"k", g.K}}
	for _, s := range sizes {
		if s.value < 0 {
			return fmt.Errorf("%w: sgemm: %s is %d, 0 or more expected", ErrInvalidValue, s.name, s.value)
		}
	}
	operations := []struct {
		name  string
		value int32
	}{{"transa", g.TransA}, {"transb", g.TransB}}
	for _, o := range operations {
		if o.value < OpN || o.value > OpC {
			return fmt.Errorf("%w: sgemm: %s is %d, expected CUBLAS_OP_N (0), CUBLAS_OP_T (1) or CUBLAS_OP_C (2)", ErrInvalidValue, o.name, o.value)
		}
	}
	strides := []struct {
		name     string
		ld, rows int32
	}{{"lda", g.LDA, g.A().rows}, {"ldb", g.LDB, g.B().rows}, {"ldc", g.LDC, g.M}}
	for _, s := range strides {
		if least := max(1, s.rows); s.ld < least {
			return fmt.Errorf("%w: sgemm: %s is %d, at least %d expected for a matrix of %d rows in memory", ErrInvalidValue, s.name, s.ld, least, s.rows)
		}
	}
	return nil
}

// ReadsAB reports whether the elements of A and B matter: not if Alpha or K is 0 or C is empty.
func (g *Sgemm) ReadsAB() bool { return g.M > 0 && g.N > 0 && g.K > 0 && g.Alpha != 0 }

// ReadsC reports whether the old elements of C matter: not if Beta is 0, even where they are NaN.
func (g *Sgemm) ReadsC() bool { return g.M > 0 && g.N > 0 && g.Beta != 0 }

// WritesC reports whether C changes: not if it is empty or is only multiplied by 1.
func (g *Sgemm) WritesC() bool { return g.M > 0 && g.N > 0 && (g.ReadsAB() || g.Beta != 1) }

// FLOPs is the number of floating-point operations of the product: 2·M·N·K, or 0 if it does not read A and B.
func (g *Sgemm) FLOPs() uint64 {
	if !g.ReadsAB() {
		return 0
	}
	return 2 * uint64(g.M) * uint64(g.N) * uint64(g.K)
}

// Range is a run of bytes of a matrix, counted from its first element.
type Range struct{ Offset, Size uint64 }

const floatBytes = 4

// Matrix is an operand as it lies in memory.
type Matrix struct {
	rows, cols, ld int32
	used           bool
}

// A is the left operand; it counts as empty if it is not read.
func (g *Sgemm) A() Matrix { return operand(g.TransA, g.M, g.K, g.LDA, g.ReadsAB()) }

// B is the right operand; it counts as empty if it is not read.
func (g *Sgemm) B() Matrix { return operand(g.TransB, g.K, g.N, g.LDB, g.ReadsAB()) }

// C is the result, which is read before if ReadsC; it counts as empty if it stays as it is.
func (g *Sgemm) C() Matrix { return operand(OpN, g.M, g.N, g.LDC, g.WritesC()) }

func operand(trans, rows, cols, ld int32, used bool) Matrix {
	if trans != OpN {
		rows, cols = cols, rows
	}
	return Matrix{rows, cols, ld, used}
}

// Ranges lists the bytes of the matrix: one range for each column in memory, or a single one where the columns lie
// without gaps.
func (m Matrix) Ranges() []Range {
	if !m.used {
		return nil
	}
	column := floatBytes * uint64(m.rows)
	if m.rows == m.ld || m.cols == 1 {
		return []Range{{0, column * uint64(m.cols)}}
	}
	list := make([]Range, m.cols)
	for j := range list {
		list[j] = Range{floatBytes * uint64(j) * uint64(m.ld), column}
	}
	return list
}

// Len is the number of elements from the first to the last, gaps between the columns included. It is the length of the
// slice that Run expects.
func (m Matrix) Len() int {
	if !m.used {
		return 0
	}
	return (int(m.cols)-1)*int(m.ld) + int(m.rows)
}
