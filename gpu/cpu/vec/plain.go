package vec

import (
	"math"

	"mdfa/gpu"
)

func scaleBytes(dst []float32, src []uint8, scale float32) {
	for i, v := range src {
		dst[i] = scale * float32(v)
	}
}

func scaleFloats(dst, src []float32, scale float32) {
	for i, v := range src {
		dst[i] = scale * v
	}
}

func biasTanh(h, bias []float32) {
	for i, b := range bias {
		h[i] = float32(math.Tanh(float64(h[i] + b)))
	}
}

func biasReLU(h, pre, bias []float32) {
	for i, b := range bias {
		a := pre[i] + b
		pre[i] = a
		if a < 0 { // false for NaN, which goes through
			a = 0
		}
		h[i] = a
	}
}

func biasPL(h, pre, bias []float32) {
	for i, b := range bias {
		a := pre[i] + b
		pre[i] = a
		if a < -1 {
			a = -1
		} else if a > 1 {
			a = 1
		}
		h[i] = a
	}
}

func tanhGrad(d, h, sum []float32) {
	for i, y := range h {
		d[i] *= 1 - y*y
		sum[i] += d[i]
	}
}

func reluGrad(d, pre, sum []float32) {
	for i, a := range pre {
		if !(a >= 0) {
			d[i] *= 0
		}
		sum[i] += d[i]
	}
}

func plGrad(d, pre, sum []float32) {
	for i, a := range pre {
		if !(a >= -1 && a <= 1) {
			d[i] *= 0
		}
		sum[i] += d[i]
	}
}

func add(dst, src []float32) {
	for i, v := range src {
		dst[i] += v
	}
}

// clamp is max(w, floor), where NaN stays NaN so that a run that diverged shows it.
func clamp(w, floor float32) float32 {
	if w < floor {
		return floor
	}
	return w
}

func sgd(w, g []float32, u Update) {
	for i, gi := range g {
		gi += u.L2 * w[i]
		w[i] = clamp(w[i]-u.LR*gi, u.Floor)
	}
}

func rmsprop(w, g, s []float32, u Update) {
	for i, gi := range g {
		gi += u.L2 * w[i]
		s[i] = gpu.RMSPropDecay*s[i] + (1-gpu.RMSPropDecay)*gi*gi
		w[i] = clamp(w[i]-u.LR*gi/sqrt(s[i]+gpu.RMSPropEpsilon), u.Floor)
	}
}

func adam(w, g, m, v []float32, u Update) {
	for i, gi := range g {
		gi += u.L2 * w[i]
		m[i] = gpu.AdamBeta1*m[i] + (1-gpu.AdamBeta1)*gi
		v[i] = gpu.AdamBeta2*v[i] + (1-gpu.AdamBeta2)*gi*gi
		w[i] = clamp(w[i]-u.LR*m[i]/(sqrt(v[i])+gpu.AdamEpsilon), u.Floor)
	}
}

func sqrt(x float32) float32 { return float32(math.Sqrt(float64(x))) }
