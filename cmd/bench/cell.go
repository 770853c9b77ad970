package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"mdfa/algo"
	"mdfa/gpu"
	"mdfa/model"
)

// input sizes of the networks that can be timed.
var inputs = map[string]model.Shape{
	"mnist": {H: 28, W: 28, C: 1},
	"cifar": {H: 32, W: 32, C: 3},
}

const classes = 10

func netNames() []string { return []string{"mnist-fc", "mnist-conv", "cifar-fc", "cifar-conv"} }

// cell is one network under one rule, ready to step.
type cell struct {
	dev      gpu.Device
	learner  *algo.Learner
	trainer  *algo.Trainer
	products gpu.Program  // the step's matrix products alone
	operands []gpu.Buffer // what they multiply
	flops    float64      // of the products
	epoch    int
	left     int // steps left in the epoch
}

func newCell(dev gpu.Device, name string, rule algo.Rule, batch int) (*cell, error) {
	data, kind, _ := strings.Cut(name, "-")
	input, ok := inputs[data]
	if !ok || kind != "fc" && kind != "conv" {
		return nil, fmt.Errorf("network %q is unknown; there are %s", name, strings.Join(netNames(), ", "))
	}
	net, err := model.Default(input, kind == "conv", classes, gpu.Tanh)
	if err != nil {
		return nil, err
	}
	init, err := model.ParseInit("U1")
	if err != nil {
		return nil, err
	}
	params, err := net.InitialParams(init, rule.Monotone(), 0)
	if err != nil {
		return nil, err
	}
	feedback, err := rule.DrawFeedback(net, init, 0)
	if err != nil {
		return nil, err
	}
	cfg := algo.Config{Rule: rule, Optimizer: gpu.RMSProp, LR: 1e-4, Batch: batch}
	c := &cell{dev: dev}
	if c.learner, err = algo.NewLearner(dev, net, cfg, params, feedback); err != nil {
		return nil, err
	}
	c.trainer, err = algo.NewTrainer(c.learner, algo.Data{Train: madeUp(input, 64*batch)}, algo.Schedule{Epochs: 1})
	if err != nil {
		return nil, err
	}
	return c, c.recordProducts(net, rule, batch)
}

// madeUp is n random images.
func madeUp(input model.Shape, n int) algo.Examples {
	rng := rand.New(rand.NewPCG(1, 2))
	e := algo.Examples{Images: make([]uint8, n*input.Size()), Labels: make([]int32, n)}
	for i := range e.Images {
		e.Images[i] = uint8(rng.Uint32())
	}
	for i := range e.Labels {
		e.Labels[i] = rng.Int32N(classes)
	}
	return e
}

// recordProducts records the matrix products of a step and nothing else: forward and
// weight gradient of every layer, and what brings the error to the hidden ones.
// Convolutions are products of all patches at once.
func (c *cell) recordProducts(net *model.Network, rule algo.Rule, batch int) error {
	var list []gpu.GemmArgs
	product := func(m, k, n int, transA, transB bool) error {
		operand := func(rows, cols int) gpu.Mat {
			values := make([]float32, rows*cols)
			for i := range values {
				values[i] = float32(i%7) - 3
			}
			b, err := gpu.NewBuffer(c.dev, values)
			if err != nil {
				return gpu.Mat{}
			}
			c.operands = append(c.operands, b)
			return gpu.All(b).Mat(rows, cols)
		}
		args := gpu.GemmArgs{C: operand(m, n), A: operand(m, k), B: operand(k, n), TransA: transA, TransB: transB}
		if transA {
			args.A = operand(k, m)
		}
		if transB {
			args.B = operand(n, k)
		}
		list = append(list, args)
		c.flops += 2 * float64(m) * float64(k) * float64(n)
		return args.Check()
	}
	for i, l := range net.Layers {
		rows := batch * l.Units() / l.Channels()
		if err := product(rows, l.FanIn(), l.Channels(), false, false); err != nil {
			return err
		}
		if err := product(l.FanIn(), rows, l.Channels(), true, false); err != nil {
			return err
		}
		if i > 0 && rule.Feedback() != model.DirectFeedback {
			if err := product(rows, l.Channels(), l.FanIn(), false, true); err != nil {
				return err
			}
		}
	}
	if rule.Feedback() == model.DirectFeedback {
		if err := product(batch, net.Logits, net.HiddenUnits(), false, false); err != nil {
			return err
		}
	}
	var err error
	c.products, err = c.dev.Record(func() error {
		for _, args := range list {
			if err := c.dev.Gemm(args); err != nil {
				return err
			}
		}
		return nil
	})
	return err
}

func (c *cell) free() error {
	for _, b := range c.operands {
		if err := b.Free(); err != nil {
			return err
		}
	}
	return c.learner.Close()
}

func (c *cell) step() error {
	if c.left == 0 {
		c.epoch++
		c.left = c.trainer.Steps()
		if err := c.trainer.BeginEpoch(c.epoch); err != nil {
			return err
		}
	}
	c.left--
	if err := c.trainer.Step(); err != nil {
		return err
	}
	return c.dev.Sync()
}

func (c *cell) multiply() error {
	if err := c.products.Run(); err != nil {
		return err
	}
	return c.dev.Sync()
}

// timing is in seconds.
type timing struct{ step, p95, products float64 }

// measure takes turns between steps and products in short windows, so that a machine
// whose speed drifts slows both alike.
func (c *cell) measure(total time.Duration) (timing, error) {
	const windows = 10
	var steps, products []float64
	for _, warm := range []func() error{c.step, c.step, c.multiply, c.multiply} {
		if err := warm(); err != nil {
			return timing{}, err
		}
	}
	for range windows {
		for _, half := range []struct {
			run   func() error
			times *[]float64
		}{{c.step, &steps}, {c.multiply, &products}} {
			for end := time.Now().Add(total / windows); time.Now().Before(end); {
				start := time.Now()
				if err := half.run(); err != nil {
					return timing{}, err
				}
				*half.times = append(*half.times, time.Since(start).Seconds())
			}
		}
	}
	return timing{quantile(steps, 0.5), quantile(steps, 0.95), quantile(products, 0.5)}, nil
}

func quantile(values []float64, q float64) float64 {
	slices.Sort(values)
	return values[int(q*float64(len(values)-1))]
}
