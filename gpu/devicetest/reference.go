package devicetest

import (
	"math"

	"mdfa/gpu"
)

// The definitions of the operations in float64, straight from the formulas of package
// gpu: plain loops, no care for speed. Devices share no code with them; f, f' and the update rules
// come from the tables of package gpu.

// wide converts to float64.
func wide(v []float32) []float64 {
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x)
	}
	return w
}

// slope is f' from the preactivation a and the output h = f(a). The slope at NaN of an activation
// that keeps its preactivations is left open.
func slope(f gpu.Activation, a, h float64) float64 {
	switch {
	case !f.NeedsPre():
		return f.Slope(h)
	case math.IsNaN(a):
		return whatever
	}
	return f.Slope(a)
}

// timesSlope is x·f'. Whether a closed unit (f' = 0) stops NaN and infinity is left open.
func timesSlope(x, f float64) float64 {
	if isWhatever(f) || f == 0 && (math.IsNaN(x) || math.IsInf(x, 0)) {
		return whatever
	}
	return x * f
}

// channelSums adds up the rows of v, read as [len(v)/channels, channels].
func channelSums(v []float64, channels int) []float64 {
	sums := make([]float64, channels)
	for i, x := range v {
		c := &sums[i%channels]
		if isWhatever(x) || isWhatever(*c) {
			*c = whatever
		} else {
			*c += x
		}
	}
	return sums
}

// product is op(A)·op(B), an m×n matrix of sums over k.
func product(a, b []float64, m, k, n int, transA, transB bool) []float64 {
	c := make([]float64, m*n)
	for i := range m {
		for j := range n {
			sum := 0.0
			for l := range k {
				x, y := i*k+l, l*n+j
				if transA {
					x = l*m + i
				}
				if transB {
					y = j*k + l
				}
				sum += a[x] * b[y]
			}
			c[i*n+j] = sum
		}
	}
	return c
}

// dense is A = X·W + B.
func dense(x, w, b []float64, batch, fanIn, fanOut int) []float64 {
	a := product(x, w, batch, fanIn, fanOut, false, false)
	for i := range a {
		a[i] += b[i%fanOut]
	}
	return a
}

// activateAll is H = f(A).
func activateAll(f gpu.Activation, a []float64) []float64 {
	h := make([]float64, len(a))
	for i, x := range a {
		h[i] = f.F(x)
	}
	return h
}

// taps calls visit for every product of a convolution: the element of X, of W (for
// output channel o) and of A that it joins. An element of X in the padding is -1.
func taps(s gpu.ConvShape, visit func(x, w, a int)) {
	outH, outW := (s.InH+2*s.Pad-s.Kernel)/s.Stride+1, (s.InW+2*s.Pad-s.Kernel)/s.Stride+1
	for n := range s.Batch {
		for y := range outH {
			for x := range outW {
				for i := range s.Kernel {
					for j := range s.Kernel {
						for c := range s.InC {
							u, v := s.Stride*y+i-s.Pad, s.Stride*x+j-s.Pad
							pixel := ((n*s.InH+u)*s.InW+v)*s.InC + c
							if u < 0 || u >= s.InH || v < 0 || v >= s.InW {
								pixel = -1
							}
							for o := range s.OutC {
								visit(pixel, ((i*s.Kernel+j)*s.InC+c)*s.OutC+o, ((n*outH+y)*outW+x)*s.OutC+o)
							}
						}
					}
				}
			}
		}
	}
}

// pixel is an element of X: 0 in the padding.
func pixel(x []float64, i int) float64 {
	if i < 0 {
		return 0
	}
	return x[i]
}

// convolve is A = X ∗ W + B.
func convolve(s gpu.ConvShape, x, w, b []float64) []float64 {
	a := make([]float64, s.OutLen())
	for i := range a {
		a[i] = b[i%s.OutC]
	}
	taps(s, func(xi, wi, ai int) { a[ai] += pixel(x, xi) * w[wi] })
	return a
}

// convolveBack is the transposed convolution of DY with W, before the times-f'.
func convolveBack(s gpu.ConvShape, dy, w []float64) []float64 {
	dx := make([]float64, s.InLen())
	taps(s, func(xi, wi, ai int) {
		if xi >= 0 {
			dx[xi] += dy[ai] * w[wi]
		}
	})
	return dx
}

// filterGradient is DW.
func filterGradient(s gpu.ConvShape, x, dy []float64) []float64 {
	dw := make([]float64, s.Patch()*s.OutC)
	taps(s, func(xi, wi, ai int) { dw[wi] += pixel(x, xi) * dy[ai] })
	return dw
}

// poolTaps calls visit for every pixel of every window of a pooling: the element of H, the element
// of P, and the pixel's place in the window. It visits the taps of a convolution with one filter.
func poolTaps(s gpu.PoolShape, visit func(h, p, place int)) {
	conv := gpu.ConvShape{Batch: s.Batch, InH: s.InH, InW: s.InW, InC: s.Channels, Kernel: s.Kernel, Stride: s.Stride, OutC: 1}
	taps(conv, func(x, w, a int) { visit(x, a*s.Channels+w%s.Channels, w/s.Channels) })
}

// pooled is P, and for max pooling the places of the maxima.
func pooled(s gpu.PoolShape, h []float64) (p []float64, index []uint8) {
	p, index = make([]float64, s.OutLen()), make([]uint8, s.OutLen())
	poolTaps(s, func(hi, pi, place int) {
		switch {
		case s.Kind == gpu.AveragePooling:
			p[pi] += h[hi] / float64(s.Kernel*s.Kernel)
		case place == 0, math.IsNaN(h[hi]), h[hi] > p[pi]:
			p[pi], index[pi] = h[hi], uint8(place)
		}
	})
	return p, index
}

// pooledBack is DX before the times-f'.
func pooledBack(s gpu.PoolShape, dy []float64, index []uint8) []float64 {
	dx := make([]float64, s.InLen())
	poolTaps(s, func(hi, pi, place int) {
		switch {
		case s.Kind == gpu.AveragePooling:
			dx[hi] += dy[pi] / float64(s.Kernel*s.Kernel)
		case int(index[pi]) == place:
			dx[hi] += dy[pi]
		}
	})
	return dx
}

// lossResult is the result of Loss.
type lossResult struct {
	a, e, biasGrad []float64
	metrics        [gpu.NumMetrics]float64
}

// lossOf is the loss of a batch. The logits are a = Logits + Bias as float32 holds
// them, since everything else starts from the values written back.
func lossOf(logits, bias []float32, y []int32, classes int, scale float64) lossResult {
	r := lossResult{a: make([]float64, len(logits)), e: make([]float64, len(logits))}
	for i, l := range logits {
		r.a[i] = float64(l + bias[i%classes])
	}
	for n, label := range y {
		a, e := r.a[n*classes:(n+1)*classes], r.e[n*classes:(n+1)*classes]
		known := max(classes, 2)
		loss, rank := math.NaN(), known
		if label >= 0 && int(label) < known {
			if classes == 1 {
				loss, rank = logistic(a[0], label, e)
			} else {
				loss, rank = crossEntropy(a, int(label), e)
			}
			for i := range e {
				e[i] *= scale
			}
		} else {
			for i := range e {
				e[i] = math.NaN()
			}
		}
		r.metrics[gpu.MetricLoss] += loss
		if rank == 0 {
			r.metrics[gpu.MetricCorrect]++
		}
		if rank < min(5, known) {
			r.metrics[gpu.MetricTop5]++
		}
		r.metrics[gpu.MetricCount]++
	}
	r.biasGrad = channelSums(r.e, classes)
	return r
}

// logistic is the loss of one logit and the rank of the true class among the two.
func logistic(a float64, label int32, e []float64) (loss float64, rank int) {
	y := float64(label)
	loss = math.Max(a, 0) - a*y + math.Log1p(math.Exp(-math.Abs(a)))
	e[0] = 1/(1+math.Exp(-a)) - y
	if (a > 0) != (label == 1) || math.IsNaN(a) {
		rank = 1
	}
	return loss, rank
}

// crossEntropy is the loss of several logits and the rank of the true class.
func crossEntropy(a []float64, label int, e []float64) (loss float64, rank int) {
	largest := math.Inf(-1)
	for _, v := range a {
		largest = math.Max(largest, v)
	}
	sum := 0.0
	for i, v := range a {
		e[i] = math.Exp(v - largest)
		sum += e[i]
	}
	for i, v := range a {
		e[i] /= sum
		beaten := v < a[label] || v == a[label] && i > label
		if i != label && !beaten {
			rank++
		}
	}
	e[label]--
	return largest - a[label] + math.Log(sum), rank
}

// signed is |m| with the sign of src. A zero and NaN of src stay.
func signed(m, src float64) float64 {
	switch {
	case src > 0:
		return math.Abs(m)
	case src < 0:
		return -math.Abs(m)
	}
	return src
}

// update is one step of an optimizer, in place, before the clamp; t counts from one.
func update(args gpu.OptimizeArgs, t int32, w, g, s1, s2 []float64) {
	for i := range w {
		var s [gpu.MaxStates]float64
		states := [][]float64{s1, s2}[:args.Kind.States()]
		for k, arena := range states {
			s[k] = arena[i]
		}
		w[i] = args.Update(w[i], g[i], float64(t), &s)
		for k, arena := range states {
			arena[i] = s[k]
		}
	}
}

// clamp is W = max(W, Floor) in the clamped range; NaN stays NaN.
func clamp(args gpu.OptimizeArgs, w []float64) {
	for i := args.ClampFrom; i < args.ClampTo; i++ {
		w[i] = math.Max(w[i], float64(args.Floor))
	}
}

// compared is the sums of Compare over a and b.
func compared(args gpu.CompareArgs, a, b []float32) [gpu.NumCompared]float64 {
	var sums [gpu.NumCompared]float64
	count := func(slot int, holds bool) {
		if holds {
			sums[slot]++
		}
	}
	rows, cols := args.A.Rows, args.A.Cols
	for r := range rows {
		for c := range cols {
			x, y := a[r*cols+c], b[r*cols+c]
			if args.TransB {
				y = b[c*rows+r]
			}
			sums[gpu.CompareDot] += float64(x) * float64(y)
			sums[gpu.CompareSquareA] += float64(x) * float64(x)
			sums[gpu.CompareSquareB] += float64(y) * float64(y)
			// The product of two float32 does not underflow in float64.
			count(gpu.CompareSame, float64(x)*float64(y) > 0)
			count(gpu.CompareOpposed, float64(x)*float64(y) < 0)
			count(gpu.CompareLow, x <= args.Low)
			count(gpu.CompareHigh, x >= args.High)
		}
	}
	return sums
}
