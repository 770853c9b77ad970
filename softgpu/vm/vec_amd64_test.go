//go:build goexperiment.simd && amd64

package vm

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
)

// lowHalf and fullLane are the kinds of values in an operand's lanes.
const (
	lowHalf  = 0xffffffff
	fullLane = ^uint64(0)
)

// operands gives registers whose lanes hold special values and random bits.
func operands(rng *rand.Rand, keep uint64) *vec {
	special := []uint64{
		0, 1, 31, 32, 33, 63, 64, 0x7f, 0x80, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff, 1 << 32, 1 << 63, fullLane,
		uint64(math.Float32bits(1)), uint64(math.Float32bits(-1)), uint64(math.Float32bits(0.5)), 0x7f800000, 0xff800000,
		0x7fc00000, 0xffc00001, 0x7f800001, 1 << 22, 0x80000001, 0x00800000, 0x7f7fffff, 0xff7fffff,
		uint64(math.Float32bits(126.5)), uint64(math.Float32bits(-149.5)), uint64(math.Float32bits(1e-30)),
	}
	v := new(vec)
	for i := range v {
		switch rng.IntN(4) {
		case 0:
			v[i] = special[rng.IntN(len(special))] & keep
		case 1:
			v[i] = uint64(math.Float32bits(float32(rng.NormFloat64()))) & keep
		default:
			v[i] = rng.Uint64() & keep
		}
	}
	return v
}

const vecRounds = 2000

func TestVectorVersionsGiveThePlainLoopsBits(t *testing.T) {
	if !accelerated {
		return
	}
	rng := rand.New(rand.NewPCG(5, 5))
	var want, got vec
	unary := map[string]struct {
		plain, fast func(d, a *vec)
		keep        uint64
	}{
		"mov": {plainMov, fastMov, fullLane}, "sext": {plainSext32, fastSext32, fullLane},
		"sqrt": {plainSqrtF32, fastSqrtF32, lowHalf}, "abs": {plainAbsF32, fastAbsF32, lowHalf}, "neg": {plainNegF32, fastNegF32, lowHalf},
		"rcp": {plainRcpF32, fastRcpF32, lowHalf}, "ex2": {plainEx2F32, fastEx2F32, lowHalf},
		"cvt.f32.s32": {plainCvtF32S32, fastCvtF32S32, fullLane}, "cvt.f32.u16": {plainCvtF32U16, fastCvtF32U16, fullLane},
	}
	binary := map[string]struct {
		plain, fast func(d, a, b *vec)
		keep        uint64
	}{
		"add32": {plainAdd32, fastAdd32, lowHalf}, "sub32": {plainSub32, fastSub32, lowHalf}, "mul32": {plainMul32, fastMul32, lowHalf},
		"add64": {plainAdd64, fastAdd64, fullLane}, "sub64": {plainSub64, fastSub64, fullLane},
		"mul.wide.s32": {plainMulWideS32, fastMulWideS32, lowHalf}, "mul.wide.u32": {plainMulWideU32, fastMulWideU32, lowHalf},
		"and": {plainAnd, fastAnd, fullLane}, "or": {plainOr, fastOr, fullLane}, "xor": {plainXor, fastXor, fullLane},
		"shl32": {plainShl32, fastShl32, lowHalf}, "shl64": {plainShl64, fastShl64, lowHalf},
		"shr32": {plainShr32, fastShr32, lowHalf}, "sar32": {plainSar32, fastSar32, lowHalf},
		"add.f32": {plainAddF32, fastAddF32, lowHalf}, "sub.f32": {plainSubF32, fastSubF32, lowHalf},
		"mul.f32": {plainMulF32, fastMulF32, lowHalf}, "div.f32": {plainDivF32, fastDivF32, lowHalf},
	}
	ternary := map[string]struct {
		plain, fast func(d, a, b, c *vec)
	}{
		"mad32": {plainMad32, fastMad32}, "mad.wide": {plainMadWideS32, fastMadWideS32}, "fma": {plainFmaF32, fastFmaF32},
	}
	compare := map[string]struct {
		plain, fast func(a, b *vec) uint32
		keep        uint64
	}{
		"eq": {cmpEQ[uint64], fastEQ64, fullLane}, "lt.s64": {cmpLT[int64], fastLTS64, fullLane},
		"lt.s32": {cmpLT[int32], fastLTS32, lowHalf}, "lt.u32": {cmpLT[uint32], fastLTU32, lowHalf},
		"lt.f32": {plainLTF32, fastLTF32, lowHalf}, "le.f32": {plainLEF32, fastLEF32, lowHalf}, "eq.f32": {plainEQF32, fastEQF32, lowHalf},
	}
	for range vecRounds {
		for name, op := range unary {
			a := operands(rng, op.keep)
			op.plain(&want, a)
			op.fast(&got, a)
			require.Equal(t, want, got, "%s of %#x", name, *a)
		}
		for name, op := range binary {
			a, b := operands(rng, op.keep), operands(rng, op.keep)
			op.plain(&want, a, b)
			op.fast(&got, a, b)
			require.Equal(t, want, got, "%s of %#x and %#x", name, *a, *b)
			op.fast(a, a, b) // the result may replace an operand
			require.Equal(t, want, *a, name)
		}
		for name, op := range ternary {
			a, b, c := operands(rng, lowHalf), operands(rng, lowHalf), operands(rng, lowHalf)
			op.plain(&want, a, b, c)
			op.fast(&got, a, b, c)
			require.Equal(t, want, got, "%s of %#x, %#x and %#x", name, *a, *b, *c)
		}
		for name, op := range compare {
			a, b := operands(rng, op.keep), operands(rng, op.keep)
			for i := range a {
				if rng.IntN(3) == 0 {
					b[i] = a[i]
				}
			}
			require.Equal(t, op.plain(a, b), op.fast(a, b), "%s of %#x and %#x", name, *a, *b)
		}
		a, b, m := operands(rng, fullLane), operands(rng, fullLane), rng.Uint32()
		plainSelect(&want, a, b, m)
		fastSelect(&got, a, b, m)
		require.Equal(t, want, got, "select by %#x", m)
		checkTransfers(t, rng)
	}
}

// checkTransfers compares the two versions of the loops that move a warp's values.
func checkTransfers(t *testing.T, rng *rand.Rand) {
	t.Helper()
	var splats [2]vec
	v := rng.Uint64()
	plainSplat(&splats[0], v)
	fastSplat(&splats[1], v)
	require.Equal(t, splats[0], splats[1])
	require.True(t, plainAlike(&splats[0]) && fastAlike(&splats[0]))
	splats[0][rng.IntN(lanes)] ^= 1 << rng.IntN(64)
	require.False(t, plainAlike(&splats[0]) || fastAlike(&splats[0]))

	base := new(vec)
	base[0] = rng.Uint64()
	for i := 1; i < lanes; i++ {
		base[i] = base[i-1] + []uint64{0, 4, 4, 16, rng.Uint64()}[rng.IntN(5)]
	}
	up, same := plainNeighbours(base, 4)
	fastUp, fastSame := fastNeighbours(base, 4)
	require.Equal(t, [2]uint32{up, same}, [2]uint32{fastUp, fastSame}, "neighbours in %#x", *base)

	var from [lanes * 16]byte
	for i := range from {
		from[i] = byte(rng.Uint32())
	}
	var want, got [4]vec
	plainLoad32(&want[0], (*[lanes * 4]byte)(from[:]))
	fastLoad32(&got[0], (*[lanes * 4]byte)(from[:]))
	require.Equal(t, want, got)
	plainLoad128(&want[0], &want[1], &want[2], &want[3], &from)
	fastLoad128(&got[0], &got[1], &got[2], &got[3], &from)
	require.Equal(t, want, got)

	var wantBytes, gotBytes [lanes * 16]byte
	for i := range want {
		want[i] = *operands(rng, fullLane)
	}
	plainStore128(&wantBytes, &want[0], &want[1], &want[2], &want[3])
	fastStore128(&gotBytes, &want[0], &want[1], &want[2], &want[3])
	require.Equal(t, wantBytes, gotBytes)
	plainStore32((*[lanes * 4]byte)(wantBytes[:]), &want[1])
	fastStore32((*[lanes * 4]byte)(gotBytes[:]), &want[1])
	require.Equal(t, wantBytes, gotBytes)
}
