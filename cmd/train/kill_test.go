package train

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
)

const (
	// killsEnv is a number of kills in place of the few that every test run has time for.
	killsEnv   = "MDFA_TEST_KILLS"
	usualKills = 12
)

// kills is how often the program is killed in a test.
func kills(t *testing.T) int {
	t.Helper()
	n, err := strconv.Atoi(os.Getenv(killsEnv))
	if os.Getenv(killsEnv) == "" {
		return usualKills
	}
	require.NoError(t, err, killsEnv)
	return n
}

// killCases are runs of a second or less.
func killCases(data string) map[string][]string {
	return map[string][]string{
		"dense": {"-data", data, "-model", "mdfa", "-layers", "24,16", "-batch_size", "32", "-lr", "0.01", "-max_epochs", "40", "-schedule", "multistep:5,20:0.5", "-warmup", "20:steps", "-checkpoint_every", "3", "-alignment", "7"},
		"kp":    {"-data", data, "-model", "kp", "-layers", "24,16", "-optimizer", "adam", "-l2", "0.001", "-batch_size", "32", "-lr", "0.003", "-max_epochs", "30", "-checkpoint_every", "3", "-alignment", "7"},
		"dkp":   {"-data", data, "-model", "dkp", "-convnet", "-filters", "6:5:3,6:3:1", "-momentum", "0.9", "-nesterov", "-optimizer", "sgd", "-weight_decay", "0.01", "-schedule", "cosine:1e-5:steps", "-warmup", "2", "-backward_init", "0", "-batch_size", "32", "-lr", "0.003", "-max_steps", "147", "-checkpoint_every", "4"},
		"conv":  {"-data", data, "-model", "dfa", "-convnet", "-filters", "6:5:3,6:3:1", "-optimizer", "adam", "-activation", "relu", "-batch_size", "32", "-lr", "0.003", "-max_steps", "147", "-checkpoint_every", "4", "-cache", "off"},
	}
}

func TestKilledRunsEndInTheSameBits(t *testing.T) {
	for name, args := range killCases(madeUp(t)) {
		t.Run(name, func(t *testing.T) { killAndGoOn(t, (kills(t)+1)/2, args) })
	}
}

func TestKilledRunsOfEveryRuleEndInTheSameBits(t *testing.T) {
	data := madeUp(t)
	for i, rule := range algo.Rules() {
		args := []string{"-data", data, "-model", rule.Name, "-batch_size", "32", "-lr", "0.003", "-alignment", "9"}
		if i%2 == 0 {
			args = append(args, "-layers", "24,16", "-max_epochs", "20", "-checkpoint_every", "3")
		} else {
			args = append(args, "-convnet", "-filters", "6:5:3", "-layers", "16", "-max_steps", "60", "-checkpoint_every", "4")
		}
		t.Run(rule.Name, func(t *testing.T) { killAndGoOn(t, (kills(t)+5)/6, args) })
	}
}

// killAndGoOn kills a run at random moments and resumes it, until it is complete, and
// again from the beginning until the number of kills is reached. Each time it must end in
// the bits of the run that was left alone.
func killAndGoOn(t *testing.T, least int, args []string) {
	t.Helper()
	start := time.Now()
	whole := runTrain(t, args...)
	duration := time.Since(start)
	require.Equal(t, 0, whole.code, whole.stderr)
	want := endOf(t, whole.runFolder(t))
	rng := rand.New(rand.NewPCG(uint64(start.UnixNano()), 0))
	killed, resumed, ends := 0, 0, 0
	for killed < least {
		dir := t.TempDir()
		for {
			cmd := inFolder(t, dir, append(args, "-resume", "auto")...)
			var stdout, stderr strings.Builder
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			require.NoError(t, cmd.Start())
			timer := time.AfterFunc(time.Duration(rng.Int64N(int64(duration))), func() { _ = cmd.Process.Kill() })
			err := cmd.Wait()
			timer.Stop()
			if strings.Contains(stdout.String(), "\nresume   ") {
				resumed++
			}
			if err == nil {
				break
			}
			require.Empty(t, stderr.String())
			require.Equal(t, -1, cmd.ProcessState.ExitCode())
			killed++
		}
		run := finished{dir: dir}.runFolder(t)
		assertSame(t, want, endOf(t, run))
		assertClean(t, run)
		ends++
	}
	if killed > 2 { // a single one may come before the first checkpoint
		assert.Positive(t, resumed)
	}
	t.Logf("%d kills, %d times gone on, %d runs to their end, %v", killed, resumed, ends, time.Since(start).Round(time.Second))
}

// assertClean checks that no half-written file is left.
func assertClean(t *testing.T, run string) {
	t.Helper()
	assertNothingTemporary(t, run)
	assertFiles(t, filepath.Join(run, "checkpoints"), "best.safetensors", "last.safetensors", "previous.safetensors")
}
