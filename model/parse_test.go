package model

import (
	"fmt"
	"strings"
	"testing"

	"github.com/dustin/go-humanize/english"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/gpu"
)

func TestParseLayers(t *testing.T) {
	for text, want := range map[string][]int{
		"": {}, "none": {}, " None ": {}, "7": {7}, "200,200": {200, 200}, " 1024 , 5": {1024, 5}, "007": {7}, "2147483647": {maxElements},
	} {
		layers, err := ParseLayers(text)
		require.NoError(t, err, "%q", text)
		assert.Equal(t, want, layers, "%q", text)
	}
	for _, text := range []string{",", "200,", ",200", "200 200", "0", "-5", "+5", "2e3", "1_0", "0x5", "1.5", "a", "none,5", "2147483648", "99999999999999999999", "٣"} {
		_, err := ParseLayers(text)
		require.ErrorContains(t, err, "expected positive whole numbers", "%q", text)
	}
	_, err := ParseLayers("200,x")
	assert.EqualError(t, err, `layers "200,x": "x" is not a number of units: expected positive whole numbers such as "200,200", or "none"`)
}

func TestParseFilters(t *testing.T) {
	for text, want := range map[string][]Filter{
		"": {}, "NONE": {}, "96:5:2": {{Filters: 96, Kernel: 5, Stride: 2}}, "96:5:2,96:3:2, 96:3:1": {{Filters: 96, Kernel: 5, Stride: 2}, {Filters: 96, Kernel: 3, Stride: 2}, {Filters: 96, Kernel: 3, Stride: 1}}, "1 : 2 : 3": {{Filters: 1, Kernel: 2, Stride: 3}},
		"6:5:1:2, max:2:2,16:5:1,AVG : 3 : 1": {{Filters: 6, Kernel: 5, Stride: 1, Pad: 2, Pool: Pooling{gpu.MaxPooling, 2, 2}}, {Filters: 16, Kernel: 5, Stride: 1, Pool: Pooling{gpu.AveragePooling, 3, 1}}},
		"96:5:2:1":                            {{Filters: 96, Kernel: 5, Stride: 2, Pad: 1}}, "96:5:2:0,8:3:1:2": {{Filters: 96, Kernel: 5, Stride: 2}, {Filters: 8, Kernel: 3, Stride: 1, Pad: 2}},
	} {
		filters, err := ParseFilters(text)
		require.NoError(t, err, "%q", text)
		assert.Equal(t, want, filters, "%q", text)
	}
	for _, text := range []string{",", "96", "96:5", "96:5:2:", "96:5:2:-1", "96:5:2:1:1", "96:5:", "0:5:2", "96:0:2", "96:5:0", "96:-5:2", "96:5:2,", "a:b:c", "96/5/2", "4294967297:1:1"} {
		_, err := ParseFilters(text)
		require.ErrorContains(t, err, "is not filters:kernel:stride", "%q", text)
	}
	for text, want := range map[string]string{
		"max:2:2":               `filters "max:2:2": "max:2:2" must stand directly behind a convolution, whose outputs it takes`,
		"8:3:1,max:2:2,avg:2:2": `"avg:2:2" must stand directly behind a convolution`,
		"8:3:1,max:2":           `"max:2" is not max:kernel:stride: expected positive whole numbers such as "max:2:2"`,
		"8:3:1,avg:2:0":         `"avg:2:0" is not avg:kernel:stride`,
		"8:3:1,max:2:2:1":       `"max:2:2:1" is not max:kernel:stride`,
		"8:3:1,max:x:2":         `"max:x:2" is not max:kernel:stride`,
		"8:3:1,max":             `"max" is not max:kernel:stride`,
		"8:3:1,min:2:2":         `"min:2:2" is not filters:kernel:stride`,
	} {
		_, err := ParseFilters(text)
		require.ErrorContains(t, err, want, "%q", text)
	}
}

func TestParseChoice(t *testing.T) {
	for text, want := range map[string][]string{
		"": {}, "none": {}, "0": {"0"}, " 2 ,00, 1,2": {"0", "1", "2"}, "CONV": {"conv"}, "3,conv,10,conv": {"conv", "3", "10"},
	} {
		choice, err := ParseChoice(text)
		require.NoError(t, err, "%q", text)
		assert.Equal(t, want, choice, "%q", text)
	}
	for _, text := range []string{",", "0,", "-1", "+1", "1.5", "dense", "conv2", "none,1", "0-2", "99999999999999999999"} {
		_, err := ParseChoice(text)
		require.ErrorContains(t, err, "is not a layer: expected numbers from 0 on", "%q", text)
	}
}

func TestParseActivation(t *testing.T) {
	for _, want := range gpu.Activations() {
		for _, text := range []string{want.String(), strings.ToUpper(want.String()), " " + want.String() + " "} {
			act, err := ParseActivation(text)
			require.NoError(t, err)
			assert.Equal(t, want, act)
		}
	}
	for _, text := range []string{"", "linear", "tanhh", "Activation(3)"} {
		_, err := ParseActivation(text)
		assert.EqualError(t, err, fmt.Sprintf("activation %q: expected %s", text, english.WordSeries(gpu.ActivationNames(), "or")))
	}
}

// joined is a list as the command line writes it.
func joined[T any](list []T) string {
	if len(list) == 0 {
		return "none"
	}
	parts := make([]string, len(list))
	for i, x := range list {
		parts[i] = fmt.Sprint(x)
	}
	return strings.Join(parts, ",")
}

func FuzzParseLayers(f *testing.F) {
	for _, text := range []string{"", "none", "200,200", "0", " 5 , 6", "2147483648", ",", "1e3"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		layers, err := ParseLayers(text)
		if err != nil {
			return
		}
		again, err := ParseLayers(joined(layers))
		require.NoError(t, err)
		require.Equal(t, layers, again)
		if n, err := NewDense(mnist, layers, 10, gpu.Tanh); err == nil {
			require.LessOrEqual(t, n.Params, maxElements)
			require.NotEmpty(t, n.Summary(64, DirectFeedback))
		}
	})
}

func FuzzParseFilters(f *testing.F) {
	for _, text := range []string{"", "none", "96:5:2,96:3:2,96:3:1", "1:1:1", "6:5:1:2,max:2:2,3:2:1:1,avg:3:2", "max:2:2", "1:1:1,max:17:1", "1:1:1,avg:28:2147483647", "5:5:5:5", "1:2147483647:1:2147483646", "0:1:1", "2147483647:28:1", "9:9", "3:3:2147483647"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		filters, err := ParseFilters(text)
		if err != nil {
			return
		}
		again, err := ParseFilters(joined(filters))
		require.NoError(t, err)
		require.Equal(t, filters, again)
		if n, err := NewConv(mnist, filters, 10, gpu.Tanh); err == nil {
			require.LessOrEqual(t, n.Params, maxElements)
			require.NotEmpty(t, n.Summary(64, LayerFeedback))
		}
	})
}
