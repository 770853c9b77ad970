package measure

import (
	"math"

	"mdfa/algo"
	"mdfa/algo/owned"
	"mdfa/gpu"
	"mdfa/model"
)

// Aligner measures the alignment of a learner's rule. It leaves the training as it is: it uses the buffers of
// the step's errors only after the step's gradients are done, and the buffers of the activations between steps.
type Aligner struct {
	learner *algo.Learner
	net     *model.Network
	rule    *algo.Rule
	sums    gpu.Buffer // float64, the sums of gpu.CompareArgs: place says where

	// grads is an arena for bp's gradients of the hidden layers' weights. The operations that compute them write
	// bias gradients into it as well, which nothing reads. Nil for exact rules, and where no hidden layer learns.
	grads gpu.Buffer

	// identity [logits, logits] is for direct feedback. Its rows as errors, carried back through linear layers, give
	// the product of the layers, and broadcast to linear layers they give B itself, stored or drawn.
	identity gpu.Buffer
	rows     int // of the identity at once

	weights gpu.Program // compares the weights with feedback and floor; nil for rules without either
}

// kind is a kind of comparison, which has sums for each layer.
type kind int

const (
	ruleGradient   kind = iota // the rule's gradient and bp's
	saturatedUnits             // of the batch
	feedback                   // B_l and its counterpart in bp
	flooredWeights
	allKinds
)

// place returns the place of a layer's sums.
func (m *Aligner) place(of kind, layer int) model.Range {
	return model.Range{Off: (int(of)*len(m.net.Layers) + layer) * gpu.NumCompared, Len: gpu.NumCompared}
}

// probeFloats limits the largest layer's part of the product of weights that is computed at once, to 64 MiB.
const probeFloats = 16 << 20

// probeRows returns the number of rows of the product that are computed at once: they take the place of examples.
func probeRows(net *model.Network, batch int) int {
	return max(1, min(batch, net.Logits, probeFloats/max(1, widest(net))))
}

// widest returns the largest number of outputs of a hidden layer.
func widest(net *model.Network) int {
	units := 0
	for _, layer := range net.Hidden() {
		units = max(units, layer.Units())
	}
	return units
}

// AlignmentBytes returns the device memory of an Aligner, without its sums.
func AlignmentBytes(net *model.Network, c algo.Config) uint64 {
	floats := 0
	if comparesGradients(net, c) {
		floats += net.Params
	}
	if sendsIdentity(net, c) {
		floats += net.Logits * net.Logits
	}
	return 4 * uint64(floats)
}

// comparesGradients says whether bp's gradients of hidden layers must be computed.
func comparesGradients(net *model.Network, c algo.Config) bool {
	return !c.Rule.Exact && c.HiddenLearn(net)
}

// sendsIdentity says whether direct feedback is compared with weights, for which the identity goes back through them.
// One row of the product of weights for one logit has no counterpart among the two rows for classes.
func sendsIdentity(net *model.Network, c algo.Config) bool {
	return c.Rule.Feedback.Direct() && net.FeedbackRows(c.Rule.Feedback) == net.Logits && c.HiddenLearn(net)
}

// NewAligner takes memory to measure a learner's rule and records the operations that need no batch. o owns both.
func NewAligner(o *owned.List, l *algo.Learner) (*Aligner, error) {
	c := l.Config()
	m := &Aligner{learner: l, net: l.Network(), rule: c.Rule}
	m.rows = probeRows(m.net, c.LocalBatch())
	m.sums = o.Alloc("the alignment's sums", gpu.Float64, int(allKinds)*len(m.net.Layers)*gpu.NumCompared)
	if comparesGradients(m.net, c) {
		m.grads = o.Floats("the alignment's gradients", m.net.Params)
	}
	logits := m.net.Logits
	direct := sendsIdentity(m.net, c)
	if direct {
		m.identity = o.Floats("the alignment's errors", logits*logits)
	}
	if err := o.Err(); err != nil {
		return nil, err
	}
	if direct {
		identity := make([]float32, logits*logits)
		for i := range logits {
			identity[i*logits+i] = 1
		}
		if err := gpu.Upload(l.Device(), m.identity, 0, identity); err != nil {
			return nil, err
		}
	}
	if m.rule.HasFeedback() && !m.rule.TakesSigns() || m.rule.Clamped {
		m.weights = o.Record(m.compareWeights)
	}
	return m, o.Err()
}

// Before must run before a measured step: it looks at the weights, and overwrites errors and activations.
func (m *Aligner) Before() error {
	if m.weights == nil {
		return nil
	}
	return m.weights.Run()
}

// Train makes a training step and measures it.
func (m *Aligner) Train() error { return m.learner.Train(m.compareStep) }

// compare adds to the sums of a layer.
func (m *Aligner) compare(of kind, layer int, args gpu.CompareArgs) error {
	r := m.place(of, layer)
	args.Out = gpu.All(m.sums).Slice(r.Off, r.Len)
	return m.learner.Device().Compare(args)
}

// reset clears the sums of the kinds from first to last.
func (m *Aligner) reset(first, last kind) error {
	from, to := m.place(first, 0), m.place(last+1, 0)
	return m.learner.Device().Zero(gpu.All(m.sums).Slice(from.Off, to.Off-from.Off))
}

// pair compares two spans element by element, without bounds.
func pair(a, b gpu.Span) gpu.CompareArgs {
	return gpu.CompareArgs{A: a.Mat(1, a.Len), B: b.Mat(1, b.Len), Low: noBound, High: noBound}
}

// inRange counts the elements of a span that are at its bounds or beyond.
func inRange(a gpu.Span, low, high float32) gpu.CompareArgs {
	args := pair(a, a)
	args.Low, args.High = low, high
	return args
}

// compareStep looks at the batch of a training step between its gradients and its update. Unless the rule is exact
// it computes bp's gradients of the hidden layers, which overwrites the errors of the step.
func (m *Aligner) compareStep(s *algo.Step) error {
	if err := m.reset(ruleGradient, saturatedUnits); err != nil {
		return err
	}
	low, high := m.net.Activation.Saturation()
	for layer := range m.net.Hidden() {
		if err := m.compare(saturatedUnits, layer, inRange(s.Output(layer).SlopeSource(), low, high)); err != nil {
			return err
		}
	}
	if m.grads == nil {
		return nil
	}
	bp := s.Into(m.grads)
	if m.rule.TakesSigns() {
		if err := m.compareSigns(bp); err != nil {
			return err
		}
	}
	if err := algo.BP.Deltas(bp); err != nil {
		return err
	}
	for layer := range m.net.Hidden() {
		if !s.Learns(layer) {
			continue
		}
		if err := bp.ComputeWeightGrad(layer); err != nil {
			return err
		}
	}
	if err := bp.SumOverRanks(gpu.All(m.grads)); err != nil {
		return err
	}
	for layer := range m.net.Hidden() {
		if !s.Learns(layer) {
			continue
		}
		if err := m.compare(ruleGradient, layer, pair(s.WeightGrad(layer), bp.WeightGrad(layer))); err != nil {
			return err
		}
	}
	return nil
}

// compareWeights looks at the weights. It overwrites errors and activations.
func (m *Aligner) compareWeights() error {
	if err := m.reset(feedback, flooredWeights); err != nil {
		return err
	}
	s := m.learner.Step(m.learner.Config().LocalBatch())
	if m.rule.Clamped {
		for layer := 1; layer < len(m.net.Layers); layer++ {
			if !s.Learns(layer) {
				continue
			}
			if err := m.compare(flooredWeights, layer, inRange(s.Weights(layer), m.learner.Config().Floor, noBound)); err != nil {
				return err
			}
		}
	}
	switch m.rule.Feedback {
	case model.NoFeedback:
	case model.LayerFeedback:
		if m.rule.TakesSigns() {
			return nil // compareStep does, with the magnitudes of the step
		}
		return m.compareLayers(s)
	case model.DirectFeedback, model.ClassFeedback:
		if m.identity == nil {
			return nil
		}
		for from := 0; from < m.net.Logits; from += m.rows {
			if err := m.compareProducts(from, min(m.rows, m.net.Logits-from)); err != nil {
				return err
			}
		}
	}
	return nil
}

// compareLayers compares feedback by layers with the weights of the same layer, as far down as feedback carries errors.
func (m *Aligner) compareLayers(s *algo.Step) error {
	for layer := s.Lowest() + 1; layer < len(m.net.Layers); layer++ {
		b, w, shape := s.Feedback(layer), s.Weights(layer), m.net.Layers[layer]
		args := pair(b, w)
		if shape.Kind == model.Dense && !m.rule.Mirrors() {
			args.A, args.B, args.TransB = b.Mat(shape.Units(), shape.FanIn()), w.Mat(shape.FanIn(), shape.Units()), true
		}
		if err := m.compare(feedback, layer, args); err != nil {
			return err
		}
	}
	return nil
}

// compareSigns compares M_l ∘ sign(W_l) with W_l, as far down as feedback carries errors. It overwrites the gradients.
func (m *Aligner) compareSigns(s *algo.Step) error {
	if err := m.reset(feedback, feedback); err != nil {
		return err
	}
	for layer := s.Lowest() + 1; layer < len(m.net.Layers); layer++ {
		if err := s.SignFeedback(layer); err != nil {
			return err
		}
		if err := m.compare(feedback, layer, pair(s.WeightGrad(layer), s.Weights(layer))); err != nil {
			return err
		}
	}
	return nil
}

// lowestProduct returns the lowest layer that may learn and has no max pooling between itself and the logits.
func (m *Aligner) lowestProduct(s *algo.Step) int {
	lowest := s.Lowest()
	for layer, l := range m.net.Hidden() {
		if l.Pool.Kind == gpu.MaxPooling {
			lowest = max(lowest, layer+1)
		}
	}
	return lowest
}

// compareProducts compares n rows of the direct feedback, from one on, with the product of the weights above each
// hidden layer that learns and has no maximum between itself and the logits, which is no product. The products are
// computed into the layers' errors, the feedback into the layers' outputs.
func (m *Aligner) compareProducts(from, n int) error {
	hidden, logits := m.net.Hidden(), m.net.Logits
	e := gpu.All(m.identity).Slice(from*logits, n*logits)
	linear := func(int) gpu.Hidden { return gpu.Hidden{Act: gpu.Linear} }
	s := m.learner.Step(n).Into(m.grads)
	dy, lowest := e, m.lowestProduct(s)
	for layer := len(hidden); layer > lowest; layer-- {
		if err := s.CarryBack(layer, s.Weights(layer), true, dy, linear(layer-1)); err != nil {
			return err
		}
		dy = s.Delta(layer - 1)
	}
	drawn := func(layer int) gpu.Span { return s.Output(layer).H }
	if err := s.BroadcastTo(e.Mat(n, logits), linear, drawn); err != nil {
		return err
	}
	for layer := range hidden {
		if !s.Learns(layer) || layer < lowest {
			continue
		}
		if err := m.compare(feedback, layer, pair(drawn(layer), s.Delta(layer))); err != nil {
			return err
		}
	}
	return nil
}

// Read waits for the device and returns the measurements of the last measured step, before which the run had made step
// updates. Sum adds numbers up over the ranks of the run, in place. Comparisons that were not made have sums of zero, and are undefined.
func (m *Aligner) Read(epoch, step int, sum func(x []float64) error) (Alignment, error) {
	all, err := gpu.Read[float64](m.learner.Device(), gpu.All(m.sums))
	if err != nil {
		return Alignment{}, err
	}
	// The gradients are those of all ranks already, as the weights are; units are those of a rank's own examples.
	units := all[m.place(saturatedUnits, 0).Off:m.place(saturatedUnits+1, 0).Off]
	if err := sum(units); err != nil {
		return Alignment{}, err
	}
	sums := func(of kind, layer int) []float64 {
		r := m.place(of, layer)
		return all[r.Off : r.Off+r.Len]
	}
	a, learns := Alignment{Epoch: epoch, Step: step}, m.learner.Config().Learning(m.net)
	for i, layer := range m.net.Layers {
		la := LayerAlignment{Gradient: undefined, Feedback: undefined, AtFloor: math.NaN(), Saturated: math.NaN()}
		hidden := i < len(m.net.Hidden())
		if hidden {
			s := sums(saturatedUnits, i)
			la.Saturated = (s[gpu.CompareLow] + s[gpu.CompareHigh]) / float64(m.learner.Config().Batch*layer.Units())
		}
		switch {
		case !learns[i]:
		case hidden && !m.rule.Exact:
			la.Gradient = comparison(sums(ruleGradient, i))
		default:
			la.Gradient = theSame
		}
		if m.rule.Feedback == model.LayerFeedback && i > 0 || m.rule.Feedback.Direct() && hidden {
			la.Feedback = comparison(sums(feedback, i))
		}
		if m.rule.Clamped && i > 0 && learns[i] {
			la.AtFloor = sums(flooredWeights, i)[gpu.CompareLow] / float64(layer.Weights())
		}
		a.Layers = append(a.Layers, la)
	}
	return a, nil
}
