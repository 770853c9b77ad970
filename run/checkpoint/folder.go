package checkpoint

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"mdfa/internal/disk"
	"mdfa/internal/fault"
)

// The places of a run's checkpoints.
const (
	Suffix       = ".safetensors"
	Folder       = "checkpoints" // in the run's folder
	LastFile     = "last" + Suffix
	PreviousFile = "previous" + Suffix
	BestFile     = "best" + Suffix
)

// Load reads the trained network at a path: a checkpoint, or the folder of a run or of its
// checkpoints. In a folder it tries best, last and previous in this order; Skipped says why a
// damaged file was skipped. The error is a sentence for the user (ErrAbsent, ErrDamaged).
func Load(ctx context.Context, path string) (*Checkpoint, error) {
	return load(ctx, path, Read, BestFile, LastFile, PreviousFile)
}

// LoadLatest is Load with the order last, previous, best: for the latest weights instead of the
// best ones.
func LoadLatest(ctx context.Context, path string) (*Checkpoint, error) {
	return load(ctx, path, Read, LastFile, PreviousFile, BestFile)
}

// The weights of a run that a program may be asked for.
const (
	Best = "best" // of the best epoch
	Last = "last"
)

// LoadWeights is Load with the weights of the best epoch in Params, or those of the latest one where no epoch
// was validated, or LoadLatest if last is asked for. Weights that are not finite are refused (ErrDamaged).
func LoadWeights(ctx context.Context, path, weights string) (*Checkpoint, error) {
	find := Load
	if weights == Last {
		find = LoadLatest
	}
	c, err := find(ctx, path)
	if err != nil {
		return nil, err
	}
	if weights != Last {
		c.TakeBest()
	}
	return c, c.CheckFinite()
}

// LoadState reads the state to resume a run from: a checkpoint of StateKind, or in a folder last,
// else previous. Weights that are NaN or infinite count as damaged.
func LoadState(ctx context.Context, path string) (*Checkpoint, error) {
	c, err := load(ctx, path, readFinite, LastFile, PreviousFile)
	if err == nil && c.Kind != StateKind {
		return nil, fault.New(ErrAbsent, nil,
			"%s holds the weights of the best epoch alone, and training cannot go on from them: name %s or the run's folder.", c.Path, LastFile)
	}
	return c, err
}

func readFinite(ctx context.Context, path string) (*Checkpoint, error) {
	c, err := Read(ctx, path)
	if err == nil {
		err = c.CheckFinite()
	}
	return c, err
}

func load(ctx context.Context, path string, read func(context.Context, string) (*Checkpoint, error), names ...string) (*Checkpoint, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, OpenError(path, err)
	case !info.IsDir():
		return read(ctx, path)
	}
	dir := path
	if inner := filepath.Join(path, Folder); isDir(inner) {
		dir = inner
	}
	var failures []error
	for _, name := range names {
		c, err := read(ctx, filepath.Join(dir, name))
		switch {
		case err == nil:
			if len(failures) > 0 {
				c.Skipped = failures[0]
			}
			return c, nil
		case ctx.Err() != nil:
			return nil, fmt.Errorf("reading %s: %w", path, ctx.Err())
		case !errors.Is(err, fs.ErrNotExist):
			failures = append(failures, err)
		}
	}
	if len(failures) > 0 {
		return nil, allFailed(dir, failures)
	}
	return nil, fault.New(ErrAbsent, nil,
		"%s holds no checkpoint: expected the folder of a run with %s in it.", path, filepath.Join(Folder, names[0]))
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// Writer writes the checkpoints of one run. One goroutine at a time uses it.
type Writer struct {
	dir     string // the folder of checkpoints
	whole   bool   // last is known to be undamaged: it becomes previous at the next save
	history history
}

// NewWriter returns a writer for a run's folder, which must exist. from is the state that the run
// is resumed from, or nil. If that is not last, then last is damaged or was skipped: the first
// save replaces it and leaves previous as it is.
func NewWriter(run string, from *Checkpoint) *Writer {
	w := &Writer{dir: filepath.Join(run, Folder)}
	if from != nil {
		was, err := os.Stat(from.Path)
		last, lastErr := os.Stat(filepath.Join(w.dir, LastFile))
		w.whole = err == nil && lastErr == nil && os.SameFile(was, last)
	}
	return w
}

// State makes c the last checkpoint, and an undamaged last one the previous one. It is on the disk
// when State returns. After an error the folder holds an undamaged checkpoint if it held one
// before. The error is a sentence (ErrWrite).
func (w *Writer) State(c *Checkpoint) error {
	last, previous := filepath.Join(w.dir, LastFile), filepath.Join(w.dir, PreviousFile)
	if err := w.makeFolder(); err != nil {
		return writeFault(last, err)
	}
	c.Kind = StateKind
	var err error
	if c.history, err = w.history.store(w.dir, c.Progress.Epochs); err != nil {
		return writeFault(last, err)
	}
	err = write(last, c, func() error {
		if !w.whole {
			return nil
		}
		// A second name for the file, which is then renamed: at every moment there is a last one.
		spare := filepath.Join(w.dir, "."+PreviousFile)
		_ = os.Remove(spare) // left by a process that ended here
		err := disk.Link(last, spare)
		if err == nil {
			err = disk.Rename(spare, previous)
			_ = os.Remove(spare) // still there if previous already was the same file
			return err
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // last was removed
		}
		return disk.Rename(last, previous) // the file system has no hard links
	})
	w.whole = w.whole || err == nil
	return err
}

// Weights makes c the best checkpoint: only Params and the latest part of the history are
// written.
func (w *Writer) Weights(c *Checkpoint) error {
	path := filepath.Join(w.dir, BestFile)
	if err := w.makeFolder(); err != nil {
		return writeFault(path, err)
	}
	weights := *c
	weights.dropState()
	weights.history = storedHistory{Epochs: storedEpochs(len(c.Progress.Epochs)), Chunk: chunk}
	return write(path, &weights, nil)
}

// makeFolder makes the folder of checkpoints, unless the run's folder was removed.
func (w *Writer) makeFolder() error {
	if isDir(w.dir) {
		return nil
	}
	w.whole, w.history = false, history{}
	return disk.Mkdir(w.dir)
}

// temporary matches the names of files while they are written.
var temporary = regexp.MustCompile(`^\..+\.(safetensors|json)\d*$`)

// Sweep removes the half-written files of a killed process from a run's folder. The caller must
// hold the run's lock.
func Sweep(run string) error {
	dir := filepath.Join(run, Folder)
	if err := disk.Sweep(dir, temporary); err != nil {
		return writeFault(dir, err)
	}
	return nil
}

// write writes a file; see [disk.Save]. The error is a sentence.
func write(path string, c *Checkpoint, ready func() error) error {
	c.Written = time.Now().Round(time.Second)
	if err := disk.Save(path, c.encode, ready); err != nil {
		return writeFault(path, err)
	}
	return nil
}
