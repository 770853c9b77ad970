package export

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"mdfa/internal/fault"
	"mdfa/internal/foreign"
	"mdfa/run/checkpoint"
)

// trained is the network that is exported.
type trained struct {
	*checkpoint.Checkpoint
	params  []float32 // the exported weights, an arena of Network
	weights string    // their name in -weights
}

// load reads the weights of -weights.
func load(ctx context.Context, opt options) (*trained, error) {
	c, err := checkpoint.LoadWeights(ctx, opt.path, opt.weights)
	if c != nil && opt.weights == checkpoint.Last && c.Kind != checkpoint.StateKind {
		err = fault.New(checkpoint.ErrAbsent, nil,
			"%s holds the weights of the best epoch alone: leave out -weights last, or name the run's folder.", c.Path)
	}
	if err != nil {
		return nil, err
	}
	weights := opt.weights
	if c.Kind != checkpoint.WeightsKind {
		weights = checkpoint.Last // also if no epoch has been validated
	}
	return &trained{Checkpoint: c, params: c.Params, weights: weights}, nil
}

// sortOutputs sorts the network's outputs, and the names and labels of its classes, by label: argmax of
// the outputs is the label itself if all classes were kept. A network of two classes has one logit,
// for the second class: it is negated if the two change places.
func (t *trained) sortOutputs() {
	order := t.Data.ByLabel()
	if slices.IsSorted(order) {
		return
	}
	sorted := t.Data
	sorted.ClassNames, sorted.ClassOrder = nil, nil
	for _, class := range order {
		sorted.ClassOrder = append(sorted.ClassOrder, t.Data.ClassOrder[class])
		if len(t.Data.ClassNames) > 0 {
			sorted.ClassNames = append(sorted.ClassNames, t.Data.ClassName(class))
		}
	}
	t.Data = sorted

	t.params = slices.Clone(t.params)
	last := t.Network.Layers[len(t.Network.Layers)-1]
	for _, values := range [][]float32{last.W.Of(t.params), last.B.Of(t.params)} {
		if t.Network.Logits == 1 {
			for i := range values {
				values[i] = -values[i]
			}
			continue
		}
		row := make([]float32, t.Network.Logits) // of the weights [in, out], and of the biases [out]
		for at := 0; at < len(values); at += len(row) {
			copy(row, values[at:])
			for output, class := range order {
				values[at+output] = row[class]
			}
		}
	}
}

// shownClasses is the number of classes that the summary names.
const shownClasses = 10

// outputText describes the classes of the outputs.
func (t *trained) outputText() string {
	names := t.classNames()
	text := "output i is label i"
	if slices.ContainsFunc(names, func(name string) bool { return name != strconv.Itoa(slices.Index(names, name)) }) {
		text = foreign.List(names[:min(len(names), shownClasses)]) + ", in this order"
		if more := len(names) - shownClasses; more > 0 {
			text = fmt.Sprintf("%s and %d more, in the order of the labels", foreign.List(names[:shownClasses]), more)
		}
	}
	if t.Network.Logits == 1 {
		text += "; the logit is positive for " + foreign.Text(names[1])
	}
	return text
}

// classNames returns the names of the outputs.
func (t *trained) classNames() []string {
	names := make([]string, t.Network.Classes)
	for class := range names {
		names[class] = t.Data.ClassName(class)
	}
	return names
}
