package main

import (
	"errors"
	"fmt"
	"strings"

	"mdfa/algo"
	"mdfa/gpu"
	"mdfa/loaders"
	"mdfa/model"
	"mdfa/run/device"
	"mdfa/run/settings"
)

// plan is what the flags ask for, in the engine's own terms. Only what depends on the
// data set's images is still open.
type plan struct {
	options
	config            algo.Config
	activation        gpu.Activation
	forward, backward model.Init
	layers            []int          // nil: the default network
	filters           []model.Filter // nil: the default network
	notes             []string       // what the user should know about the flags
	origin            *origin        // the run that goes on; nil: a new one begins
	command           []string       // the program's name and its arguments, for run.json
}

// newPlan checks every setting that can be checked without data or device.
func newPlan(opt options) (*plan, error) {
	p := &plan{options: opt}
	for _, check := range []func() error{opt.Check, p.read, p.together, p.checkGPUFlags} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// read brings the settings into the engine's own terms.
func (p *plan) read() error {
	c := &p.config
	c.LR, c.L2, c.Floor, c.Batch = float32(p.LR), float32(p.L2), float32(p.ClampFloor), p.BatchSize
	var errs [8]error
	c.Rule, errs[0] = algo.ParseRule(p.Model)
	c.Optimizer, errs[1] = algo.ParseOptimizer(p.Optimizer)
	c.Reduction, errs[2] = algo.ParseReduction(p.Reduction)
	p.activation, errs[3] = model.ParseActivation(p.Activation)
	p.forward, errs[4] = model.ParseInit(p.ForwardInit)
	p.backward, errs[5] = model.ParseInit(p.BackwardInit)
	if p.Chosen("layers") {
		p.layers, errs[6] = model.ParseLayers(p.Layers)
	}
	if p.Chosen("filters") {
		p.filters, errs[7] = model.ParseFilters(p.Filters)
	}
	return errors.Join(errs[:]...)
}

// together refuses settings that have no meaning beside each other.
func (p *plan) together() error {
	rule := p.config.Rule
	switch {
	case strings.TrimSpace(p.Out) == "":
		return usagef("-out is empty: expected the name of a folder.")
	case p.Chosen("clamp_floor") && !rule.Monotone():
		return usagef("-clamp_floor goes with -model %s only: %v clamps nothing; leave one of them out.", settings.RulesThat((*algo.Rule).Monotone), rule)
	case p.Convnet && p.Chosen("layers"):
		return usagef("-layers is for fully connected networks: with -convnet name the convolutions with -filters.")
	case !p.Convnet && p.Chosen("filters"):
		return usagef("-filters is for convolutional networks: add -convnet, or name the layers with -layers.")
	case p.Feedback == settings.FeedbackGenerated && !rule.Generable():
		return usagef("-feedback generated goes with -model %s: %v has no feedback that could be generated; leave one of them out.", settings.RulesThat((*algo.Rule).Generable), rule)
	}
	if !rule.HasFeedback() && p.Chosen("backward_init") {
		p.notes = append(p.notes, "-backward_init is ignored: "+rule.String()+" has no fixed feedback")
	}
	if rule.Monotone() {
		if _, err := p.forward.Monotone(); err != nil {
			return refuse("forward_init", err)
		}
		if _, err := p.backward.Monotone(); err != nil {
			return refuse("backward_init", err)
		}
	}
	return nil
}

// refuse makes an error one of a setting's value; nil stays nil.
func refuse(name string, err error) error { return settings.Find(name).Refuse(err) }

// stored is the kind of feedback that takes memory.
func (p *plan) stored() model.Feedback {
	if p.Feedback == settings.FeedbackGenerated {
		return model.NoFeedback
	}
	return p.config.Rule.Feedback
}

// network builds the network for a data set.
func (p *plan) network(data *loaders.Dataset) (*model.Network, error) {
	input := model.Shape{H: data.Height, W: data.Width, C: data.Channels}
	switch {
	case p.layers != nil:
		n, err := model.NewDense(input, p.layers, data.Classes, p.activation)
		return n, refuse("layers", err)
	case p.filters != nil:
		n, err := model.NewConv(input, p.filters, data.Classes, p.activation)
		return n, refuse("filters", err)
	}
	n, err := model.Default(input, p.Convnet, data.Classes, p.activation)
	if err != nil && input.C == colours {
		return p.borrow(input, data.Classes)
	}
	return n, refuse("dataset", err)
}

const (
	colours = 3 // channels of a photograph
	// leastImageNet is the smallest side that the paper's convolutions for ImageNet fit:
	// backwards from one position after the last, each multiplies by its stride and adds
	// its kernel less the stride.
	leastImageNet = 193
)

// borrow takes the paper's layers for photographs of the nearest size. The paper trains on
// two sizes only, but people prepare theirs at any.
func (p *plan) borrow(input model.Shape, classes int) (*model.Network, error) {
	paper := model.Shape{H: 32, W: 32, C: colours}
	if min(input.H, input.W) >= leastImageNet {
		paper = model.Shape{H: 224, W: 224, C: colours}
	}
	from, err := model.Default(paper, p.Convnet, classes, p.activation)
	if err != nil {
		return nil, refuse("dataset", err)
	}
	var widths []int
	var filters []model.Filter
	for _, l := range from.Hidden() {
		widths = append(widths, l.Channels())
		filters = append(filters, model.Filter{Filters: l.Channels(), Kernel: l.Kernel, Stride: l.Stride})
	}
	flag := "layers"
	if p.Convnet {
		flag = "filters"
	}
	p.notes = append(p.notes, fmt.Sprintf("the paper has no network for images of %v: these are its layers for %v (-%s names others)", input, paper, flag))
	if p.Convnet {
		n, err := model.NewConv(input, filters, classes, p.activation)
		return n, refuse("filters", err)
	}
	n, err := model.NewDense(input, widths, classes, p.activation)
	return n, refuse("layers", err)
}

// initial draws the network's first weights and its fixed feedback.
func (p *plan) initial(net *model.Network) (params, feedback []float32, err error) {
	seed, rule := uint64(p.Seed), p.config.Rule
	if params, err = rule.DrawParams(net, p.forward, seed); err != nil {
		return nil, nil, refuse("forward_init", err)
	}
	if p.stored() == model.NoFeedback {
		return params, nil, nil
	}
	if feedback, err = rule.DrawFeedback(net, p.backward, seed); err != nil {
		return nil, nil, refuse("backward_init", err)
	}
	return params, feedback, nil
}

// generate sets what draws the feedback in every step, where that is asked for.
func (p *plan) generate(net *model.Network) error {
	if p.Feedback != settings.FeedbackGenerated {
		return nil
	}
	var err error
	if p.config.Feedback, err = p.config.Rule.GenerateFeedback(net, p.backward, uint64(p.Seed)); err != nil {
		return refuse("backward_init", err)
	}
	return nil
}

// facts are the settings with what data, network and device made of them.
func (p *plan) facts(data *loaders.Dataset, net *model.Network, dev gpu.Info) *settings.Facts {
	return &settings.Facts{
		Spec: p.Spec, Shape: [3]int{data.Height, data.Width, data.Channels}, Source: data.Source,
		Network: net, Rule: p.config.Rule, OnGPU: device.OnGPU(dev.Kind),
	}
}

// kind is the network's in one word, as folders are named.
func (p *plan) kind() string {
	if p.Convnet {
		return "convnet"
	}
	return "dense"
}
