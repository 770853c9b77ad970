// Package results keeps what a run came to: a folder of its own with one CSV of a row
// for each epoch and one with the row of the whole run.
//
// A file appears under its name complete or not at all: it is written beside it under
// a temporary name, synced and renamed. So a reader never sees half a row, and a full
// disk leaves the last complete state.
package results

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/google/renameio/v2"
)

// The files of a run's folder.
const (
	ResultFile = "result.csv" // header and one row, once the run has ended
	EpochsFile = "epochs.csv" // header and one row for each epoch so far

	// ProfileFile is there for runs that were profiled.
	ProfileFile = "profile.json"
)

// Cell is one value under its column's name.
type Cell struct{ Column, Value string }

// Run is the folder of one run.
type Run struct {
	dir     string
	made    []string // folders that Create made, the outermost first
	columns []string // of epochs.csv
	epochs  bytes.Buffer
}

// Create makes the folder root/group/name-<start> and an epochs.csv with just its
// header in it, so that a place which cannot be written shows before any work is done.
// When the name is taken, as by a run started in the same second, -2, -3, … is added.
func Create(root, group, name string, start time.Time, epochColumns []string) (*Run, error) {
	r := &Run{columns: epochColumns}
	parent := filepath.Join(root, group)
	if err := r.makeParents(parent); err != nil {
		return nil, explain(root, err)
	}
	stem := filepath.Join(parent, name+"-"+start.Format("20060102T150405"))
	r.dir = stem
	for n := 2; ; n++ {
		err := os.Mkdir(r.dir, 0o777)
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrExist) {
			r.removeMade()
			return nil, explain(root, err)
		}
		r.dir = fmt.Sprintf("%s-%d", stem, n)
	}
	r.made = append(r.made, r.dir)
	if err := r.addLine(epochColumns); err != nil {
		return nil, err
	}
	if err := r.write(EpochsFile, r.epochs.Bytes()); err != nil {
		r.removeMade()
		return nil, err
	}
	return r, nil
}

// makeParents makes the missing folders of a path and remembers them.
func (r *Run) makeParents(path string) error {
	var missing []string
	for p := path; ; p = filepath.Dir(p) {
		if _, err := os.Stat(p); !errors.Is(err, fs.ErrNotExist) || p == filepath.Dir(p) {
			break
		}
		missing = append(missing, p)
	}
	if err := os.MkdirAll(path, 0o777); err != nil {
		for _, p := range missing {
			_ = os.Remove(p) // those that were made; the error that counts is above
		}
		return err
	}
	for i := len(missing) - 1; i >= 0; i-- {
		r.made = append(r.made, missing[i])
	}
	return nil
}

// removeMade removes the folders that Create made, as far as they are empty.
func (r *Run) removeMade() {
	for i := len(r.made) - 1; i >= 0; i-- {
		if os.Remove(r.made[i]) != nil {
			return
		}
	}
}

// Dir is the run's folder.
func (r *Run) Dir() string { return r.dir }

// AddEpoch appends a row to epochs.csv. The cells are in the order of the columns.
func (r *Run) AddEpoch(cells []Cell) error {
	names, values := split(cells)
	if strings.Join(names, ",") != strings.Join(r.columns, ",") {
		return fmt.Errorf("results: an epoch's row has the columns %v instead of %v", names, r.columns)
	}
	before := r.epochs.Len()
	if err := r.addLine(values); err != nil {
		return err
	}
	if err := r.write(EpochsFile, r.epochs.Bytes()); err != nil {
		r.epochs.Truncate(before)
		return err
	}
	return nil
}

// Finish writes result.csv.
func (r *Run) Finish(cells []Cell) error {
	names, values := split(cells)
	var b bytes.Buffer
	if err := csv.NewWriter(&b).WriteAll([][]string{names, values}); err != nil {
		return fmt.Errorf("results: %w", err)
	}
	return r.write(ResultFile, b.Bytes())
}

// WriteProfile writes profile.json.
func (r *Run) WriteProfile(text []byte) error { return r.write(ProfileFile, text) }

// Discard removes the run, for one that ended before it began.
func (r *Run) Discard() {
	_ = os.Remove(filepath.Join(r.dir, EpochsFile)) // what is left then keeps the folder
	r.removeMade()
}

func split(cells []Cell) (names, values []string) {
	for _, c := range cells {
		names, values = append(names, c.Column), append(values, c.Value)
	}
	return names, values
}

func (r *Run) addLine(values []string) error {
	if err := csv.NewWriter(&r.epochs).WriteAll([][]string{values}); err != nil {
		return fmt.Errorf("results: %w", err)
	}
	return nil
}

// write replaces a file of the run, and syncs the folder so that the new name lasts.
func (r *Run) write(name string, data []byte) error {
	if err := renameio.WriteFile(filepath.Join(r.dir, name), data, 0o666, renameio.WithTempDir(r.dir)); err != nil {
		return explain(r.dir, err)
	}
	folder, err := os.Open(r.dir)
	if err != nil {
		return explain(r.dir, err)
	}
	defer folder.Close()
	// Some file systems cannot sync a folder; the file itself is synced in any case.
	if err := folder.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return explain(r.dir, err)
	}
	return nil
}

// explain says why dir cannot be written and what to do, in one sentence.
func explain(dir string, err error) error {
	remedy := "name another folder with -out"
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		remedy = "the disk is full: free some space, or " + remedy
	case errors.Is(err, syscall.EFBIG):
		remedy = "files may not grow that large here: raise the limit, or " + remedy
	case errors.Is(err, syscall.ENOTDIR):
		remedy = "a file is where a folder should be: move it, or " + remedy
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		remedy = "writing is not permitted there: " + remedy
	}
	return &WriteError{Dir: dir, text: fmt.Sprintf("results cannot be written to %s (%v): %s.", dir, reason(err), remedy), cause: err}
}

// WriteError is a failure to write results; its text is a sentence for the user.
type WriteError struct {
	Dir   string
	text  string
	cause error
}

// Error is the sentence.
func (e *WriteError) Error() string { return e.text }

// Unwrap is what the operating system said.
func (e *WriteError) Unwrap() error { return e.cause }

// reason strips the operation and the path that an os error repeats.
func reason(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.Err
	}
	return err
}
