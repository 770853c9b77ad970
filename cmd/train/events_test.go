package train

import (
	"bufio"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"mdfa/run/folder"
)

// events reads the output of -log json.
func events(t *testing.T, text string) (names []string, all []map[string]any) {
	t.Helper()
	for line := range strings.Lines(text) {
		var e map[string]any
		require.NoError(t, json.Unmarshal([]byte(line), &e), line)
		assert.NotEmpty(t, e["time"])
		names, all = append(names, e["event"].(string)), append(all, e)
	}
	return names, all
}

func TestLogJSONHasAnObjectForEachThingThatHappens(t *testing.T) {
	got := runTrain(t, "-log", "json", "-data", madeUp(t), "-model", "dfa", "-layers", "16", "-max_epochs", "2", "-alignment", "5", "-tf32", "-device", "auto")
	require.Equal(t, 0, got.code, got.stderr)
	assert.Empty(t, got.stderr)
	names, all := events(t, got.stdout)
	count := map[string]int{}
	for _, name := range names {
		count[name]++
	}
	assert.Equal(t, "start", names[0])
	assert.Equal(t, "outcome", names[len(names)-1])
	assert.Equal(t, 2, count["epoch"], names)
	assert.Equal(t, 2, count["alignment"], names)
	assert.Equal(t, 2, count["checkpoint"], names)

	dir := got.runFolder(t)
	_, rows := table(t, filepath.Join(dir, "epochs.csv"))
	_, result := table(t, filepath.Join(dir, "result.csv"))
	same := func(row map[string]string, e map[string]any, columns ...string) {
		for _, column := range columns {
			want, err := strconv.ParseFloat(row[column], 64)
			require.NoError(t, err, column)
			assert.Equal(t, want, e[column], column)
		}
	}
	epochs := 0
	for _, e := range all {
		switch e["event"] {
		case "epoch":
			same(rows[epochs], e, "epoch", "steps", "train_loss", "train_accuracy", "valid_loss", "valid_accuracy", "valid_top5")
			assert.Equal(t, rows[epochs]["best"] == "true", e["best"])
			epochs++
		case "outcome":
			same(result[0], e, "epochs", "steps", "best_epoch", "best_valid_accuracy", "test_accuracy", "test_top5")
			assert.Equal(t, "complete", e["status"])
			assert.Equal(t, filepath.Join("results", "mnist", filepath.Base(dir)), e["folder"])
		case "start":
			settings := e["settings"].(map[string]any)
			assert.Equal(t, "dfa", settings["rule"])
			assert.Equal(t, "16", settings["flags"].(map[string]any)["layers"])
			assert.Positive(t, e["memory_bytes"])
		case "alignment":
			assert.Len(t, e["layers"], 2)
		case "note":
			assert.Contains(t, e["text"], "-tf32 is ignored")
		}
	}
	assert.Equal(t, 1, count["note"], names)
}

func TestQuietJSONIsTheOutcomeOnly(t *testing.T) {
	got := runTrain(t, "-log", "json", "-quiet", "-data", madeUp(t), "-layers", "16", "-max_epochs", "1")
	require.Equal(t, 0, got.code, got.stderr)
	names, _ := events(t, got.stdout)
	assert.Equal(t, []string{"outcome"}, names)
}

func TestErrorsAreASentenceAndAnEvent(t *testing.T) {
	got := runTrain(t, "-log", "json", "-layers", "x")
	assert.Equal(t, exitUsage, got.code)
	assert.Equal(t, 1, strings.Count(got.stderr, "\n"))
	names, all := events(t, got.stdout)
	require.Equal(t, []string{"error"}, names)
	assert.Equal(t, float64(exitUsage), all[0]["exit_code"])
	assert.Equal(t, strings.TrimSuffix(strings.TrimPrefix(got.stderr, "train: "), "\n"), all[0]["text"])
}

func TestCtrlCEndsTheEventsInOrder(t *testing.T) {
	cmd := command(t, "-log", "json", "-data", madeUp(t), "-layers", "600,600", "-batch_size", "8", "-max_epochs", "500")
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	var text strings.Builder
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		text.WriteString(lines.Text() + "\n")
		if strings.Contains(lines.Text(), `"event":"epoch"`) {
			require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
			break
		}
	}
	for lines.Scan() {
		text.WriteString(lines.Text() + "\n")
	}
	assert.Error(t, cmd.Wait())
	assert.Equal(t, exitInterrupted, cmd.ProcessState.ExitCode())
	names, all := events(t, text.String())
	require.GreaterOrEqual(t, len(names), 2)
	assert.Equal(t, []string{"outcome", "error"}, names[len(names)-2:])
	assert.Equal(t, "interrupted", all[len(all)-2]["status"])
	assert.Equal(t, float64(exitInterrupted), all[len(all)-1]["exit_code"])
}

// loggedRuns are the rows of the log of runs of a finished program.
func loggedRuns(t *testing.T, dir string) []folder.Row {
	t.Helper()
	table, err := folder.LogAt(filepath.Join(dir, "results")).Read()
	require.NoError(t, err)
	assert.Empty(t, table.Notes)
	return table.Rows
}

func TestEachRunIsInTheLogTwice(t *testing.T) {
	got := runTrain(t, "-data", madeUp(t), "-layers", "16", "-max_epochs", "1")
	require.Equal(t, 0, got.code, got.stderr)
	rows := loggedRuns(t, got.dir)
	require.Len(t, rows, 2)
	_, result := table(t, filepath.Join(got.runFolder(t), "result.csv"))
	for i, status := range []string{"started", "complete"} {
		assert.Equal(t, status, rows[i]["status"])
		assert.Equal(t, "mnist/"+filepath.Base(got.runFolder(t)), rows[i]["folder"])
		assert.NotEmpty(t, rows[i]["host"])
		assert.NotEmpty(t, rows[i]["pid"])
	}
	for column, want := range result[0] {
		assert.Equal(t, want, rows[1][column], column)
	}
	assert.Empty(t, rows[0]["epochs"])
}

func TestTheLogKeepsStartsOfARunApart(t *testing.T) {
	first := runTrain(t, "-data", madeUp(t), "-layers", "16", "-max_epochs", "1")
	require.Equal(t, 0, first.code, first.stderr)
	run, err := filepath.Rel(first.dir, first.runFolder(t))
	require.NoError(t, err)
	cmd, rest := startLongIn(t, inFolder(t, first.dir), `^epoch +3/`, "-resume", run)
	log := folder.LogAt(filepath.Join(first.dir, "results"))
	last := func() folder.Row {
		table, err := log.Read()
		require.NoError(t, err)
		require.Len(t, table.Runs(), 1)
		return table.Runs()[0]
	}
	started := last()
	assert.Equal(t, "started", started["status"])
	for _, column := range []string{"reason", "epochs", "best_epoch", "best_valid_accuracy", "test_accuracy"} {
		assert.NotContains(t, started, column)
	}
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	rest()
	_, result := table(t, filepath.Join(first.runFolder(t), "result.csv"))
	ended := last()
	for column, want := range result[0] {
		assert.Equal(t, want, ended[column], column)
	}
	assert.Empty(t, ended["test_accuracy"])

	got := finish(t, inFolder(t, first.dir, "-resume", run, "-max_epochs", ended["epochs"]+"0"))
	require.Equal(t, 0, got.code, got.stderr)
	assert.Equal(t, "complete", last()["status"])
	assert.NotContains(t, last(), "reason")
}

func TestALogThatCannotBeWrittenIsANoteAndNoFailure(t *testing.T) {
	cmd := command(t, "-data", madeUp(t), "-layers", "16", "-max_epochs", "1")
	require.NoError(t, os.MkdirAll(filepath.Join(cmd.Dir, "results", "runs.csv"), 0o777))
	got := finish(t, cmd)
	assert.Equal(t, 0, got.code, got.stderr)
	assert.Equal(t, 2, strings.Count(got.stdout, "note     the run is not in the log results/runs.csv: is a directory\n"), got.stdout)
}

func TestEventsOnATerminalAreNoLessPlain(t *testing.T) {
	sent := onTerminal(t, 90, nil, "-log", "json", "-data", madeUp(t), "-layers", "16", "-max_epochs", "2")
	names, _ := events(t, sent)
	assert.Equal(t, "outcome", names[len(names)-1])
	assert.NotContains(t, sent, "\x1b")
}
