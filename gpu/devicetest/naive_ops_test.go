package devicetest

import (
	"math"
	"slices"

	"mdfa/gpu"
)

func (d *naive) Gemm(a gpu.GemmArgs) error {
	return d.submit("gemm", a.Check(), []gpu.Span{a.A.Span, a.B.Span, a.C.Span}, func() {
		k := a.A.Cols
		if a.TransA {
			k = a.A.Rows
		}
		if d.has("empty sums keep the old contents") && k == 0 {
			return
		}
		x, y := floats(a.A.Span), floats(a.B.Span)
		if d.has("transposes are swapped") {
			d.put(a.C.Span, product(x, y, a.C.Rows, k, a.C.Cols, a.TransB, a.TransA))
			return
		}
		c := product(x, y, a.C.Rows, k, a.C.Cols, a.TransA, a.TransB)
		if d.has("gemm forgets the last product") && k > 0 && a.C.Rows > 0 && a.C.Cols > 0 && !a.TransA && !a.TransB {
			c[0] -= x[k-1] * y[(k-1)*a.C.Cols]
		}
		if d.has("gemm stops NaN") {
			for i, v := range c {
				if math.IsNaN(v) {
					c[i] = 0
				}
			}
		}
		d.put(a.C.Span, c)
	})
}

// forward writes a layer's preactivations and outputs.
func (d *naive) forward(out gpu.Hidden, a []float64) {
	h := make([]float64, len(a))
	for i, v := range a {
		h[i] = out.Act.F(v)
		switch {
		case d.has("relu stops NaN") && out.Act == gpu.ReLU && math.IsNaN(v):
			h[i] = 0
		case d.has("tanh overflows") && out.Act == gpu.Tanh && math.Abs(v) > 88:
			h[i] = math.NaN()
		case d.has("tanh cancels near zero") && out.Act == gpu.Tanh:
			e := float32(math.Exp(2 * v))
			h[i] = float64(1 - 2/(e+1))
		case d.has("pl clips at two") && out.Act == gpu.PL:
			h[i] = math.Max(-2, math.Min(v, 2))
		}
	}
	d.put(out.H, h)
	if out.Act.NeedsPre() && !d.has("the preactivation is not kept") {
		d.put(out.Pre, a)
	}
}

func (d *naive) Dense(a gpu.DenseArgs) error {
	return d.submit("dense", a.Check(), hiddenSpans(a.Out, a.X.Span, a.W.Span, a.B), func() {
		b := floats(a.B)
		if d.has("dense forgets the bias") {
			clear(b)
		}
		d.forward(a.Out, dense(floats(a.X.Span), floats(a.W.Span), b, a.X.Rows, a.X.Cols, a.W.Cols))
		if d.has("dense changes its input") {
			d.put(a.X.Span, make([]float64, a.X.Len))
		}
	})
}

func (d *naive) Conv(a gpu.ConvArgs) error {
	return d.submit("conv", a.Check(), hiddenSpans(a.Out, a.X, a.W, a.B), func() {
		if d.has("filters are flipped") {
			w := floats(a.W)
			for i, tap := range slices.Collect(slices.Chunk(floats(a.W), a.Shape.InC*a.Shape.OutC)) {
				copy(w[len(w)-(i+1)*len(tap):], tap)
			}
			d.forward(a.Out, convolve(a.Shape, floats(a.X), w, floats(a.B)))
			return
		}
		d.forward(a.Out, convolve(a.Shape, floats(a.X), floats(a.W), floats(a.B)))
	})
}

func (d *naive) Loss(a gpu.LossArgs) error {
	spans := []gpu.Span{a.Logits.Span, a.Bias, a.Labels, a.E.Span, a.BiasGrad, a.Metrics, a.Step}
	return d.submit("loss", a.Check(), spans, func() { d.loss(a) })
}

func (d *naive) loss(a gpu.LossArgs) {
	logits := slices.Clone(elements[float32](a.Logits.Span))
	y := slices.Clone(elements[int32](a.Labels))
	if d.has("labels outside become class 0") {
		for i, label := range y {
			if label < 0 || int(label) >= max(a.Logits.Cols, 2) {
				y[i] = 0
			}
		}
	}
	scale := float64(a.Scale)
	if d.has("the scale is forgotten") {
		scale = 1
	}
	r := lossOf(logits, elements[float32](a.Bias), y, a.Logits.Cols, scale)
	d.lossDefects(a, y, &r)
	if !d.has("logits are not written back") {
		d.put(a.Logits.Span, r.a)
	}
	if !a.E.IsNone() {
		d.put(a.E.Span, r.e)
		d.put(a.BiasGrad, r.biasGrad)
	}
	metrics := elements[float64](a.Metrics)
	for i, v := range r.metrics {
		switch {
		case d.has("metrics are overwritten"):
			metrics[i] = v
		case d.has("metrics are float32 sums"):
			metrics[i] = float64(float32(metrics[i]) + float32(v))
		default:
			metrics[i] += v
		}
	}
	for i, step := range elements[int32](a.Step) {
		if d.has("step is not raised") || d.has("only one step is raised") && i > 0 ||
			d.has("an empty batch does not raise step") && a.Logits.Rows == 0 {
			continue
		}
		elements[int32](a.Step)[i] = step + 1
	}
}

// lossDefects spoils a right result.
func (d *naive) lossDefects(a gpu.LossArgs, y []int32, r *lossResult) {
	n := a.Logits.Cols
	for i, label := range y {
		row := r.a[i*n : (i+1)*n]
		if n == 1 || label < 0 || int(label) >= n {
			continue
		}
		largest, larger, earlier := slices.Max(row), 0, 0
		for j, v := range row {
			if v > row[label] {
				larger++
			} else if v == row[label] && j < int(label) {
				earlier++
			}
		}
		switch {
		case d.has("ties go to the true class") && larger == 0 && earlier > 0:
			r.metrics[gpu.MetricCorrect]++
		case d.has("top five is top six") && larger+earlier == 5:
			r.metrics[gpu.MetricTop5]++
		case d.has("softmax overflows") && largest > 88:
			r.metrics[gpu.MetricLoss] = math.NaN()
		}
	}
	if d.has("the bias gradient forgets an example") && len(r.e) > 0 {
		r.biasGrad = channelSums(r.e[n:], n)
	}
	if d.has("one logit at zero is class one") && n == 1 {
		for i, label := range y {
			if r.a[i] == 0 && label == 1 {
				r.metrics[gpu.MetricCorrect]++
			}
		}
	}
}

// slopes is f' of a layer, with the defects.
func (d *naive) slopes(h gpu.Hidden, n int) []float64 {
	out := make([]float64, n)
	if h.Act != gpu.Linear {
		out = floats(h.H)
	}
	s := make([]float64, n)
	pre := out
	if h.Act.NeedsPre() && !d.has("f' comes from the output") {
		pre = floats(h.Pre)
	}
	for i := range s {
		s[i] = slope(h.Act, pre[i], out[i])
		switch {
		case d.has("relu'(0) is 0") && h.Act == gpu.ReLU && pre[i] == 0,
			d.has("relu'(-0) is 0") && h.Act == gpu.ReLU && pre[i] == 0 && math.Signbit(pre[i]),
			d.has("relu' flushes subnormals") && h.Act == gpu.ReLU && pre[i] < 0 && pre[i] > -tiny,
			d.has("pl' is for an open interval") && h.Act == gpu.PL && math.Abs(pre[i]) == 1:
			s[i] = 1 - s[i]
		case d.has("tanh' is 1-h") && h.Act == gpu.Tanh:
			s[i] = 1 - out[i]
		}
	}
	return s
}

// biasGrad writes the channel sums of a delta.
func (d *naive) biasGrad(b gpu.Span, delta []float64) {
	sums := channelSums(delta, b.Len)
	if d.has("the bias gradient misses positions") && len(delta) > b.Len {
		sums = channelSums(delta[:len(delta)-b.Len], b.Len)
	}
	d.put(b, sums)
}

func (d *naive) Feedback(a gpu.FeedbackArgs) error {
	if !d.has("programs share the caller's slice") {
		a.Layers = slices.Clone(a.Layers)
	}
	spans := []gpu.Span{a.E.Span, a.B.Span}
	for _, l := range a.Layers {
		spans = append(spans, hiddenSpans(l.Out, l.Delta, l.BiasGrad)...)
	}
	return d.submit("feedback", a.Check(), spans, func() {
		e, columns := floats(a.E.Span), a.Columns()
		b := d.feedbackMatrix(a)
		if d.has("feedback is forced positive") {
			for i := range b {
				b[i] = math.Abs(b[i])
			}
		}
		all := product(e, b, a.E.Rows, a.E.Cols, columns, false, false)
		first := 0
		for _, l := range a.Layers {
			delta := make([]float64, 0, a.E.Rows*l.Size)
			for row := range a.E.Rows {
				delta = append(delta, all[row*columns+first:][:l.Size]...)
			}
			if !d.has("every layer takes the first columns") {
				first += l.Size
			}
			delta = masked(delta, d.slopes(l.Out, len(delta)))
			d.put(l.Delta, delta)
			d.biasGrad(l.BiasGrad, delta)
		}
	})
}

// feedbackMatrix is B [logits, columns], drawn where there is none.
func (d *naive) feedbackMatrix(a gpu.FeedbackArgs) []float64 {
	if !a.B.IsNone() {
		return floats(a.B.Span)
	}
	var b []float64
	for row := range a.E.Cols {
		for i, l := range a.Layers {
			switch {
			case d.has("all layers draw the same"):
				i = 0
			case d.has("all logits draw the same"):
				row = 0
			}
			columns := make([]float32, l.Size)
			a.Gen.Fill(columns, i, row, 0)
			if d.has("drawn feedback is rounded") {
				for j := range columns {
					columns[j] *= 1 + 0x1p-23
				}
			}
			b = append(b, wide(columns)...)
		}
	}
	return b
}

func (d *naive) DenseBackward(a gpu.DenseBackwardArgs) error {
	return d.submit("dense backward", a.Check(), hiddenSpans(a.Below, a.DX.Span, a.DY.Span, a.M.Span, a.BiasGrad), func() {
		trans := a.Trans != d.has("bp and fa are swapped")
		dx := masked(product(floats(a.DY.Span), floats(a.M.Span), a.DX.Rows, a.DY.Cols, a.DX.Cols, false, trans), d.slopes(a.Below, a.DX.Len))
		d.put(a.DX.Span, dx)
		d.biasGrad(a.BiasGrad, dx)
	})
}

func (d *naive) ConvBackward(a gpu.ConvBackwardArgs) error {
	return d.submit("conv backward", a.Check(), hiddenSpans(a.Below, a.DX, a.DY, a.W, a.BiasGrad), func() {
		dx := convolveBack(a.Shape, floats(a.DY), floats(a.W))
		if s := a.Shape; d.has("col2im is off by one") && len(dx) > s.InC && s.InW > s.Kernel {
			copy(dx[s.InC:], slices.Clone(dx))
		}
		dx = masked(dx, d.slopes(a.Below, len(dx)))
		if d.has("uncovered pixels keep old contents") {
			covered := make([]bool, len(dx))
			taps(a.Shape, func(x, _, _ int) { covered[x] = true })
			for i, v := range floats(a.DX) {
				if !covered[i] {
					dx[i] = v
				}
			}
		}
		d.put(a.DX, dx)
		d.biasGrad(a.BiasGrad, dx)
	})
}

func (d *naive) ConvGrad(a gpu.ConvGradArgs) error {
	return d.submit("conv gradient", a.Check(), []gpu.Span{a.DW, a.X, a.DY}, func() {
		dw := filterGradient(a.Shape, floats(a.X), floats(a.DY))
		if d.has("filter gradients add to the old") {
			for i, v := range floats(a.DW) {
				dw[i] += v
			}
		}
		d.put(a.DW, dw)
	})
}

func (d *naive) Optimize(a gpu.OptimizeArgs) error {
	return d.submit(a.Kind.String(), a.Check(), []gpu.Span{a.W, a.G, a.S1, a.S2, a.Step}, func() { d.optimize(a) })
}

func (d *naive) optimize(a gpu.OptimizeArgs) {
	w, g, s1, s2 := floats(a.W), floats(a.G), floats(a.S1), floats(a.S2)
	t := int32(0)
	if a.Kind.Counts() {
		t = elements[int32](a.Step)[0]
	}
	before := slices.Clone(w)
	switch {
	case d.has("l2 is forgotten"):
		a.L2 = 0
	case d.has("adam counts from zero"):
		t++
	case d.has("the rate is doubled"):
		a.LR *= 2
	}
	if d.has("clamp precedes the update") {
		clamp(a, w)
		update(a, t, w, g, s1, s2)
	} else {
		update(a, t, w, g, s1, s2)
		d.clamp(a, w)
	}
	for i := range w {
		switch {
		case d.has("rmsprop's epsilon is outside the root") && a.Kind == gpu.RMSProp && a.ClampFrom == a.ClampTo:
			w[i] = before[i] - float64(a.LR)*(g[i]+float64(a.L2)*before[i])/(math.Sqrt(s1[i])+1e-10)
		case d.has("adam's 0.001 is float32") && a.Kind == gpu.Adam:
			s2[i] *= 1 + 4.7e-5
		}
	}
	d.put(a.W, w)
	if a.Kind.States() >= 1 {
		d.put(a.S1, s1)
	}
	if a.Kind.States() >= 2 && !d.has("adam's second state is not kept") {
		d.put(a.S2, s2)
	}
	if d.has("the gradient becomes g + l2·w") && a.L2 != 0 {
		for i := range g {
			g[i] += float64(a.L2) * before[i]
		}
		d.put(a.G, g)
	}
}

// clamp is the clamp with its defects.
func (d *naive) clamp(a gpu.OptimizeArgs, w []float64) {
	switch {
	case d.has("clamp misses its last element"):
		a.ClampTo = max(a.ClampFrom, a.ClampTo-1)
	case d.has("clamp takes one element too many"):
		a.ClampTo = min(len(w), a.ClampTo+1)
	case d.has("clamp starts at zero"):
		a.ClampFrom = 0
	case d.has("clamp ignores the floor"):
		a.Floor = 0
	}
	for i := a.ClampFrom; i < a.ClampTo; i++ {
		if d.has("clamp turns NaN into the floor") && math.IsNaN(w[i]) {
			w[i] = float64(a.Floor)
		}
		w[i] = math.Max(w[i], float64(a.Floor))
		if d.has("clamped entries are a bit above") && w[i] == float64(a.Floor) {
			w[i] = float64(math.Nextafter32(a.Floor, 2))
		}
	}
}
