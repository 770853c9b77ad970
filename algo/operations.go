package algo

import (
	"slices"

	"mdfa/gpu"
	"mdfa/model"
)

// memory is a network on a device: its settings, its parameters and the buffers of a step. All sizes are per example
// unless they say batch.
type memory struct {
	dev gpu.Device
	net *model.Network
	cfg Config

	params   gpu.Buffer // arena of net.Params floats
	x, y     gpu.Buffer // float32 [batch · input], int32 [batch]
	channels gpu.Buffer // [2 · channels]: mean and scale of each channel of an image; nil: pixels are divided by 255
	hidden   []hidden   // one for each hidden layer
	logits   gpu.Buffer // [batch · logits]
	metrics  gpu.Buffer // float64 [gpu.NumMetrics]
	faRanges []model.Range

	// Of a network that trains:
	learns     []bool     // by layer
	grads      gpu.Buffer // arena like params
	e          gpu.Buffer // [training batch · logits]
	carried    gpu.Buffer // [training batch · pooled units of the largest pooling]: an error on its way through one
	feedback   gpu.Buffer // B of all layers; nil for rules without, and where it is generated
	gradsOfB   gpu.Buffer // like direct feedback that learns; nil for other rules
	counter    gpu.Buffer // int32 [2]: batches of this epoch, steps of this run, see steps
	errorSigns gpu.Buffer // [training batch · logits]; nil for rules that do not send them
}

// hidden is the part of the memory that a hidden layer needs.
type hidden struct {
	h, pre gpu.Buffer // [batch · units]; pre only where f' needs it
	delta  gpu.Buffer // [training batch · units]
	pooled gpu.Buffer // [batch · pooled units]; nil without a pooling
	places gpu.Buffer // uint8 [training batch · pooled units], of maxima in their windows; nil without max pooling
}

// Step is a step on a batch of examples: its operands on the device, and the operations on them that learning rules are
// made of. Layers count from 0; layer L is the logit layer.
type Step struct {
	*memory
	n     int        // examples
	grads gpu.Buffer // arena for the gradients, laid out like the parameters
}

// Into returns the same step with another arena for its gradients.
func (s *Step) Into(grads gpu.Buffer) *Step { return &Step{s.memory, s.n, grads} }

// Device returns the device that runs the step.
func (s *Step) Device() gpu.Device { return s.dev }

// Network returns the network that the step trains.
func (s *Step) Network() *model.Network { return s.net }

// Batch returns n, the number of examples.
func (s *Step) Batch() int { return s.n }

// Scale returns s, the factor of the error at the logits: 1 over the batch of all ranks, or 1 if the errors of a batch
// count as their sum.
func (s *Step) Scale() float32 { return s.cfg.Reduction.scale(s.cfg.Batch) }

// pixelScale turns bytes into inputs.
const pixelScale = 1.0 / 255

// Learns says whether a layer learns. The others are frozen ([Config.Frozen]).
func (s *Step) Learns(layer int) bool { return s.learns[layer] }

// steps returns the counter of the run's training steps, int32 [1]: Adam's t, and what draws of a step depend on.
func (m *memory) steps() gpu.Span { return gpu.All(m.counter).Slice(1, 1) }

// Gather brings batch number cursor of a data set to the step's inputs and labels: gpu.GatherArgs has the formula. The
// images are normalized where the network says so.
func (s *Step) Gather(data, labels, order, cursor gpu.Span) error {
	return s.gather(data, labels, order, cursor, gpu.Augment{})
}

func (s *Step) gather(data, labels, order, cursor gpu.Span, augment gpu.Augment) error {
	args := gpu.GatherArgs{
		X: s.Input(0).Mat(s.n, s.net.Input.Size()), Y: s.Labels(),
		Data: data, Labels: labels, Order: order, Cursor: cursor, Scale: pixelScale, Augment: augment,
	}
	if s.channels != nil {
		c := s.net.Input.C
		args.Mean, args.Scales = gpu.All(s.channels).Slice(0, c), gpu.All(s.channels).Slice(c, c)
	}
	return s.dev.Gather(args)
}

// at returns a range of an arena on the device.
func at(arena gpu.Buffer, r model.Range) gpu.Span { return gpu.All(arena).Slice(r.Off, r.Len) }

// Labels returns the true classes, int32 [n].
func (s *Step) Labels() gpu.Span { return gpu.All(s.y).Slice(0, s.n) }

// Weights returns W_l: [in, out], or [k, k, c_in, c_out] of a convolution.
func (s *Step) Weights(layer int) gpu.Span { return at(s.params, s.net.Layers[layer].W) }

// Bias returns b_l, [channels].
func (s *Step) Bias(layer int) gpu.Span { return at(s.params, s.net.Layers[layer].B) }

// Feedback returns the stored B_l of a rule with feedback by layers, l >= 1: [out, in], or shaped like W_l of a
// convolution and of a rule whose feedback mirrors the weights. Of feedback with the signs of the weights it is M_l,
// shaped like W_l.
func (s *Step) Feedback(layer int) gpu.Span { return at(s.feedback, s.faRanges[layer]) }

// WeightGrad returns gW_l, shaped like W_l.
func (s *Step) WeightGrad(layer int) gpu.Span { return at(s.grads, s.net.Layers[layer].W) }

// UpperWeightGrads returns gW_1 to gW_L, laid out like the feedback of a rule whose feedback mirrors the weights: as
// [model.Network.FARanges] says.
func (s *Step) UpperWeightGrads() gpu.Span {
	return gpu.All(s.grads).Slice(s.net.Clamp.Off, s.net.Params-s.net.Clamp.Off)
}

// OuterProducts computes the gradient of direct feedback that learns, gB_l = eᵀ h_l of every hidden layer l, and returns
// it, laid out like the feedback.
func (s *Step) OuterProducts() (gpu.Span, error) {
	grads := gpu.All(s.gradsOfB)
	args := gpu.FeedbackGradArgs{DB: grads.Mat(s.net.Logits, s.net.HiddenUnits()), E: s.Error()}
	for layer, shape := range s.net.Hidden() {
		args.Layers = append(args.Layers, gpu.FeedbackInput{H: s.Output(layer).H, Size: shape.Units()})
	}
	return grads, s.dev.FeedbackGrad(args)
}

// BiasGrad returns gb_l, [channels].
func (s *Step) BiasGrad(layer int) gpu.Span { return at(s.grads, s.net.Layers[layer].B) }

// Input returns the input of a layer, [n, in]: the batch, or the output of the layer below, pooled where it has a pooling.
func (s *Step) Input(layer int) gpu.Span {
	if layer == 0 {
		return gpu.All(s.x).Slice(0, s.n*s.net.Input.Size())
	}
	if s.net.Layers[layer-1].Pool.Any() {
		return s.pooled(s.hidden[layer-1].pooled, layer-1)
	}
	return s.Output(layer - 1).H
}

// pooled returns the part of a buffer that the outputs of a layer's pooling take.
func (s *Step) pooled(b gpu.Buffer, layer int) gpu.Span {
	return gpu.All(b).Slice(0, s.n*s.net.Layers[layer].Passed().Size())
}

// Output returns the results of a hidden layer before its pooling, [n, units]: h_l, and a_l where f' needs it.
func (s *Step) Output(layer int) gpu.Hidden {
	units := s.n * s.net.Layers[layer].Units()
	out := gpu.Hidden{Act: s.net.Activation, H: gpu.All(s.hidden[layer].h).Slice(0, units)}
	if pre := s.hidden[layer].pre; pre != nil {
		out.Pre = gpu.All(pre).Slice(0, units)
	}
	return out
}

// Delta returns d_l, the error at the preactivations of a layer: [n, units]. At the logits it is e.
func (s *Step) Delta(layer int) gpu.Span {
	if layer == len(s.hidden) {
		return s.Error().Span
	}
	return gpu.All(s.hidden[layer].delta).Slice(0, s.n*s.net.Layers[layer].Units())
}

// Error returns e = s(p - y), the error at the logits: [n, logits].
func (s *Step) Error() gpu.Mat {
	return gpu.All(s.e).Slice(0, s.n*s.net.Logits).Mat(s.n, s.net.Logits)
}

// ErrorSigns computes s·sign(e), which a rule may send in the place of e: [n, logits].
func (s *Step) ErrorSigns() (gpu.Mat, error) {
	signs := gpu.All(s.errorSigns).Slice(0, s.Error().Len)
	err := s.dev.Sign(gpu.SignArgs{Dst: signs, Src: s.Error().Span, Gen: gpu.Generator{Draw: gpu.DrawConstant, High: s.Scale()}})
	return signs.Mat(s.n, s.net.Logits), err
}

// Logits returns the logits of the batch, [n, logits]. Their bias is added by the loss.
func (s *Step) Logits() gpu.Mat {
	return gpu.All(s.logits).Slice(0, s.n*s.net.Logits).Mat(s.n, s.net.Logits)
}

// Hidden computes a hidden layer into out: h_l = f(h_{l-1} W_l + b_l). [Step.Pool] must follow before the layer above.
func (s *Step) Hidden(layer int, out gpu.Hidden) error {
	shape, x, w, b := s.net.Layers[layer], s.Input(layer), s.Weights(layer), s.Bias(layer)
	if shape.Kind == model.Conv {
		return s.dev.Conv(gpu.ConvArgs{Shape: shape.ConvShape(s.n), Out: out, X: x, W: w, B: b})
	}
	return s.dev.Dense(gpu.DenseArgs{
		Out: out,
		X:   x.Mat(s.n, shape.FanIn()),
		W:   w.Mat(shape.FanIn(), shape.Units()),
		B:   b,
	})
}

// Pool pools the output of a hidden layer, unless it has no pooling: the layer above takes what comes of it. Training
// keeps the places of maxima, through which [Step.CarryBack] finds its way.
func (s *Step) Pool(layer int, training bool) error {
	shape, h := s.net.Layers[layer], s.hidden[layer]
	if !shape.Pool.Any() {
		return nil
	}
	args := gpu.PoolArgs{Shape: shape.PoolShape(s.n), P: s.pooled(h.pooled, layer), H: s.Output(layer).H}
	if training && h.places != nil {
		args.Index = s.pooled(h.places, layer)
	}
	return s.dev.Pool(args)
}

// Chain takes the error down from layer to layer, through a matrix of each: W_l, which a dense layer
// transposes, or B_l [out, in], which it uses as it is.
//
//	d_{l-1} = (d_l M_l) ⊙ f'(a_{l-1}), from d_L = e down to d_0     gb_{l-1} = column sums of d_{l-1}
//
// Between d_l M_l and f' it goes back through the pooling of layer l-1, if there is one. It ends at the lowest layer
// that learns.
func (s *Step) Chain(matrix func(layer int) gpu.Span, transposed bool) error {
	for layer := len(s.hidden); layer > s.Lowest(); layer-- {
		if err := s.CarryBack(layer, matrix(layer), transposed, s.Delta(layer), s.Output(layer-1)); err != nil {
			return err
		}
	}
	return nil
}

// Lowest returns the lowest layer that learns. No error is sent below it.
func (s *Step) Lowest() int { return slices.Index(s.learns, true) }

// ChainFeedback is [Step.Chain] through the feedback of the layers.
func (s *Step) ChainFeedback() error { return s.Chain(s.Feedback, s.cfg.Rule.Mirrors()) }

// ChainSigns is [Step.Chain] through magnitudes with the signs of the weights, B_l = M_l ∘ sign(W_l)ᵀ.
func (s *Step) ChainSigns() error {
	for layer := len(s.hidden); layer > s.Lowest(); layer-- {
		if err := s.SignFeedback(layer); err != nil {
			return err
		}
	}
	return s.Chain(s.WeightGrad, true)
}

// SignFeedback computes M_l ∘ sign(W_l), l >= 1, shaped like W_l. Its place is that of gW_l, which is computed after the
// errors of all layers.
func (s *Step) SignFeedback(layer int) error {
	args := gpu.SignArgs{Dst: s.WeightGrad(layer), Src: s.Weights(layer), Layer: layer}
	if s.cfg.Magnitudes == nil {
		args.M = s.Feedback(layer)
	} else {
		args.Gen, args.Step = s.cfg.Magnitudes[layer], s.steps()
	}
	return s.dev.Sign(args)
}

// CarryBack takes the error dy at a layer through the matrix m to the layer below, whose output is below, and there
// through its pooling.
func (s *Step) CarryBack(layer int, m gpu.Span, transposed bool, dy gpu.Span, below gpu.Hidden) error {
	if !s.net.Layers[layer-1].Pool.Any() {
		return s.carry(layer, m, transposed, dy, s.Delta(layer-1), below)
	}
	pool, h := s.net.Layers[layer-1].PoolShape(s.n), s.hidden[layer-1]
	carried := s.pooled(s.carried, layer-1)
	if err := s.carryToPool(layer, m, transposed, dy, carried); err != nil {
		return err
	}
	args := gpu.PoolBackwardArgs{Shape: pool, DX: s.Delta(layer - 1), DY: carried, Below: below, BiasGrad: s.BiasGrad(layer - 1)}
	if h.places != nil {
		args.Index = s.pooled(h.places, layer-1)
	}
	return s.dev.PoolBackward(args)
}

// carryToPool takes the error dy at a layer through the matrix m to its input, dx, which is the output of a pooling.
func (s *Step) carryToPool(layer int, m gpu.Span, transposed bool, dy, dx gpu.Span) error {
	shape := s.net.Layers[layer]
	if shape.Kind == model.Conv {
		// What this writes as the bias gradient is overwritten by that of the preactivations.
		return s.carry(layer, m, transposed, dy, dx, gpu.Hidden{Act: gpu.Linear})
	}
	return s.dev.Gemm(gpu.GemmArgs{
		C: dx.Mat(s.n, shape.FanIn()),
		A: dy.Mat(s.n, shape.Units()),
		B: shaped(shape, m, transposed), TransB: transposed,
	})
}

// carry takes the error dy at a layer through the matrix m to its input, dx, behind which is below.
func (s *Step) carry(layer int, m gpu.Span, transposed bool, dy, dx gpu.Span, below gpu.Hidden) error {
	shape, biasGrad := s.net.Layers[layer], s.BiasGrad(layer-1)
	if shape.Kind == model.Conv {
		return s.dev.ConvBackward(gpu.ConvBackwardArgs{
			Shape: shape.ConvShape(s.n), DX: dx, DY: dy, W: m, Below: below, BiasGrad: biasGrad,
		})
	}
	return s.dev.DenseBackward(gpu.DenseBackwardArgs{
		DX: dx.Mat(s.n, shape.FanIn()),
		DY: dy.Mat(s.n, shape.Units()),
		M:  shaped(shape, m, transposed), Trans: transposed,
		Below: below, BiasGrad: biasGrad,
	})
}

// shaped returns the matrix of a dense layer: W_l [in, out] where it is transposed, or B_l [out, in].
func shaped(l model.Layer, m gpu.Span, transposed bool) gpu.Mat {
	if transposed {
		return m.Mat(l.FanIn(), l.Units())
	}
	return m.Mat(l.Units(), l.FanIn())
}

// Broadcast takes an error e [n, logits] to all hidden layers at once, through direct feedback.
//
//	d_l = (e B_l) ⊙ f'(a_l)     gb_l = column sums of d_l
func (s *Step) Broadcast(e gpu.Mat) error { return s.BroadcastTo(e, s.Output, s.Delta) }

// BroadcastTo does as Broadcast, with other places for the layers' outputs and errors.
func (s *Step) BroadcastTo(e gpu.Mat, output func(layer int) gpu.Hidden, delta func(layer int) gpu.Span) error {
	return s.direct(gpu.FeedbackArgs{E: e}, output, delta)
}

// Project takes the label of each example to all hidden layers at once, through the row of its class in direct feedback,
// which must be [model.ClassFeedback]. It needs no error at the logits, and no product.
//
//	d_l[i, :] = s B_l[y_i, :] ⊙ f'(a_l[i, :])     gb_l = column sums of d_l
func (s *Step) Project() error {
	return s.direct(gpu.FeedbackArgs{Labels: s.Labels(), Classes: s.net.Classes, Scale: s.Scale()}, s.Output, s.Delta)
}

// direct completes the arguments of direct feedback, and makes the operation. Frozen layers are passed over.
func (s *Step) direct(args gpu.FeedbackArgs, output func(layer int) gpu.Hidden, delta func(layer int) gpu.Span) error {
	args.Gen = s.cfg.Feedback
	if !s.cfg.generated() {
		args.B = gpu.All(s.feedback).Mat(args.Rows(), s.net.HiddenUnits())
	}
	for layer, shape := range s.net.Hidden() {
		l := gpu.FeedbackLayer{Size: shape.Units(), Skip: !s.Learns(layer)}
		if !l.Skip {
			l.Out, l.Delta, l.BiasGrad = output(layer), delta(layer), s.BiasGrad(layer)
		}
		args.Layers = append(args.Layers, l)
	}
	return s.dev.Feedback(args)
}

// ComputeWeightGrad multiplies a layer's input with its error: gW_l = h_{l-1}ᵀ d_l.
func (s *Step) ComputeWeightGrad(layer int) error {
	shape, x, delta, grad := s.net.Layers[layer], s.Input(layer), s.Delta(layer), s.WeightGrad(layer)
	if shape.Kind == model.Conv {
		return s.dev.ConvGrad(gpu.ConvGradArgs{Shape: shape.ConvShape(s.n), DW: grad, X: x, DY: delta})
	}
	return s.dev.Gemm(gpu.GemmArgs{
		C: grad.Mat(shape.FanIn(), shape.Units()),
		A: x.Mat(s.n, shape.FanIn()), TransA: true,
		B: delta.Mat(s.n, shape.Units()),
	})
}
