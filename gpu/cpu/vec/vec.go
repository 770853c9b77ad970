// Package vec holds the elementwise loops of the CPU device. Each exists twice: the
// plain loop in plain.go, which defines the result, and an AVX2 version in simd_amd64.go
// for builds with GOEXPERIMENT=simd (the Makefile sets it), which runs on amd64 processors
// from 2013 on. The two agree within a few units in the last place.
//
// Slices of one call have the same length unless said otherwise.
package vec

import (
	"math"

	"mdfa/gpu"
)

// Unclamped is the floor of an optimizer step that clamps nothing.
var Unclamped = float32(math.Inf(-1))

// SIMD returns the name of the instruction set that the loops of this build use on this machine.
func SIMD() string {
	if accelerated {
		return "AVX2"
	}
	return "no SIMD"
}

// Update holds the constants of one optimizer step.
type Update struct {
	LR       float32 // for Adam with the bias corrections of its step folded in
	L2       float32 // g += L2·w
	Shrink   float32 // w *= 1 - Shrink at the start
	Momentum float32
	Nesterov bool
	Epsilon  float32 // of Adam's formula
	Floor    float32 // w = max(w, Floor) at the end; Unclamped for none
}

// ScaleBytes sets dst = scale·src.
func ScaleBytes(dst []float32, src []uint8, scale float32) {
	n := 0
	if accelerated {
		n = scaleBytesSIMD(dst, src, scale)
	}
	scaleBytes(dst[n:], src[n:], scale)
}

// NormalizeBytes sets dst = (src - mean)·scales.
func NormalizeBytes(dst []float32, src []uint8, mean, scales []float32) {
	n := 0
	if accelerated {
		n = normalizeBytesSIMD(dst, src, mean, scales)
	}
	normalizeBytes(dst[n:], src[n:], mean[n:], scales[n:])
}

// Scale sets dst = scale·src.
func Scale(dst, src []float32, scale float32) {
	n := 0
	if accelerated {
		n = scaleSIMD(dst, src, scale)
	}
	scaleFloats(dst[n:], src[n:], scale)
}

// Fill sets dst to what g.Fill draws, bit by bit.
func Fill(dst []float32, g gpu.Generator, layer, row, column int) {
	const step = 16 // of wordsSIMD
	if accelerated && g.Draw != gpu.DrawConstant {
		head := min(-column&3, len(dst)) // up to the next counter
		g.Fill(dst[:head], layer, row, column)
		dst, column = dst[head:], column+head
		var words [16 * step]uint32
		for len(dst) >= step {
			n := min(len(words), len(dst)/step*step)
			wordsSIMD(words[:n], g.Seed, layer, row, column/4)
			g.Transform(dst[:n], words[:n])
			dst, column = dst[n:], column+n
		}
	}
	g.Fill(dst, layer, row, column)
}

// Sign sets dst = |m|·sign(src), where zero and NaN of src stay. dst may be m.
func Sign(dst, src, m []float32) {
	n := 0
	if accelerated {
		n = signSIMD(dst, src, m)
	}
	sign(dst[n:], src[n:], m[n:])
}

// Activate sets h = f(a) with a = z + bias. For an activation that needs its preactivations z is
// pre, which a replaces; for others z is h, and pre is not used.
func Activate(act gpu.Activation, h, pre, bias []float32) {
	z := h
	if act.NeedsPre() {
		z = pre
	}
	n := 0
	if accelerated {
		n = activateSIMD(act, h, z, bias)
	}
	if n < len(bias) {
		activate(act, h[n:], z[n:], bias[n:])
	}
}

// TimesSlope sets d = d·f' and adds it to sum. The values from which f' is computed are v, unused
// where f' is constant.
func TimesSlope(act gpu.Activation, d, v, sum []float32) {
	n := 0
	if accelerated {
		n = slopeSIMD(act, d, v, sum)
	}
	if n < len(d) {
		timesSlope(act, d[n:], v[min(n, len(v)):], sum[n:])
	}
}

// Add sets dst = dst + src.
func Add(dst, src []float32) {
	n := 0
	if accelerated {
		n = addSIMD(dst, src)
	}
	add(dst[n:], src[n:])
}

// MaxWindow sets p to the largest values of a window, each channel by itself, and index, where it
// is not nil, to their places: gpu.PoolArgs has the rules. The window begins at h[0] and has kernel
// times kernel pixels of len(p) channels; line is the number of floats from one of its rows to the
// next.
func MaxWindow(p []float32, index []uint8, h []float32, kernel, line int) {
	n := 0
	if accelerated {
		n = maxWindowSIMD(p, index, h, kernel, line)
	}
	if n < len(p) {
		maxWindow(p, index, h, kernel, line, n)
	}
}

// AverageWindow sets p to the averages of a window, which lies in h as in [MaxWindow].
func AverageWindow(p, h []float32, kernel, line int) {
	n := 0
	if accelerated {
		n = averageWindowSIMD(p, h, kernel, line)
	}
	if n < len(p) {
		averageWindow(p, h, kernel, line, n)
	}
}

// AddToMax adds the errors e to the pixels of a window that index names, channel by channel. The
// window lies in dx as in [MaxWindow].
func AddToMax(dx, e []float32, index []uint8, kernel, line int) {
	n := 0
	if accelerated {
		n = addToMaxSIMD(dx, e, index, kernel, line)
	}
	if n < len(e) {
		addToMax(dx, e, index, kernel, line, n)
	}
}

// AddToWindow adds e/kernel² to each pixel of a window, which lies in dx as in [MaxWindow].
func AddToWindow(dx, e []float32, kernel, line int) {
	n := 0
	if accelerated {
		n = addToWindowSIMD(dx, e, kernel, line)
	}
	if n < len(e) {
		addToWindow(dx, e, kernel, line, n)
	}
}

// Optimize updates the weights w with the gradients g and the states that the optimizer keeps, by
// its formula in package gpu.
func Optimize(kind gpu.Optimizer, w, g, s1, s2 []float32, u Update) {
	keep := 1 - u.Shrink
	if keep == 1 {
		optimizeAll(kind, w, g, s1, s2, u)
		return
	}
	const block = 2048 // in the cache between the two passes; a multiple of the vectors' length
	for from := 0; from < len(w); from += block {
		part := func(s []float32) []float32 { return s[min(from, len(s)):min(from+block, len(s))] }
		Scale(part(w), part(w), keep)
		optimizeAll(kind, part(w), part(g), part(s1), part(s2), u)
	}
}

func optimizeAll(kind gpu.Optimizer, w, g, s1, s2 []float32, u Update) {
	if accelerated {
		optimizeSIMD(kind, w, g, s1, s2, u)
		return
	}
	optimize(kind, w, g, s1, s2, u)
}
