package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCommittedFilesAreWhatTheHeadersGenerate(t *testing.T) {
	files, err := generate(os.DirFS("../../include"))
	require.NoError(t, err)
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("..", name))
		require.NoError(t, err)
		assert.Equal(t, want, string(got), "%s is stale: run go generate ./gpu/cuda/driver", name)
	}
}

func TestEveryPrototypeIsListedOnceInOrder(t *testing.T) {
	files, err := generate(os.DirFS("../../include"))
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(files["symbols_gen.h"]), "\n")[2:]
	assert.Equal(t, "SYMBOL(0, cuArray3DCreate_v2)", lines[0])
	assert.IsIncreasing(t, names(lines))
}

func names(lines []string) []string {
	var out []string
	for _, l := range lines {
		_, name, _ := strings.Cut(l, ", ")
		out = append(out, strings.TrimSuffix(name, ")"))
	}
	return out
}
