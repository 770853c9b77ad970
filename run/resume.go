package run

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"mdfa/internal/figures"
	"mdfa/internal/wording"
	"mdfa/run/folder"
)

// Resume resumes the run that path stands for: its folder, its folder of checkpoints, a
// checkpoint, or a folder above with no other run in it. Of spec, the chosen settings count
// (Spec.Chosen); the others are the earlier run's. The folder is locked until Train or Close returns.
func Resume(ctx context.Context, path string, spec Spec, o Options) (*Run, error) {
	if strings.TrimSpace(path) == "" {
		return nil, wording.Usagef("-resume is empty: expected the folder of a run, a checkpoint, or auto.")
	}
	from, err := findRun(ctx, path)
	if err != nil {
		return nil, err
	}
	earlier := from.settings()
	if spec, err = spec.Resumed(earlier.Facts(), from.name()); err == nil {
		err = from.checkSchedule(spec)
	}
	return newResumed(spec, o, from, err)
}

// newResumed returns the run that resumes from, unless there is an error already.
func newResumed(spec Spec, o Options, from *resumedRun, err error) (r *Run, _ error) {
	if err == nil {
		r, err = New(spec, o)
	}
	if err != nil {
		from.close()
		return nil, err
	}
	r.resumed = from
	return r, nil
}

// Find returns the newest run below Spec.Out with the same settings, to be resumed, or else a
// new run. The same call serves each time that a machine comes and goes: it begins the run,
// resumes it, and in the end says that it is complete, with which result. Then there is no run.
func Find(ctx context.Context, spec Spec, o Options) (r *Run, complete string, err error) {
	return NewIndex(spec.Out).Find(ctx, spec, o)
}

// resultOf returns the row of a run's result.csv; nil where there is none that can be read.
func resultOf(dir string) folder.Row {
	rows, err := folder.ReadTable(filepath.Join(dir, folder.ResultFile))
	if err != nil || len(rows) != 1 {
		return nil
	}
	return rows[0]
}

// completed says whether a run with this result is complete and spec asks for no more.
func completed(dir string, row folder.Row, spec *Spec) bool {
	return row["status"] == folder.StatusComplete &&
		(!spec.Report || exists(filepath.Join(dir, folder.ReportFile))) && // otherwise it was killed while it wrote the report
		row["max_epochs"] == strconv.Itoa(spec.MaxEpochs) && row["max_steps"] == strconv.Itoa(spec.MaxSteps) &&
		cmp.Or(row["patience"], "0") == strconv.Itoa(spec.Patience) // earlier versions have no such column
}

// outcomeText says in a few words how a complete run ended.
func outcomeText(row folder.Row) string {
	outcome := row["epochs"] + " epochs"
	if row["epochs"] == "1" {
		outcome = "1 epoch"
	}
	for _, column := range []struct{ name, label string }{{"best_valid_accuracy", "validation"}, {"test_accuracy", "test"}} {
		if x, err := strconv.ParseFloat(row[column.name], 64); err == nil {
			outcome += fmt.Sprintf(", %s %s", column.label, figures.Percent(x, 2))
		}
	}
	return outcome
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
