//go:build cuda

package train

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/algo"
)

// assertFault checks how a run must end that a fault of the device ended: code 1 and one
// sentence, whatever was printed before it.
func assertFault(t *testing.T, got finished) {
	t.Helper()
	assert.Equal(t, exitFailed, got.code, got.stderr)
	assert.Regexp(t, `^train: [^\n]*[^.\n]\.\n$`, got.stderr)
	for _, word := range []string{"panic", "goroutine", "internal error"} {
		assert.NotContains(t, got.stderr, word)
	}
}

// reference is an undisturbed run's rows of epochs.csv, without its times.
func reference(t *testing.T, args []string) []string {
	t.Helper()
	got := onEmu(t, "", args...)
	require.Equal(t, 0, got.code, got.stderr)
	return epochLines(t, got)
}

func epochLines(t *testing.T, got finished) []string {
	t.Helper()
	text := stable(t, filepath.Join(got.runFolder(t), "epochs.csv"), "images_per_second")
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")[:strings.Count(text, "\n")]
}

// assertKept checks that a broken run's results so far are on the disk: a failed result, and
// the epochs before the fault exactly as an undisturbed run has them.
func assertKept(t *testing.T, got finished, want []string) {
	t.Helper()
	dir := got.runFolder(t)
	assertNothingTemporary(t, dir)
	lines := epochLines(t, got)
	require.LessOrEqual(t, len(lines), len(want))
	assert.Equal(t, want[:len(lines)], lines)
	_, rows := table(t, filepath.Join(dir, "result.csv"))
	require.Len(t, rows, 1)
	assert.Equal(t, "failed", rows[0]["status"])
	assert.NotEmpty(t, rows[0]["reason"])
	assert.Equal(t, strconv.Itoa(len(lines)), rows[0]["epochs"])
	assert.Empty(t, rows[0]["test_accuracy"])
	assert.Contains(t, got.stdout, "\nresults  ")
}

// One failed allocation may be made up for by a second try. The device makes fewer than
// allocations in such a run, so that the last of them meets none.
func TestOutOfMemoryAtAnyAllocationIsOneSentence(t *testing.T) {
	const allocations = 24
	args := small(madeUp(t), "-max_steps", "3", "-max_epochs", "1")
	want := reference(t, args)
	failures := 0
	for n := 1; n <= allocations; n++ {
		got := onEmu(t, fmt.Sprintf("fail_alloc=%d", n), args...)
		if got.code == 0 {
			assert.Equal(t, want, epochLines(t, got), "allocation %d", n)
			continue
		}
		require.Less(t, n, allocations, "raise the constant")
		failures++
		assertFault(t, got)
		assert.Regexp(t, `too little memory free to begin with|the run needs about`, got.stderr)
		assertNoResults(t, got)
	}
	assert.Positive(t, failures)
}

// Here every allocation from some point on fails, at another place of the run for each
// size. By the program's own plan the run takes some 2000 KiB.
func TestSmallMemoryIsOneSentenceOrARun(t *testing.T) {
	args := small(madeUp(t), "-max_steps", "3", "-max_epochs", "1")
	want := reference(t, args)
	sawFailure, sawRun := false, false
	for size := 1856; size <= 2624; size += 64 {
		got := onEmu(t, fmt.Sprintf("memory=%dKiB", size), args...)
		if got.code == 0 {
			sawRun = true
			assert.Equal(t, want, epochLines(t, got), "%d KiB", size)
			continue
		}
		sawFailure = true
		assert.False(t, sawRun, "%d KiB are too little, and less was enough", size)
		assertFault(t, got)
		assert.Regexp(t, `too little memory free to begin with|the run needs about`, got.stderr)
		assertNoResults(t, got)
	}
	assert.True(t, sawFailure && sawRun, "the sizes span what the run needs")
}

func assertNoResults(t *testing.T, got finished) {
	t.Helper()
	_, err := os.Stat(filepath.Join(got.dir, "results"))
	assert.ErrorIs(t, err, os.ErrNotExist, "training had not begun")
}

func TestFaultInTheMiddleKeepsTheEpochsBefore(t *testing.T) {
	args := small(madeUp(t), "-max_epochs", "3")
	want := reference(t, args)
	require.Len(t, want, 3)
	for _, fault := range []string{"fail_launch", "lose_device"} {
		t.Run(fault, func(t *testing.T) {
			reached := map[int]bool{}
			ended := false
			for n := 1; !ended; n = n + 1 + n/4 {
				got := onEmu(t, fmt.Sprintf("%s=%d", fault, n), args...)
				if got.code == 0 {
					assert.Equal(t, want, epochLines(t, got))
					ended = true
					continue
				}
				assertFault(t, got)
				if strings.HasPrefix(got.stderr, "train: record: ") { // products are warmed up before the run begins
					assertNoResults(t, got)
					continue
				}
				assert.Regexp(t, `epoch \d|test: `, got.stderr)
				assertKept(t, got, want)
				reached[len(epochLines(t, got))] = true
				require.Less(t, n, 10_000, "three epochs of such a run are some hundred kernels")
			}
			assert.Subset(t, reached, map[int]bool{0: true, 1: true, 2: true}, "faults in every epoch were tried")
		})
	}
}

func TestFaultsUnderEveryRuleKeepTheEpochsBefore(t *testing.T) {
	data, late := madeUp(t), 0
	for i, rule := range algo.Rules() {
		args := small(data, "-max_epochs", "4", "-model", rule.Name)
		want := reference(t, args)
		for _, n := range []int{40 + 3*i, 140 + 2*i} {
			fault := fmt.Sprintf("%s=%d", []string{"fail_launch", "lose_device"}[(i+n)%2], n)
			got := onEmu(t, fault, args...)
			require.NotEqual(t, 0, got.code, "%v, %s: no fault", rule, fault)
			assertFault(t, got)
			assert.Regexp(t, `epoch \d|test: `, got.stderr, "%v, %s", rule, fault)
			assertKept(t, got, want)
			if len(epochLines(t, got)) > 0 {
				late++
			}
		}
	}
	assert.GreaterOrEqual(t, late, len(algo.Rules())/2, "faults behind the first epoch")
}
