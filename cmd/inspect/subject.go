package inspect

import (
	"cmp"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"mdfa/run/checkpoint"
	"mdfa/run/folder"
)

// subject holds the contents of a path. A checkpoint's file has no run and no tables; the folder
// of a run may lack weights.
type subject struct {
	path       string
	run        *folder.Run            // nil if there is no run.json
	checkpoint *checkpoint.Checkpoint // nil if there are no weights
	settings   *checkpoint.Settings   // of either; nil if there is neither
	status     string
	result     folder.Row // of result.csv; nil if the run has not ended
	epochs     []folder.Epoch
	notes      []string
	fault      error // why a run has no checkpoint that can be read, or no run.json: a sentence, or nil
}

// open reads a path.
func open(ctx context.Context, path, weights string) (*subject, error) {
	s := &subject{path: path}
	load := checkpoint.Load
	if weights == checkpoint.Last {
		load = checkpoint.LoadLatest
	}
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() || !isRun(path) {
		// A file, or a folder of checkpoints; the error names the expected file.
		if s.checkpoint, err = load(ctx, path); err != nil {
			return nil, err
		}
		s.settings, s.epochs = &s.checkpoint.Settings, history(s.checkpoint)
		s.skipped()
		return s, nil
	}
	if s.run, err = folder.ReadRun(path); err == nil {
		s.settings = &s.run.Settings
	} else if !errors.Is(err, checkpoint.ErrAbsent) {
		s.fault = err
	}
	if s.checkpoint, err = load(ctx, path); err == nil {
		s.settings = &s.checkpoint.Settings
		s.skipped()
	} else if ctx.Err() != nil {
		return nil, err
	} else {
		s.fault = cmp.Or(s.fault, err)
	}
	if err := s.readTables(); err != nil {
		return nil, err
	}
	// A run that keeps no checkpoints, or has not reached the first one, is complete without.
	if errors.Is(s.fault, checkpoint.ErrAbsent) && (s.status == folder.StatusRunning || s.run != nil && s.run.KeepsNone()) {
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

func (s *subject) skipped() {
	if s.checkpoint.Skipped != nil {
		s.note(s.checkpoint.Skipped)
	}
}

// readTables reads the CSVs of a run's folder, and sets the run's status.
func (s *subject) readTables() error {
	rows, err := folder.ReadTable(filepath.Join(s.path, folder.ResultFile))
	if err != nil {
		return err
	}
	if s.epochs, err = folder.EpochColumns.Read(filepath.Join(s.path, folder.EpochsFile)); err != nil {
		return err
	}
	s.status = folder.WithoutEnd(s.path)
	if len(rows) > 0 && s.status != folder.StatusRunning { // a resumed run removes the result
		s.result = rows[0]
		s.status = s.result["status"]
	}
	return nil
}

// history returns a checkpoint's epochs.
func history(c *checkpoint.Checkpoint) []folder.Epoch {
	var rows []folder.Epoch
	for _, e := range c.Progress.Epochs {
		rows = append(rows, folder.EpochOf(e, c.Network.Classes))
	}
	return rows
}

// name returns the path without a separator at its end.
func (s *subject) name() string { return strings.TrimSuffix(s.path, string(filepath.Separator)) }
