package folder

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"mdfa/internal/disk"
	"mdfa/internal/foreign"
)

// LogFile is the log's name in the results folder.
const LogFile = "runs.csv"

// KeyColumn is the folder of a run below the results folder, with slashes. Rows with the same value
// are of one run.
const KeyColumn = "folder"

// Log is the log of a results folder.
type Log struct{ root string }

// LogAt returns the log of a results folder. It reads and writes nothing yet.
func LogAt(root string) *Log { return &Log{root} }

// Path returns the log's file.
func (l *Log) Path() string { return filepath.Join(l.root, LogFile) }

// Append adds a row, and the columns that the log lacks. It returns when the row is on the
// disk. Line breaks in values become blanks. The error is a clause for a person.
func (l *Log) Append(ctx context.Context, row []Cell) error {
	if err := l.append(ctx, row); err != nil {
		return fmt.Errorf("the run is not in the log %s: %w", l.Path(), err)
	}
	return nil
}

func (l *Log) append(ctx context.Context, row []Cell) error {
	if !slices.ContainsFunc(row, func(c Cell) bool { return c.Column == KeyColumn && c.Value != "" }) {
		return fmt.Errorf("it has no %s", KeyColumn)
	}
	held, err := lockLog(ctx, l.root)
	if err != nil {
		return disk.Reason(err)
	}
	defer held.Release()
	return l.write(row)
}

// write adds a row. The lock must be held.
func (l *Log) write(row []Cell) error {
	file, _, err := disk.OpenFile(l.Path(), os.O_RDWR|os.O_APPEND|os.O_CREATE)
	if err != nil {
		return disk.Reason(err)
	}
	defer file.Close()
	old, err := io.ReadAll(file)
	if err != nil {
		return disk.Reason(err)
	}
	kept := complete(old)
	columns, err := header(kept)
	if err != nil {
		return err
	}
	wanted := slices.Clone(columns)
	for _, c := range row {
		if !slices.Contains(wanted, c.Column) {
			wanted = append(wanted, c.Column)
		}
	}
	line := encode(ordered(wanted, row))
	if len(wanted) > len(columns) {
		return l.replace(kept, columns, wanted, line)
	}
	if len(kept) < len(old) {
		if err := file.Truncate(int64(len(kept))); err != nil {
			return disk.Reason(err)
		}
	}
	return disk.Reason(disk.Append(l.Path(), line))
}

// replace writes the log anew with more columns. Damaged lines stay as they are.
func (l *Log) replace(kept []byte, columns, wanted []string, last []byte) error {
	out := bytes.NewBuffer(encode(wanted))
	missing := make([]string, len(wanted)-len(columns))
	first := true
	for line := range bytes.Lines(kept) {
		if first {
			first = false
			continue
		}
		values, err := decode(line)
		if err != nil || len(values) != len(columns) {
			if len(values) == len(wanted) {
				out.WriteByte(',') // so that it does not pass for a row now
			}
			out.Write(line)
			continue
		}
		out.Write(encode(append(values, missing...)))
	}
	out.Write(last)
	return disk.Reason(disk.WriteFile(l.Path(), out.Bytes()))
}

// header reads the columns of a log; nil if it is empty.
func header(text []byte) ([]string, error) {
	if len(text) == 0 {
		return nil, nil
	}
	line, _, _ := bytes.Cut(text, []byte("\n"))
	columns, err := decode(bytes.TrimPrefix(line, []byte("\ufeff"))) // spreadsheets write a byte order mark
	switch {
	case err != nil, !slices.Contains(columns, KeyColumn):
		return nil, fmt.Errorf("its first line does not name the columns, of which %s is one: move the file away and a new log begins", KeyColumn)
	case len(slices.Compact(slices.Sorted(slices.Values(columns)))) < len(columns):
		return nil, errors.New("its first line names a column twice: move the file away and a new log begins")
	}
	return columns, nil
}

// ordered returns the values of a row in the order of the columns.
func ordered(columns []string, row []Cell) []string {
	values := make([]string, len(columns))
	for _, c := range row {
		values[slices.Index(columns, c.Column)] = strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ").Replace(c.Value)
	}
	return values
}

// decode reads one line of the log. The error of an empty line is io.EOF.
func decode(line []byte) ([]string, error) {
	if len(bytes.TrimRight(line, "\r\n")) == 0 {
		return nil, io.EOF
	}
	values, err := csv.NewReader(bytes.NewReader(line)).Read()
	return foreign.Uncells(values), err
}
