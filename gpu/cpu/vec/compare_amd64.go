//go:build goexperiment.simd && amd64

package vec

import (
	"math/bits"
	"simd/archsimd"
)

// f4 is half as many float64 as f8 has float32.
type f4 = archsimd.Float64x4

func sum(v f4) float64 {
	var lanes [4]float64
	v.Store(&lanes)
	return lanes[0] + lanes[1] + lanes[2] + lanes[3]
}

// addSIMD takes eight elements a turn, and adds the lanes of its sums up in their order. It
// returns how many elements it took.
func (c *Comparison) addSIMD(a, b []float32, low, high float32) int {
	n := len(a) &^ 7
	b = b[:n]
	zero, lowest, highest := all(0), all(low), all(high)
	var dotLo, dotHi, aLo, aHi, bLo, bHi f4
	for i := 0; i < n; i += 8 {
		x, y := load(a, i), load(b, i)
		xLo, xHi := x.GetLo().ConvertToFloat64(), x.GetHi().ConvertToFloat64()
		yLo, yHi := y.GetLo().ConvertToFloat64(), y.GetHi().ConvertToFloat64()
		dotLo, dotHi = xLo.MulAdd(yLo, dotLo), xHi.MulAdd(yHi, dotHi)
		aLo, aHi = xLo.MulAdd(xLo, aLo), xHi.MulAdd(xHi, aHi)
		bLo, bHi = yLo.MulAdd(yLo, bLo), yHi.MulAdd(yHi, bHi)

		aboveA, belowA := x.Greater(zero), x.Less(zero)
		aboveB, belowB := y.Greater(zero), y.Less(zero)
		c.Same += bits.OnesCount8(aboveA.And(aboveB).Or(belowA.And(belowB)).ToBits())
		c.Opposed += bits.OnesCount8(aboveA.And(belowB).Or(belowA.And(aboveB)).ToBits())
		c.Low += bits.OnesCount8(x.LessEqual(lowest).ToBits())
		c.High += bits.OnesCount8(x.GreaterEqual(highest).ToBits())
	}
	c.Dot += sum(dotLo.Add(dotHi))
	c.SquareA += sum(aLo.Add(aHi))
	c.SquareB += sum(bLo.Add(bHi))
	archsimd.ClearAVXUpperBits()
	return n
}
