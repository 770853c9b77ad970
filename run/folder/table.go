package folder

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"

	"mdfa/internal/disk"
	"mdfa/internal/foreign"
)

// AlignmentFile is there for runs that measured their alignment: header, and a row for
// each layer at each measured step.
const AlignmentFile = "alignment.csv"

// Table is a further CSV of a run. Rows are kept in memory until Save adds them to the file;
// call it before epochs.csv or a checkpoint is written, and the file is never behind them.
type Table struct {
	run     *Writer
	name    string
	columns []string
	text    bytes.Buffer
	saved   int // bytes of text that the file has; 0: no file yet, -1: other ones
}

// NewTable is a table of the run without rows. The file appears with the first Save.
func (r *Writer) NewTable(name string, columns []string) (*Table, error) {
	t := &Table{run: r, name: name, columns: columns}
	return t, t.line(columns)
}

// ContinueTable is the table that an earlier part of the run left, with those of its rows
// that keep wants. Where there is no file it begins without rows. A file that is no CSV of
// these columns is an error, and stays as it is.
func (r *Writer) ContinueTable(name string, columns []string, keep func(row []string) bool) (*Table, error) {
	t, err := r.NewTable(name, columns)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(r.dir, name)
	text, err := disk.ReadFile(context.Background(), path, maxTable)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || len(rows) == 0 || !slices.Equal(rows[0], columns) {
		return nil, fmt.Errorf("%s is not the table that this program writes: move it away, and the run begins a new one", path)
	}
	for _, row := range rows[1:] {
		if foreign.Uncells(row); !keep(row) {
			continue
		}
		if err := t.line(row); err != nil {
			return nil, err
		}
	}
	t.saved = -1 // the file may have rows that were not kept
	return t, nil
}

// Add adds a row. The cells are in the order of the columns.
func (t *Table) Add(cells []Cell) error {
	names, values := split(cells)
	if !slices.Equal(names, t.columns) {
		return fmt.Errorf("a row of %s has the columns %v instead of %v", t.name, names, t.columns)
	}
	return t.line(values)
}

// Save writes the file, if rows were added or left out since the last time.
func (t *Table) Save() error {
	if t.saved == t.text.Len() {
		return nil
	}
	write, text := t.run.write, t.text.Bytes()
	if t.saved > 0 {
		write, text = t.run.append, text[t.saved:]
	}
	if err := write(t.name, text); err != nil {
		return err
	}
	t.saved = t.text.Len()
	return nil
}

func (t *Table) line(values []string) error {
	line, err := encode(values)
	t.text.Write(line)
	return err
}
