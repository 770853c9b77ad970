// Package predict is mdfa's command predict, which runs a trained network on images: files, folders, or a part of the data
// set that it was trained on. `predict -h` lists its flags.
//
// Exit codes: 0 done, 1 something failed, such as reading a file, 2 wrong usage, 130 ended by
// Ctrl-C or another signal.
package predict

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"

	"mdfa/algo"
	"mdfa/algo/predict"
	"mdfa/cmd/internal/cli"
	"mdfa/run/checkpoint"
	"mdfa/run/device"
)

// Command is predict.
var Command = cli.Command{
	Name:  "predict",
	Flags: func() *cli.Flags { return newFlags(&options{}) },
	Do: func(ctx context.Context, call cli.Call, stdout *os.File) error {
		return run(ctx, call.Args, stdout, os.Stderr)
	},
}

// run is the whole program.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	c, err := checkpoint.LoadWeights(ctx, o.path, o.weights)
	if err != nil {
		return err
	}
	out := newOutput(stdout, stderr, o, c.Data)
	err = cli.Until(ctx, func() error { return out.run(ctx, o, c) }) // a product may take seconds
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = fmt.Errorf("%w: the images so far are printed", cli.ErrInterrupted)
	}
	return err
}

// run opens the device and predicts.
func (out *output) run(ctx context.Context, o options, c *checkpoint.Checkpoint) (err error) {
	if c.Skipped != nil {
		errorLine(out.errors, c.Skipped)
	}
	images, err := open(ctx, o, c)
	if err != nil {
		return err
	}
	dev, passed, err := device.Open(o.device, device.Options{})
	if err != nil {
		return err
	}
	defer func() {
		if closing := dev.Close(); err == nil {
			err = closing
		}
	}()
	out.header(c, dev.Info(), passed, images)
	p, err := predict.New(dev, c.Network, c.Params, batchSize(o, c))
	if err != nil {
		return err
	}
	defer func() {
		if closing := p.Close(); err == nil {
			err = closing
		}
	}()
	if err := p.Each(ctx, "image", images.examples(), func(first int, logits []float32) error {
		return out.batch(images, first, logits, c.Network.Logits)
	}); err != nil {
		return err
	}
	if err := out.summary(); err != nil {
		return err
	}
	if out.failed > 0 {
		return fmt.Errorf("%d of %d images could not be read", out.failed, images.len())
	}
	return nil
}

// batchSize returns the size of the run's evaluation batches, so that the accuracy is bit-identical.
func batchSize(o options, c *checkpoint.Checkpoint) int {
	if o.batch > 0 {
		return o.batch
	}
	batch, err := strconv.Atoi(c.Flags["batch_size"])
	if err != nil || batch < 1 {
		batch = 1
	}
	return algo.EvalBatch(c.Network, batch)
}
