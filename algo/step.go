package algo

import (
	"mdfa/gpu"
	"mdfa/model"
)

// Train makes one training step on the batch of n examples in x [n, inputs] and y [n]: [Learner.Gather] brings it there.
// Every gradient uses the weights from before the update, which comes last. beforeUpdate, where it is not nil,
// sees the gradients together with the weights they belong to.
func (l *Learner) Train(beforeUpdate func(s *Step) error) error {
	s := l.Step(l.cfg.LocalBatch())
	if err := s.forward(true); err != nil { // h_l = f(h_{l-1} W_l + b_l) [n, units_l]; logits [n, logits] without b_L
		return err
	}
	if err := s.loss(gpu.All(l.counter), s.Scale()); err != nil { // e = s(p - y) [n, logits]; gb_L [logits]
		return err
	}
	if l.cfg.HiddenLearn(l.net) {
		if err := l.cfg.Rule.Deltas(s); err != nil { // d_l [n, units_l]; gb_l [channels_l], by the learning rule
			return err
		}
	}
	sum := gradientSum{s: s} // over the ranks, where there are several
	for layer := range l.net.Layers {
		if s.Learns(layer) {
			if err := s.ComputeWeightGrad(layer); err != nil { // gW_l = h_{l-1}ᵀ d_l [in_l, out_l]
				return err
			}
		}
		if err := sum.ready(layer); err != nil {
			return err
		}
	}
	gB, err := l.feedbackGrad(s) // of learned feedback, by the learning rule
	if err != nil {
		return err
	}
	if beforeUpdate != nil {
		if err := beforeUpdate(s); err != nil {
			return err
		}
	}
	// W_l, b_l and the optimizer's state, all layers at once unless some are frozen; then the clamp
	if err := l.update(); err != nil {
		return err
	}
	return l.updateFeedback(gB) // learned B_l and their optimizer's state, all layers at once unless some are frozen
}

// update applies the optimizer to the parameters of the layers that learn, in one pass for each of their ranges in the
// arena, and the clamp where the rule asks for it.
func (l *Learner) update() error {
	for _, r := range l.net.Ranges(l.learns) {
		args := l.optimize(l.cfg.Kind(), l.cfg.LR, l.params, gpu.All(l.grads), l.state, r)
		if l.cfg.Rule.Clamped {
			args.Floor = l.cfg.Floor
			args.ClampFrom = min(max(l.net.Clamp.Off-r.Off, 0), r.Len)
			args.ClampTo = min(max(l.net.Clamp.End()-r.Off, 0), r.Len)
		}
		if err := l.dev.Optimize(args); err != nil {
			return err
		}
	}
	return nil
}

// feedbackGrad computes the gradient of learned feedback; none of fixed feedback, and where no hidden layer needs any.
func (l *Learner) feedbackGrad(s *Step) (gpu.Span, error) {
	if !l.cfg.Rule.LearnsFeedback() || !l.cfg.HiddenLearn(l.net) {
		return gpu.Span{}, nil
	}
	g, err := l.cfg.Rule.FeedbackGrad(s)
	if err != nil || l.cfg.Rule.Mirrors() { // those of the weights are sums already
		return g, err
	}
	return g, s.SumOverRanks(g)
}

// updateFeedback applies its optimizer to learned feedback, whose gradient is g, in one pass unless layers are frozen.
func (l *Learner) updateFeedback(g gpu.Span) error {
	if g.IsNone() {
		return nil
	}
	kind, rate := l.cfg.FeedbackUpdate()
	for _, r := range l.feedbackRanges() {
		if err := l.dev.Optimize(l.optimize(kind, rate, l.feedback, g, l.feedbackState, r)); err != nil {
			return err
		}
	}
	return nil
}

// feedbackRanges returns the parts of learned feedback that change: all of direct feedback, and of feedback that mirrors
// the weights the parts beside weights that learn.
func (l *Learner) feedbackRanges() (ranges []model.Range) {
	if !l.cfg.Rule.Mirrors() {
		return []model.Range{{Len: l.feedback.Len()}}
	}
	first := l.net.Clamp.Off
	for _, r := range l.net.Ranges(l.learns) {
		if from := max(r.Off, first); from < r.End() {
			ranges = append(ranges, model.Range{Off: from - first, Len: r.End() - from})
		}
	}
	return ranges
}

// optimize returns the update of a range of an arena w, whose gradient is g, without a clamp.
func (l *Learner) optimize(kind gpu.Optimizer, rate float32, w gpu.Buffer, g gpu.Span, state []gpu.Buffer, r model.Range) gpu.OptimizeArgs {
	args := gpu.OptimizeArgs{
		Kind: kind, LR: rate, L2: l.cfg.L2, Decay: l.cfg.Decay, Momentum: l.cfg.Momentum, Nesterov: l.cfg.Nesterov,
		W: at(w, r), G: g.Slice(r.Off, r.Len),
	}
	if len(state) > 0 {
		args.S1 = at(state[0], r)
	}
	if len(state) > 1 {
		args.S2 = at(state[1], r)
	}
	if l.factors != nil {
		args.Factors, args.Batch = gpu.All(l.factors), l.Batches()
	}
	if kind.Counts() {
		args.Step = l.steps()
	}
	return args
}

// Gather does as [Step.Gather] for a training batch, whose images it augments as [Config] says. The draws follow the
// counter of the run's steps on the device, so that a recorded step draws anew each time.
func (l *Learner) Gather(data, labels, order, cursor gpu.Span) error {
	augment := l.cfg.Augment.On(l.net.Input, l.cfg.AugmentSeed)
	augment.Step = l.steps()
	augment.First = l.cfg.Ranks.Part(l.cfg.Batch).Off
	return l.Step(l.cfg.LocalBatch()).gather(data, labels, order, cursor, augment)
}

// Step returns a step on n examples.
func (l *Learner) Step(n int) *Step { return &Step{&l.memory, n, l.grads} }

// Evaluate gathers batch number cursor of a data set, in its own order, and scores it: logits and metrics. The
// counters, where there are any, are raised.
func (s *Step) Evaluate(data, labels, cursor, counters gpu.Span) error {
	if err := s.Gather(data, labels, gpu.Span{}, cursor); err != nil {
		return err
	}
	if err := s.forward(false); err != nil {
		return err
	}
	return s.loss(counters, 0)
}

// forward computes all layers up to the logits, whose bias the loss adds.
func (s *Step) forward(training bool) error {
	for layer := range s.hidden {
		if err := s.Hidden(layer, s.Output(layer)); err != nil {
			return err
		}
		if err := s.Pool(layer, training); err != nil {
			return err
		}
	}
	last := len(s.hidden)
	return s.dev.Gemm(gpu.GemmArgs{
		C: s.Logits(),
		A: s.Input(last).Mat(s.n, s.net.Layers[last].FanIn()),
		B: s.Weights(last).Mat(s.net.Layers[last].FanIn(), s.net.Logits),
	})
}

// loss adds the logits' bias, adds the batch to the metrics and raises the counters. With a scale, which only training
// has, it also writes e = scale·(p - y) and the bias gradient of the logit layer.
func (s *Step) loss(counters gpu.Span, scale float32) error {
	last := len(s.hidden)
	args := gpu.LossArgs{
		Logits:  s.Logits(),
		Bias:    s.Bias(last),
		Labels:  s.Labels(),
		Metrics: gpu.All(s.metrics),
		Step:    counters,
	}
	if scale > 0 {
		args.Scale, args.E, args.BiasGrad = scale, s.Error(), s.BiasGrad(last)
	}
	return s.dev.Loss(args)
}
