//go:build cuda

package main

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"mdfa/cmd/internal/runtest"
)

func init() { buildTags = "cuda" }

func TestRunsSideBySideOnAGPUAreThoseOfTrain(t *testing.T) {
	data := runtest.Digits(t)
	limit := []string{"-device", "emu", "-max_steps", "9", "-cache", "on"}
	want := trained(t, data, limit...)
	for _, flags := range [][]string{{"-jobs", "1"}, {"-jobs", "3"}, {"-jobs", "4", "-device", "emu:0,emu:1"}} {
		dir := t.TempDir()
		cmd := command(t, dir, "sweep", slices.Concat(small(data), limit, flags)...)
		cmd.Env = append(cmd.Env, "MDFA_EMU=devices=2")
		got := finish(t, cmd)
		require.Equal(t, 0, got.code, got.stderr)
		assertSame(t, want, ends(t, dir))
	}
}
