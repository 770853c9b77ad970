// Package cublas is the arithmetic of the software GPU's cuBLAS: column-major single-precision matrix products with
// the argument rules that NVIDIA documents for cublasSgemm. It knows no handles, streams or device addresses; package
// softgpu checks and orders the memory that a product touches and then passes it as slices.
//
// The bits of a result depend on the operands alone: neither on the number of goroutines, nor on where the matrices
// lie, nor on whether the build has SIMD. NaN and infinities in the operands reach the result as the formula says.
package cublas
