package vm

// The vector operations that run: the AVX2 version where build and processor have
// it, else the plain loop. Both give the same bits.
var (
	splat   = pick(plainSplat, fastSplat)
	vMov    = pick(plainMov, fastMov)
	vSext32 = pick(plainSext32, fastSext32)

	vAdd32 = pick(plainAdd32, fastAdd32)
	vSub32 = pick(plainSub32, fastSub32)
	vMul32 = pick(plainMul32, fastMul32)
	vMad32 = pick(plainMad32, fastMad32)
	vAdd64 = pick(plainAdd64, fastAdd64)
	vSub64 = pick(plainSub64, fastSub64)

	vMulWideS32 = pick(plainMulWideS32, fastMulWideS32)
	vMulWideU32 = pick(plainMulWideU32, fastMulWideU32)
	vMadWideS32 = pick(plainMadWideS32, fastMadWideS32)

	vAnd   = pick(plainAnd, fastAnd)
	vOr    = pick(plainOr, fastOr)
	vXor   = pick(plainXor, fastXor)
	vShl32 = pick(plainShl32, fastShl32)
	vShl64 = pick(plainShl64, fastShl64)
	vShr32 = pick(plainShr32, fastShr32)
	vSar32 = pick(plainSar32, fastSar32)

	vAddF32  = pick(plainAddF32, fastAddF32)
	vSubF32  = pick(plainSubF32, fastSubF32)
	vMulF32  = pick(plainMulF32, fastMulF32)
	vDivF32  = pick(plainDivF32, fastDivF32)
	vFmaF32  = pick(plainFmaF32, fastFmaF32)
	vSqrtF32 = pick(plainSqrtF32, fastSqrtF32)
	vAbsF32  = pick(plainAbsF32, fastAbsF32)
	vNegF32  = pick(plainNegF32, fastNegF32)
	vRcpF32  = pick(plainRcpF32, fastRcpF32)
	vEx2F32  = pick(plainEx2F32, fastEx2F32)

	vCvtF32S32 = pick(plainCvtF32S32, fastCvtF32S32)
	vCvtF32U16 = pick(plainCvtF32U16, fastCvtF32U16)

	cmpEQ64  = pick(cmpEQ[uint64], fastEQ64)
	cmpLTS32 = pick(cmpLT[int32], fastLTS32)
	cmpLTU32 = pick(cmpLT[uint32], fastLTU32)
	cmpLTS64 = pick(cmpLT[int64], fastLTS64)
	cmpLTF32 = pick(plainLTF32, fastLTF32)
	cmpLEF32 = pick(plainLEF32, fastLEF32)
	cmpEQF32 = pick(plainEQF32, fastEQF32)

	selectLanes = pick(plainSelect, fastSelect)

	alike      = pick(plainAlike, fastAlike)
	neighbours = pick(plainNeighbours, fastNeighbours)
	load32     = pick(plainLoad32, fastLoad32)
	store32    = pick(plainStore32, fastStore32)
	load128    = pick(plainLoad128, fastLoad128)
	store128   = pick(plainStore128, fastStore128)
)

// pick gives the vector version of an operation where it may be used.
func pick[F any](plain, fast F) F {
	if accelerated {
		return fast
	}
	return plain
}
