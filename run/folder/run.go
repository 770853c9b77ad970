package folder

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"mdfa/internal/disk"
	"mdfa/internal/fault"
	"mdfa/run/checkpoint"
)

// RunFile describes a run from its first second on.
const RunFile = "run.json"

// Run is the content of run.json.
type Run struct {
	Format int `json:"format"`
	checkpoint.Settings
	Command []string  `json:"command"` // the program and its arguments, as first typed
	Device  Device    `json:"device"`
	Started time.Time `json:"started"`
	Resumed []Resumed `json:"resumed,omitempty"` // each time that it was resumed
}

// Device is the device of a run.
type Device struct {
	Kind   string `json:"kind"` // "cpu", "cuda" or "emu"
	Name   string `json:"name"`
	Detail string `json:"detail"`
}

// String names the device.
func (d Device) String() string {
	if d.Detail == "" {
		return d.Name
	}
	return d.Name + ", " + d.Detail
}

// Resumed is one time that a run was resumed.
type Resumed struct {
	Time    time.Time `json:"time"`
	Program string    `json:"program"`
	Command []string  `json:"command"`
	Device  Device    `json:"device"`
	From    string    `json:"from,omitempty"` // the checkpoint's file; "" if there was none yet
	Epoch   int       `json:"epoch"`
	Step    int       `json:"step"`
}

// maxRun limits the size of run.json.
const maxRun = 64 << 20

// runFormat is the version of run.json.
const runFormat = 1

// Encode returns the text of run.json.
func (r Run) Encode() ([]byte, error) {
	r.Format = runFormat
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", RunFile, err)
	}
	return append(text, '\n'), nil
}

// runLevels is the depth to which RunsBelow searches: the runs of -out are two levels down, and
// three in a folder of several such folders.
const runLevels = 3

// Is says whether a folder is a run's.
func Is(dir string) bool {
	info, err := os.Stat(filepath.Join(dir, RunFile))
	return err == nil && info.Mode().IsRegular()
}

// RunsBelow returns the folders of the runs below dir. Hidden folders are skipped, links are not followed. The
// error is about the first folder that cannot be read; the others are searched.
func RunsBelow(dir string) (runs []string, unread error) {
	// The function that is called never fails, so neither does WalkDir.
	_ = fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		path := filepath.Join(dir, filepath.FromSlash(name))
		switch {
		case err != nil:
			unread = cmp.Or(unread, fmt.Errorf("%s cannot be read (%w)", path, disk.Reason(err)))
		case !entry.IsDir() || name == ".":
		case strings.HasPrefix(entry.Name(), "."): // a process that was killed may have left the beginning of a run
			return fs.SkipDir
		case Is(path):
			runs = append(runs, path)
			return fs.SkipDir
		case strings.Count(name, "/") == runLevels-1:
			return fs.SkipDir
		}
		return nil
	})
	return runs, unread
}

// ReadRun reads run.json of a run's folder. The error is a sentence (checkpoint.ErrAbsent, ErrDamaged).
func ReadRun(dir string) (*Run, error) {
	path := filepath.Join(dir, RunFile)
	text, err := disk.ReadFile(context.Background(), path, maxRun)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(checkpoint.ErrAbsent, err, "%s is no folder of a run: it has no %s.", dir, RunFile)
	case err != nil:
		return nil, checkpoint.OpenError(path, err)
	}
	r := new(Run)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, fault.New(checkpoint.ErrDamaged, err, "%s is damaged (%v): move it away; the run's checkpoints can be named one by one.", path, err)
	}
	if r.Format != runFormat {
		return nil, fault.New(checkpoint.ErrDamaged, nil, "%s has format version %d, and this program reads version %d.", path, r.Format, runFormat)
	}
	if n, err := r.Settings.Network.Network(); err != nil || n.Classes != r.Data.Classes {
		return nil, fault.New(checkpoint.ErrDamaged, err, "%s is damaged (its network and its classes make no sense): move it away; the run's checkpoints can be named one by one.", path)
	}
	return r, nil
}
