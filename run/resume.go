package run

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
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
	spec = o.named(spec)
	found := map[string]bool{}
	dirs := candidates(&spec)
	for _, dir := range dirs {
		found[dir] = true
	}
	for _, dir := range dirs {
		if outcome, complete := completed(dir, &spec); complete {
			return nil, fmt.Sprintf("%s is complete: %s", dir, outcome), nil
		}
		from, err := openRun(ctx, dir, dir)
		if err != nil {
			return nil, "", err
		}
		if from.checkSchedule(spec) != nil { // it has trained more than is asked for
			from.close()
			continue
		}
		if r, err = newResumed(spec, o, from, nil); err == nil {
			r.found = found
		}
		return r, "", err
	}
	if r, err = New(spec, o); err == nil {
		r.found = found
	}
	return r, "", err
}

// others returns a check for runs with the same settings that began since Find looked for
// them, or nil. The new run's folder gets its name only after it: of two processes that
// begin the same run, one does.
func (r *Run) others() func() error {
	if r.found == nil || r.resumed != nil {
		return nil
	}
	return func() error {
		for _, dir := range candidates(&r.spec) {
			if !r.found[dir] {
				return fmt.Errorf("another process has just begun the same run in %s: wait for its end, or stop it and give the same command again", dir)
			}
		}
		return nil
	}
}

// candidates returns the folders of runs with the same settings, the newest first.
func candidates(spec *Spec) []string {
	// The pattern is sound, and a folder that cannot be read has no run to resume.
	paths, _ := fs.Glob(os.DirFS(spec.Out), "*/[^.]*/"+folder.RunFile)
	type found struct {
		dir string
		run *folder.Run
	}
	var list []found
	for _, name := range paths {
		dir := filepath.Join(spec.Out, filepath.FromSlash(path.Dir(name)))
		if run, err := folder.ReadRun(dir); err == nil && spec.SameRun(run.Facts()) {
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

// completed says whether a run is complete and spec asks for no more, and with which result.
func completed(dir string, spec *Spec) (outcome string, ok bool) {
	rows, err := folder.ReadTable(filepath.Join(dir, folder.ResultFile))
	if err != nil || len(rows) != 1 {
		return "", false
	}
	row := rows[0]
	if row["status"] != folder.StatusComplete ||
		spec.Report && !exists(filepath.Join(dir, folder.ReportFile)) || // it was killed while it wrote the report
		row["max_epochs"] != strconv.Itoa(spec.MaxEpochs) || row["max_steps"] != strconv.Itoa(spec.MaxSteps) ||
		cmp.Or(row["patience"], "0") != strconv.Itoa(spec.Patience) { // earlier versions have no such column
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
