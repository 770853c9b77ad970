package algo

import (
	"mdfa/gpu"
	"mdfa/model"
)

// Train is one training step on the batch of n examples in x [n, inputs] and y [n]: [Step.Gather] brings it there.
// Every gradient uses the weights from before the update, which comes last. beforeUpdate, where it is not nil,
// sees the gradients together with the weights they belong to.
func (l *Learner) Train(beforeUpdate func(s *Step) error) error {
	s := l.Step(l.cfg.Batch)
	if err := s.forward(); err != nil { // h_l = f(h_{l-1} W_l + b_l) [n, units_l]; logits [n, logits] without b_L
		return err
	}
	if err := s.loss(true, gpu.All(l.counter)); err != nil { // e = s(p - y) [n, logits]; gb_L [logits]
		return err
	}
	if err := l.cfg.Rule.Deltas(s); err != nil { // d_l [n, units_l]; gb_l [channels_l], by the learning rule
		return err
	}
	for layer := range l.net.Layers {
		if err := s.ComputeWeightGrad(layer); err != nil { // gW_l = h_{l-1}ᵀ d_l [in_l, out_l]
			return err
		}
	}
	if beforeUpdate != nil {
		if err := beforeUpdate(s); err != nil {
			return err
		}
	}
	return l.update() // W_l, b_l and the optimizer's state, all layers at once; then the clamp
}

// Step is one step of a learner on a batch: its operands on the device, and the operations on them that
// learning rules are made of. Layers count from 0; layer L is the logit layer.
type Step struct {
	l     *Learner
	n     int        // examples
	grads gpu.Buffer // arena for the gradients, laid out like the parameters
}

// Step is a step on n examples.
func (l *Learner) Step(n int) *Step { return &Step{l, n, l.grads} }

// Into is the same step with another arena for its gradients.
func (s *Step) Into(grads gpu.Buffer) *Step { return &Step{s.l, s.n, grads} }

// Device is where the step runs.
func (s *Step) Device() gpu.Device { return s.l.dev }

// Network is the network that the step trains.
func (s *Step) Network() *model.Network { return s.l.net }

// Batch is n, the number of examples.
func (s *Step) Batch() int { return s.n }

// pixelScale turns bytes into inputs.
const pixelScale = 1.0 / 255

// Gather brings batch number cursor of a data set to the step's inputs and labels: gpu.GatherArgs has the formula.
func (s *Step) Gather(data, labels, order, cursor gpu.Span) error {
	return s.l.dev.Gather(gpu.GatherArgs{
		X: s.Input(0).Mat(s.n, s.l.net.Input.Size()), Y: s.Labels(),
		Data: data, Labels: labels, Order: order, Cursor: cursor, Scale: pixelScale,
	})
}

// Evaluate gathers batch number cursor of a data set, in its own order, and scores it: logits and metrics. The
// counters, where there are any, are raised.
func (s *Step) Evaluate(data, labels, cursor, counters gpu.Span) error {
	if err := s.Gather(data, labels, gpu.Span{}, cursor); err != nil {
		return err
	}
	if err := s.forward(); err != nil {
		return err
	}
	return s.loss(false, counters)
}

// at is a range of an arena on the device.
func at(arena gpu.Buffer, r model.Range) gpu.Span { return gpu.All(arena).Slice(r.Off, r.Len) }

// Labels are the true classes, int32 [n].
func (s *Step) Labels() gpu.Span { return gpu.All(s.l.y).Slice(0, s.n) }

// Weights is W_l: [in, out], or [k, k, c_in, c_out] of a convolution.
func (s *Step) Weights(layer int) gpu.Span { return at(s.l.params, s.l.net.Layers[layer].W) }

// Bias is b_l, [channels].
func (s *Step) Bias(layer int) gpu.Span { return at(s.l.params, s.l.net.Layers[layer].B) }

// Feedback is B_l of a rule with feedback by layers, l >= 1: [out, in], or shaped like W_l of a convolution.
func (s *Step) Feedback(layer int) gpu.Span { return at(s.l.feedback, s.l.faRanges[layer]) }

// WeightGrad is gW_l, shaped like W_l.
func (s *Step) WeightGrad(layer int) gpu.Span { return at(s.grads, s.l.net.Layers[layer].W) }

// BiasGrad is gb_l, [channels].
func (s *Step) BiasGrad(layer int) gpu.Span { return at(s.grads, s.l.net.Layers[layer].B) }

// Input is what a layer sees: the batch, or the output of the layer below. [n, in]
func (s *Step) Input(layer int) gpu.Span {
	if layer == 0 {
		return gpu.All(s.l.x).Slice(0, s.n*s.l.net.Input.Size())
	}
	return s.Output(layer - 1).H
}

// Output is what the forward pass leaves of a hidden layer: h_l, and a_l where f' needs it. [n, units]
func (s *Step) Output(layer int) gpu.Hidden {
	units := s.n * s.l.net.Layers[layer].Units()
	out := gpu.Hidden{Act: s.l.net.Activation, H: gpu.All(s.l.hidden[layer].h).Slice(0, units)}
	if pre := s.l.hidden[layer].pre; pre != nil {
		out.Pre = gpu.All(pre).Slice(0, units)
	}
	return out
}

// Delta is d_l, the error at the preactivations of a layer: [n, units]. At the logits it is e.
func (s *Step) Delta(layer int) gpu.Span {
	if layer == len(s.l.hidden) {
		return s.Error().Span
	}
	return gpu.All(s.l.hidden[layer].delta).Slice(0, s.n*s.l.net.Layers[layer].Units())
}

// Error is e = s(p - y), the error at the logits: [n, logits].
func (s *Step) Error() gpu.Mat {
	return gpu.All(s.l.e).Slice(0, s.n*s.l.net.Logits).Mat(s.n, s.l.net.Logits)
}

// logits are [n, logits].
func (s *Step) logits() gpu.Mat {
	return gpu.All(s.l.logits).Slice(0, s.n*s.l.net.Logits).Mat(s.n, s.l.net.Logits)
}

// forward computes all layers up to the logits, whose bias the loss adds.
func (s *Step) forward() error {
	for layer := range s.l.hidden {
		if err := s.Hidden(layer, s.Output(layer)); err != nil {
			return err
		}
	}
	last := len(s.l.hidden)
	return s.l.dev.Gemm(gpu.GemmArgs{
		C: s.logits(),
		A: s.Input(last).Mat(s.n, s.l.net.Layers[last].FanIn()),
		B: s.Weights(last).Mat(s.l.net.Layers[last].FanIn(), s.l.net.Logits),
	})
}

// Hidden computes a hidden layer into out: h_l = f(h_{l-1} W_l + b_l).
func (s *Step) Hidden(layer int, out gpu.Hidden) error {
	shape, x, w, b := s.l.net.Layers[layer], s.Input(layer), s.Weights(layer), s.Bias(layer)
	if shape.Kind == model.Conv {
		return s.l.dev.Conv(gpu.ConvArgs{Shape: shape.ConvShape(s.n), Out: out, X: x, W: w, B: b})
	}
	return s.l.dev.Dense(gpu.DenseArgs{
		Out: out,
		X:   x.Mat(s.n, shape.FanIn()),
		W:   w.Mat(shape.FanIn(), shape.Units()),
		B:   b,
	})
}

// loss adds the logits' bias, adds the batch to the metrics and raises the counters. When training it also
// writes e and the bias gradient of the logit layer.
func (s *Step) loss(training bool, counters gpu.Span) error {
	last := len(s.l.hidden)
	args := gpu.LossArgs{
		Logits:  s.logits(),
		Bias:    s.Bias(last),
		Labels:  s.Labels(),
		Metrics: gpu.All(s.l.metrics),
		Step:    counters,
	}
	if training {
		args.Scale, args.E, args.BiasGrad = s.l.cfg.Reduction.scale(s.n), s.Error(), s.BiasGrad(last)
	}
	return s.l.dev.Loss(args)
}

// Chain takes the error down from layer to layer, through a matrix of each: W_l, which a dense layer
// transposes, or B_l, which it uses as it is.
//
//	d_{l-1} = (d_l M_l) ⊙ f'(a_{l-1}), from d_L = e down to d_0     gb_{l-1} = column sums of d_{l-1}
func (s *Step) Chain(matrix func(layer int) gpu.Span, transposed bool) error {
	for layer := len(s.l.hidden); layer > 0; layer-- {
		if err := s.CarryBack(layer, matrix(layer), transposed, s.Delta(layer), s.Output(layer-1)); err != nil {
			return err
		}
	}
	return nil
}

// CarryBack takes the error dy at a layer through the matrix m to the layer below, whose output is below.
func (s *Step) CarryBack(layer int, m gpu.Span, transposed bool, dy gpu.Span, below gpu.Hidden) error {
	shape, dx, biasGrad := s.l.net.Layers[layer], s.Delta(layer-1), s.BiasGrad(layer-1)
	if shape.Kind == model.Conv {
		return s.l.dev.ConvBackward(gpu.ConvBackwardArgs{
			Shape: shape.ConvShape(s.n), DX: dx, DY: dy, W: m, Below: below, BiasGrad: biasGrad,
		})
	}
	shaped := m.Mat(shape.FanIn(), shape.Units())
	if !transposed {
		shaped = m.Mat(shape.Units(), shape.FanIn())
	}
	return s.l.dev.DenseBackward(gpu.DenseBackwardArgs{
		DX: dx.Mat(s.n, shape.FanIn()),
		DY: dy.Mat(s.n, shape.Units()),
		M:  shaped, Trans: transposed,
		Below: below, BiasGrad: biasGrad,
	})
}

// Broadcast takes an error e [n, logits] to all hidden layers at once, through direct feedback.
//
//	d_l = (e B_l) ⊙ f'(a_l)     gb_l = column sums of d_l
func (s *Step) Broadcast(e gpu.Mat) error { return s.BroadcastTo(e, s.Output, s.Delta) }

// BroadcastTo is Broadcast with other places for the layers' outputs and errors.
func (s *Step) BroadcastTo(e gpu.Mat, output func(layer int) gpu.Hidden, delta func(layer int) gpu.Span) error {
	if len(s.l.hidden) == 0 {
		return nil
	}
	args := gpu.FeedbackArgs{E: e, Gen: s.l.cfg.Feedback}
	if !s.l.cfg.generated() {
		args.B = gpu.All(s.l.feedback).Mat(s.l.net.Logits, s.l.net.HiddenUnits())
	}
	for layer, shape := range s.l.net.Hidden() {
		args.Layers = append(args.Layers, gpu.FeedbackLayer{
			Out: output(layer), Delta: delta(layer), Size: shape.Units(), BiasGrad: s.BiasGrad(layer),
		})
	}
	return s.l.dev.Feedback(args)
}

// ComputeWeightGrad multiplies a layer's input with its error: gW_l = h_{l-1}ᵀ d_l.
func (s *Step) ComputeWeightGrad(layer int) error {
	shape, x, delta, grad := s.l.net.Layers[layer], s.Input(layer), s.Delta(layer), s.WeightGrad(layer)
	if shape.Kind == model.Conv {
		return s.l.dev.ConvGrad(gpu.ConvGradArgs{Shape: shape.ConvShape(s.n), DW: grad, X: x, DY: delta})
	}
	return s.l.dev.Gemm(gpu.GemmArgs{
		C: grad.Mat(shape.FanIn(), shape.Units()),
		A: x.Mat(s.n, shape.FanIn()), TransA: true,
		B: delta.Mat(s.n, shape.Units()),
	})
}

// update applies the optimizer to all parameters in one pass, and the clamp where the rule asks for it.
func (l *Learner) update() error {
	args := gpu.OptimizeArgs{
		Kind: l.cfg.Optimizer, LR: l.cfg.LR, L2: l.cfg.L2,
		W: gpu.All(l.params), G: gpu.All(l.grads),
		Floor: l.cfg.Floor,
	}
	if len(l.state) > 0 {
		args.S1 = gpu.All(l.state[0])
	}
	if len(l.state) > 1 {
		args.S2 = gpu.All(l.state[1])
		args.Step = gpu.All(l.counter).Slice(1, 1)
	}
	if l.cfg.Rule.Clamped {
		args.ClampFrom, args.ClampTo = l.net.Clamp.Off, l.net.Clamp.End()
	}
	return l.dev.Optimize(args)
}
