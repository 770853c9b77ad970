package main

import (
	"fmt"
	"strings"

	"mdfa/algo"
	"mdfa/gpu"
	"mdfa/internal/wording"
	"mdfa/loaders"
	"mdfa/model"
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

// newPlan checks every flag that can be checked without data or device.
func newPlan(opt options) (*plan, error) {
	p := &plan{options: opt}
	for _, check := range []func() error{p.readRule, p.readNetwork, p.readInits, p.readFeedback, p.readCache, p.checkGPUFlags} {
		if err := check(); err != nil {
			return nil, err
		}
	}
	if strings.TrimSpace(opt.out) == "" {
		return nil, usagef("-out is empty: expected the name of a folder.")
	}
	return p, nil
}

func (p *plan) readRule() error {
	c := &p.config
	var err error
	if c.Rule, err = algo.ParseRule(p.model); err != nil {
		return flagError("model", "learning rule", err)
	}
	if c.Optimizer, err = algo.ParseOptimizer(p.optimizer); err != nil {
		return flagError("optimizer", "optimizer", err)
	}
	if c.Reduction, err = algo.ParseReduction(p.reduction); err != nil {
		return flagError("reduction", "reduction", err)
	}
	if p.given["clamp_floor"] && !c.Rule.Monotone() {
		return usagef("-clamp_floor goes with -model mdfa only: %v clamps nothing; leave one of them out.", c.Rule)
	}
	c.LR, c.L2, c.Floor, c.Batch = float32(p.lr), float32(p.l2), float32(p.clampFloor), p.batch
	return nil
}

func (p *plan) readNetwork() error {
	var err error
	if p.activation, err = model.ParseActivation(p.options.activation); err != nil {
		return flagError("activation", "activation", err)
	}
	switch {
	case p.convnet && p.given["layers"]:
		return usagef("-layers is for fully connected networks: with -convnet name the convolutions with -filters.")
	case !p.convnet && p.given["filters"]:
		return usagef("-filters is for convolutional networks: add -convnet, or name the layers with -layers.")
	}
	if p.given["layers"] {
		if p.layers, err = model.ParseLayers(p.options.layers); err != nil {
			return flagError("layers", "layers", err)
		}
	}
	if p.given["filters"] {
		if p.filters, err = model.ParseFilters(p.options.filters); err != nil {
			return flagError("filters", "filters", err)
		}
	}
	return nil
}

func (p *plan) readInits() error {
	var err error
	if p.forward, err = model.ParseInit(p.forwardInit); err != nil {
		return flagError("forward_init", "initializer", err)
	}
	if p.backward, err = model.ParseInit(p.backwardInit); err != nil {
		return flagError("backward_init", "initializer", err)
	}
	rule := p.config.Rule
	if rule.Feedback() == model.NoFeedback && p.given["backward_init"] {
		p.notes = append(p.notes, "-backward_init is ignored: "+rule.String()+" has no fixed feedback")
	}
	if rule.Monotone() {
		if _, err := p.forward.Monotone(); err != nil {
			return flagError("forward_init", "initializer", err)
		}
		if _, err := p.backward.Monotone(); err != nil {
			return flagError("backward_init", "initializer", err)
		}
	}
	return nil
}

// Where the fixed feedback of dfa and mdfa is: the values of -feedback. The numbers are
// the same bits.
const (
	feedbackStored    = "stored"    // in the device's memory
	feedbackGenerated = "generated" // nowhere: every step draws it anew
)

func (p *plan) readFeedback() error {
	switch rule := p.config.Rule; {
	case p.feedback == feedbackStored:
	case p.feedback != feedbackGenerated:
		return usagef("-feedback %s: expected %s or %s.", wording.Shown(p.feedback), feedbackStored, feedbackGenerated)
	case rule.Feedback() != model.DirectFeedback:
		return usagef("-feedback generated goes with -model dfa and mdfa: %v has no feedback that could be generated; leave one of them out.", rule)
	}
	return nil
}

// stored is the kind of feedback that takes memory.
func (p *plan) stored() model.Feedback {
	if p.feedback == feedbackGenerated {
		return model.NoFeedback
	}
	return p.config.Rule.Feedback()
}

// network builds the network for a data set.
func (p *plan) network(data *loaders.Dataset) (*model.Network, error) {
	input := model.Shape{H: data.Height, W: data.Width, C: data.Channels}
	switch {
	case p.layers != nil:
		n, err := model.NewDense(input, p.layers, data.Classes, p.activation)
		return n, asUsage("layers", err)
	case p.filters != nil:
		n, err := model.NewConv(input, p.filters, data.Classes, p.activation)
		return n, asUsage("filters", err)
	}
	n, err := model.Default(input, p.convnet, data.Classes, p.activation)
	if err != nil && input.C == colours {
		return p.borrow(input, data.Classes)
	}
	return n, asUsage("dataset", err)
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
	from, err := model.Default(paper, p.convnet, classes, p.activation)
	if err != nil {
		return nil, asUsage("dataset", err)
	}
	var widths []int
	var filters []model.Filter
	for _, l := range from.Hidden() {
		widths = append(widths, l.Channels())
		filters = append(filters, model.Filter{Filters: l.Channels(), Kernel: l.Kernel, Stride: l.Stride})
	}
	flag := "layers"
	if p.convnet {
		flag = "filters"
	}
	p.notes = append(p.notes, fmt.Sprintf("the paper has no network for images of %v: these are its layers for %v (-%s names others)", input, paper, flag))
	if p.convnet {
		n, err := model.NewConv(input, filters, classes, p.activation)
		return n, asUsage("filters", err)
	}
	n, err := model.NewDense(input, widths, classes, p.activation)
	return n, asUsage("layers", err)
}

// asUsage makes an error one of the flag's value; nil stays nil.
func asUsage(name string, err error) error {
	if err == nil {
		return nil
	}
	return flagError(name, name, err)
}

// initial draws the network's first weights and its fixed feedback.
func (p *plan) initial(net *model.Network) (params, feedback []float32, err error) {
	seed, rule := uint64(p.seed), p.config.Rule
	if params, err = net.InitialParams(p.forward, rule.Monotone(), seed); err != nil {
		return nil, nil, flagError("forward_init", "initializer", err)
	}
	if p.stored() == model.NoFeedback {
		return params, nil, nil
	}
	if feedback, err = rule.DrawFeedback(net, p.backward, seed); err != nil {
		return nil, nil, flagError("backward_init", "initializer", err)
	}
	return params, feedback, nil
}

// generate sets what draws the feedback in every step, where that is asked for.
func (p *plan) generate(net *model.Network) error {
	if p.feedback != feedbackGenerated {
		return nil
	}
	var err error
	if p.config.Feedback, err = p.config.Rule.GenerateFeedback(net, p.backward, uint64(p.seed)); err != nil {
		return flagError("backward_init", "initializer", err)
	}
	return nil
}

// kind is the network's in one word, as folders are named.
func (p *plan) kind() string {
	if p.convnet {
		return "convnet"
	}
	return "dense"
}
