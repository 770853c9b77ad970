package sweep

import (
	"fmt"
	"os/exec"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/cmd/internal/runtest"
)

// together runs programs at the same time.
func together(t *testing.T, commands ...*exec.Cmd) []finished {
	t.Helper()
	got := make([]finished, len(commands))
	var all sync.WaitGroup
	for i, cmd := range commands {
		all.Go(func() {
			text, _ := cmd.CombinedOutput()
			got[i] = finished{string(text), "", cmd.ProcessState.ExitCode()}
		})
	}
	all.Wait()
	for _, one := range got {
		require.Equal(t, 0, one.code, one.stdout)
	}
	return got
}

func TestShardsTrainTheGridTogether(t *testing.T) {
	data, whole := runtest.Digits(t), t.TempDir()
	got := runIn(t, whole, "sweep", small(data)...)
	require.Equal(t, 0, got.code, got.stderr)
	want := ends(t, whole)
	for name, shard := range map[string]func(cmd *exec.Cmd, i int){
		"-shard": func(cmd *exec.Cmd, i int) { cmd.Args = append(cmd.Args, "-shard", fmt.Sprintf("%d/4", i+1)) },
		"Slurm": func(cmd *exec.Cmd, i int) {
			cmd.Env = append(cmd.Env, fmt.Sprintf("SLURM_ARRAY_TASK_ID=%d", i+1), "SLURM_ARRAY_TASK_MIN=1", "SLURM_ARRAY_TASK_COUNT=4")
		},
		"Kubernetes": func(cmd *exec.Cmd, i int) {
			cmd.Args = append(cmd.Args, "-shard", "auto/4")
			cmd.Env = append(cmd.Env, fmt.Sprintf("JOB_COMPLETION_INDEX=%d", i))
		},
	} {
		dir := t.TempDir()
		var shards []*exec.Cmd
		for i := range 4 {
			cmd := command(t, dir, "sweep", small(data)...)
			shard(cmd, i)
			shards = append(shards, cmd)
		}
		for _, one := range together(t, shards...) {
			assert.Contains(t, one.stdout, "2 runs · 2 left", name)
			assert.Contains(t, one.stdout, "2 runs · 2 complete", name)
		}
		assertSame(t, want, ends(t, dir))
		again := runIn(t, dir, "sweep", small(data)...)
		assert.Contains(t, again.stdout, "8 runs · 8 complete\n\n", "with the table of all")
	}
}

func TestTwoProcessesShareTheSameSweep(t *testing.T) {
	data, dir := runtest.Digits(t), t.TempDir()
	for _, one := range together(t, command(t, dir, "sweep", small(data)...), command(t, dir, "sweep", small(data)...)) {
		assert.NotContains(t, one.stdout, "failed")
	}
	assert.Len(t, ends(t, dir), 8, "no run twice")
}
