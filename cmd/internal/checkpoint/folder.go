package checkpoint

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/google/renameio/v2"

	"mdfa/internal/disk"
)

// The places of a run's checkpoints.
const (
	Suffix       = ".safetensors"
	Folder       = "checkpoints" // in the run's folder
	LastFile     = "last" + Suffix
	PreviousFile = "previous" + Suffix
	BestFile     = "best" + Suffix
)

// Load reads the trained network that a path stands for: a checkpoint, or the folder of a
// run or of its checkpoints. Of a folder it is best, else last, else previous; one that is
// damaged is passed over, which PassedBy says. The error is a sentence for the user
// (ErrAbsent, ErrDamaged).
func Load(path string) (*Checkpoint, error) { return load(path, BestFile, LastFile, PreviousFile) }

// LoadLatest is Load with the order last, previous, best: for the weights that training
// came to, and not the best ones.
func LoadLatest(path string) (*Checkpoint, error) {
	return load(path, LastFile, PreviousFile, BestFile)
}

// LoadState reads the state that a run goes on from: a checkpoint of StateKind, or of a
// folder last, else previous.
func LoadState(path string) (*Checkpoint, error) {
	c, err := load(path, LastFile, PreviousFile)
	if err == nil && c.Kind != StateKind {
		return nil, &Error{Kind: ErrAbsent, Text: fmt.Sprintf(
			"%s holds the weights of the best epoch alone, and training cannot go on from them: name %s or the run's folder.", c.Path, LastFile)}
	}
	return c, err
}

func load(path string, names ...string) (*Checkpoint, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, openFault(path, err)
	case !info.IsDir():
		return Read(path)
	}
	dir := path
	if inner := filepath.Join(path, Folder); isDir(inner) {
		dir = inner
	}
	var failures []error
	for _, name := range names {
		c, err := Read(filepath.Join(dir, name))
		switch {
		case err == nil:
			if len(failures) > 0 {
				c.PassedBy = failures[0]
			}
			return c, nil
		case !errors.Is(err, fs.ErrNotExist):
			failures = append(failures, err)
		}
	}
	if len(failures) > 0 {
		return nil, allFailed(dir, failures)
	}
	return nil, &Error{Kind: ErrAbsent, Text: fmt.Sprintf(
		"%s holds no checkpoint: expected the folder of a run with %s in it.", path, filepath.Join(Folder, names[0]))}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// WriteState makes c the last checkpoint of a run's folder, and what was last the previous
// one. It is on the disk when WriteState returns; after an error the folder holds what it
// held before. The error is a sentence (ErrWrite).
func WriteState(run string, c *Checkpoint) error {
	c.Kind = StateKind
	dir := filepath.Join(run, Folder)
	last, previous := filepath.Join(dir, LastFile), filepath.Join(dir, PreviousFile)
	return write(last, c, func() error {
		// Another name for the file, and then the name changes hands: at every moment there
		// is a last one.
		spare := filepath.Join(dir, "."+PreviousFile)
		_ = os.Remove(spare) // of a process that ended here
		err := os.Link(last, spare)
		if err == nil {
			return os.Rename(spare, previous)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil // this is the first
		}
		return os.Rename(last, previous) // a file system without hard links
	})
}

// WriteWeights makes c the best checkpoint of a run's folder: only Params is written.
func WriteWeights(run string, c *Checkpoint) error {
	weights := *c
	weights.Kind, weights.Best, weights.Optimizer = WeightsKind, nil, nil
	return write(filepath.Join(run, Folder, BestFile), &weights, func() error { return nil })
}

// temporary matches the names that checkpoints have while they are written.
var temporary = regexp.MustCompile(`^\..+\.safetensors\d*$`)

// Sweep removes what a process that was ended left half-written in a run's folder. The
// caller has the run's lock.
func Sweep(run string) error {
	dir := filepath.Join(run, Folder)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return writeFault(dir, err)
	}
	for _, e := range entries {
		if !temporary.MatchString(e.Name()) {
			continue
		}
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			return writeFault(dir, err)
		}
	}
	return nil
}

// write writes a file beside its place, syncs it, and after keep puts it there.
func write(path string, c *Checkpoint, keep func() error) error {
	dir := filepath.Dir(path)
	isNew := !isDir(dir)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return writeFault(path, err)
	}
	c.Written = time.Now().Round(time.Second)
	file, err := renameio.NewPendingFile(path, renameio.WithTempDir(dir), renameio.WithPermissions(0o666))
	if err != nil {
		return writeFault(path, err)
	}
	defer func() { _ = file.Cleanup() }() // nothing is left of a file that was not finished
	out := bufio.NewWriterSize(file, 1<<20)
	if err := c.encode(out); err != nil {
		return writeFault(path, err)
	}
	if err := out.Flush(); err != nil {
		return writeFault(path, err)
	}
	if err := file.Sync(); err != nil { // before anything else changes
		return writeFault(path, err)
	}
	if err := keep(); err != nil {
		return writeFault(path, err)
	}
	if err := file.CloseAtomicallyReplace(); err != nil {
		return writeFault(path, err)
	}
	if isNew {
		if err := syncFolder(filepath.Dir(dir), path); err != nil {
			return err
		}
	}
	return syncFolder(dir, path)
}

// syncFolder makes new names last.
func syncFolder(dir, path string) error {
	if err := disk.SyncFolder(dir); err != nil {
		return writeFault(path, err)
	}
	return nil
}
