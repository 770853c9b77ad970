package train

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRanksThatDoNotFitTogetherSaySoOnce(t *testing.T) {
	var stdout, stderr strings.Builder
	var programs []*exec.Cmd
	for rank := range 2 {
		cmd := command(t, "-data", madeUp(t))
		cmd.Env = append(cmd.Environ(), fmt.Sprint("RANK=", rank), fmt.Sprint("WORLD_SIZE=", 2+rank), "MASTER_ADDR=localhost", "MASTER_PORT=29400")
		programs = append(programs, cmd)
	}
	programs[0].Stdout, programs[0].Stderr = &stdout, &stderr
	var refused strings.Builder
	programs[1].Stdout, programs[1].Stderr = &refused, &refused
	for _, cmd := range programs {
		require.NoError(t, cmd.Start())
	}
	for _, cmd := range programs {
		_ = cmd.Wait() // the exit code says how it ended
		assert.Equal(t, exitFailed, cmd.ProcessState.ExitCode())
	}
	assert.Regexp(t, `^train: rank 1 on \S+ was started as one of 3 ranks, but rank 0 on \S+ as one of 2\.\n$`, stderr.String())
	assert.Empty(t, stdout.String())
	assert.Empty(t, refused.String())
}
