package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"mdfa/algo"
	"mdfa/cmd/internal/device"
	"mdfa/gpu"
	"mdfa/internal/results"
	"mdfa/loaders"
	"mdfa/model"
)

// train runs a plan from data to results.
func train(ctx context.Context, p *plan, out *console) (err error) {
	dev, passed, err := device.Open(p.device, device.Options{Sync: p.sync, TF32: p.tf32})
	if err != nil {
		return err
	}
	defer func() {
		if closing := dev.Close(); err == nil {
			err = closing
		}
	}()
	info := dev.Info()
	if err := p.settle(info); err != nil {
		return err
	}
	data, err := p.load(ctx, out)
	if err != nil {
		return err
	}
	net, err := p.network(data)
	if err != nil {
		return err
	}
	if err := p.generate(net); err != nil {
		return err
	}
	placed, memory, err := p.arrange(net, data, info)
	if err != nil {
		return err
	}
	start := time.Now()
	run, err := results.Create(p.out, data.Name, p.runName(data), start, epochColumns())
	if err != nil {
		return err
	}
	out.printHeader(p, data, net, info, passed, memory, p.cacheText(placed, data))
	trainer, err := prepare(ctx, dev, p, net, placed)
	if err != nil {
		run.Discard()
		if ctx.Err() != nil {
			return fmt.Errorf("%w before training began", errInterrupted)
		}
		return explain(err, memory, info)
	}
	defer func() { err = cmp.Or(err, trainer.Close()) }()
	result, failure := follow(ctx, trainer, p, data, run, out)
	failure = explain(failure, memory, info)

	o := ending(failure, result)
	written := run.Finish(resultCells(p, data, net, info, result, o, start))
	out.printOutcome(data, result, run, written == nil)
	switch {
	case o.status == statusComplete && written == nil && p.profile:
		return explain(profile(trainer, p, net, info, result, run, out), memory, info)
	case o.status == statusComplete:
		return written
	case o.status == statusInterrupted && written == nil:
		return fmt.Errorf("%w %s: the results so far are written", errInterrupted, o.reason)
	case o.status == statusInterrupted:
		return fmt.Errorf("%w %s: %w", errInterrupted, o.reason, written)
	}
	return failure // it came before whatever kept the result from being written
}

// explain adds what a person can do about a device that gave up.
func explain(err error, memory memoryPlan, dev gpu.Info) error {
	switch {
	case errors.Is(err, gpu.ErrOutOfMemory):
		return memory.tooLarge(dev)
	case errors.Is(err, gpu.ErrDeviceLost) && dev.Kind == "cuda":
		// The software GPU has said what is wrong; NVIDIA's leaves it at a code.
		return fmt.Errorf("%w: run again with -sync to learn which kernel it was, and see what nvidia-smi says of the GPU", err)
	}
	return err
}

// prepare draws the weights and puts everything on the device.
func prepare(ctx context.Context, dev gpu.Device, p *plan, net *model.Network, data algo.Data) (*algo.Trainer, error) {
	params, feedback, err := p.initial(net)
	if err != nil {
		return nil, err
	}
	learner, err := algo.NewLearner(dev, net, p.config, params, feedback)
	if err != nil {
		return nil, err
	}
	return algo.NewTrainerContext(ctx, learner, data, algo.Schedule{Epochs: p.epochs, MaxSteps: p.maxSteps, Seed: uint64(p.seed)})
}

// runName tells runs apart by what matters most: "mdfa-convnet-c10-s0".
func (p *plan) runName(data *loaders.Dataset) string {
	coarse := ""
	if data.Coarse {
		coarse = "coarse-"
	}
	return fmt.Sprintf("%v-%s-%sc%d-s%d", p.config.Rule, p.kind(), coarse, data.Classes, p.seed)
}

// follow trains, with the live line where there can be one.
func follow(ctx context.Context, t *algo.Trainer, p *plan, data *loaders.Dataset, run *results.Run, out *console) (algo.Result, error) {
	steps := p.config.StepsPerEpoch(data.Train.Len())
	epochs := p.epochs
	if p.maxSteps > 0 {
		epochs = min(epochs, (p.maxSteps+steps-1)/steps)
	}
	out.startLive()
	defer out.stopLive()
	return t.Run(ctx, &observer{
		out: out, run: run, classes: data.Classes, batch: p.batch,
		epochs: epochs, steps: steps, maxSteps: p.maxSteps, began: time.Now(),
	})
}

// How a run can end, as result.csv says it.
const (
	statusComplete    = "complete"
	statusInterrupted = "interrupted"
	statusFailed      = "failed"
)

// ending says how a run ended.
func ending(err error, r algo.Result) outcome {
	switch {
	case err == nil:
		return outcome{status: statusComplete}
	case errors.Is(err, context.Canceled):
		return outcome{statusInterrupted, fmt.Sprintf("in epoch %d", len(r.Epochs)+1)}
	}
	return outcome{statusFailed, strings.TrimSuffix(sentence(err), ".")}
}
