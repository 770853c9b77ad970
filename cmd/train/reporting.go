package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"mdfa/algo"
	"mdfa/internal/version"
	"mdfa/loaders"
	"mdfa/run/folder"
	"mdfa/run/report"
)

// reporter makes report.html at the end of a run, and before it confusion.csv. A nil one
// makes nothing.
type reporter struct {
	keep      *keeper
	labels    []int32 // of the split that is scored at the end
	confusion *folder.Confusion
}

// newReporter is the reporter of a run, nil with -report=false. What an earlier end of the
// run has left of it is removed: it is not this run's end.
func newReporter(p *plan, data *loaders.Dataset, keep *keeper) (*reporter, error) {
	for _, name := range []string{folder.ConfusionFile, folder.ReportFile} {
		if err := os.Remove(filepath.Join(keep.run.Dir(), name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("the report of an earlier end of the run cannot be removed: %w", err)
		}
	}
	if !p.Report {
		return nil, nil
	}
	r := &reporter{keep: keep, labels: data.Test.Labels, confusion: &folder.Confusion{Split: "test", Confusion: algo.NewConfusion(data.Classes)}}
	if data.Test.Len() == 0 {
		r.labels, r.confusion.Split = data.Valid.Labels, "validation"
	}
	return r, nil
}

// watch has an observer count, too, what the best weights make of the test set.
func (r *reporter) watch(o *observer) algo.Observer {
	if r == nil {
		return o
	}
	return &scoringObserver{o, r}
}

// scoringObserver is an observer that also wants the logits of the end.
type scoringObserver struct {
	*observer
	report *reporter
}

// Logits counts a batch of the last evaluation.
func (o *scoringObserver) Logits(first int, logits []float32) error {
	r := o.report
	n := len(logits) / r.keep.net.Logits
	r.confusion.Add(logits, r.labels[first:first+n])
	return nil
}

// write writes the report of a run that has ended, and returns the file's name, "" where
// there is none. The results are in their files before.
func (r *reporter) write() (name string, err error) {
	if r == nil {
		return "", nil
	}
	dir, k := r.keep.run.Dir(), r.keep
	if r.confusion.Total > 0 {
		if err := folder.WriteConfusion(k.run, *r.confusion, k.settings.Data.ClassName); err != nil {
			return "", err
		}
	}
	f, err := folder.ReadTables(dir)
	if err != nil {
		return "", err
	}
	// The weights are on the device; a device that is lost has none any more.
	if weights, err := r.weights(); err == nil {
		f.Checkpoint = k.checkpoint(algo.State{Params: weights})
	}
	if err := report.WriteRun(f, filepath.Join(dir, folder.ReportFile), "train, version "+version.Read().String()); err != nil {
		return "", err
	}
	return folder.ReportFile, nil
}

// weights are the best ones, or the latest where no epoch was validated.
func (r *reporter) weights() ([]float32, error) {
	if r.keep.best > 0 {
		return r.keep.trainer.Best()
	}
	s, err := r.keep.trainer.State()
	return s.Params, err
}

// explainReport says that a report is missing and nothing else.
func explainReport(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("the results are written, but no report: %w", err)
}
