package train

import (
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestEachRunHasAReport(t *testing.T) {
	got := runTrain(t, "-data", madeUp(t), "-model", "mdfa", "-layers", "8", "-max_epochs", "2", "-alignment", "2", "-checkpoint_every", "-1")
	require.Equal(t, 0, got.code, got.stderr)
	assert.Regexp(t, `(?m)^results  results/mnist/\S+ \(result\.csv, epochs\.csv, report\.html\)$`, got.stdout)
	dir := got.runFolder(t)
	html, err := os.ReadFile(filepath.Join(dir, "report.html"))
	require.NoError(t, err)
	for _, part := range []string{"-model mdfa -layers 8", "<h2>Alignment</h2>", "<h2>Confusion matrix</h2>", "<h2>First layer</h2>", "<h2>Weights</h2>"} {
		assert.Contains(t, string(html), part, "also without checkpoints")
	}
	_, rows := table(t, filepath.Join(dir, "confusion.csv"))
	right, total := 0, 0
	for _, r := range rows {
		n, err := strconv.Atoi(r["count"])
		require.NoError(t, err)
		total += n
		if r["true"] == r["predicted"] {
			right += n
		}
	}
	_, result := table(t, filepath.Join(dir, "result.csv"))
	assert.Equal(t, result[0]["test_accuracy"], strconv.FormatFloat(float64(right)/float64(total), 'g', -1, 64), "the matrix has the run's own test")
}

func TestNoReportWhereNoneIsWanted(t *testing.T) {
	args := []string{"-data", madeUp(t), "-layers", "8", "-max_epochs", "1"}
	without, with := runTrain(t, append(args, "-report=false")...), runTrain(t, args...)
	require.Equal(t, 0, without.code, without.stderr)
	assert.Contains(t, without.stdout, " (result.csv, epochs.csv)\n")
	assert.NoFileExists(t, filepath.Join(without.runFolder(t), "report.html"))
	assert.NoFileExists(t, filepath.Join(without.runFolder(t), "confusion.csv"))
	assert.Equal(t, stable(t, filepath.Join(with.runFolder(t), "result.csv"), "device_detail"),
		stable(t, filepath.Join(without.runFolder(t), "result.csv"), "device_detail"), "a report changes no result")
}

func TestInterruptedRunsHaveAReportThatSaysSo(t *testing.T) {
	cmd, rest := startLong(t, `^epoch +2/1000000`, "-data", madeUp(t), "-layers", "16")
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	_, stderr := rest()
	assert.Equal(t, exitInterrupted, cmd.ProcessState.ExitCode(), stderr)
	dir := finished{dir: cmd.Dir}.runFolder(t)
	html, err := os.ReadFile(filepath.Join(dir, "report.html"))
	require.NoError(t, err)
	assert.Contains(t, string(html), "interrupted")
	assert.Contains(t, string(html), "There is no confusion matrix: the run ended before its test.")
	assert.Contains(t, string(html), "<h2>Weights</h2>")
}

func TestAReportThatCannotBeWrittenIsSaidAndTheResultsStay(t *testing.T) {
	// The shell counts files' sizes in blocks of 1024 bytes: all but the report have room.
	cmd := command(t)
	program := cmd.Path
	cmd.Path = "/bin/bash"
	cmd.Args = []string{"bash", "-c", `ulimit -f 60; exec "$0" "$@"`, program, "-data", madeUp(t), "-layers", "8", "-max_epochs", "1", "-checkpoint_every", "-1"}
	got := finish(t, cmd)
	assert.Equal(t, exitFailed, got.code)
	assert.Regexp(t, `^train: the results are written, but no report: the report cannot be written to \S+/report\.html \(file too large\): see that there is space and permission to write\.\n$`, got.stderr)
	assert.Contains(t, got.stdout, " (result.csv, epochs.csv)\n")
	dir := got.runFolder(t)
	_, rows := table(t, filepath.Join(dir, "result.csv"))
	assert.Equal(t, "complete", rows[0]["status"])
	assert.NoFileExists(t, filepath.Join(dir, "report.html"))
	assertNothingTemporary(t, dir)
}
