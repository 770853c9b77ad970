//go:build !(goexperiment.simd && amd64)

package vm

// This build has the plain loops only.
const accelerated = false

var (
	fastMov, fastSext32, fastSqrtF32, fastAbsF32, fastNegF32, fastRcpF32, fastEx2F32, fastCvtF32S32, fastCvtF32U16 func(d, a *vec)

	fastAdd32, fastSub32, fastMul32, fastAdd64, fastSub64, fastMulWideS32, fastMulWideU32 func(d, a, b *vec)
	fastAnd, fastOr, fastXor, fastShl32, fastShl64, fastShr32, fastSar32                  func(d, a, b *vec)
	fastAddF32, fastSubF32, fastMulF32, fastDivF32                                        func(d, a, b *vec)

	fastMad32, fastMadWideS32, fastFmaF32 func(d, a, b, c *vec)

	fastEQ64, fastLTS32, fastLTU32, fastLTS64, fastLTF32, fastLEF32, fastEQF32 func(a, b *vec) uint32

	fastSplat      func(d *vec, v uint64)
	fastSelect     func(d, a, b *vec, m uint32)
	fastAlike      func(v *vec) bool
	fastNeighbours func(base *vec, step uint64) (up, same uint32)

	fastLoad32   func(v *vec, b *[lanes * 4]byte)
	fastStore32  func(b *[lanes * 4]byte, v *vec)
	fastLoad128  func(x, y, z, t *vec, b *[lanes * 16]byte)
	fastStore128 func(b *[lanes * 16]byte, x, y, z, t *vec)
)
