//go:build cuda

package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"mdfa/cmd/internal/runtest"
)

func init() { buildTags = "cuda" }

func TestRunsSideBySideOnAGPUAreThoseOfTrain(t *testing.T) {
	data := runtest.Digits(t)
	limit := []string{"-device", "emu", "-max_steps", "9", "-cache", "on"}
	want := trained(t, data, limit...)
	for _, jobs := range []string{"1", "3"} {
		dir := t.TempDir()
		got := runIn(t, dir, "sweep", append(append(small(data), "-jobs", jobs), limit...)...)
		require.Equal(t, 0, got.code, got.stderr)
		assertSame(t, want, ends(t, dir))
	}
}
