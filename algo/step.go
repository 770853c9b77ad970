package algo

import (
	"mdfa/gpu"
	"mdfa/model"
)

// The life of a step, written as calls on the device: with n the batch,
//
//	forward     h_l = f(h_{l-1} W_l + b_l), logits
//	score       loss, e [n, logits] and the logit layer's bias gradient
//	deltas      d_l and the bias gradient of every hidden layer, by the rule
//	gradients   h_{l-1}ᵀ d_l, straight into the arena
//	update      the whole arena at once, with the floor
//
// Every gradient uses the weights from before the update: it comes last.

// input is what layer i sees: the batch itself, or the output of the layer below.
func (l *Learner) input(i, n int) gpu.Span {
	if i == 0 {
		return gpu.All(l.x).Slice(0, n*l.net.Input.Size())
	}
	return gpu.All(l.hidden[i-1].h).Slice(0, n*l.net.Layers[i-1].Units())
}

// output is what hidden layer i leaves behind of a batch.
func (l *Learner) output(i, n int) gpu.Hidden {
	units := n * l.net.Layers[i].Units()
	out := gpu.Hidden{Act: l.net.Activation, H: gpu.All(l.hidden[i].h).Slice(0, units)}
	if l.hidden[i].pre != nil {
		out.Pre = gpu.All(l.hidden[i].pre).Slice(0, units)
	}
	return out
}

// delta is the error at layer i's preactivations; at the logits it is e.
func (l *Learner) delta(i, n int) gpu.Span {
	if i == len(l.hidden) {
		return gpu.All(l.e).Slice(0, n*l.net.Logits)
	}
	return gpu.All(l.hidden[i].delta).Slice(0, n*l.net.Layers[i].Units())
}

// at is a range of an arena on the device.
func at(arena gpu.Buffer, r model.Range) gpu.Span { return gpu.All(arena).Slice(r.Off, r.Len) }

// logitsOf is the logits of a batch, [n, logits].
func (l *Learner) logitsOf(n int) gpu.Mat {
	return gpu.All(l.logits).Slice(0, n*l.net.Logits).Mat(n, l.net.Logits)
}

// forward computes all layers up to the logits, whose bias the loss adds.
func (l *Learner) forward(n int) error {
	for i := range l.hidden {
		if err := l.hiddenLayer(i, n, l.output(i, n)); err != nil {
			return err
		}
	}
	last := l.last()
	return l.dev.Gemm(gpu.GemmArgs{
		C: l.logitsOf(n),
		A: l.input(len(l.hidden), n).Mat(n, last.FanIn()),
		B: at(l.params, last.W).Mat(last.FanIn(), l.net.Logits),
	})
}

// hiddenLayer computes hidden layer i of a batch, and leaves what it computes in out.
func (l *Learner) hiddenLayer(i, n int, out gpu.Hidden) error {
	layer := l.net.Layers[i]
	w, b := at(l.params, layer.W), at(l.params, layer.B)
	if layer.Kind == model.Conv {
		return l.dev.Conv(gpu.ConvArgs{Shape: layer.ConvShape(n), Out: out, X: l.input(i, n), W: w, B: b})
	}
	return l.dev.Dense(gpu.DenseArgs{
		Out: out,
		X:   l.input(i, n).Mat(n, layer.FanIn()),
		W:   w.Mat(layer.FanIn(), layer.Units()),
		B:   b,
	})
}

func (l *Learner) last() model.Layer { return l.net.Layers[len(l.net.Layers)-1] }

// score adds the batch to the metrics and raises the counters; when training it also
// writes e.
func (l *Learner) score(n int, training bool, counters gpu.Span) error {
	args := gpu.LossArgs{
		Logits:  l.logitsOf(n),
		Bias:    at(l.params, l.last().B),
		Labels:  gpu.All(l.y).Slice(0, n),
		Metrics: gpu.All(l.metrics),
		Step:    counters,
	}
	if training {
		args.Scale = l.cfg.Reduction.scale(n)
		args.E = l.delta(len(l.hidden), n).Mat(n, l.net.Logits)
		args.BiasGrad = at(l.grads, l.last().B)
	}
	return l.dev.Loss(args)
}

// deltas brings the error to all hidden layers, with their bias gradients.
func (l *Learner) deltas(n int) error {
	if l.cfg.Rule.Feedback() == model.DirectFeedback {
		return l.broadcast(n)
	}
	return l.chain(n, l.cfg.Rule, l.grads)
}

// chain takes the error from layer to layer, by bp or fa. The hidden layers' bias gradients
// go to the arena grads.
func (l *Learner) chain(n int, rule Rule, grads gpu.Buffer) error {
	for i := len(l.hidden); i > 0; i-- {
		m := at(l.params, l.net.Layers[i].W)
		if rule == FA {
			m = at(l.feedback, l.faRanges[i])
		}
		if err := l.carryBack(i, n, m, rule != FA, l.delta(i, n), l.output(i-1, n), grads); err != nil {
			return err
		}
	}
	return nil
}

// broadcast is DFA: d_l = e B_l ⊙ f'(a_l) for all hidden layers at once.
func (l *Learner) broadcast(n int) error {
	if len(l.hidden) == 0 {
		return nil
	}
	args := l.feedbackArgs(l.delta(len(l.hidden), n).Mat(n, l.net.Logits), l.grads)
	for i := range args.Layers {
		args.Layers[i].Out, args.Layers[i].Delta = l.output(i, n), l.delta(i, n)
	}
	return l.dev.Feedback(args)
}

// feedbackArgs is the broadcast of e with the bias gradients into the arena grads. Out and
// Delta of the layers are missing yet.
func (l *Learner) feedbackArgs(e gpu.Mat, grads gpu.Buffer) gpu.FeedbackArgs {
	args := gpu.FeedbackArgs{E: e, Gen: l.cfg.Feedback}
	if !l.cfg.generated() {
		args.B = gpu.All(l.feedback).Mat(l.net.Logits, l.net.HiddenUnits())
	}
	for _, layer := range l.net.Hidden() {
		args.Layers = append(args.Layers, gpu.FeedbackLayer{Size: layer.Units(), BiasGrad: at(grads, layer.B)})
	}
	return args
}

// carryBack takes the error dy at layer i to the one below it, whose outputs are below:
// through W_i, which a dense layer transposes, or in fa through B_i, which it does not.
func (l *Learner) carryBack(i, n int, m gpu.Span, transposed bool, dy gpu.Span, below gpu.Hidden, grads gpu.Buffer) error {
	layer := l.net.Layers[i]
	biasGrad := at(grads, l.net.Layers[i-1].B)
	if layer.Kind == model.Conv {
		return l.dev.ConvBackward(gpu.ConvBackwardArgs{
			Shape: layer.ConvShape(n), DX: l.delta(i-1, n), DY: dy, W: m, Below: below, BiasGrad: biasGrad,
		})
	}
	shaped := m.Mat(layer.FanIn(), layer.Units())
	if !transposed {
		shaped = m.Mat(layer.Units(), layer.FanIn())
	}
	return l.dev.DenseBackward(gpu.DenseBackwardArgs{
		DX: l.delta(i-1, n).Mat(n, layer.FanIn()),
		DY: dy.Mat(n, layer.Units()),
		M:  shaped, Trans: transposed,
		Below: below, BiasGrad: biasGrad,
	})
}

// gradients multiplies every layer's input with its error.
func (l *Learner) gradients(n int) error {
	for i := range l.net.Layers {
		if err := l.weightGradient(i, n, l.grads); err != nil {
			return err
		}
	}
	return nil
}

// weightGradient multiplies layer i's input with its error, into the arena grads.
func (l *Learner) weightGradient(i, n int, grads gpu.Buffer) error {
	layer, x, delta, grad := l.net.Layers[i], l.input(i, n), l.delta(i, n), at(grads, l.net.Layers[i].W)
	if layer.Kind == model.Conv {
		return l.dev.ConvGrad(gpu.ConvGradArgs{Shape: layer.ConvShape(n), DW: grad, X: x, DY: delta})
	}
	return l.dev.Gemm(gpu.GemmArgs{
		C: grad.Mat(layer.FanIn(), layer.Units()),
		A: x.Mat(n, layer.FanIn()), TransA: true,
		B: delta.Mat(n, layer.Units()),
	})
}

// update applies the optimizer to the arena, and the floor for a monotone network.
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
	if l.cfg.Rule.Monotone() {
		args.ClampFrom, args.ClampTo = l.net.Clamp.Off, l.net.Clamp.End()
	}
	return l.dev.Optimize(args)
}

// train is one training step on the batch that lies in x and y.
func (l *Learner) train() error { return l.trainAnd(func() error { return nil }) }

// trainAnd is a training step that does something before the update: the gradients are
// there then, with the weights that they belong to, and what the batch left behind.
func (l *Learner) trainAnd(before func() error) error {
	n := l.cfg.Batch
	for _, stage := range []func() error{
		func() error { return l.forward(n) },
		func() error { return l.score(n, true, gpu.All(l.counter)) },
		func() error { return l.deltas(n) },
		func() error { return l.gradients(n) },
		before,
		l.update,
	} {
		if err := stage(); err != nil {
			return err
		}
	}
	return nil
}
