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

func normalizeBytes(dst []float32, src []uint8, mean, scales []float32) {
	for i, v := range src {
		dst[i] = (float32(v) - mean[i]) * scales[i]
	}
}

func scaleFloats(dst, src []float32, scale float32) {
	for i, v := range src {
		dst[i] = scale * v
	}
}

func sign(dst, src, m []float32) {
	for i, s := range src {
		if s < 0 || s > 0 {
			s = float32(math.Copysign(float64(m[i]), float64(s)))
		}
		dst[i] = s
	}
}

// activate rounds the table's float64 result, apart from activations with their own loop.
func activate(act gpu.Activation, h, z, bias []float32) {
	low, high, clipped := bounds(act)
	switch {
	case clipped:
		for i, b := range bias {
			a := z[i] + b
			z[i] = a
			if a < low { // false for NaN, as is the next comparison
				a = low
			} else if a > high {
				a = high
			}
			h[i] = a
		}
	case act.NeedsPre():
		for i, b := range bias {
			z[i] += b
			h[i] = float32(act.F(float64(z[i])))
		}
	default:
		for i, b := range bias {
			h[i] = float32(act.F(float64(z[i] + b)))
		}
	}
}

// bounds returns the interval to which relu and pl clip, and in which their f' is 1.
func bounds(act gpu.Activation) (low, high float32, clipped bool) {
	switch act {
	case gpu.ReLU:
		return 0, infinity, true
	case gpu.PL:
		return -1, 1, true
	case gpu.Tanh, gpu.Sigmoid, gpu.Linear:
	}
	return 0, 0, false
}

var infinity = float32(math.Inf(1))

// timesSlope computes f' in float32, apart from activations without their own loop. Each loop adds up the errors, too,
// while they are in registers.
func timesSlope(act gpu.Activation, d, v, sum []float32) {
	low, high, clipped := bounds(act)
	switch {
	case act == gpu.Linear:
		add(sum, d)
	case act == gpu.Tanh:
		for i, y := range v {
			d[i] *= 1 - y*y
			sum[i] += d[i]
		}
	case act == gpu.Sigmoid:
		for i, y := range v {
			d[i] *= y * (1 - y)
			sum[i] += d[i]
		}
	case clipped:
		for i, a := range v {
			if !(a >= low && a <= high) {
				d[i] *= 0
			}
			sum[i] += d[i]
		}
	default:
		for i, x := range v {
			d[i] *= float32(act.Slope(float64(x)))
			sum[i] += d[i]
		}
	}
}

func add(dst, src []float32) {
	for i, v := range src {
		dst[i] += v
	}
}

// maxWindow, averageWindow, addToMax and addToWindow work on the channels from first on.

func maxWindow(p []float32, index []uint8, h []float32, kernel, line, first int) {
	for c := first; c < len(p); c++ {
		best, place := h[c], 0
		for i := range kernel {
			for j := range kernel {
				if v := h[i*line+j*len(p)+c]; v > best || v != v {
					best, place = v, i*kernel+j
				}
			}
		}
		p[c] = best
		if index != nil {
			index[c] = uint8(place)
		}
	}
}

func averageWindow(p, h []float32, kernel, line, first int) {
	for c := first; c < len(p); c++ {
		sum := float32(0)
		for i := range kernel {
			for j := range kernel {
				sum += h[i*line+j*len(p)+c]
			}
		}
		p[c] = sum / float32(kernel*kernel)
	}
}

func addToMax(dx, e []float32, index []uint8, kernel, line, first int) {
	for i := range kernel {
		for j := range kernel {
			pixel := dx[i*line+j*len(e):][:len(e)]
			for c := first; c < len(e); c++ {
				if int(index[c]) == i*kernel+j {
					pixel[c] += e[c]
				}
			}
		}
	}
}

func addToWindow(dx, e []float32, kernel, line, first int) {
	for c := first; c < len(e); c++ {
		share := e[c] / float32(kernel*kernel)
		for i := range kernel {
			for j := range kernel {
				dx[i*line+j*len(e)+c] += share
			}
		}
	}
}

// clamp returns max(w, floor), where NaN stays NaN so that a run that diverged shows it.
func clamp(w, floor float32) float32 {
	if w < floor {
		return floor
	}
	return w
}

func optimize(kind gpu.Optimizer, w, g, s1, s2 []float32, u Update) {
	switch kind {
	case gpu.SGD:
		for i, gi := range g {
			gi += u.L2 * w[i]
			w[i] = clamp(w[i]-u.LR*gi, u.Floor)
		}
	case gpu.Momentum:
		for i, gi := range g {
			gi += u.L2 * w[i]
			s1[i] = u.Momentum*s1[i] + gi
			move := s1[i]
			if u.Nesterov {
				move = gi + u.Momentum*s1[i]
			}
			w[i] = clamp(w[i]-u.LR*move, u.Floor)
		}
	case gpu.RMSProp:
		for i, gi := range g {
			gi += u.L2 * w[i]
			s1[i] = gpu.RMSPropDecay*s1[i] + (1-gpu.RMSPropDecay)*gi*gi
			w[i] = clamp(w[i]-u.LR*gi/sqrt(s1[i]+gpu.RMSPropEpsilon), u.Floor)
		}
	case gpu.Adam, gpu.AdamW:
		for i, gi := range g {
			gi += u.L2 * w[i]
			s1[i] = gpu.AdamBeta1*s1[i] + (1-gpu.AdamBeta1)*gi
			s2[i] = gpu.AdamBeta2*s2[i] + (1-gpu.AdamBeta2)*gi*gi
			w[i] = clamp(w[i]-u.LR*s1[i]/(sqrt(s2[i])+u.Epsilon), u.Floor)
		}
	}
}

func sqrt(x float32) float32 { return float32(math.Sqrt(float64(x))) }
