package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"mdfa/algo"
	"mdfa/gpu"
	"mdfa/internal/results"
	"mdfa/loaders"
	"mdfa/model"
)

// train runs a plan from data to results.
func train(ctx context.Context, p *plan, out *console) (err error) {
	dev, passed, err := openDevice(p.device, gpuOptions{sync: p.sync, tf32: p.tf32})
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
	data, err := loaders.Load(ctx, p.dataset, loaders.Options{Dir: p.data, Classes: p.classes, Seed: p.seed})
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("%w before training began", errInterrupted)
	case err != nil:
		return err
	}
	if n := data.Train.Len(); n < p.batch {
		return usagef("-batch_size %d is larger than the %s training images: take a smaller one.", p.batch, comma(n))
	}
	net, err := p.network(data)
	if err != nil {
		return err
	}
	memory := planMemory(net, p.config, data, info)
	if err := memory.check(info); err != nil {
		return err
	}
	start := time.Now()
	name := fmt.Sprintf("%v-%s-c%d-s%d", p.config.Rule, p.kind(), data.Classes, p.seed)
	run, err := results.Create(p.out, data.Name, name, start, epochColumns())
	if err != nil {
		return err
	}
	out.printHeader(p, data, net, info, passed, memory)
	trainer, err := prepare(dev, p, net, data)
	if err != nil {
		run.Discard()
		return explain(err, memory, info)
	}
	result, failure := follow(ctx, trainer, p, data, run, out)
	failure = explain(failure, memory, info)

	o := ending(failure, result)
	written := run.Finish(resultCells(p, data, net, info, result, o, start))
	out.printOutcome(data, result, run, written == nil)
	switch {
	case o.status == statusComplete && written == nil && p.profile:
		return explain(profile(trainer, p, net, info, run, out), memory, info)
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
func prepare(dev gpu.Device, p *plan, net *model.Network, data *loaders.Dataset) (*algo.Trainer, error) {
	params, feedback, err := p.initial(net)
	if err != nil {
		return nil, err
	}
	learner, err := algo.NewLearner(dev, net, p.config, params, feedback)
	if err != nil {
		return nil, err
	}
	return algo.NewTrainer(learner, algo.Data{
		Train: examples(&data.Train), Valid: examples(&data.Valid), Test: examples(&data.Test),
	}, algo.Schedule{Epochs: p.epochs, MaxSteps: p.maxSteps, Seed: uint64(p.seed)})
}

func examples(s *loaders.Split) algo.Examples {
	return algo.Examples{Images: s.Images, Labels: s.Labels}
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
