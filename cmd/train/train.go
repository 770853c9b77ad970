package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"mdfa/algo"
	"mdfa/gpu"
	"mdfa/loaders"
	"mdfa/model"
	"mdfa/run/device"
)

// train runs a plan from data to results.
func train(ctx context.Context, p *plan, out *console) (err error) {
	dev, passed, err := device.Open(p.Device, device.Options{Sync: p.Sync, TF32: p.TF32})
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
	s := &session{plan: p, out: out, data: data, net: net, info: info, memory: memory, start: time.Now()}
	cache := p.cacheText(placed, data)
	if s.keep, err = p.open(data, net, info, s.start); err != nil {
		return err
	}
	s.keep.out = out
	defer s.keep.run.Close()
	out.printHeader(p, data, net, info, passed, memory, cache)
	s.trainer, err = prepare(ctx, dev, p, net, placed, s.keep)
	if err != nil {
		s.keep.run.Discard()
		if ctx.Err() != nil {
			return fmt.Errorf("%w before training began", errInterrupted)
		}
		return explain(err, memory, info)
	}
	defer func() { err = cmp.Or(err, s.trainer.Close()) }()
	if err := s.begin(placed); err != nil {
		s.keep.run.Discard()
		return explain(err, memory, info)
	}
	out.startEvent(s.keep.settings, p, net, info, passed, memory, cache, s.keep.run)
	p.origin.print(out, p.config.StepsPerEpoch(data.Train.Len()))
	logStart(p.Out, s.keep.run, s.cells(algo.Result{}, outcome{status: statusStarted}), out)
	result, failure := follow(ctx, s.trainer, p, data, s.keep, out)
	return s.end(result, explain(failure, memory, info))
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
func prepare(ctx context.Context, dev gpu.Device, p *plan, net *model.Network, data algo.Data, keep *keeper) (*algo.Trainer, error) {
	params, feedback, err := p.initial(net)
	if err != nil {
		return nil, err
	}
	if keep.settings.Feedback, err = p.feedbackFacts(net, feedback); err != nil {
		return nil, err
	}
	if err := p.origin.checkFeedback(keep.settings.Feedback); err != nil {
		return nil, err
	}
	learner, err := algo.NewLearner(dev, net, p.config, params, feedback)
	if err != nil {
		return nil, err
	}
	keep.trainer, err = algo.NewTrainerContext(ctx, learner, data, keep.schedule(p))
	if err == nil && p.origin != nil && p.origin.state != nil {
		err = keep.trainer.Restore(p.origin.state.State())
	}
	return keep.trainer, err
}

// runName tells runs apart by what matters most: "mdfa-convnet-c10-s0".
func (p *plan) runName(data *loaders.Dataset) string {
	coarse := ""
	if data.Coarse {
		coarse = "coarse-"
	}
	return fmt.Sprintf("%v-%s-%sc%d-s%d", p.config.Rule, p.kind(), coarse, data.Classes, p.Seed)
}

// follow trains, with the live line where there can be one.
func follow(ctx context.Context, t *algo.Trainer, p *plan, data *loaders.Dataset, keep *keeper, out *console) (algo.Result, error) {
	steps := p.config.StepsPerEpoch(data.Train.Len())
	epochs := p.MaxEpochs
	if p.MaxSteps > 0 {
		epochs = min(epochs, (p.MaxSteps+steps-1)/steps)
	}
	out.startLive()
	defer out.stopLive()
	return t.Run(ctx, keep.reporter.watch(&observer{
		out: out, run: keep.run, keep: keep, aligned: keep.aligned, data: data, classes: data.Classes, batch: p.BatchSize,
		epochs: epochs, steps: steps, maxSteps: p.MaxSteps, before: p.origin.steps(), began: time.Now(), said: time.Now(),
	}))
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
	case errors.Is(err, context.Canceled) && !errors.Is(err, algo.ErrDiverged):
		return outcome{statusInterrupted, fmt.Sprintf("in epoch %d", len(r.Epochs)+1)}
	}
	return outcome{statusFailed, strings.TrimSuffix(sentence(err), ".")}
}
