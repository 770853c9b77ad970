package algo

import (
	"fmt"

	"mdfa/gpu"
	"mdfa/model"
)

// Learner is a network on a device: its parameters, what a step computes on the way,
// and the recorded step. All sizes are per example unless they say batch.
type Learner struct {
	dev gpu.Device
	net *model.Network
	cfg Config

	params, grads gpu.Buffer   // arenas of net.Params floats
	state         []gpu.Buffer // the optimizer's, arenas like params
	feedback      gpu.Buffer   // B of all layers, or nil: there is none, or it is generated
	faRanges      []model.Range

	x, y    gpu.Buffer   // float32 [batch · input], int32 [batch]
	hidden  []hidden     // one for each hidden layer
	logits  gpu.Buffer   // [batch · logits]
	e       gpu.Buffer   // [training batch · logits]
	counter gpu.Buffer   // int32 [2]: batches of this epoch, steps of this run (Adam's t)
	metrics gpu.Buffer   // float64 [gpu.NumMetrics]
	owned   []gpu.Buffer // all of the above, for Close
}

// hidden is what a hidden layer keeps of a batch.
type hidden struct {
	h, pre gpu.Buffer // [batch · units]; pre only where f' needs it
	delta  gpu.Buffer // [training batch · units]
}

// NewLearner puts a network on a device with the given parameters (an arena, laid out
// as the network says) and fixed feedback (as [Rule.DrawFeedback] returns it; none where
// cfg generates it).
func NewLearner(dev gpu.Device, net *model.Network, cfg Config, params, feedback []float32) (*Learner, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.EvalBatch == 0 {
		cfg.EvalBatch = evalBatch(net, cfg.Batch)
	}
	want := net.FeedbackLen(cfg.Rule.Feedback)
	if cfg.generated() {
		want = 0
	}
	if len(params) != net.Params || int64(len(feedback)) != want {
		return nil, fmt.Errorf("algo: %d parameters and %d feedback values for a network of %d and %d: %w",
			len(params), len(feedback), net.Params, want, gpu.ErrShape)
	}
	if err := cfg.Rule.checkFeedback(feedback, cfg.Feedback); err != nil {
		return nil, err
	}
	l := &Learner{dev: dev, net: net, cfg: cfg}
	l.faRanges, _ = net.FARanges()
	if err := l.allocate(params, feedback); err != nil {
		_ = l.Close() // the allocation's error says more than Close's could
		return nil, err
	}
	return l, nil
}

// evalBatch is as many examples as make 64 MiB of activations, at least a training
// batch and at most 512.
func evalBatch(net *model.Network, batch int) int {
	perExample := 4 * (net.Input.Size() + net.HiddenUnits())
	return max(batch, min(512, 64<<20/perExample))
}

// allocate takes all device memory that the learner will ever use.
func (l *Learner) allocate(params, feedback []float32) error {
	a := allocator{learner: l}
	batch := max(l.cfg.Batch, l.cfg.EvalBatch)

	l.params = a.floats("weights", l.net.Params)
	l.grads = a.floats("gradients", l.net.Params)
	for range l.cfg.Optimizer.States() {
		l.state = append(l.state, a.floats("optimizer state", l.net.Params))
	}
	if len(feedback) > 0 {
		l.feedback = a.floats("feedback", len(feedback))
	}
	l.x = a.floats("inputs", batch*l.net.Input.Size())
	l.y = a.take("labels", gpu.Int32, batch)
	for _, layer := range l.net.Hidden() {
		h := hidden{
			h:     a.floats("activations", batch*layer.Units()),
			delta: a.floats("errors", l.cfg.Batch*layer.Units()),
		}
		if l.net.Activation.NeedsPre() {
			h.pre = a.floats("preactivations", batch*layer.Units())
		}
		l.hidden = append(l.hidden, h)
	}
	l.logits = a.floats("logits", batch*l.net.Logits)
	l.e = a.floats("errors", l.cfg.Batch*l.net.Logits)
	l.counter = a.take("counters", gpu.Int32, 2)
	l.metrics = a.take("metrics", gpu.Float64, gpu.NumMetrics)
	if a.err != nil {
		return a.err
	}
	if err := gpu.Upload(l.dev, l.params, 0, params); err != nil {
		return err
	}
	if l.feedback != nil {
		if err := gpu.Upload(l.dev, l.feedback, 0, feedback); err != nil {
			return err
		}
	}
	return l.resetState()
}

// resetState gives the optimizer state its first values and the counters zero.
func (l *Learner) resetState() error {
	const piece = 1 << 18 // floats: the arenas may be as large as the host's memory
	initial := make([]float32, min(piece, l.net.Params))
	for i := range initial {
		initial[i] = l.cfg.Optimizer.InitialState()
	}
	for _, s := range l.state {
		for at := 0; at < l.net.Params; at += piece {
			if err := gpu.Upload(l.dev, s, at, initial[:min(piece, l.net.Params-at)]); err != nil {
				return err
			}
		}
	}
	return l.dev.Zero(gpu.All(l.counter))
}

// allocator remembers what was allocated and the first thing that failed.
type allocator struct {
	learner *Learner
	err     error
}

func (a *allocator) floats(what string, n int) gpu.Buffer { return a.take(what, gpu.Float32, n) }

func (a *allocator) take(what string, t gpu.DType, n int) gpu.Buffer {
	if a.err != nil {
		return nil
	}
	b, err := a.learner.dev.Alloc(t, n)
	if err != nil {
		a.err = fmt.Errorf("memory for the %s: %w", what, err)
		return nil
	}
	a.learner.owned = append(a.learner.owned, b)
	return b
}

// Close frees the learner's device memory.
func (l *Learner) Close() error {
	var first error
	for _, b := range l.owned {
		if err := b.Free(); err != nil && first == nil {
			first = err
		}
	}
	l.owned = nil
	return first
}

// Params downloads the parameter arena.
func (l *Learner) Params() ([]float32, error) { return gpu.Read[float32](l.dev, gpu.All(l.params)) }

// Grads downloads the gradients of the last step, without L2, laid out like Params.
func (l *Learner) Grads() ([]float32, error) { return gpu.Read[float32](l.dev, gpu.All(l.grads)) }

// Metrics are sums over examples since they were last reset.
type Metrics struct {
	Loss                 float64 // cross-entropy in nats
	Correct, Top5, Count float64
}

// MeanLoss is the loss per example.
func (m Metrics) MeanLoss() float64 { return m.Loss / m.Count }

// Accuracy is the share of examples whose true class came first.
func (m Metrics) Accuracy() float64 { return m.Correct / m.Count }

// Top5Accuracy is the share of examples whose true class was among the first five.
func (m Metrics) Top5Accuracy() float64 { return m.Top5 / m.Count }

// Metrics waits for the device and reads the sums.
func (l *Learner) Metrics() (Metrics, error) {
	m, err := gpu.Read[float64](l.dev, gpu.All(l.metrics))
	if err != nil {
		return Metrics{}, err
	}
	return Metrics{
		Loss:    m[gpu.MetricLoss],
		Correct: m[gpu.MetricCorrect],
		Top5:    m[gpu.MetricTop5],
		Count:   m[gpu.MetricCount],
	}, nil
}

// setMetrics sets the sums.
func (l *Learner) setMetrics(m Metrics) error {
	sums := make([]float64, gpu.NumMetrics)
	sums[gpu.MetricLoss], sums[gpu.MetricCorrect], sums[gpu.MetricTop5], sums[gpu.MetricCount] = m.Loss, m.Correct, m.Top5, m.Count
	return gpu.Upload(l.dev, l.metrics, 0, sums)
}

// ResetMetrics sets all sums to zero.
func (l *Learner) ResetMetrics() error { return l.dev.Zero(gpu.All(l.metrics)) }
