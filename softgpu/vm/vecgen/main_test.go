package main

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestVectorLoopsAreGeneratedFromTheTable(t *testing.T) {
	for name, want := range generate() {
		got, err := os.ReadFile("../" + name)
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got), "run go generate ./softgpu/vm")
	}
}
