package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestARunOfAnEarlierVersionIsRead(t *testing.T) {
	text := inspected(t, "../../testdata/earlier/results/mnist/mdfa")
	for _, want := range []string{"mdfa", "conv 4 7/7", "43.33%"} {
		assert.Contains(t, text, want)
	}
	assert.Contains(t, inspected(t, "-runs", "../../testdata/earlier/results"), "complete")
	assert.Contains(t, inspected(t, "../../testdata/earlier/results/mnist/mdfa/checkpoints/previous.safetensors"), "conv 4 7/7")
}
