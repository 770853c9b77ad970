// Package runfolder reads what a run has left in its folder, run.json, the CSV files and the
// best weights, and makes the report of it that people open. train does so at the end of a
// run, and the program report at any time after.
package runfolder

import (
	"context"
	"fmt"
	"math"
	"path/filepath"
	"strconv"

	"mdfa/cmd/internal/checkpoint"
	"mdfa/internal/disk"
	"mdfa/internal/results"
)

// ReportFile is the report's name in the run's folder.
const ReportFile = "report.html"

// StatusUnfinished is that of a run without a result.csv: it goes on, or it was killed.
const StatusUnfinished = "unfinished"

// Folder is what a run has left. What there is not is nil.
type Folder struct {
	Dir        string
	Run        *checkpoint.Run
	Result     row // of result.csv; nil for a run that has not ended
	Epochs     []row
	Alignment  []row
	Confusion  *Confusion
	Checkpoint *checkpoint.Checkpoint
	// Weights says why there is no Checkpoint, or not the newest one: a sentence, or nil.
	Weights error
}

// row is a line of a CSV by the names of its columns.
type row map[string]string

// Read reads the folder. Without a run.json it is none; any other file may be absent, but
// none may be damaged, the weights excepted. The error is a sentence for the user.
func Read(ctx context.Context, dir string) (*Folder, error) {
	f, err := ReadTables(dir)
	if err != nil {
		return nil, err
	}
	f.Checkpoint, f.Weights = checkpoint.Load(ctx, dir)
	if ctx.Err() != nil {
		return nil, f.Weights
	}
	if f.Weights == nil {
		f.Checkpoint.TakeBest()
		f.Weights = f.Checkpoint.PassedBy
	}
	return f, nil
}

// ReadTables is Read without the weights, which may be large.
func ReadTables(dir string) (*Folder, error) {
	f := &Folder{Dir: dir}
	var err error
	if f.Run, err = checkpoint.ReadRun(dir); err != nil {
		return nil, err
	}
	ended, err := table(filepath.Join(dir, results.ResultFile))
	if err != nil {
		return nil, err
	}
	if len(ended) > 0 {
		f.Result = ended[0]
	}
	if f.Epochs, err = table(filepath.Join(dir, results.EpochsFile)); err != nil {
		return nil, err
	}
	if f.Alignment, err = table(filepath.Join(dir, results.AlignmentFile)); err != nil {
		return nil, err
	}
	f.Confusion, err = readConfusion(filepath.Join(dir, ConfusionFile), f.Run.Data.Classes)
	return f, err
}

// Status is complete, interrupted, failed or unfinished.
func (f *Folder) Status() string {
	if f.Result == nil {
		return StatusUnfinished
	}
	return f.Result["status"]
}

// table reads a CSV of the run; nil where there is none.
func table(path string) ([]row, error) {
	lines, err := results.ReadTable(path)
	if lines == nil {
		return nil, err
	}
	rows := make([]row, len(lines))
	for i, line := range lines {
		rows[i] = line
	}
	return rows, nil
}

// unreadable says why a file of the run cannot be read.
func unreadable(path string, err error) error {
	return fmt.Errorf("%s cannot be read (%w): it is not as the run left it", path, disk.Reason(err))
}

// number is a column's value, NaN where it is empty or absent.
func (r row) number(column string) float64 {
	x, err := strconv.ParseFloat(r[column], 64)
	if err != nil {
		return math.NaN()
	}
	return x
}

// whole is a column's value, 0 where it is none.
func (r row) whole(column string) int {
	n, err := strconv.Atoi(r[column])
	if err != nil {
		return 0
	}
	return n
}
