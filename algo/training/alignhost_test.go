package training

import (
	"math"
	"slices"

	"mdfa/algo"
	"mdfa/algo/measure"
	"mdfa/gpu"
	"mdfa/model"
)

// The alignment of one batch by plain loops in float64, written from the formulas of
// docs/alignment.md. It shares the geometry of layers with the engine, and no computation.

// hostTaps calls visit for every product of a layer on one example: the elements of its
// input, its weights and its output.
func hostTaps(layer model.Layer, visit func(in, w, out int)) {
	shape := layer.In
	if layer.Kind == model.Dense {
		shape = model.Vector(layer.FanIn())
	}
	out := 0
	for oy := range layer.Out.H {
		for ox := range layer.Out.W {
			for o := range layer.Out.C {
				for i := range layer.Kernel {
					for j := range layer.Kernel {
						y, x := oy*layer.Stride+i-layer.Pad, ox*layer.Stride+j-layer.Pad
						if y < 0 || y >= shape.H || x < 0 || x >= shape.W {
							continue // padding
						}
						for c := range shape.C {
							pixel := (y*shape.W+x)*shape.C + c
							visit(pixel, ((i*layer.Kernel+j)*shape.C+c)*layer.Out.C+o, out)
						}
					}
				}
				out++
			}
		}
	}
}

// hostForward computes a layer's preactivations.
func hostForward(layer model.Layer, params, x []float64) []float64 {
	w, b := params[layer.W.Off:layer.W.End()], params[layer.B.Off:layer.B.End()]
	a := make([]float64, layer.Units())
	for i := range a {
		a[i] = b[i%len(b)]
	}
	hostTaps(layer, func(in, at, out int) { a[out] += x[in] * w[at] })
	return a
}

// hostPool calls visit for every pixel of a layer's output h that counts in its pooling, with its share: 1 of a
// maximum, 1/k² of an average.
func hostPool(layer model.Layer, h []float64, visit func(pixel, pooled int, share float64)) {
	p, to, pooled := layer.Pool, layer.Passed(), 0
	for oy := range to.H {
		for ox := range to.W {
			for c := range to.C {
				at := func(i, j int) int { return ((oy*p.Stride+i)*layer.Out.W+ox*p.Stride+j)*layer.Out.C + c }
				first := at(0, 0)
				for i := range p.Kernel {
					for j := range p.Kernel {
						if p.Kind == gpu.AveragePooling {
							visit(at(i, j), pooled, 1/float64(p.Kernel*p.Kernel))
						} else if h[at(i, j)] > h[first] {
							first = at(i, j)
						}
					}
				}
				if p.Kind == gpu.MaxPooling {
					visit(first, pooled, 1)
				}
				pooled++
			}
		}
	}
}

// hostPassed is what a layer with the output h passes on.
func hostPassed(layer model.Layer, h []float64) []float64 {
	if !layer.Pool.Any() {
		return h
	}
	pooled := make([]float64, layer.Passed().Size())
	hostPool(layer, h, func(from, to int, share float64) { pooled[to] += share * h[from] })
	return pooled
}

// hostBack carries an error through the weights of layer i, and through the pooling of the layer below, whose output is
// h, before f'.
func hostBack(net *model.Network, i int, w, dy, h []float64) []float64 {
	dx, below := make([]float64, net.Layers[i].In.Size()), net.Layers[i-1]
	hostTaps(net.Layers[i], func(in, at, out int) { dx[in] += dy[out] * w[at] })
	if !below.Pool.Any() {
		return dx
	}
	d := make([]float64, below.Units())
	hostPool(below, h, func(to, from int, share float64) { d[to] += share * dx[from] })
	return d
}

func hostWide(v []float32) []float64 {
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x)
	}
	return w
}

// hostSlope is f'(a), and whether the unit is saturated.
func hostSlope(act gpu.Activation, a float64) (slope float64, saturated bool) {
	v := a
	if !act.NeedsPre() {
		v = act.F(a)
	}
	low, high := act.Saturation()
	return act.Slope(v), v <= float64(low) || v >= float64(high)
}

// hostError is the derivative of one example's loss by the logits.
func hostError(logits []float64, label int32) []float64 {
	if len(logits) == 1 {
		return []float64{1/(1+math.Exp(-logits[0])) - float64(label)}
	}
	sum, e := 0.0, make([]float64, len(logits))
	for i, a := range logits {
		e[i] = math.Exp(a)
		sum += e[i]
	}
	for i := range e {
		e[i] /= sum
	}
	e[label]--
	return e
}

// hostFeedback is B_l: by layers shaped like the layer's weights, direct [logits or classes, units].
func hostFeedback(net *model.Network, rule *algo.Rule, feedback []float32, i int) []float64 {
	layer := net.Layers[i]
	switch rule.Feedback {
	case model.NoFeedback:
	case model.LayerFeedback:
		ranges, _ := net.FARanges()
		b := hostWide(ranges[i].Of(feedback))
		if layer.Kind == model.Conv || rule.Mirrors() {
			return b
		}
		in, out := layer.FanIn(), layer.Units()
		w := make([]float64, in*out)
		for r := range out {
			for c := range in {
				w[c*out+r] = b[r*in+c]
			}
		}
		return w
	case model.DirectFeedback, model.ClassFeedback:
		columns := net.FeedbackColumns()[i]
		var b []float64
		for row := range net.FeedbackRows(rule.Feedback) {
			b = append(b, hostWide(columns.Of(feedback[row*net.HiddenUnits():]))...)
		}
		return b
	}
	return nil
}

func hostCompare(a, b []float64) measure.Comparison {
	var dot, squareA, squareB, same, opposed float64
	for i := range a {
		dot, squareA, squareB = dot+a[i]*b[i], squareA+a[i]*a[i], squareB+b[i]*b[i]
		switch p := a[i] * b[i]; {
		case p > 0:
			same++
		case p < 0:
			opposed++
		}
	}
	return measure.Comparison{
		Angle:         180 / math.Pi * math.Acos(max(-1, min(1, dot/math.Sqrt(squareA)/math.Sqrt(squareB)))),
		NormRatio:     math.Sqrt(squareA) / math.Sqrt(squareB),
		SignAgreement: same / (same + opposed),
	}
}

// hostRounding is the number of elements that are 0 but for rounding in one of the vectors, over that of all others.
func hostRounding(a, b []float64) float64 {
	const share = 1e-6 // of the largest element
	limit := func(v []float64) float64 {
		largest := 0.0
		for _, x := range v {
			largest = max(largest, math.Abs(x))
		}
		return share * largest
	}
	limitA, limitB, small := limit(a), limit(b), 0
	for i := range a {
		if math.Abs(a[i]) <= limitA || math.Abs(b[i]) <= limitB {
			small++
		}
	}
	return float64(small) / float64(len(a)-small)
}

// hostSigns gives the magnitudes of a layer the signs of its weights w. Steps count from 1.
func hostSigns(cfg algo.Config, magnitudes []float32, w []float64, layer, step int) []float64 {
	m := make([]float32, len(w))
	switch cfg.Rule.Name {
	case "usf":
		for i := range m {
			m[i] = cfg.Magnitudes[layer].High
		}
	case "brsf":
		cfg.Magnitudes[layer].Fill(m, layer, step, 0)
	case "frsf":
		copy(m, magnitudes)
	}
	b := make([]float64, len(w))
	for i := range b {
		switch {
		case w[i] > 0:
			b[i] = math.Abs(float64(m[i]))
		case w[i] < 0:
			b[i] = -math.Abs(float64(m[i]))
		}
	}
	return b
}

// alignHost is the alignment of the batch of a step, counted from 1, with the hostRounding of the gradients.
func alignHost(net *model.Network, cfg algo.Config, params32, feedback []float32, step int, x [][]float64, y []int32) (layers []measure.LayerAlignment, rounding []float64) {
	params := hostWide(params32)
	last := len(net.Layers) - 1
	weights := func(i int) []float64 { return params[net.Layers[i].W.Off:net.Layers[i].W.End()] }
	ranges, _ := net.FARanges()
	backward := func(i int) []float64 { // B_l
		if cfg.Rule.TakesSigns() {
			var stored []float32
			if feedback != nil {
				stored = ranges[i].Of(feedback)
			}
			return hostSigns(cfg, stored, weights(i), i, step)
		}
		return hostFeedback(net, cfg.Rule, feedback, i)
	}
	learns := cfg.Learning(net)
	lowest := slices.Index(learns, true)
	byRule, byBP := make([][]float64, last+1), make([][]float64, last+1)
	saturated := make([]float64, last+1)
	for i, layer := range net.Layers {
		byRule[i], byBP[i] = make([]float64, layer.W.Len), make([]float64, layer.W.Len)
	}
	for n := range x {
		inputs, outputs, pre := [][]float64{x[n]}, [][]float64{}, [][]float64{}
		for i, layer := range net.Layers {
			a := hostForward(layer, params, inputs[i])
			pre = append(pre, a)
			h := make([]float64, len(a))
			for j := range a {
				h[j] = net.Activation.F(a[j])
				if _, is := hostSlope(net.Activation, a[j]); is {
					saturated[i]++
				}
			}
			outputs, inputs = append(outputs, h), append(inputs, hostPassed(layer, h))
		}
		e := hostError(pre[last], y[n])
		slopes := func(i int, d []float64) []float64 {
			for j := range d {
				f, _ := hostSlope(net.Activation, pre[i][j])
				d[j] *= f
			}
			return d
		}
		bp, rule := e, e
		for i := last; i >= 0; i-- {
			hostTaps(net.Layers[i], func(in, w, out int) {
				byBP[i][w] += inputs[i][in] * bp[out]
				byRule[i][w] += inputs[i][in] * rule[out]
			})
			if i == 0 {
				break
			}
			bp = slopes(i-1, hostBack(net, i, weights(i), bp, outputs[i-1]))
			switch cfg.Rule.Name {
			case "shallow":
				rule = make([]float64, net.Layers[i-1].Units())
			case "bp":
				rule = bp
			case "fa", "kp", "usf", "frsf", "brsf":
				rule = slopes(i-1, hostBack(net, i, backward(i), rule, outputs[i-1]))
			case "dfa", "mdfa", "sdfa", "dkp":
				b, units := backward(i-1), net.Layers[i-1].Units()
				d := make([]float64, units)
				for k, ek := range e {
					if cfg.Rule.Name == "sdfa" && ek != 0 {
						ek = math.Copysign(1, ek)
					}
					for j := range d {
						d[j] += ek * b[k*units+j]
					}
				}
				rule = slopes(i-1, d)
			case "drtp":
				b, units := hostFeedback(net, cfg.Rule, feedback, i-1), net.Layers[i-1].Units()
				rule = slopes(i-1, slices.Clone(b[int(y[n])*units:][:units]))
			default:
				panic("plain loops for the errors of " + cfg.Rule.Name + " are missing here")
			}
		}
	}
	// What one error at a logit becomes behind layers without activations.
	products := make([][]float64, last)
	for k := range net.Logits {
		d := make([]float64, net.Logits)
		d[k] = 1
		for i := last; i > 0 && net.Layers[i-1].Pool.Kind != gpu.MaxPooling; i-- {
			d = hostBack(net, i, weights(i), d, nil)
			products[i-1] = append(products[i-1], d...)
		}
	}
	none := measure.Comparison{Angle: math.NaN(), NormRatio: math.NaN(), SignAgreement: math.NaN()}
	for i, layer := range net.Layers {
		la := measure.LayerAlignment{Gradient: none, Feedback: none, AtFloor: math.NaN(), Saturated: math.NaN()}
		if learns[i] {
			la.Gradient = hostCompare(byRule[i], byBP[i])
		}
		if i < last {
			la.Saturated = saturated[i] / float64(len(x)*layer.Units())
		}
		switch {
		case cfg.Rule.Feedback == model.LayerFeedback && i > lowest:
			la.Feedback = hostCompare(backward(i), weights(i))
		case cfg.Rule.Feedback == model.ClassFeedback && net.Logits == 1: // two rows and one product
		case cfg.Rule.Feedback.Direct() && i < last && learns[i] && products[i] != nil:
			la.Feedback = hostCompare(backward(i), products[i])
		}
		if cfg.Rule.Clamped && i > 0 && learns[i] {
			at := 0.0
			for _, w := range layer.W.Of(params32) {
				if w <= cfg.Floor {
					at++
				}
			}
			la.AtFloor = at / float64(layer.W.Len)
		}
		layers, rounding = append(layers, la), append(rounding, hostRounding(byRule[i], byBP[i]))
	}
	return layers, rounding
}
