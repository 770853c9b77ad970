package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"mdfa/run/checkpoint"
	"mdfa/run/folder"
)

// subject is a path with all that is known of it. A checkpoint's file has no run and no
// files; the folder of a run may lack weights.
type subject struct {
	path       string
	run        *folder.Run            // nil if there is no run.json
	checkpoint *checkpoint.Checkpoint // nil if there are no weights
	settings   *checkpoint.Settings   // of one of them; nil if there are neither
	status     string
	result     map[string]string // result.csv; nil if the run has not ended
	epochs     []folder.Row      // the columns of epochs.csv
	notes      []string
	fault      error // why a run has no checkpoint that can be read, or no run.json: a sentence, or nil
}

// open reads what a path stands for.
func open(ctx context.Context, path, weights string) (*subject, error) {
	s := &subject{path: path}
	load := checkpoint.Load
	if weights == weightsLast {
		load = checkpoint.LoadLatest
	}
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() || !isRun(path) {
		// A file, or a folder of checkpoints; its error says what was expected.
		if s.checkpoint, err = load(ctx, path); err != nil {
			return nil, err
		}
		s.settings, s.epochs = &s.checkpoint.Settings, history(s.checkpoint)
		s.passedBy()
		return s, nil
	}
	if s.run, err = folder.ReadRun(path); err == nil {
		s.settings = &s.run.Settings
	} else if !errors.Is(err, checkpoint.ErrAbsent) {
		s.fault = err
	}
	if s.checkpoint, err = load(ctx, path); err == nil {
		s.settings = &s.checkpoint.Settings
		s.passedBy()
	} else if ctx.Err() != nil {
		return nil, err
	} else {
		s.fault = cmp.Or(s.fault, err)
	}
	if err := s.readTables(); err != nil {
		return nil, err
	}
	// A run that keeps none, or has not come to its first one, is as it should be.
	if errors.Is(s.fault, checkpoint.ErrAbsent) && (s.status == statusRunning || s.run != nil && s.run.KeepsNone()) {
		s.fault = nil
	}
	return s, nil
}

// isRun says whether a folder is a run's.
func isRun(dir string) bool {
	for _, name := range []string{folder.RunFile, folder.EpochsFile, folder.ResultFile} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

func (s *subject) note(err error) { s.notes = append(s.notes, err.Error()) }

func (s *subject) passedBy() {
	if s.checkpoint.PassedBy != nil {
		s.note(s.checkpoint.PassedBy)
	}
}

// readTables reads the CSVs of a run's folder, and how the run stands.
func (s *subject) readTables() error {
	rows, err := folder.ReadTable(filepath.Join(s.path, folder.ResultFile))
	if err != nil {
		return err
	}
	if s.epochs, err = folder.ReadTable(filepath.Join(s.path, folder.EpochsFile)); err != nil {
		return err
	}
	switch {
	case folder.Locked(s.path):
		s.status = statusRunning
	case len(rows) > 0:
		s.result = rows[0]
		s.status = s.result[statusColumn]
	default:
		s.status = statusKilled
	}
	return nil
}

// history are a checkpoint's epochs with the columns of epochs.csv.
func history(c *checkpoint.Checkpoint) []folder.Row {
	var rows []folder.Row
	number := func(x, count float64) string {
		if count == 0 {
			return ""
		}
		return fmt.Sprint(x)
	}
	for _, e := range c.Progress.Epochs {
		row := map[string]string{
			"epoch": fmt.Sprint(e.Number), "steps": fmt.Sprint(e.Steps),
			"train_loss": number(e.Train.MeanLoss(), e.Train.Count), "train_accuracy": number(e.Train.Accuracy(), e.Train.Count),
			"valid_loss": number(e.Valid.MeanLoss(), e.Valid.Count), "valid_accuracy": number(e.Valid.Accuracy(), e.Valid.Count),
			"best": fmt.Sprint(e.Best), "train_seconds": fmt.Sprint(e.Seconds), "data_wait_seconds": fmt.Sprint(e.DataWait),
		}
		if e.Seconds > 0 {
			row["images_per_second"] = fmt.Sprint(e.ImagesPerSecond())
		}
		rows = append(rows, row)
	}
	return rows
}

// name is the path without what a long one begins with, for a line of text.
func (s *subject) name() string { return strings.TrimSuffix(s.path, string(filepath.Separator)) }
