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

// Row is the values of a line by the names of their columns.
type Row map[string]string

// maxTable limits the size of a CSV that is read into memory. The log of a hundred thousand runs
// has 50 MB.
const maxTable = 256 << 20

// ReadTable reads a CSV of a run; nil if there is no file. The error is a sentence that names the
// file.
func ReadTable(path string) ([]Row, error) {
	text, err := disk.ReadFile(context.Background(), path, maxTable)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("%s cannot be read (%w): check the disk and its permissions", path, disk.Reason(err))
	}
	lines, err := csv.NewReader(bytes.NewReader(complete(text))).ReadAll() // every row has as many cells as the first
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s is damaged (%w): expected a CSV as train writes it", path, err)
	case len(lines) == 0:
		return nil, fmt.Errorf("%s is empty: expected a CSV as train writes it", path)
	}
	rows := make([]Row, len(lines)-1)
	for i, line := range lines[1:] {
		rows[i] = rowOf(lines[0], line)
	}
	return rows, nil
}

// rowOf names the values of a line.
func rowOf(columns, line []string) Row {
	row := Row{}
	for i, value := range line {
		row[columns[i]] = foreign.Uncell(value)
	}
	return row
}

// complete leaves out a last line without its end, which a power cut may leave.
func complete(text []byte) []byte { return text[:bytes.LastIndexByte(text, '\n')+1] }

// csv returns rows as lines of a CSV, after the header if it is asked for.
func (c Columns[T]) csv(header bool, rows ...T) []byte {
	var lines [][]string
	if header {
		lines = append(lines, c.Names())
	}
	for _, row := range rows {
		_, values := split(c.Cells(&row))
		lines = append(lines, values)
	}
	return encode(lines...)
}

// encode returns lines of a CSV that is safe for a spreadsheet.
func encode(lines ...[]string) []byte {
	var text bytes.Buffer
	w := csv.NewWriter(&text)
	for _, line := range lines {
		_ = w.Write(foreign.Cells(line)) // memory takes every line
	}
	w.Flush()
	return text.Bytes()
}

// Cell is a value under its column's name.
type Cell struct{ Column, Value string }

func split(cells []Cell) (names, values []string) {
	for _, c := range cells {
		names, values = append(names, c.Column), append(values, c.Value)
	}
	return names, values
}

// Table is a CSV of a run to which rows are added now and then. Rows stay in memory until Save adds
// them to the file. Call Save before a checkpoint or a row of epochs.csv is written: then the file
// is never behind them.
type Table[T any] struct {
	writer  *Writer
	name    string
	columns Columns[T]
	text    bytes.Buffer
	saved   int // bytes of text in the file; 0: there is no file yet, -1: it has other rows
}

// NewTable returns a table without rows. The file appears with the first Save.
func NewTable[T any](w *Writer, name string, columns Columns[T]) *Table[T] {
	t := &Table[T]{writer: w, name: name, columns: columns}
	t.text.Write(columns.csv(true))
	return t
}

// ContinueTable returns the table of a resumed run with those rows that keep accepts. Without a
// file it has no rows. A file that is no CSV of these columns is an error, and stays as it is.
func ContinueTable[T any](w *Writer, name string, columns Columns[T], keep func(T) bool) (*Table[T], error) {
	t := NewTable(w, name, columns)
	path := filepath.Join(w.dir, name)
	text, err := disk.ReadFile(context.Background(), path, maxTable)
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	lines, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil || len(lines) == 0 || !slices.Equal(lines[0], columns.Names()) {
		return nil, fmt.Errorf("%s is not the table that this program writes: move it away, and the run begins a new one", path)
	}
	for _, line := range lines[1:] {
		if keep(columns.Parse(rowOf(lines[0], line))) {
			t.text.Write(encode(foreign.Uncells(line)))
		}
	}
	t.saved = -1 // the file may have rows that were not kept
	return t, nil
}

// Add adds a row.
func (t *Table[T]) Add(row T) { t.text.Write(t.columns.csv(false, row)) }

// Save writes the file if rows were added or left out since the last time.
func (t *Table[T]) Save() error {
	if t.saved == t.text.Len() {
		return nil
	}
	write, text := t.writer.Write, t.text.Bytes()
	if t.saved > 0 {
		write, text = t.writer.append, text[t.saved:]
	}
	if err := write(t.name, text); err != nil {
		return err
	}
	t.saved = t.text.Len()
	return nil
}
