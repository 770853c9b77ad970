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

// LogTable is the content of a log.
type LogTable struct {
	Columns []string
	Rows    []Row    // in the order in which they were written, without empty values
	Notes   []string // skipped lines, as clauses for a person
}

// Read reads a log, also while other processes write to it. Without the file the table is empty.
func (l *Log) Read() (*LogTable, error) {
	text, err := disk.ReadFile(context.Background(), l.Path(), maxTable)
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

// Runs returns the last row of each run, in the order in which the runs first started. It takes no
// value from an earlier row, which may be from a start before a resumed run's.
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
