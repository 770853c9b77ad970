package algo

import (
	"context"
	"fmt"
	"runtime"

	"mdfa/gpu"
	"mdfa/model"
)

// Predictor runs a network forward only: images in, logits out. It needs no rule, no
// gradients and no optimizer, and takes the device memory of an evaluation step.
//
// Its logits are the bits that a [Trainer] on the same device scores, as long as the
// batches are the same: [EvalBatch] of the run's network and batch, the images in the same
// order.
type Predictor struct {
	learner *Learner // of which only what a forward pass needs is there
	batch   int
	images  gpu.Buffer // uint8 [batch · input]
	labels  gpu.Buffer // int32 [batch], all zero: Loss wants some
	zero    gpu.Buffer // int32 [1]: the cursor of the one batch that lies in images
	full    gpu.Program
	rest    gpu.Program // of the last batch that was not full
	left    int         // the images of rest
}

// EvalBatch is the number of examples that a run scores at once, where nothing else is
// asked for: as many as make 64 MiB of activations, at least a training batch, at most 512.
func EvalBatch(net *model.Network, batch int) int { return evalBatch(net, batch) }

// NewPredictor puts a network with its parameters (an arena, laid out as the network says)
// on a device, for batches of up to so many images.
func NewPredictor(dev gpu.Device, net *model.Network, params []float32, batch int) (*Predictor, error) {
	switch {
	case batch < 1:
		return nil, fmt.Errorf("a batch of %d: at least 1 image is needed: %w", batch, ErrConfig)
	case len(params) != net.Params:
		return nil, fmt.Errorf("algo: %d parameters for a network of %d: %w", len(params), net.Params, gpu.ErrShape)
	}
	p := &Predictor{learner: &Learner{dev: dev, net: net}, batch: batch}
	if err := p.prepare(params); err != nil {
		_ = p.Close() // what went wrong first says more
		return nil, err
	}
	return p, nil
}

// prepare takes all device memory and records the forward pass of a full batch.
func (p *Predictor) prepare(params []float32) error {
	l := p.learner
	a := allocator{learner: l}
	l.params = a.floats("weights", l.net.Params)
	l.x = a.floats("inputs", p.batch*l.net.Input.Size())
	l.y = a.take("labels", gpu.Int32, p.batch)
	for _, layer := range l.net.Hidden() {
		h := hidden{h: a.floats("activations", p.batch*layer.Units())}
		if l.net.Activation.NeedsPre() {
			h.pre = a.floats("preactivations", p.batch*layer.Units())
		}
		l.hidden = append(l.hidden, h)
	}
	l.logits = a.floats("logits", p.batch*l.net.Logits)
	l.metrics = a.take("metrics", gpu.Float64, gpu.NumMetrics)
	p.images = a.take("images", gpu.Uint8, p.batch*l.net.Input.Size())
	p.labels = a.take("labels", gpu.Int32, p.batch)
	p.zero = a.take("counters", gpu.Int32, 1)
	if a.err != nil {
		return a.err
	}
	if err := gpu.Upload(l.dev, l.params, 0, params); err != nil {
		return err
	}
	var err error
	p.full, err = p.record(p.batch)
	return err
}

// record records the forward pass of the first n images.
func (p *Predictor) record(n int) (gpu.Program, error) {
	l := p.learner
	images, labels := gpu.All(p.images).Slice(0, n*l.net.Input.Size()), gpu.All(p.labels).Slice(0, n)
	return l.dev.Record(func() error { return l.scoring(n, images, labels, gpu.All(p.zero), gpu.Span{}) })
}

// program is the forward pass of n images.
func (p *Predictor) program(n int) (gpu.Program, error) {
	if n == p.batch {
		return p.full, nil
	}
	if p.rest != nil && p.left == n {
		return p.rest, nil
	}
	if p.rest != nil {
		if err := p.rest.Free(); err != nil {
			return nil, err
		}
		p.rest = nil
	}
	var err error
	p.rest, err = p.record(n)
	p.left = n
	return p.rest, err
}

// Batch is the largest number of images that go through the network at once.
func (p *Predictor) Batch() int { return p.batch }

// Logits runs images, [n, height, width, channels] bytes, through the network, in batches.
// The logits are [n, logits], one logit for two classes.
func (p *Predictor) Logits(images []uint8) ([]float32, error) {
	features := p.learner.net.Input.Size()
	if len(images)%features != 0 {
		return nil, fmt.Errorf("algo: %d bytes of images, which have %d each: %w", len(images), features, gpu.ErrShape)
	}
	logits := make([]float32, 0, len(images)/features*p.learner.net.Logits)
	for len(images) > 0 {
		n := min(p.batch, len(images)/features)
		batch, err := p.run(n, images[:n*features])
		if err != nil {
			return nil, err
		}
		logits, images = append(logits, batch...), images[n*features:]
	}
	return logits, nil
}

// run is a batch of n images.
func (p *Predictor) run(n int, images []uint8) ([]float32, error) {
	program, err := p.program(n)
	if err != nil {
		return nil, err
	}
	l := p.learner
	if err := l.dev.Upload(p.images, 0, images); err != nil {
		return nil, err
	}
	if err := program.Run(); err != nil {
		return nil, err
	}
	return gpu.Read[float32](l.dev, gpu.All(l.logits).Slice(0, n*l.net.Logits))
}

// Each runs examples through the network in their order and hands the logits of each batch
// to yield: those of the examples from first on, [n, logits]. Images of a source are read
// ahead. It ends with the first error, yield's too, or when ctx does. What names the
// examples in errors.
func (p *Predictor) Each(ctx context.Context, what string, e Examples, yield func(first int, logits []float32) error) error {
	features := p.learner.net.Input.Size()
	if err := e.check(what, features); err != nil || e.Len() == 0 {
		return err
	}
	if e.Source == nil {
		e.Images, e.Source = nil, memorySource{e.Images, features}
	}
	memory := newHeap(loadSlots, min(p.batch, e.Len()), features)
	read := newPrefetcher(memory, loadSlots, runtime.GOMAXPROCS(0))
	defer read.stop()
	if err := read.begin(what, e, features, nil, p.batch); err != nil {
		return err
	}
	for from := 0; from < e.Len(); {
		if err := ctx.Err(); err != nil {
			return err
		}
		got, err := read.next(ctx)
		if err != nil {
			return err
		}
		logits, err := p.run(got.n, memory[got.slot][imagePart][:got.n*features])
		if err != nil {
			return err
		}
		if err := yield(from, logits); err != nil {
			return err
		}
		if err := read.sent(); err != nil {
			return err
		}
		from += got.n
	}
	return nil
}

// LogitsObserver is an [Observer] that also wants to know what the best weights make of
// every test example.
type LogitsObserver interface {
	Observer
	// Logits is called once for each batch of the test set, or of the validation set where
	// there is no test set, when the best weights are scored at the end: with the logits of
	// the examples from first on, [n, logits]. An error ends the run.
	Logits(first int, logits []float32) error
}

// scoreBest scores the test set with the weights that are on the device now, and tells an
// observer about it that wants to know. Metrics are zero where there is no test set.
func (t *Trainer) scoreBest(ctx context.Context, observer Observer) (Metrics, error) {
	var yield yieldLogits
	if o, ok := observer.(LogitsObserver); ok {
		yield = o.Logits
	}
	switch {
	case t.test != nil:
		test, err := t.test.each(ctx, yield)
		if err != nil {
			return Metrics{}, fmt.Errorf("test: %w", err)
		}
		return test, nil
	case t.valid != nil && yield != nil:
		if _, err := t.valid.each(ctx, yield); err != nil {
			return Metrics{}, fmt.Errorf("validation: %w", err)
		}
	}
	return Metrics{}, nil
}

// Close frees what the predictor has on the device.
func (p *Predictor) Close() error {
	var first error
	for _, program := range []gpu.Program{p.full, p.rest} {
		if program == nil {
			continue
		}
		if err := program.Free(); err != nil && first == nil {
			first = err
		}
	}
	p.full, p.rest = nil, nil
	if err := p.learner.Close(); err != nil && first == nil {
		first = err
	}
	return first
}
