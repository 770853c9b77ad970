package bench

import (
	"context"
	"errors"
	"fmt"

	"github.com/dustin/go-humanize"

	"mdfa/algo"
	"mdfa/algo/feed"
	"mdfa/algo/training"
	"mdfa/gpu"
	"mdfa/model"
)

// cell is a workload on a device, ready to step.
type cell struct {
	workload
	dev      gpu.Device
	net      *model.Network
	learner  *algo.Learner
	trainer  *training.Trainer
	products *products // nil until addProducts, and if the device has too little memory for them
	peer     *peer     // nil unless BioTorch is timed beside it
	epoch    int
	left     int // steps left in the epoch
}

// source reads images from host memory, in place of files.
type source struct {
	images []uint8
	size   int // of an image
}

// Image copies image i.
func (s source) Image(i int, dst []uint8) error {
	copy(dst, s.images[i*s.size:(i+1)*s.size])
	return nil
}

// newCell sets up a workload on a device. Streamed images are uploaded at each step;
// otherwise they are resident. If the device has too little memory, the error is
// gpu.ErrOutOfMemory and nothing stays allocated.
func newCell(dev gpu.Device, w workload, streamed bool) (*cell, error) {
	c := &cell{workload: w, dev: dev}
	var err error
	if c.net, err = w.build(); err != nil {
		return nil, err
	}
	before := dev.Info()
	if free := uint64(before.MemoryFree); free > 0 && c.needs(before) > free {
		return nil, fmt.Errorf("about %s are needed and %s are free: %w",
			humanize.Bytes(c.needs(before)), humanize.Bytes(free), gpu.ErrOutOfMemory)
	}
	if err := c.prepare(streamed); err != nil {
		return nil, errors.Join(err, c.free())
	}
	return c, nil
}

// addProducts records the products beside the training, unless too little memory is left.
func (c *cell) addProducts() error {
	p, err := planProducts(c.net, c.rule, c.batch).record(c.dev)
	if errors.Is(err, gpu.ErrOutOfMemory) {
		return nil
	}
	c.products = p
	return err
}

// config is how the cell trains.
func (c *cell) config() algo.Config {
	return algo.Config{Rule: c.rule, Optimizer: optimizer, LR: 1e-4, Batch: c.batch}
}

// needs estimates the bytes of the training. On the cpu the initial values take memory, too, while they are copied.
func (c *cell) needs(dev gpu.Info) uint64 {
	images := feed.Examples{Labels: make([]int32, c.batch*c.data.batches)}
	sum := training.PlanMemory(c.net, c.config(), training.Data{Train: images}, false).Total()
	if dev.Kind == "cpu" {
		sum += c.net.Memory(0, model.NoFeedback).Weights
	}
	return sum
}

func (c *cell) prepare(streamed bool) error {
	init, err := model.ParseInit("U1")
	if err != nil {
		return err
	}
	params, err := c.rule.DrawParams(c.net, init, 0)
	if err != nil {
		return err
	}
	cfg := c.config()
	feedback, err := cfg.DrawFeedback(c.net, init, 0)
	if err != nil {
		return err
	}
	if c.learner, err = algo.NewLearner(c.dev, c.net, cfg, params, feedback); err != nil {
		return err
	}
	train := c.data.madeUp(c.data.batches * c.batch)
	if streamed {
		train.Source, train.Images = source{train.Images, c.data.input.Size()}, nil
	}
	c.trainer, err = training.New(context.Background(), c.learner, training.Data{Train: train}, training.Schedule{Epochs: 1})
	return err
}

// free frees the cell's device memory, also after newCell failed half-way.
func (c *cell) free() error {
	var failed error
	if c.peer != nil {
		c.peer.close()
	}
	if c.products != nil {
		failed = c.products.free()
	}
	if c.trainer != nil {
		failed = errors.Join(failed, c.trainer.Close())
	}
	if c.learner != nil {
		failed = errors.Join(failed, c.learner.Close())
	}
	return failed
}

// begin starts an epoch if the current one has no steps left, and returns how many of n steps can run.
func (c *cell) begin(n int) (int, error) {
	if c.left == 0 {
		c.epoch++
		c.left = c.trainer.Steps()
		if err := c.trainer.BeginEpoch(c.epoch); err != nil {
			return 0, err
		}
		if err := c.dev.Sync(); err != nil {
			return 0, err
		}
	}
	return min(n, c.left), nil
}

// steps runs n steps of the epoch and waits for the last.
func (c *cell) steps(n int) error {
	c.left -= n
	for range n {
		if err := c.trainer.Step(); err != nil {
			return err
		}
	}
	return c.dev.Sync()
}

// multiply runs the products n times and waits for the last.
func (c *cell) multiply(n int) error {
	for range n {
		if err := c.products.program.Run(); err != nil {
			return err
		}
	}
	return c.dev.Sync()
}

// silent ignores all events.
type silent struct{}

func (silent) Step(int, int, func() (float64, error)) {}
func (silent) Epoch(training.Epoch) error             { return nil }

// dataWait trains one epoch and returns the share of its time that waited for images.
func (c *cell) dataWait(ctx context.Context) (float64, error) {
	c.left = 0
	r, err := c.trainer.Run(ctx, silent{})
	if err != nil || r.Seconds == 0 {
		return 0, err
	}
	return r.DataWait / r.Seconds, nil
}
