package algo

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"mdfa/algo/owned"
	"mdfa/gpu"
	"mdfa/model"
)

// Learner is a network on a device and the training of it.
type Learner struct {
	memory
	state []gpu.Buffer // the optimizer's arenas, like the parameters
	owned owned.List   // all buffers

	factors gpu.Buffer // of the learning rate, one for each step of an epoch; nil: it is constant

	feedbackState []gpu.Buffer // the arenas of the optimizer of learned feedback, like the feedback
}

// NewLearner puts a network on a device with the given parameters (an arena, laid out as the network says) and
// feedback (as [Rule.DrawFeedback] returns it; nil where cfg generates it).
func NewLearner(dev gpu.Device, net *model.Network, cfg Config, params, feedback []float32) (*Learner, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	if cfg.EvalBatch == 0 {
		cfg.EvalBatch = EvalBatch(net, cfg.Batch)
	}
	if err := errors.Join(cfg.CheckFrozen(net), cfg.checkMagnitudes(net)); err != nil {
		return nil, err
	}
	if err := cfg.Augment.Check(net.Input); err != nil {
		return nil, fmt.Errorf("%w: %w", err, ErrConfig)
	}
	want := net.FeedbackLen(cfg.Stored())
	if len(params) != net.Params || int64(len(feedback)) != want {
		return nil, fmt.Errorf("%d parameters and %d feedback values for a network of %d and %d: %w",
			len(params), len(feedback), net.Params, want, gpu.ErrShape)
	}
	if err := cfg.Rule.checkFeedback(feedback, cfg.Feedback); err != nil {
		return nil, err
	}
	return newLearner(dev, net, cfg, params, feedback)
}

// NewForward puts a network on a device to run it forward only, in batches of up to batch examples. It takes the
// device memory of an evaluation step: no gradients, no optimizer's state.
func NewForward(dev gpu.Device, net *model.Network, params []float32, batch int) (*Learner, error) {
	switch {
	case batch < 1:
		return nil, fmt.Errorf("a batch of %d: at least 1 image is needed: %w", batch, ErrConfig)
	case len(params) != net.Params:
		return nil, fmt.Errorf("%d parameters for a network of %d: %w", len(params), net.Params, gpu.ErrShape)
	}
	return newLearner(dev, net, Config{EvalBatch: batch}, params, nil)
}

func newLearner(dev gpu.Device, net *model.Network, cfg Config, params, feedback []float32) (*Learner, error) {
	l := &Learner{memory: memory{dev: dev, net: net, cfg: cfg}, owned: owned.List{Device: dev}}
	l.faRanges, _ = net.FARanges()
	if err := l.prepare(params, feedback); err != nil {
		_ = l.Close() // the first error says more than Close's could
		return nil, err
	}
	return l, nil
}

// EvalBatch returns the number of examples that a run scores at once unless [Config.EvalBatch] is set: as many as make
// 64 MiB of activations, at least a training batch, at most 512.
func EvalBatch(net *model.Network, batch int) int {
	perExample := 4 * (net.Input.Size() + net.HiddenUnits() + net.PooledUnits())
	return max(batch, min(512, 64<<20/perExample))
}

// prepare takes all device memory that the learner will ever use, and fills it.
func (l *Learner) prepare(params, feedback []float32) error {
	o, training, local := &l.owned, l.cfg.Rule != nil, l.cfg.LocalBatch()
	batch := max(local, l.cfg.EvalBatch)
	l.params = o.Floats("the weights", l.net.Params)
	if training {
		l.learns = l.cfg.Learning(l.net)
		l.grads = o.Floats("the gradients", l.net.Params)
		for range l.cfg.Kind().States() {
			l.state = append(l.state, o.Floats("the optimizer state", l.net.Params))
		}
		if len(feedback) > 0 {
			l.feedback = o.Floats("the feedback", len(feedback))
			if optimizer, _ := l.cfg.FeedbackUpdate(); l.cfg.Rule.LearnsFeedback() {
				if !l.cfg.Rule.Mirrors() {
					l.gradsOfB = o.Floats("the gradient of the feedback", len(feedback))
				}
				for range optimizer.States() {
					l.feedbackState = append(l.feedbackState, o.Floats("the state of the feedback's optimizer", len(feedback)))
				}
			}
		}
	}
	l.x = o.Floats("the inputs", batch*l.net.Input.Size())
	l.y = o.Alloc("the labels", gpu.Int32, batch)
	if l.net.Normalization != nil {
		l.channels = o.Floats("the normalization", 2*l.net.Input.C)
	}
	carried := 0
	for _, layer := range l.net.Hidden() {
		h := hidden{h: o.Floats("the activations", batch*layer.Units())}
		if training {
			h.delta = o.Floats("the errors", local*layer.Units())
		}
		if l.net.Activation.NeedsPre() {
			h.pre = o.Floats("the preactivations", batch*layer.Units())
		}
		if layer.Pool.Any() {
			pooled := layer.Passed().Size()
			h.pooled = o.Floats("the pooled activations", batch*pooled)
			if training && layer.Pool.Kind == gpu.MaxPooling {
				h.places = o.Alloc("the places of maxima", gpu.Uint8, local*pooled)
			}
			carried = max(carried, pooled)
		}
		l.hidden = append(l.hidden, h)
	}
	l.logits = o.Floats("the logits", batch*l.net.Logits)
	l.metrics = o.Alloc("the metrics", gpu.Float64, gpu.NumMetrics)
	if training {
		l.e = o.Floats("the errors", local*l.net.Logits)
		if l.cfg.Rule.ErrorSigns {
			l.errorSigns = o.Floats("the signs of the errors", local*l.net.Logits)
		}
		l.counter = o.Alloc("the counters", gpu.Int32, 2)
		if carried > 0 {
			l.carried = o.Floats("the errors behind a pooling", local*carried)
		}
	}
	if err := o.Err(); err != nil {
		return err
	}
	if err := l.SetParams(params); err != nil {
		return err
	}
	if l.channels != nil {
		mean, scales := l.net.Normalization.Bytes()
		if err := gpu.Upload(l.dev, l.channels, 0, slices.Concat(mean, scales)); err != nil {
			return err
		}
	}
	if l.feedback != nil {
		if err := gpu.Upload(l.dev, l.feedback, 0, feedback); err != nil {
			return err
		}
	}
	if training {
		return l.resetState()
	}
	return nil
}

// resetState gives the optimizer's state its first values and the counters zero.
func (l *Learner) resetState() error {
	optimizer, _ := l.cfg.FeedbackUpdate()
	if err := cmp.Or(l.fill(l.state, l.cfg.Kind().InitialState()), l.fill(l.feedbackState, optimizer.InitialState())); err != nil {
		return err
	}
	return l.dev.Zero(gpu.All(l.counter))
}

// fill uploads a value to all elements of arenas.
func (l *Learner) fill(arenas []gpu.Buffer, value float32) error {
	const piece = 1 << 18 // floats: the arenas may be as large as the host's memory
	for _, arena := range arenas {
		values := slices.Repeat([]float32{value}, min(piece, arena.Len()))
		for at := 0; at < arena.Len(); at += piece {
			if err := gpu.Upload(l.dev, arena, at, values[:min(piece, arena.Len()-at)]); err != nil {
				return err
			}
		}
	}
	return nil
}

// Device returns the device of the network.
func (l *Learner) Device() gpu.Device { return l.dev }

// Network returns the network that learns.
func (l *Learner) Network() *model.Network { return l.net }

// Config returns the settings of the training. Their EvalBatch is never 0.
func (l *Learner) Config() Config { return l.cfg }

// Close frees the learner's device memory.
func (l *Learner) Close() error { return l.owned.Free() }

// Arena returns the parameters on the device, laid out as the network says.
func (l *Learner) Arena() gpu.Span { return gpu.All(l.params) }

// Params downloads the parameter arena.
func (l *Learner) Params() ([]float32, error) { return gpu.Read[float32](l.dev, gpu.All(l.params)) }

// SetParams uploads a parameter arena.
func (l *Learner) SetParams(arena []float32) error { return gpu.Upload(l.dev, l.params, 0, arena) }

// Feedback downloads the stored feedback, laid out as [Rule.DrawFeedback] returns it; nil if none is stored.
func (l *Learner) Feedback() ([]float32, error) {
	if l.feedback == nil {
		return nil, nil
	}
	return gpu.Read[float32](l.dev, gpu.All(l.feedback))
}

// SetFeedback uploads stored feedback.
func (l *Learner) SetFeedback(arena []float32) error { return gpu.Upload(l.dev, l.feedback, 0, arena) }

// Grads downloads the gradients of the last step, without L2, laid out like Params. Those of frozen layers are 0.
func (l *Learner) Grads() ([]float32, error) {
	grads, err := gpu.Read[float32](l.dev, gpu.All(l.grads))
	if err != nil {
		return nil, err
	}
	for i, layer := range l.net.Layers {
		if !l.learns[i] {
			clear(layer.W.Of(grads))
			clear(layer.B.Of(grads)) // may have been computed on the way to a layer below
		}
	}
	return grads, nil
}

// OptimizerState downloads the optimizer's arenas, and those of the optimizer of learned feedback.
func (l *Learner) OptimizerState() (params, feedback [][]float32, err error) {
	if params, err = l.download(l.state); err == nil {
		feedback, err = l.download(l.feedbackState)
	}
	return params, feedback, err
}

func (l *Learner) download(buffers []gpu.Buffer) (arenas [][]float32, err error) {
	for _, buffer := range buffers {
		arena, err := gpu.Read[float32](l.dev, gpu.All(buffer))
		if err != nil {
			return nil, err
		}
		arenas = append(arenas, arena)
	}
	return arenas, nil
}

// SetOptimizerState uploads the arenas of OptimizerState.
func (l *Learner) SetOptimizerState(params, feedback [][]float32) error {
	return cmp.Or(l.upload(l.state, params), l.upload(l.feedbackState, feedback))
}

func (l *Learner) upload(buffers []gpu.Buffer, arenas [][]float32) error {
	for i, arena := range arenas {
		if err := gpu.Upload(l.dev, buffers[i], 0, arena); err != nil {
			return err
		}
	}
	return nil
}

// SetFactors multiplies the learning rate in each step of an epoch by its own factor. It must be called before Train is
// recorded for the first time; later calls, between epochs, have the same number of factors.
func (l *Learner) SetFactors(factors []float32) error {
	if l.factors == nil {
		l.factors = l.owned.Floats("the factors of the learning rate", len(factors))
		if err := l.owned.Err(); err != nil {
			return err
		}
	}
	return gpu.Upload(l.dev, l.factors, 0, factors)
}

// Batches returns the counter of the epoch's training steps on the device, int32 [1].
func (l *Learner) Batches() gpu.Span { return gpu.All(l.counter).Slice(0, 1) }

// SetCounters sets the numbers of training steps in this epoch and in the whole run (Adam's t).
func (l *Learner) SetCounters(epoch, run int) error {
	return gpu.Upload(l.dev, l.counter, 0, []int32{int32(epoch), int32(run)})
}

// BeginEpoch sets the epoch's counter to steps and the metrics to the sums over them.
func (l *Learner) BeginEpoch(steps int, sums Metrics) error {
	if steps == 0 {
		if err := l.dev.Zero(l.Batches()); err != nil {
			return err
		}
		return l.ResetMetrics()
	}
	if err := gpu.Upload(l.dev, l.counter, 0, []int32{int32(steps)}); err != nil {
		return err
	}
	return gpu.Upload(l.dev, l.metrics, 0, sums.Slots())
}

// Logits downloads the logits of the n examples that were computed last: [n, logits].
func (l *Learner) Logits(n int) ([]float32, error) {
	return gpu.Read[float32](l.dev, gpu.All(l.logits).Slice(0, n*l.net.Logits))
}
