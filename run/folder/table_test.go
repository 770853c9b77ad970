package folder

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var tableColumns = []string{"step", "layer"}

func tableRow(step, layer string) []Cell { return []Cell{{"step", step}, {"layer", layer}} }

func newTableRun(t *testing.T) *Writer {
	t.Helper()
	run, err := Create(t.TempDir(), "mnist", "dfa", time.Unix(0, 0), []string{"epoch"}, nil)
	require.NoError(t, err)
	return run
}

func tableText(t *testing.T, run *Writer) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(run.Dir(), AlignmentFile))
	require.NoError(t, err)
	return string(text)
}

func TestTableAppearsWholeWithEachSave(t *testing.T) {
	run := newTableRun(t)
	table, err := run.NewTable(AlignmentFile, tableColumns)
	require.NoError(t, err)
	require.NoError(t, table.Add(tableRow("0", "conv 8, 3/2")))
	_, err = os.Stat(filepath.Join(run.Dir(), AlignmentFile))
	require.ErrorIs(t, err, os.ErrNotExist, "rows wait for a Save")
	require.NoError(t, table.Save())
	assert.Equal(t, "step,layer\n0,\"conv 8, 3/2\"\n", tableText(t, run))
	require.NoError(t, table.Add(tableRow("5", "dense 1")))
	require.NoError(t, table.Save())
	assert.Equal(t, "step,layer\n0,\"conv 8, 3/2\"\n5,dense 1\n", tableText(t, run))

	require.Error(t, table.Add([]Cell{{"layer", "x"}, {"step", "1"}}), "columns in another order")
}

func TestTableGoesOnFromTheRowsThatAreKept(t *testing.T) {
	run := newTableRun(t)
	first := func(row []string) bool { return row[0] == "0" }
	table, err := run.ContinueTable(AlignmentFile, tableColumns, first)
	require.NoError(t, err, "without a file it begins anew")
	require.NoError(t, table.Add(tableRow("0", "a")))
	require.NoError(t, table.Add(tableRow("5", "b")))
	require.NoError(t, table.Save())

	table, err = run.ContinueTable(AlignmentFile, tableColumns, first)
	require.NoError(t, err)
	require.NoError(t, table.Save())
	assert.Equal(t, "step,layer\n0,a\n", tableText(t, run), "what is left out is gone with the first Save")
	require.NoError(t, table.Add(tableRow("5", "c")))
	require.NoError(t, table.Save())
	assert.Equal(t, "step,layer\n0,a\n5,c\n", tableText(t, run))
}

func TestForeignTableIsRefusedAndKept(t *testing.T) {
	for _, text := range []string{"", "step\n", "step,layer\n\"0", "step,layer\n1\n"} {
		run := newTableRun(t)
		path := filepath.Join(run.Dir(), AlignmentFile)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
		_, err := run.ContinueTable(AlignmentFile, tableColumns, func([]string) bool { return true })
		require.ErrorContains(t, err, AlignmentFile+" is not the table")
		assert.Equal(t, text, tableText(t, run))
	}
}

func TestFailedSaveLeavesTheLastState(t *testing.T) {
	run := newTableRun(t)
	table, err := run.NewTable(AlignmentFile, tableColumns)
	require.NoError(t, err)
	require.NoError(t, table.Add(tableRow("0", "a")))
	require.NoError(t, table.Save())
	dir := run.dir
	run.dir = filepath.Join(dir, "gone")
	require.NoError(t, table.Add(tableRow("1", "b")))
	require.Error(t, table.Save())
	run.dir = dir
	assert.Equal(t, "step,layer\n0,a\n", tableText(t, run))
	require.NoError(t, table.Save(), "what could not be saved is saved later")
	assert.Equal(t, "step,layer\n0,a\n1,b\n", tableText(t, run))
}

func TestFormulasOfOthersAreNoneInATable(t *testing.T) {
	run := newTableRun(t)
	table, err := run.NewTable(AlignmentFile, tableColumns)
	require.NoError(t, err)
	const formula = `=HYPERLINK("http://x","y")`
	require.NoError(t, table.Add(tableRow("-1.5", formula)))
	require.NoError(t, table.Save())
	const text = "step,layer\n-1.5,\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"\n"
	assert.Equal(t, text, tableText(t, run))
	rows, err := ReadTable(filepath.Join(run.Dir(), AlignmentFile))
	require.NoError(t, err)
	assert.Equal(t, []Row{{"step": "-1.5", "layer": formula}}, rows)
	table, err = run.ContinueTable(AlignmentFile, tableColumns, func(row []string) bool { return row[1] == formula })
	require.NoError(t, err)
	require.NoError(t, table.Save())
	assert.Equal(t, text, tableText(t, run), "one apostrophe, however often it is read and written")
}
