package model

import (
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestHeadlineCountsWeightsAndFeedback(t *testing.T) {
	n := mustDefault(t, mnist, true, 10)
	const layers = "28x28x1 -> conv 96 5/2 -> conv 96 3/2 -> conv 96 3/1 -> dense 10      177,226 weights"
	assert.Equal(t, layers, n.Headline(NoFeedback))
	assert.Equal(t, layers+", feedback 684 kB", n.Headline(DirectFeedback))
	assert.Equal(t, layers+", feedback 698 kB", n.Headline(LayerFeedback))
	assert.Equal(t, n.Headline(DirectFeedback), n.Headline(ClassFeedback))
	assert.Contains(t, mustDefault(t, mnist, true, 2).Headline(DirectFeedback), ", feedback 68 kB")
	assert.Contains(t, mustDefault(t, mnist, true, 2).Headline(ClassFeedback), ", feedback 137 kB")
	assert.Contains(t, mustDefault(t, imagenet, true, 1000).Headline(DirectFeedback), "2,163,656 weights, feedback 1.7 GB")
}

func TestSummaryIsATableOfTheLayers(t *testing.T) {
	n := mustDefault(t, mnist, true, 10)
	for kind, want := range map[Feedback]string{
		DirectFeedback: `
   layer                    input     output   weights   biases   feedback   activations (batch 64)
                 input               28x28x1                                                 201 kB
       1   conv 96 5/2    28x28x1   12x12x96     2,400       96    138,240                   3.5 MB
       2   conv 96 3/2   12x12x96     5x5x96    82,944       96     24,000                   614 kB
       3   conv 96 3/1     5x5x96     3x3x96    82,944       96      8,640                   221 kB
       4      dense 10    1x1x864     1x1x10     8,640       10          -                   2.6 kB
                memory                          709 kB              684 kB                   4.6 MB
`,
		LayerFeedback: `
   layer                    input     output   weights   biases   feedback   activations (batch 64)
                 input               28x28x1                                                 201 kB
       1   conv 96 5/2    28x28x1   12x12x96     2,400       96          -                   3.5 MB
       2   conv 96 3/2   12x12x96     5x5x96    82,944       96     82,944                   614 kB
       3   conv 96 3/1     5x5x96     3x3x96    82,944       96     82,944                   221 kB
       4      dense 10    1x1x864     1x1x10     8,640       10      8,640                   2.6 kB
                memory                          709 kB              698 kB                   4.6 MB
`,
	} {
		assert.Equal(t, n.Headline(kind)+"\n"+want, n.Summary(64, kind))
	}
	table := strings.TrimSpace(n.Summary(1, NoFeedback))
	assert.NotContains(t, table, " B ", "bp has no feedback to give a size for")
}

func TestMemoryAddsUp(t *testing.T) {
	eachRandomNetwork(t, func(t *testing.T, n *Network) {
		const batch = 5
		for _, kind := range []Feedback{NoFeedback, LayerFeedback, DirectFeedback, ClassFeedback} {
			m := n.Memory(batch, kind)
			require.EqualValues(t, 4*n.Params, m.Weights)
			require.EqualValues(t, 4*n.FeedbackLen(kind), m.Feedback)
			kept := n.HiddenUnits()
			if n.Activation.NeedsPre() {
				kept *= 2 // preactivations
			}
			require.EqualValues(t, 4*batch*(n.Input.Size()+kept+n.PooledUnits()+n.Logits), m.Activations)
		}
	})
}

func TestMemoryOfAbsurdBatchesSaturates(t *testing.T) {
	n := mustDefault(t, mnist, false, 10)
	assert.EqualValues(t, uint64(math.MaxUint64), n.Memory(math.MaxInt, NoFeedback).Activations)
	assert.Zero(t, n.Memory(-1, NoFeedback).Activations)
	assert.NotEmpty(t, n.Summary(math.MaxInt, NoFeedback))
	// The feedback of BP is nothing, and an unknown kind has none either.
	assert.Zero(t, n.FeedbackLen(Feedback(9)))
}

func TestNamesOfKinds(t *testing.T) {
	assert.Equal(t, "dense", Dense.String())
	assert.Equal(t, "conv", Conv.String())
	assert.Equal(t, "Kind(7)", Kind(7).String())
	assert.Equal(t, "96:5:2", Filter{Filters: 96, Kernel: 5, Stride: 2}.String())
}
