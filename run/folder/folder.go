// Package folder writes and reads the files in a run's folder: run.json, the CSV files of
// its epochs, its alignment and its result, and beside all folders the log of all runs.
//
// A file appears under its name complete or not at all: it is written beside it under a
// temporary name, synced and renamed. A row is added to a table with one write. So a full
// disk leaves the last complete state. A power cut may leave half a row at the end of a table:
// readers skip it. A resumed run rewrites epochs.csv, and refuses an alignment.csv that ends in half a row.
//
// The log, runs.csv, has a row when a run starts and another when it ends. It is a CSV, not a
// database. A CSV opens in everything that reads tables, needs no library, and takes a few rows
// a day for decades. SQLite would bring 8 MB of C translated to Go for a file that is only ever
// appended to, and its locking is unsafe on network file systems, where clusters keep their
// results.
//
// Any number of processes may append to the log at once. Each takes the lock of a file beside
// the log, adds its row with one write and syncs it, so that a row is in the log for good once
// [Log.Append] has returned. A row is one line: a power cut may leave a last line without its
// end, which readers skip and the next writer removes. Columns that the log does not have yet
// are added to it: the log is written anew under a temporary name and renamed.
package folder

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"

	"mdfa/internal/disk"
	"mdfa/run/checkpoint"
)

// Folder is the contents of a run's folder. Fields for missing files are nil.
type Folder struct {
	Dir        string
	Run        *Run
	Result     *Result // nil for a run that has not ended
	Epochs     []Epoch
	Alignment  []Alignment
	Confusion  *Confusion
	Checkpoint *checkpoint.Checkpoint
	// Weights says why there is no Checkpoint, or not the newest one: a sentence, or nil.
	Weights error
}

// Read reads a run's folder. run.json must be there. Any other file may be missing, but only the
// weights may be damaged. The error is a sentence for the user.
func Read(ctx context.Context, dir string) (*Folder, error) {
	f, err := ReadTables(dir)
	if err != nil {
		return nil, err
	}
	f.Checkpoint, f.Weights = checkpoint.Load(ctx, dir)
	if err := ctx.Err(); err != nil {
		return nil, cmp.Or(f.Weights, err)
	}
	if f.Weights == nil {
		f.Checkpoint.TakeBest()
		f.Weights = f.Checkpoint.Skipped
	}
	return f, nil
}

// ReadTables is Read without the weights, which may be large.
func ReadTables(dir string) (*Folder, error) {
	f := &Folder{Dir: dir}
	var err error
	if f.Run, err = ReadRun(dir); err != nil {
		return nil, err
	}
	ended, err := ResultColumns.Read(filepath.Join(dir, ResultFile))
	if err != nil {
		return nil, err
	}
	if len(ended) > 0 {
		f.Result = &ended[0]
	}
	if f.Epochs, err = EpochColumns.Read(filepath.Join(dir, EpochsFile)); err != nil {
		return nil, err
	}
	if f.Alignment, err = AlignmentColumns.Read(filepath.Join(dir, AlignmentFile)); err != nil {
		return nil, err
	}
	f.Confusion, err = readConfusion(filepath.Join(dir, ConfusionFile), f.Run.Data.Classes)
	return f, err
}

// Status returns the status of the run.
func (f *Folder) Status() string {
	if f.Result == nil {
		return WithoutEnd(f.Dir)
	}
	return f.Result.Status
}

// WithoutEnd returns the status of a run that has no result.csv, or no row of its end in the log.
func WithoutEnd(dir string) string {
	if Locked(dir) {
		return StatusRunning
	}
	return StatusKilled
}

// unreadable explains why a file of the run cannot be read.
func unreadable(path string, err error) error {
	return fmt.Errorf("%s cannot be read (%w): it is not as the run left it", path, disk.Reason(err))
}
