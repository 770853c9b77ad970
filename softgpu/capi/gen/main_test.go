package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var include = os.DirFS("../../../gpu/cuda/include")

func TestCommittedFilesAreGeneratedFromTheTable(t *testing.T) {
	files, err := generate(os.DirFS(".."), include)
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{functions, symbols}, slices.Collect(maps.Keys(files)))
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("..", name))
		require.NoError(t, err)
		assert.Equal(t, string(want), string(got), "%s is stale: run go generate ./softgpu/capi", name)
	}
}

func TestWrongRowsAreErrors(t *testing.T) {
	for row, says := range map[string]string{
		"cuMemAlloc_v2 MemAlloc":                         "not a row of the table",
		"cuMemAlloc_v9 address = MemAlloc(bytes)":        "cuMemAlloc_v9 has no prototype",
		"cuMemAlloc_v2 address = MemAllocate(bytes)":     "no method MemAllocate",
		"cuMemAlloc_v2 MemAlloc(bytes)":                  "MemAlloc has 1 results besides its answer, the row 0 outputs",
		"cuMemAlloc_v2 address = MemAlloc(bytes, 1)":     "MemAlloc takes 1 arguments, the row has 2",
		"cuMemAlloc_v2 bytes = MemAlloc(bytes)":          "cuMemAlloc_v2 has no pointer bytes",
		"cuMemAlloc_v2 place? = MemAlloc(bytes)":         "cuMemAlloc_v2 has no pointer place",
		"# a comment\n\ncuMemAlloc_v2 = MemAlloc(bytes)": "functions.txt:3: ",
	} {
		_, err := generate(fstest.MapFS{table: {Data: []byte(row)}}, include)
		assert.ErrorContains(t, err, says, row)
	}
}
