package algo

import (
	"fmt"

	"mdfa/gpu"
	"mdfa/model"
)

// alignment is what a trainer has on the device to measure with. Nothing of it changes what
// is trained: the gradients of the step are done when it takes the errors' buffers for bp's,
// and the activations are computed anew in every step.
type alignment struct {
	learner *Learner
	every   int
	// grads is an arena for bp's gradients of the hidden layers' weights; the biases' places
	// in it take what nobody asks for. Nil under bp.
	grads gpu.Buffer
	sums  gpu.Buffer // float64, what [gpu.Device.Compare] sums up: see place

	// identity [logits, logits] is for dfa and mdfa. The identity's rows as errors, carried back
	// through linear layers, give the product of the layers, and broadcast to linear layers they
	// give B itself, stored or drawn.
	identity gpu.Buffer
	rows     int // of the identity at once

	weights gpu.Program // compares the weights with the feedback and the floor; nil: neither is there
}

// measured is what there are sums of, for every layer.
type measured int

const (
	ruleGradient   measured = iota // the rule's gradient and bp's
	saturatedUnits                 // of the batch
	fixedFeedback                  // B_l and what bp has for it
	flooredWeights
	allMeasured
)

// place is where the sums of a layer lie.
func (m *alignment) place(what measured, layer int) model.Range {
	return model.Range{Off: (int(what)*len(m.learner.net.Layers) + layer) * gpu.NumCompared, Len: gpu.NumCompared}
}

// probeFloats limits the largest layer's part of the product of weights that is computed at
// once, to 64 MiB.
const probeFloats = 16 << 20

// probeRows is how many rows of the product are computed at once: they take the place of
// examples.
func (c Config) probeRows(net *model.Network) int {
	return max(1, min(c.Batch, net.Logits, probeFloats/max(1, widest(net))))
}

// widest is the most outputs that a hidden layer has.
func widest(net *model.Network) int {
	units := 0
	for _, layer := range net.Hidden() {
		units = max(units, layer.Units())
	}
	return units
}

// AlignmentBytes is about how much device memory measuring the alignment takes.
func (c Config) AlignmentBytes(net *model.Network) uint64 {
	floats := 0
	if !c.Rule.Exact {
		floats += net.Params
	}
	if c.Rule.Feedback == model.DirectFeedback {
		floats += net.Logits * net.Logits
	}
	return 4 * uint64(floats)
}

// newAlignment takes the memory for measuring every so many steps, and records what does
// not belong to a batch.
func (t *Trainer) newAlignment(every int) (*alignment, error) {
	l := t.learner
	m := &alignment{learner: l, every: every, rows: l.cfg.probeRows(l.net)}
	var err error
	take := func(what string, to *gpu.Buffer, kind gpu.DType, n int) {
		if err == nil {
			if *to, err = t.alloc(kind, n); err != nil {
				err = fmt.Errorf("memory for the alignment's %s: %w", what, err)
			}
		}
	}
	take("sums", &m.sums, gpu.Float64, int(allMeasured)*len(l.net.Layers)*gpu.NumCompared)
	if !l.cfg.Rule.Exact {
		take("gradients", &m.grads, gpu.Float32, l.net.Params)
	}
	direct := l.cfg.Rule.Feedback == model.DirectFeedback && len(l.hidden) > 0
	if direct {
		take("errors", &m.identity, gpu.Float32, l.net.Logits*l.net.Logits)
	}
	if err != nil {
		return nil, err
	}
	if direct {
		if err := m.uploadIdentity(); err != nil {
			return nil, err
		}
	}
	if !l.cfg.Rule.Exact {
		m.weights, err = t.record(m.compareWeights)
	}
	return m, err
}

func (m *alignment) uploadIdentity() error {
	n := m.learner.net.Logits
	identity := make([]float32, n*n)
	for i := range n {
		identity[i*n+i] = 1
	}
	return gpu.Upload(m.learner.dev, m.identity, 0, identity)
}

// due says whether the step that follows so many others is measured.
func (m *alignment) due(steps int) bool { return m != nil && steps%m.every == 0 }

// compare adds to the sums of a layer.
func (m *alignment) compare(what measured, layer int, args gpu.CompareArgs) error {
	args.Out = at(m.sums, m.place(what, layer))
	return m.learner.dev.Compare(args)
}

// reset clears the sums of what is measured together.
func (m *alignment) reset(first, last measured) error {
	from, to := m.place(first, 0), m.place(last+1, 0)
	return m.learner.dev.Zero(gpu.All(m.sums).Slice(from.Off, to.Off-from.Off))
}

// vector is a range of an arena, as Compare takes it.
func vector(s gpu.Span) gpu.Mat { return s.Mat(1, s.Len) }

// train is a training step that is measured.
func (m *alignment) train() error { return m.learner.train(m.compareStep) }

// compareStep looks at the batch of a training step between its gradients and its update.
// Unless the rule is bp it makes bp's gradients of the hidden layers: the errors of the step
// are lost.
func (m *alignment) compareStep() error {
	l := m.learner
	s := l.step(l.cfg.Batch, m.grads)
	if err := m.reset(ruleGradient, saturatedUnits); err != nil {
		return err
	}
	low, high := l.net.Activation.Saturation()
	for i := range l.hidden {
		out := s.Output(i).SlopeSource()
		if err := m.compare(saturatedUnits, i, gpu.CompareArgs{A: vector(out), B: vector(out), Low: low, High: high}); err != nil {
			return err
		}
	}
	if l.cfg.Rule.Exact {
		return nil
	}
	if err := BP.Deltas(s); err != nil {
		return err
	}
	for i, layer := range l.net.Hidden() {
		if err := s.weightGradient(i); err != nil {
			return err
		}
		if err := m.compare(ruleGradient, i, gpu.CompareArgs{
			A: vector(at(l.grads, layer.W)), B: vector(s.WeightGrad(i)), Low: noBound, High: noBound,
		}); err != nil {
			return err
		}
	}
	return nil
}

// compareWeights looks at the weights. It overwrites errors and activations.
func (m *alignment) compareWeights() error {
	l := m.learner
	if err := m.reset(fixedFeedback, flooredWeights); err != nil {
		return err
	}
	if l.cfg.Rule.Clamped {
		for i := 1; i < len(l.net.Layers); i++ {
			w := vector(at(l.params, l.net.Layers[i].W))
			if err := m.compare(flooredWeights, i, gpu.CompareArgs{A: w, B: w, Low: l.cfg.Floor, High: noBound}); err != nil {
				return err
			}
		}
	}
	if l.cfg.Rule.Feedback == model.LayerFeedback {
		return m.compareLayers()
	}
	if len(l.hidden) == 0 {
		return nil
	}
	for from := 0; from < l.net.Logits; from += m.rows {
		if err := m.compareProducts(from, min(m.rows, l.net.Logits-from)); err != nil {
			return err
		}
	}
	return nil
}

// compareLayers holds fa's feedback against the weights of the same layer.
func (m *alignment) compareLayers() error {
	l := m.learner
	for i := 1; i < len(l.net.Layers); i++ {
		layer := l.net.Layers[i]
		b, w := at(l.feedback, l.faRanges[i]), at(l.params, layer.W)
		args := gpu.CompareArgs{A: vector(b), B: vector(w), Low: noBound, High: noBound}
		if layer.Kind == model.Dense {
			args.A, args.B, args.TransB = b.Mat(layer.Units(), layer.FanIn()), w.Mat(layer.FanIn(), layer.Units()), true
		}
		if err := m.compare(fixedFeedback, i, args); err != nil {
			return err
		}
	}
	return nil
}

// compareProducts holds n rows of the direct feedback, from one on, against the product of
// the weights above each hidden layer. The product comes to where the errors of the layers
// are, the feedback to where their outputs are.
func (m *alignment) compareProducts(from, n int) error {
	l := m.learner
	logits := l.net.Logits
	e := gpu.All(m.identity).Slice(from*logits, n*logits)
	linear := gpu.Hidden{Act: gpu.Linear}
	s := l.step(n, m.grads)
	dy := e
	for i := len(l.hidden); i > 0; i-- {
		if err := s.carryBack(i, s.Weights(i), true, dy, linear); err != nil {
			return err
		}
		dy = s.Delta(i - 1)
	}
	drawn := func(layer int) gpu.Span { return s.Output(layer).H }
	if err := s.broadcast(e.Mat(n, logits), func(int) gpu.Hidden { return linear }, drawn); err != nil {
		return err
	}
	for i := range l.hidden {
		if err := m.compare(fixedFeedback, i, gpu.CompareArgs{
			A: vector(drawn(i)), B: vector(s.Delta(i)), Low: noBound, High: noBound,
		}); err != nil {
			return err
		}
	}
	return nil
}
