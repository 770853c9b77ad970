// Package predict runs trained networks on images, outside a training run, and reads their logits as ranks and
// probabilities of classes.
package predict

import (
	"cmp"
	"context"
	"fmt"

	"mdfa/algo"
	"mdfa/algo/feed"
	"mdfa/algo/owned"
	"mdfa/gpu"
	"mdfa/model"
)

// Predictor runs a network forward only: images in, logits out. It needs no rule, no gradients and no optimizer, and
// takes the device memory of an evaluation step.
//
// Its logits are the bits that a run on the same device scores, as long as the batches are the same:
// [algo.EvalBatch] of the run's network and batch, the images in the same order.
type Predictor struct {
	learner    *algo.Learner
	batch      int
	owned      owned.List
	images     gpu.Buffer // uint8 [batch · input]
	labels     gpu.Buffer // int32 [batch], all zero: the loss needs some
	zero       gpu.Buffer // int32 [1]: the cursor of the one batch in images
	full, rest gpu.Program
	left       int // the images of rest, the last batch that was not full
}

// New puts a network with its parameters (an arena, laid out as the network says) on a device, for batches of up to
// batch images.
func New(dev gpu.Device, net *model.Network, params []float32, batch int) (*Predictor, error) {
	l, err := algo.NewForward(dev, net, params, batch)
	if err != nil {
		return nil, err
	}
	p := &Predictor{learner: l, batch: batch, owned: owned.List{Device: dev}}
	p.images = p.owned.Alloc("the images", gpu.Uint8, batch*net.Input.Size())
	p.labels = p.owned.Alloc("the labels", gpu.Int32, batch)
	p.zero = p.owned.Alloc("the counters", gpu.Int32, 1)
	if err = p.owned.Err(); err == nil {
		p.full, err = p.record(batch)
	}
	if err != nil {
		_ = p.Close() // the first error says more
		return nil, err
	}
	return p, nil
}

// record records the forward pass of the first n images.
func (p *Predictor) record(n int) (gpu.Program, error) {
	l := p.learner
	images, labels := gpu.All(p.images).Slice(0, n*l.Network().Input.Size()), gpu.All(p.labels).Slice(0, n)
	return l.Device().Record(func() error { return l.Step(n).Evaluate(images, labels, gpu.All(p.zero), gpu.Span{}) })
}

// program returns the forward pass of n images.
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

// Logits runs images, [n, height, width, channels] bytes, through the network, in batches. The logits are
// [n, logits], one logit for two classes.
func (p *Predictor) Logits(images []uint8) ([]float32, error) {
	features := p.learner.Network().Input.Size()
	if len(images)%features != 0 {
		return nil, fmt.Errorf("%d bytes of images, which have %d each: %w", len(images), features, gpu.ErrShape)
	}
	logits := make([]float32, 0, len(images)/features*p.learner.Network().Logits)
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

// run returns the logits of a batch of n images.
func (p *Predictor) run(n int, images []uint8) ([]float32, error) {
	program, err := p.program(n)
	if err != nil {
		return nil, err
	}
	if err := p.learner.Device().Upload(p.images, 0, images); err != nil {
		return nil, err
	}
	if err := program.Run(); err != nil {
		return nil, err
	}
	return p.learner.Logits(n)
}

// Each runs examples through the network in their order and hands the logits of each batch, [n, logits], to yield:
// first is the number of its first example. Images of a source are read ahead. It ends with the first error, also of
// yield, or when ctx ends. Errors name the examples by name.
func (p *Predictor) Each(ctx context.Context, name string, e feed.Examples, yield func(first int, logits []float32) error) error {
	features := p.learner.Network().Input.Size()
	if err := e.Check(name, features); err != nil {
		return err
	}
	return feed.Each(ctx, name, e, features, p.batch, func(first int, images []byte) error {
		logits, err := p.run(len(images)/features, images)
		if err != nil {
			return err
		}
		return yield(first, logits)
	})
}

// Close frees the predictor's device memory.
func (p *Predictor) Close() error {
	var first error
	for _, program := range []gpu.Program{p.full, p.rest} {
		if program != nil {
			first = cmp.Or(first, program.Free())
		}
	}
	p.full, p.rest = nil, nil
	return cmp.Or(first, p.owned.Free(), p.learner.Close())
}
