package run

import (
	"cmp"
	"fmt"
	"path/filepath"

	"mdfa/algo/predict"
	"mdfa/algo/training"
	"mdfa/internal/disk"
	"mdfa/internal/version"
	"mdfa/loaders"
	"mdfa/model"
	"mdfa/run/folder"
	"mdfa/run/report"
)

// reporter makes report.html at the end of a run, and before it confusion.csv. A nil one
// makes nothing.
type reporter struct {
	logits    int     // of an example
	labels    []int32 // of the split that is scored at the end
	confusion *folder.Confusion
}

// newReporter returns nil with -report=false. It removes the report of an earlier end of the run.
func newReporter(wanted bool, data *loaders.Dataset, net *model.Network, run *folder.Writer) (*reporter, error) {
	for _, name := range []string{folder.ConfusionFile, folder.ReportFile} {
		if err := disk.Remove(filepath.Join(run.Dir(), name)); err != nil {
			return nil, fmt.Errorf("the report of an earlier end of the run cannot be removed: %w; remove it, then start again", err)
		}
	}
	if !wanted {
		return nil, nil
	}
	r := &reporter{logits: net.Logits, labels: data.Test.Labels, confusion: &folder.Confusion{Split: "test", Confusion: predict.NewConfusion(data.Classes)}}
	if data.Test.Len() == 0 {
		r.labels, r.confusion.Split = data.Valid.Labels, "validation"
	}
	return r, nil
}

// Logits counts a batch of the last evaluation.
func (r *reporter) Logits(first int, logits []float32) error {
	r.confusion.Add(logits, r.labels[first:first+len(logits)/r.logits])
	return nil
}

// write writes the report of a run whose results are in their files, and returns the file's name,
// "" without a report.
func (r *reporter) write(k *runRecorder, program string) (name string, err error) {
	if r == nil {
		return "", nil
	}
	dir := k.run.Dir()
	if r.confusion.Total > 0 {
		if err := folder.WriteConfusion(k.run, *r.confusion, k.settings.Data.ClassName); err != nil {
			return "", err
		}
	}
	f, err := folder.ReadTables(dir)
	if err != nil {
		return "", err
	}
	// The weights are on the device; a device that is lost has no weights any more.
	if weights, err := k.weights(); err == nil {
		f.Checkpoint = k.checkpoint(training.State{Params: weights})
	}
	producer := cmp.Or(program, "mdfa/run") + ", version " + version.Read().String()
	if err := report.WriteRun(f, filepath.Join(dir, folder.ReportFile), producer); err != nil {
		return "", err
	}
	return folder.ReportFile, nil
}

// weights returns the best ones, or the latest where no epoch was validated.
func (k *runRecorder) weights() ([]float32, error) {
	if k.best > 0 {
		return k.trainer.Best()
	}
	s, err := k.trainer.State()
	return s.Params, err
}
