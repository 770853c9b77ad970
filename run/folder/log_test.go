package folder

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/gofrs/flock"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// writerEnv makes this test binary append rows to the log of a folder: "<folder> <name>".
const writerEnv = "RUNLOG_TEST_WRITER"

const (
	writers = 8
	rows    = 25
)

func TestMain(m *testing.M) {
	if folder, name, found := strings.Cut(os.Getenv(writerEnv), " "); found {
		if err := appendRows(LogAt(folder), name); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// appendRows adds rows, each of another run, and now and then a new column.
func appendRows(l *Log, name string) error {
	for i := range rows {
		row := []Cell{{Column: KeyColumn, Value: fmt.Sprintf("%s-%d", name, i)}, {Column: "number", Value: strconv.Itoa(i)}}
		if i%10 == 3 {
			row = append(row, Cell{Column: fmt.Sprintf("extra_%s_%d", name, i), Value: "x"})
		}
		if err := l.Append(context.Background(), row); err != nil {
			return err
		}
	}
	return nil
}

func TestNothingIsLostWhenProcessesAppendAtOnce(t *testing.T) {
	dir := t.TempDir()
	self, err := os.Executable()
	require.NoError(t, err)
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			if w%2 == 0 { // goroutines of one process
				assert.NoError(t, appendRows(LogAt(dir), fmt.Sprint("w", w)))
				return
			}
			cmd := exec.CommandContext(t.Context(), self)
			cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s w%d", writerEnv, dir, w))
			text, err := cmd.CombinedOutput()
			assert.NoError(t, err, "%s", text)
		})
	}
	all.Wait()
	table, err := LogAt(dir).Read()
	require.NoError(t, err)
	assert.Empty(t, table.Notes)
	assert.Len(t, table.Rows, writers*rows)
	runs := table.Runs()
	require.Len(t, runs, writers*rows)
	next := map[string]int{}
	for _, run := range runs {
		name, number, _ := strings.Cut(run[KeyColumn], "-")
		assert.Equal(t, strconv.Itoa(next[name]), number, "rows of a writer stay in order")
		assert.Equal(t, number, run["number"])
		next[name]++
		if i := next[name] - 1; i%10 == 3 {
			assert.Equal(t, "x", run[fmt.Sprintf("extra_%s_%d", name, i)])
		}
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, left, 2, "the log and its lock")
}

func cells(pairs ...string) []Cell {
	var row []Cell
	for i := 0; i < len(pairs); i += 2 {
		row = append(row, Cell{Column: pairs[i], Value: pairs[i+1]})
	}
	return row
}

// logOf is a log with a text in its file.
func logOf(t *testing.T, text string) *Log {
	t.Helper()
	l := LogAt(t.TempDir())
	require.NoError(t, os.WriteFile(l.Path(), []byte(text), 0o666))
	return l
}

func contents(t *testing.T, l *Log) string {
	t.Helper()
	text, err := os.ReadFile(l.Path())
	require.NoError(t, err)
	return string(text)
}

func TestRowsGetTheColumnsThatTheyBring(t *testing.T) {
	l := LogAt(t.TempDir())
	ctx := t.Context()
	require.NoError(t, l.Append(ctx, cells("folder", "a", "status", "started")))
	require.NoError(t, l.Append(ctx, cells("status", "failed", "folder", "a", "reason", "no, \"sir\"\nnever")))
	require.NoError(t, l.Append(ctx, cells("folder", "b")))
	assert.Equal(t, "folder,status,reason\na,started,\na,failed,\"no, \"\"sir\"\" never\"\nb,,\n", contents(t, l))
	table, err := l.Read()
	require.NoError(t, err)
	assert.Equal(t, []Row{{"folder": "a", "status": "failed", "reason": `no, "sir" never`}, {"folder": "b"}}, table.Runs())
}

func TestARunIsItsLastRowAlone(t *testing.T) {
	l := logOf(t, "folder,status,reason,epochs,test_accuracy\na,started,,,\na,failed,diverged,3,\nb,started,,,\na,started,,,\na,complete,,4,0.5\nb,complete,,2,0.25\nb,started,,,\n")
	table, err := l.Read()
	require.NoError(t, err)
	assert.Equal(t, []Row{
		{"folder": "a", "status": "complete", "epochs": "4", "test_accuracy": "0.5"},
		{"folder": "b", "status": "started"},
	}, table.Runs())
}

func TestATornLineIsSkippedThenRemoved(t *testing.T) {
	for name, torn := range map[string]string{"half a row": "b,sta", "half a quote": "b,\"st", "zeros": "\x00\x00\x00\x00"} {
		t.Run(name, func(t *testing.T) {
			l := logOf(t, "folder,status\na,started\n"+torn)
			table, err := l.Read()
			require.NoError(t, err)
			assert.Equal(t, []Row{{"folder": "a", "status": "started"}}, table.Rows)
			assert.Len(t, table.Notes, 1)
			require.NoError(t, l.Append(t.Context(), cells("folder", "c")))
			assert.Equal(t, "folder,status\na,started\nc,\n", contents(t, l))
		})
	}
}

func TestDamagedLinesAreNotedAndKept(t *testing.T) {
	l := logOf(t, "folder,status\na,started\nb,c,d\nc,\"x\"y\n\nd,complete\n")
	table, err := l.Read()
	require.NoError(t, err)
	assert.Len(t, table.Rows, 2)
	assert.Equal(t, []string{
		"line 3 is damaged and left out: it has not the 2 values of the first line",
		"line 4 is damaged and left out: it has not the 2 values of the first line",
	}, table.Notes)
	require.NoError(t, l.Append(t.Context(), cells("folder", "e", "more", "1")))
	assert.Equal(t, "folder,status,more\na,started,\n,b,c,d\nc,\"x\"y\n\nd,complete,\ne,,1\n", contents(t, l))
}

func TestSpreadsheetsMaySaveTheLog(t *testing.T) {
	l := logOf(t, "\ufefffolder,status\r\na,started\r\n")
	require.NoError(t, l.Append(t.Context(), cells("folder", "b", "status", "started")))
	table, err := l.Read()
	require.NoError(t, err)
	assert.Equal(t, []Row{{"folder": "a", "status": "started"}, {"folder": "b", "status": "started"}}, table.Rows)
}

func TestAFileThatIsNoLogIsLeftAlone(t *testing.T) {
	for _, text := range []string{"name;status\n", "folder,folder\n", "\"\n", "\x00\n"} {
		l := logOf(t, text)
		_, err := l.Read()
		assert.ErrorContains(t, err, l.Path()+" cannot be read: its first line")
		assert.ErrorContains(t, l.Append(t.Context(), cells("folder", "a")), "its first line")
		assert.Equal(t, text, contents(t, l))
	}
}

func TestNoLogIsAnEmptyTable(t *testing.T) {
	table, err := LogAt(filepath.Join(t.TempDir(), "nowhere")).Read()
	require.NoError(t, err)
	assert.Empty(t, table.Runs())
}

func TestWhatCannotBeWrittenSaysWhy(t *testing.T) {
	l := LogAt(filepath.Join(t.TempDir(), "nowhere"))
	assert.EqualError(t, l.Append(t.Context(), cells("folder", "a")), "the run is not in the log "+l.Path()+": no such file or directory")
	assert.ErrorContains(t, LogAt(t.TempDir()).Append(t.Context(), cells("status", "started")), "it has no folder")
}

func TestAFullDiskLeavesTheLogAsItWas(t *testing.T) {
	l := logOf(t, "folder,status\na,started\n")
	self, err := os.Executable()
	require.NoError(t, err)
	// A limit on the size of files stands for a disk that is full: one block of 512 bytes.
	require.NoError(t, os.WriteFile(l.Path(), []byte("folder,number\n"+strings.Repeat("aaaaaaa,1\n", 49)), 0o666))
	before := contents(t, l)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", `ulimit -f 1; exec "$0"`, self)
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %s", writerEnv, filepath.Dir(l.Path()), strings.Repeat("w", 40)))
	text, err := cmd.CombinedOutput()
	assert.Error(t, err)
	assert.Contains(t, string(text), syscall.EFBIG.Error())
	assert.Equal(t, before, contents(t, l))
}

func TestALockedLogGivesUp(t *testing.T) {
	dir := t.TempDir()
	lock := flock.New(filepath.Join(dir, LogLock))
	require.NoError(t, lock.Lock())
	defer func() { _ = lock.Unlock() }()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	assert.Error(t, LogAt(dir).Append(ctx, cells("folder", "a")))
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("folder,status\na,started\n"))
	f.Add([]byte("\ufefffolder,x\r\na,\"b,\"\"\"\nhalf"))
	f.Add([]byte("folder\n\"\"\n\n\x00"))
	f.Fuzz(func(t *testing.T, text []byte) {
		before, err := parse(text)
		if err != nil {
			return
		}
		dir := t.TempDir()
		l := LogAt(dir)
		require.NoError(t, os.WriteFile(l.Path(), text, 0o666))
		require.NoError(t, l.Append(t.Context(), cells("folder", "the last", "a column of its own", "1")))
		after, err := l.Read()
		require.NoError(t, err)
		require.Equal(t, append(before.Rows, Row{"folder": "the last", "a column of its own": "1"}), after.Rows, "what was read stays")
	})
}

func TestFormulasOfOthersAreNoneInTheLog(t *testing.T) {
	l := LogAt(t.TempDir())
	for _, column := range []string{"reason", "later"} { // the second rewrites the log with one more column
		require.NoError(t, l.Append(t.Context(), []Cell{{Column: KeyColumn, Value: "-x"}, {Column: column, Value: "@SUM(1)"}, {Column: "seed", Value: "-1"}}))
	}
	text, err := os.ReadFile(l.Path())
	require.NoError(t, err)
	assert.Equal(t, "folder,reason,seed,later\n'-x,'@SUM(1),-1,\n'-x,,-1,'@SUM(1)\n", string(text))
	table, err := l.Read()
	require.NoError(t, err)
	assert.Equal(t, []Row{{"folder": "-x", "reason": "@SUM(1)", "seed": "-1"}, {"folder": "-x", "later": "@SUM(1)", "seed": "-1"}}, table.Rows)
}
