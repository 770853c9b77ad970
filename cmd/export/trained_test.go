package export

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/model"
	"mdfa/run/checkpoint"
)

// property is a value of the metadata.
func property(t *testing.T, net *trained, key string) (value string) {
	t.Helper()
	list, err := net.properties()
	require.NoError(t, err)
	for _, p := range list {
		if p.Key == key {
			return p.Value
		}
	}
	require.Fail(t, "no property", key)
	return ""
}

func TestOutputsAreInTheOrderOfTheLabels(t *testing.T) {
	everyKind(t, func(t *testing.T, net *model.Network, params []float32) {
		images := newTensor(3, net.Input.H, net.Input.W, net.Input.C)
		rng := rand.New(rand.NewPCG(5, 6))
		for i := range images.data {
			images.data[i] = rng.Float64()
		}
		for _, labels := range [][]int{rng.Perm(net.Classes), {8, 4, 7, 2, 31, 9, 3, 10, 6, 5}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}} {
			labels = labels[:net.Classes]
			data := checkpoint.Data{Classes: net.Classes, ClassOrder: labels}
			names := map[int]string{}
			for _, label := range labels {
				names[label] = fmt.Sprintf("class %d", label)
				data.ClassNames = append(data.ClassNames, names[label])
			}
			before := slices.Clone(params)
			sorted := &trained{Checkpoint: &checkpoint.Checkpoint{Network: net}, params: params}
			sorted.Data = data
			sorted.sortOutputs()
			assert.Equal(t, before, params, "the checkpoint's own weights stay")

			asTrained := evaluate(t, buildGraph(net, params), images)
			exported := evaluate(t, buildGraph(net, sorted.params), images)
			ordered := slices.Sorted(slices.Values(labels))
			for output, label := range ordered {
				class := slices.Index(labels, label)
				for i := range images.shape[0] {
					at, was := i*net.Classes+output, i*net.Classes+class
					assert.InDelta(t, asTrained[probabilitiesName].data[was], exported[probabilitiesName].data[at], 1e-12, "label %d", label)
					if net.Logits > 1 {
						assert.Equal(t, asTrained[logitsName].data[was], exported[logitsName].data[at], "label %d", label)
					}
				}
			}
			if net.Logits == 1 {
				assert.Equal(t, asTrained[logitsName].data[0] > 0, (exported[logitsName].data[0] > 0) == slices.IsSorted(labels))
			}
			var shown []string
			require.NoError(t, json.Unmarshal([]byte(property(t, sorted, "class_names")), &shown))
			for output, label := range ordered {
				assert.Equal(t, names[label], shown[output])
			}
			text, err := json.Marshal(ordered)
			require.NoError(t, err)
			assert.Equal(t, string(text), property(t, sorted, "class_labels"))
		}
	})
}

func TestTheSummarySaysWhichClassesTheOutputsAre(t *testing.T) {
	for want, data := range map[string]checkpoint.Data{
		"output i is label i":                                                  {Classes: 3, ClassOrder: []int{2, 0, 1}},
		"2, 4, 8, in this order":                                               {Classes: 3, ClassOrder: []int{4, 8, 2}},
		"2, 8, in this order; the logit is positive for 8":                     {Classes: 2, ClassOrder: []int{8, 2}},
		`cat, "\x1b[31m", hare, in this order`:                                 {Classes: 3, ClassOrder: []int{0, 2, 1}, ClassNames: []string{"cat", "hare", "\x1b[31m"}},
		"1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 2 more, in the order of the labels": {Classes: 12, ClassOrder: []int{12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1}},
	} {
		net, err := model.NewDense(model.Vector(2), nil, data.Classes, 0)
		require.NoError(t, err)
		sorted := &trained{Checkpoint: &checkpoint.Checkpoint{Network: net}, params: make([]float32, net.Params)}
		sorted.Data = data
		sorted.sortOutputs()
		assert.Equal(t, want, sorted.outputText())
	}
}
