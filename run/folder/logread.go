package folder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"mdfa/internal/disk"
)

// Row is a row's values by column. Empty ones are left out.
type Row map[string]string

// LogTable is what a log holds.
type LogTable struct {
	Columns []string
	Rows    []Row    // in the order in which they were written
	Notes   []string // what was passed over, as clauses for a person
}

// maxLog bounds a log; that of a hundred thousand runs has 50 MB.
const maxLog = 256 << 20

// Read reads a log, also while others write to it. Without the file the table is empty.
func (l *Log) Read() (*LogTable, error) {
	text, err := disk.ReadFile(context.Background(), l.Path(), maxLog)
	if errors.Is(err, fs.ErrNotExist) {
		return &LogTable{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("the log %s cannot be read: %w", l.Path(), disk.Reason(err))
	}
	t, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("the log %s cannot be read: %w", l.Path(), err)
	}
	return t, nil
}

func parse(text []byte) (*LogTable, error) {
	kept := complete(text)
	t := &LogTable{}
	if len(kept) < len(text) {
		t.Notes = append(t.Notes, "the last line is not complete: a run is writing it at this moment, or the power went off while one did")
	}
	var err error
	if t.Columns, err = header(kept); err != nil {
		return nil, err
	}
	number := 0
	for line := range bytes.Lines(kept) {
		number++
		if number == 1 {
			continue
		}
		values, err := decode(line)
		if errors.Is(err, io.EOF) {
			continue
		}
		if err != nil || len(values) != len(t.Columns) {
			t.Notes = append(t.Notes, fmt.Sprintf("line %d is damaged and left out: it has not the %d values of the first line", number, len(t.Columns)))
			continue
		}
		row := Row{}
		for i, v := range values {
			if v != "" {
				row[t.Columns[i]] = v
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return t, nil
}

// Runs returns the last row of each run, in the order in which the runs first started. No value of an
// earlier row is taken: it may be from a start whose end the run has left behind.
func (t *LogTable) Runs() []Row {
	var folders []string
	runs := map[string]Row{}
	for _, row := range t.Rows {
		folder := row[KeyColumn]
		if folder == "" {
			continue
		}
		if runs[folder] == nil {
			folders = append(folders, folder)
		}
		runs[folder] = row
	}
	last := make([]Row, len(folders))
	for i, folder := range folders {
		last[i] = runs[folder]
	}
	return last
}
