package run

import (
	"errors"
	"fmt"
	"regexp"

	"mdfa/algo"
	"mdfa/internal/wording"
	"mdfa/loaders"
	"mdfa/model"
	"mdfa/run/settings"
)

// stored returns the kind of feedback that takes memory.
func (r *Run) stored() model.Feedback {
	if r.spec.Feedback == settings.FeedbackGenerated {
		return model.NoFeedback
	}
	return r.config.Stored()
}

// network builds the network for a data set. note says where layers of another size come from.
func (r *Run) network(data *loaders.Dataset) (net *model.Network, note string, err error) {
	input := model.Shape{H: data.Height, W: data.Width, C: data.Channels}
	layers, filters := r.layers, r.filters
	if r.spec.Convnet && filters == nil || !r.spec.Convnet && layers == nil {
		var paper *model.Network
		if paper, note, err = r.paper(input, data.Classes); err != nil {
			return nil, "", refuse("dataset", err)
		}
		if r.spec.Convnet {
			filters = paper.Filters()
		} else {
			layers = paper.Widths()
		}
	}
	net, err = model.New(input, filters, layers, data.Classes, r.activation)
	if err == nil {
		return net, note, nil
	}
	flag := "layers"
	if _, convolutions := model.NewConv(input, filters, data.Classes, r.activation); r.spec.Convnet && (len(layers) == 0 || convolutions != nil) {
		flag = "filters"
	}
	return nil, "", refuse(flag, err)
}

const (
	colours = 3 // channels of a photograph
	// leastImageNet is the smallest side that the paper's convolutions for ImageNet fit:
	// backwards from one position after the last, each multiplies by its stride and adds
	// its kernel less the stride.
	leastImageNet = 193
)

// paper returns the paper's network for images of a shape, or for photographs of a size that it has none
// for, that of the nearest size. The paper trains on two sizes only, but people prepare theirs at any. note
// says where such layers come from.
func (r *Run) paper(input model.Shape, classes int) (net *model.Network, note string, err error) {
	net, err = model.Default(input, r.spec.Convnet, classes, r.activation)
	if err == nil || input.C != colours {
		return net, "", err
	}
	nearest := model.Shape{H: 32, W: 32, C: colours}
	if min(input.H, input.W) >= leastImageNet {
		nearest = model.Shape{H: 224, W: 224, C: colours}
	}
	if net, err = model.Default(nearest, r.spec.Convnet, classes, r.activation); err != nil {
		return nil, "", err
	}
	flag := "layers"
	if r.spec.Convnet {
		flag = "filters"
	}
	return net, fmt.Sprintf("the paper has no network for images of %v: these are its layers for %v (-%s names others)", input, nearest, flag), nil
}

// frozen returns the layers that are frozen. It refuses layers that would pass nothing on for ever.
func (r *Run) frozen(net *model.Network) ([]int, error) {
	c := r.config
	var err error
	if c.Frozen, err = net.Choose(r.freeze); err == nil {
		err = c.CheckFrozen(net)
	}
	if err != nil {
		return nil, refuse("freeze", err)
	}
	for i, learns := range c.Learning(net) {
		if !learns && r.forward.Value == 0 {
			return nil, wording.Usagef("-forward_init %v: layer %d (%v) does not learn, and would keep weights of 0, through which nothing of an image passes: choose other initial weights.",
				r.forward, i, net.Layers[i])
		}
	}
	return c.Frozen, nil
}

// signNote says what weights that begin at 0 mean for feedback with their signs; "" where that is no matter.
func (r *Run) signNote(net *model.Network) string {
	if rule := r.config.Rule; rule.TakesSigns() && r.forward.Value == 0 && len(net.Hidden()) > 0 {
		return fmt.Sprintf("-forward_init %v: %v takes the signs of the weights, and 0 has none: no error passes through a weight before it has changed", r.forward, rule)
	}
	return ""
}

// initial draws the network's first weights and its first feedback.
func (r *Run) initial(net *model.Network) (params, feedback []float32, err error) {
	seed, rule := uint64(r.spec.Seed), r.config.Rule
	if params, err = rule.DrawParams(net, r.forward, seed); err != nil {
		return nil, nil, refuse("forward_init", err)
	}
	if r.stored() == model.NoFeedback {
		return params, nil, nil
	}
	if feedback, err = rule.DrawFeedback(net, r.backward, seed); err != nil {
		return nil, nil, refuse("backward_init", err)
	}
	return params, feedback, nil
}

// training returns the configuration of the steps, with the frozen layers and with generators of what is drawn:
// magnitudes, and feedback where that is asked for.
func (r *Run) training(net *model.Network) (algo.Config, error) {
	c, seed := r.config, uint64(r.spec.Seed)
	if r.several() {
		c.Ranks = algo.Ranks{Rank: r.options.Ranks.Rank(), Size: r.options.Ranks.Size()}
	}
	if err := c.Augment.Check(net.Input); err != nil {
		return c, refuse("augment", err)
	}
	var err error
	if c.Frozen, err = r.frozen(net); err != nil {
		return c, err
	}
	var errs [2]error
	c.Magnitudes, errs[0] = c.Rule.DrawMagnitudes(net, r.backward, seed)
	if r.spec.Feedback == settings.FeedbackGenerated {
		c.Feedback, errs[1] = c.Rule.GenerateFeedback(net, r.backward, seed)
	}
	return c, refuse("backward_init", errors.Join(errs[:]...))
}

// name names a run by its main settings: "mdfa-convnet-c10-s0", "mdfa-convnet-c2-cs5-s0" with a seed of its own for the
// classes, or "mdfa-convnet-3+8-s0" where they are named.
func (r *Run) name(data *loaders.Dataset) string {
	kind, coarse, classes := "dense", "", fmt.Sprintf("c%d", data.Classes)
	if r.spec.Convnet {
		kind = "convnet"
	}
	if data.Coarse {
		coarse = "coarse-"
	}
	if seed := r.spec.LoadOptions().ClassSeed; seed != nil {
		classes += fmt.Sprintf("-cs%d", *seed)
	}
	if inFolderNames.MatchString(data.Named) {
		classes = data.Named
	}
	return fmt.Sprintf("%v-%s-%s%s-s%d", r.config.Rule, kind, coarse, classes, r.spec.Seed)
}

// inFolderNames matches the names of classes that the name of a folder holds on every system. Others are in run.json alone.
var inFolderNames = regexp.MustCompile(`^[\w.+-]{1,40}$`)
