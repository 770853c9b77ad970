package model

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
	"text/tabwriter"

	"github.com/dustin/go-humanize"
)

// Feedback is the kind of feedback that a learning rule keeps.
type Feedback uint8

// The kinds of feedback.
const (
	NoFeedback     Feedback = iota // BP
	LayerFeedback                  // FA, KP: one tensor for each layer but the first
	DirectFeedback                 // DFA, mDFA: one matrix from the logits to all hidden units
	ClassFeedback                  // DRTP: the same from the classes, of which one logit has two
)

// Direct says whether the feedback is one matrix [rows, hidden units]: see [Network.FeedbackRows].
func (f Feedback) Direct() bool { return f == DirectFeedback || f == ClassFeedback }

// FeedbackRows returns the number of rows of direct feedback: one for each logit, or for each class.
func (n *Network) FeedbackRows(kind Feedback) int {
	if kind == ClassFeedback {
		return n.Classes
	}
	return n.Logits
}

const floatSize = 4

// FeedbackLen returns the number of float32 elements of the feedback, padding included.
func (n *Network) FeedbackLen(kind Feedback) int64 {
	switch kind {
	case LayerFeedback:
		_, length := n.FARanges()
		return int64(length)
	case DirectFeedback, ClassFeedback:
		return int64(n.FeedbackRows(kind)) * int64(n.HiddenUnits())
	case NoFeedback:
	}
	return 0
}

// Memory is the size of a network's arrays in bytes, each counted once: gradients and each
// optimizer state are as large as Weights, errors as large as the hidden layers.
type Memory struct {
	Weights     uint64 // the parameter arena
	Feedback    uint64
	Activations uint64 // input, outputs of all layers and poolings, and preactivations where f' needs them
}

// Memory computes the memory for batches of the given size, at least 0. Sums too large
// for 64 bits are the largest uint64.
func (n *Network) Memory(batch int, kind Feedback) Memory {
	perExample := uint64(n.Input.Size())
	for i := range n.Layers {
		perExample += n.kept(i)
	}
	return Memory{
		Weights:     floatSize * uint64(n.Params),
		Feedback:    floatSize * uint64(n.FeedbackLen(kind)),
		Activations: bytesOf(batch, perExample),
	}
}

// kept returns the number of elements of layer i that a forward pass keeps, per example.
func (n *Network) kept(i int) uint64 {
	units := uint64(n.Layers[i].Units())
	if i < len(n.Layers)-1 && n.Activation.NeedsPre() {
		units *= 2
	}
	if l := n.Layers[i]; l.Pool.Any() {
		units += uint64(l.Passed().Size())
	}
	return units
}

// Headline returns the network in one line: its layers, the number of its weights (biases
// included) and the memory of its feedback, if it has any.
func (n *Network) Headline(kind Feedback) string {
	line := fmt.Sprintf("%v      %s weights", n, humanize.Comma(int64(n.Weights())))
	if kind != NoFeedback {
		line += ", feedback " + humanize.Bytes(n.Memory(0, kind).Feedback)
	}
	return line
}

// Summary returns the headline and a table of the layers: shapes, numbers of weights and
// feedback elements, memory of the activations of a batch, and the totals. It ends
// with a newline.
func (n *Network) Summary(batch int, kind Feedback) string {
	var b strings.Builder
	b.WriteString(n.Headline(kind))
	b.WriteString("\n\n")
	table := tabwriter.NewWriter(&b, 0, 0, 3, ' ', tabwriter.AlignRight)
	row := func(cells ...string) { fmt.Fprintln(table, strings.Join(cells, "\t")+"\t") }
	row("layer", "", "input", "output", "weights", "biases", "feedback", fmt.Sprintf("activations (batch %d)", batch))
	row("", "input", "", n.Input.String(), "", "", "", humanize.Bytes(bytesOf(batch, uint64(n.Input.Size()))))
	for i, l := range n.Layers {
		feedback := "-"
		if elements := n.layerFeedback(i, kind); elements > 0 {
			feedback = humanize.Comma(elements)
		}
		row(fmt.Sprint(i+1), l.String(), l.In.String(), l.Out.String(),
			humanize.Comma(int64(l.W.Len)), humanize.Comma(int64(l.B.Len)), feedback,
			humanize.Bytes(bytesOf(batch, n.kept(i))))
	}
	memory := n.Memory(batch, kind)
	feedback := "-"
	if kind != NoFeedback {
		feedback = humanize.Bytes(memory.Feedback)
	}
	row("", "memory", "", "", humanize.Bytes(memory.Weights), "", feedback, humanize.Bytes(memory.Activations))
	table.Flush()
	return b.String()
}

// layerFeedback returns the number of feedback elements that belong to layer i.
func (n *Network) layerFeedback(i int, kind Feedback) int64 {
	l := n.Layers[i]
	switch {
	case kind == LayerFeedback && i > 0:
		return int64(l.W.Len)
	case kind.Direct() && i < len(n.Layers)-1:
		return int64(n.FeedbackRows(kind)) * int64(l.Units())
	}
	return 0
}

// bytesOf returns the size of batch examples of n floats each, or the largest uint64.
func bytesOf(batch int, n uint64) uint64 {
	over, product := bits.Mul64(uint64(max(batch, 0)), floatSize*n)
	if over != 0 {
		return math.MaxUint64
	}
	return product
}
