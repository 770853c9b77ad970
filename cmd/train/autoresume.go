package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"

	"mdfa/internal/figures"
	"mdfa/run/folder"
)

// autoResume looks below -out for the newest run with the same settings. The same command
// line serves each time that a machine comes and goes: it begins the run, goes on with it,
// and in the end says that it is complete.
func autoResume(ctx context.Context, typed options, out *console) (opt options, from *origin, done bool, err error) {
	typed.found = candidates(typed)
	for _, dir := range typed.found {
		outcome, complete := completed(dir, typed)
		if complete {
			text := fmt.Sprintf("%s is complete: %s", dir, outcome)
			out.line(text)
			out.event("note", noteEvent{text})
			return typed, nil, true, nil
		}
		from, err := openRun(ctx, dir, dir)
		if err != nil {
			return opt, nil, false, err
		}
		if from.checkSchedule(typed) != nil { // it has trained more than is asked for
			from.close()
			continue
		}
		return typed, from, false, nil
	}
	return typed, nil, false, nil
}

// others returns a check for runs with the same settings that began since -resume auto
// looked for them, or nil. The new run's folder gets its name only after it: of two processes that
// begin the same run, one does.
func (p *plan) others() func() error {
	if p.resume != resumeAuto || p.origin != nil {
		return nil
	}
	return func() error {
		for _, dir := range candidates(p.options) {
			if !slices.Contains(p.found, dir) {
				return fmt.Errorf("another process has just begun the same run in %s: wait for its end, or stop it and give the same command again", dir)
			}
		}
		return nil
	}
}

// candidates are the folders of runs with the same settings, the newest first.
func candidates(typed options) []string {
	// The pattern is sound, and what cannot be read has no run to go on with.
	paths, _ := fs.Glob(os.DirFS(typed.Out), "*/[^.]*/"+folder.RunFile)
	type found struct {
		dir string
		run *folder.Run
	}
	var list []found
	for _, name := range paths {
		dir := filepath.Join(typed.Out, filepath.FromSlash(path.Dir(name)))
		if run, err := folder.ReadRun(dir); err == nil && typed.SameRun(run.Facts()) {
			list = append(list, found{dir, run})
		}
	}
	slices.SortStableFunc(list, func(a, b found) int {
		if c := b.run.Started.Compare(a.run.Started); c != 0 {
			return c
		}
		return len(b.dir) - len(a.dir) // -2, -3 follow in the same second
	})
	var dirs []string
	for _, f := range list {
		dirs = append(dirs, f.dir)
	}
	return dirs
}

// completed says whether a run has come to its end with nothing more asked for, and with
// which result.
func completed(dir string, typed options) (outcome string, ok bool) {
	rows, err := folder.ReadTable(filepath.Join(dir, folder.ResultFile))
	if err != nil || len(rows) != 1 {
		return "", false
	}
	row := rows[0]
	if row["status"] != statusComplete ||
		typed.Report && !exists(filepath.Join(dir, folder.ReportFile)) || // it was killed while it wrote the report
		row["max_epochs"] != strconv.Itoa(typed.MaxEpochs) || row["max_steps"] != strconv.Itoa(typed.MaxSteps) {
		return "", false
	}
	outcome = row["epochs"] + " epochs"
	if row["epochs"] == "1" {
		outcome = "1 epoch"
	}
	for _, column := range []struct{ name, label string }{{"best_valid_accuracy", "validation"}, {"test_accuracy", "test"}} {
		if x, err := strconv.ParseFloat(row[column.name], 64); err == nil {
			outcome += fmt.Sprintf(", %s %s", column.label, figures.Percent(x, 2))
		}
	}
	return outcome, true
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
