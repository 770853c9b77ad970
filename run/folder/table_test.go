package folder

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type tableRow struct{ step, layer string }

var tableColumns = Columns[tableRow]{
	{Name: "step", Field: func(r *tableRow) any { return &r.step }}, {Name: "layer", Field: func(r *tableRow) any { return &r.layer }},
}

func newTableRun(t *testing.T) *Writer {
	t.Helper()
	run, err := Create(t.TempDir(), "mnist", "dfa", time.Unix(0, 0), nil)
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
	table := NewTable(run, AlignmentFile, tableColumns)
	table.Add(tableRow{"0", "conv 8, 3/2"})
	_, err := os.Stat(filepath.Join(run.Dir(), AlignmentFile))
	require.ErrorIs(t, err, os.ErrNotExist, "rows wait for a Save")
	require.NoError(t, table.Save())
	assert.Equal(t, "step,layer\n0,\"conv 8, 3/2\"\n", tableText(t, run))
	table.Add(tableRow{"5", "dense 1"})
	require.NoError(t, table.Save())
	assert.Equal(t, "step,layer\n0,\"conv 8, 3/2\"\n5,dense 1\n", tableText(t, run))
}

func TestTableGoesOnFromTheRowsThatAreKept(t *testing.T) {
	run := newTableRun(t)
	first := func(row tableRow) bool { return row.step == "0" }
	table, err := ContinueTable(run, AlignmentFile, tableColumns, first)
	require.NoError(t, err, "without a file it begins anew")
	table.Add(tableRow{"0", "a"})
	table.Add(tableRow{"5", "b"})
	require.NoError(t, table.Save())

	table, err = ContinueTable(run, AlignmentFile, tableColumns, first)
	require.NoError(t, err)
	require.NoError(t, table.Save())
	assert.Equal(t, "step,layer\n0,a\n", tableText(t, run), "what is left out is gone with the first Save")
	table.Add(tableRow{"5", "c"})
	require.NoError(t, table.Save())
	assert.Equal(t, "step,layer\n0,a\n5,c\n", tableText(t, run))
}

func TestForeignTableIsRefusedAndKept(t *testing.T) {
	for _, text := range []string{"", "step\n", "step,layer\n\"0", "step,layer\n1\n"} {
		run := newTableRun(t)
		path := filepath.Join(run.Dir(), AlignmentFile)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o666))
		_, err := ContinueTable(run, AlignmentFile, tableColumns, func(tableRow) bool { return true })
		require.ErrorContains(t, err, AlignmentFile+" is not the table")
		assert.Equal(t, text, tableText(t, run))
	}
}

func TestFailedSaveLeavesTheLastState(t *testing.T) {
	run := newTableRun(t)
	table := NewTable(run, AlignmentFile, tableColumns)
	table.Add(tableRow{"0", "a"})
	require.NoError(t, table.Save())
	dir := run.dir
	run.dir = filepath.Join(dir, "gone")
	table.Add(tableRow{"1", "b"})
	require.Error(t, table.Save())
	run.dir = dir
	assert.Equal(t, "step,layer\n0,a\n", tableText(t, run))
	require.NoError(t, table.Save(), "what could not be saved is saved later")
	assert.Equal(t, "step,layer\n0,a\n1,b\n", tableText(t, run))
}

func TestFormulasOfOthersAreNoneInATable(t *testing.T) {
	run := newTableRun(t)
	table := NewTable(run, AlignmentFile, tableColumns)
	const formula = `=HYPERLINK("http://x","y")`
	table.Add(tableRow{"-1.5", formula})
	require.NoError(t, table.Save())
	const text = "step,layer\n-1.5,\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\"\n"
	assert.Equal(t, text, tableText(t, run))
	rows, err := ReadTable(filepath.Join(run.Dir(), AlignmentFile))
	require.NoError(t, err)
	assert.Equal(t, []Row{{"step": "-1.5", "layer": formula}}, rows)
	table, err = ContinueTable(run, AlignmentFile, tableColumns, func(row tableRow) bool { return row.layer == formula })
	require.NoError(t, err)
	require.NoError(t, table.Save())
	assert.Equal(t, text, tableText(t, run), "one apostrophe, however often it is read and written")
}
