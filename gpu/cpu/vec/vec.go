// Package vec holds the elementwise loops of the CPU device. Each exists twice: the
// plain loop in plain.go, which is the definition, and an AVX2 version in simd_amd64.go
// for builds with GOEXPERIMENT=simd (the Makefile sets it), which is what runs on any
// amd64 processor since 2013. The two agree within a few units in the last place.
//
// Slices of one call have the same length unless said otherwise.
package vec

import "math"

// Unclamped is the floor of an optimizer step that clamps nothing.
var Unclamped = float32(math.Inf(-1))

// SIMD names the instruction set that the loops of this build use on this machine.
func SIMD() string {
	if accelerated {
		return "AVX2"
	}
	return "no SIMD"
}

// Update holds the constants of one optimizer step.
type Update struct {
	LR    float32 // for Adam with the bias corrections of its step folded in
	L2    float32 // g += L2·w
	Floor float32 // w = max(w, Floor) at the end; Unclamped for none
}

// ScaleBytes sets dst = scale·src.
func ScaleBytes(dst []float32, src []uint8, scale float32) {
	n := 0
	if accelerated {
		n = scaleBytesSIMD(dst, src, scale)
	}
	scaleBytes(dst[n:], src[n:], scale)
}

// Scale sets dst = scale·src.
func Scale(dst, src []float32, scale float32) {
	n := 0
	if accelerated {
		n = scaleSIMD(dst, src, scale)
	}
	scaleFloats(dst[n:], src[n:], scale)
}

// BiasTanh sets h = tanh(h + bias).
func BiasTanh(h, bias []float32) {
	if accelerated {
		biasTanhSIMD(h, bias)
		return
	}
	biasTanh(h, bias)
}

// BiasReLU sets pre = pre + bias and h = max(pre, 0).
func BiasReLU(h, pre, bias []float32) {
	n := 0
	if accelerated {
		n = biasReLUSIMD(h, pre, bias)
	}
	biasReLU(h[n:], pre[n:], bias[n:])
}

// BiasPL sets pre = pre + bias and h = clip(pre, -1, 1).
func BiasPL(h, pre, bias []float32) {
	n := 0
	if accelerated {
		n = biasPLSIMD(h, pre, bias)
	}
	biasPL(h[n:], pre[n:], bias[n:])
}

// TanhGrad sets d = d·(1 - h²) and adds it to sum.
func TanhGrad(d, h, sum []float32) {
	n := 0
	if accelerated {
		n = tanhGradSIMD(d, h, sum)
	}
	tanhGrad(d[n:], h[n:], sum[n:])
}

// ReLUGrad sets d = d where pre >= 0, else 0·d, and adds it to sum.
func ReLUGrad(d, pre, sum []float32) {
	n := 0
	if accelerated {
		n = reluGradSIMD(d, pre, sum)
	}
	reluGrad(d[n:], pre[n:], sum[n:])
}

// PLGrad sets d = d where -1 <= pre <= 1, else 0·d, and adds it to sum.
func PLGrad(d, pre, sum []float32) {
	n := 0
	if accelerated {
		n = plGradSIMD(d, pre, sum)
	}
	plGrad(d[n:], pre[n:], sum[n:])
}

// Add sets dst = dst + src.
func Add(dst, src []float32) {
	n := 0
	if accelerated {
		n = addSIMD(dst, src)
	}
	add(dst[n:], src[n:])
}

// SGD sets w = w - LR·(g + L2·w).
func SGD(w, g []float32, u Update) {
	if accelerated {
		sgdSIMD(w, g, u)
		return
	}
	sgd(w, g, u)
}

// RMSProp sets s = 0.9·s + 0.1·g² and w = w - LR·g/sqrt(s + 1e-10).
func RMSProp(w, g, s []float32, u Update) {
	if accelerated {
		rmspropSIMD(w, g, s, u)
		return
	}
	rmsprop(w, g, s, u)
}

// Adam sets m = 0.9·m + 0.1·g, v = 0.999·v + 0.001·g² and w = w - LR·m/(sqrt(v) + 1e-8).
func Adam(w, g, m, v []float32, u Update) {
	if accelerated {
		adamSIMD(w, g, m, v, u)
		return
	}
	adam(w, g, m, v, u)
}
