package cpu

import (
	"math"

	"mdfa/gpu"
	"mdfa/gpu/cpu/vec"
)

// Optimize updates the arena in one pass, cut at the borders of the clamped range.
func (d *Device) Optimize(a gpu.OptimizeArgs) error {
	uses := []gpu.Span{a.W, a.G, a.S1, a.S2, a.Step}
	return d.submit(a.Kind.String(), a.Check(), uses, func() []phase {
		w, g, step := floats(a.W), floats(a.G), ints(a.Step)
		var s1, s2 []float32
		if a.Kind.States() >= 1 {
			s1 = floats(a.S1)
		}
		if a.Kind.States() >= 2 {
			s2 = floats(a.S2)
		}
		update := func(from, to int, floor float32) {
			u := vec.Update{LR: a.LR, L2: a.L2, Floor: floor}
			switch a.Kind {
			case gpu.SGD:
				vec.SGD(w[from:to], g[from:to], u)
			case gpu.RMSProp:
				vec.RMSProp(w[from:to], g[from:to], s1[from:to], u)
			case gpu.Adam:
				u.LR = adamRate(a.LR, step[0])
				vec.Adam(w[from:to], g[from:to], s1[from:to], s2[from:to], u)
			}
		}
		return []phase{split(len(w), func(from, to int) {
			clampFrom := min(max(a.ClampFrom, from), to)
			clampTo := min(max(a.ClampTo, clampFrom), to)
			update(from, clampFrom, vec.Unclamped)
			update(clampFrom, clampTo, a.Floor)
			update(clampTo, to, vec.Unclamped)
		})}
	})
}

// adamRate is the learning rate of step t with both bias corrections.
func adamRate(lr float32, t int32) float32 {
	n := float64(t)
	return float32(float64(lr) * math.Sqrt(1-math.Pow(gpu.AdamBeta2, n)) / (1 - math.Pow(gpu.AdamBeta1, n)))
}
