//go:build cuda

package sweep

import (
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/cmd/internal/cli"
	"mdfa/cmd/internal/runtest"
	"mdfa/run/device"
	"mdfa/softgpu"
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

// TestRunsSideBySideOnAGPUAreNotOrdered reads the software GPU's ledger: the kernels of two runs could run at the same
// time, those of one run after the other could not. The sweep is called, not started, so that the ledger is at hand.
func TestRunsSideBySideOnAGPUAreNotOrdered(t *testing.T) {
	data := runtest.Digits(t)
	ledger := func(jobs string) softgpu.Ledger {
		t.Chdir(t.TempDir())
		stdout, err := os.Create("stdout")
		require.NoError(t, err)
		defer stdout.Close()
		args := append(base(data), "-seed", "0,1", "-device", "emu", "-max_epochs", "10", "-shard", "1/1", "-jobs", jobs)
		require.NoError(t, do(t.Context(), cli.Call{Program: []string{"sweep"}, Args: args}, stdout))
		return device.Machine().Ledger()
	}
	alone, together := ledger("1"), ledger("2")
	t.Logf("of %d launches, %d are not ordered", together.Launches, together.Unordered)
	assert.Zero(t, alone.Unordered)
	assert.Positive(t, together.Unordered)
	assert.Equal(t, 2*alone.Launches, together.Launches, "the first machine's run was the last of two")
}
