package cpu

import (
	"math"

	"mdfa/gpu"
	"mdfa/gpu/cpu/vec"
)

// Optimize updates the arena in one pass and cuts it at the borders of the clamped range.
func (d *Device) Optimize(a gpu.OptimizeArgs) error {
	uses := []gpu.Span{a.W, a.G, a.S1, a.S2, a.Step, a.Factors, a.Batch}
	return d.submit(a.Kind.String(), a.Check(), uses, func() []phase {
		w, g, step, factors, batch := floats(a.W), floats(a.G), ints(a.Step), floats(a.Factors), ints(a.Batch)
		var states [gpu.MaxStates][]float32
		for i, s := range []gpu.Span{a.S1, a.S2}[:a.Kind.States()] {
			states[i] = floats(s)
		}
		update := func(from, to int, floor float32) {
			rate := a.LR
			if len(factors) > 0 {
				rate *= factorOf(factors, batch[0])
			}
			u := vec.Update{LR: rate, L2: a.L2, Shrink: rate * a.Decay, Momentum: a.Momentum, Nesterov: a.Nesterov, Floor: floor}
			if a.Kind.Counts() {
				t := float64(step[0])
				u.LR, u.Epsilon = float32(gpu.AdamRate(float64(rate), t)), gpu.AdamEpsilon
				if a.Kind == gpu.AdamW {
					u.Epsilon = float32(gpu.AdamWEpsilon(t))
				}
			}
			vec.Optimize(a.Kind, w[from:to], g[from:to], part(states[0], from, to-from), part(states[1], from, to-from), u)
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

// factorOf returns the factor of a batch, counted from 1.
func factorOf(factors []float32, batch int32) float32 {
	if batch < 1 || int(batch) > len(factors) {
		return float32(math.NaN())
	}
	return factors[batch-1]
}
