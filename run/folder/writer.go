package folder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"mdfa/internal/disk"
	"mdfa/internal/fault"
)

// The files of a run's folder beside run.json. Of a table, the first line is the header.
const (
	ResultFile    = "result.csv"    // one row, once the run has ended
	EpochsFile    = "epochs.csv"    // a row for each epoch so far
	AlignmentFile = "alignment.csv" // a row for each layer in each measured step
	ConfusionFile = "confusion.csv" // a row for each pair of a true and a predicted class that occurs
	ReportFile    = "report.html"   // the page about the run
	ProfileFile   = "profile.json"  // the profile of a step
)

// Writer writes the folder of one run. No other process can open the folder meanwhile.
type Writer struct {
	dir    string
	made   []string // folders that Create made, the outermost first
	unlock func()
}

// File is a file of a run's folder.
type File struct {
	Name string
	Text []byte
}

// Create makes the folder root/group/name-<start>, with an empty epochs.csv and the given files, so that
// a place that cannot be written shows before any work is done. The folder appears with all of
// them or not at all. If a run that started in the same second has the name, -2, -3, … is added.
//
// check, if not nil, is called before the folder gets its name, by one process at a time. Create
// returns its error as it is, and leaves no folder.
func Create(root, group, name string, start time.Time, check func() error, files ...File) (*Writer, error) {
	w := &Writer{}
	parent := filepath.Join(root, group)
	if err := w.makeParents(parent); err != nil {
		return nil, explain(root, err)
	}
	sweepBegun(parent)
	stem := filepath.Join(parent, name+"-"+start.Format("20060102T150405"))
	if err := w.name(root, parent, stem, check, files); err != nil {
		w.Discard()
		return nil, err
	}
	return w, nil
}

// name makes the folder, and gives it its name once check passes.
func (w *Writer) name(root, parent, stem string, check func() error, files []File) error {
	if err := w.begin(parent, files); err != nil {
		if fault := (*fault.Error)(nil); errors.As(err, &fault) && fault.Kind == ErrWrite {
			return explain(stem, fault.Cause) // the user knows the folder by its future name
		}
		return explain(root, err)
	}
	if check != nil {
		held, err := lockLog(context.Background(), root)
		switch {
		case errors.Is(err, ErrLocked):
			return err
		case err != nil:
			return explain(root, err)
		}
		defer held.Release()
		if err := check(); err != nil {
			return err
		}
	}
	if err := w.rename(stem); err != nil {
		return explain(root, err)
	}
	return nil
}

// begunPrefix begins the names of folders that have no final name yet. A killed process may leave one.
const begunPrefix = ".new-"

// begin makes the folder without its final name, locked and with its files.
func (w *Writer) begin(parent string, files []File) error {
	dir := filepath.Join(parent, fmt.Sprintf("%s%d-%d", begunPrefix, os.Getpid(), rand.Uint64()))
	if err := disk.Mkdir(dir); err != nil {
		return err
	}
	w.dir, w.made = dir, append(w.made, dir)
	var err error
	if w.unlock, err = Lock(dir); err != nil {
		return err
	}
	for _, f := range files {
		if err := w.Write(f.Name, f.Text); err != nil {
			return err
		}
	}
	return w.SetEpochs(nil)
}

// rename gives the folder its name, or that name with the first free number: it never replaces a
// folder that holds something.
func (w *Writer) rename(stem string) error {
	for n, to := 2, stem; ; n++ {
		err := disk.Rename(w.dir, to)
		if err == nil {
			w.dir, w.made[len(w.made)-1] = to, to
			return disk.SyncFolder(filepath.Dir(to))
		}
		if !errors.Is(err, fs.ErrExist) && !errors.Is(err, syscall.ENOTEMPTY) {
			return err
		}
		to = fmt.Sprintf("%s-%d", stem, n)
	}
}

// sweepBegun removes folders without a final name whose process has ended. A young one may be
// about to be locked. A folder that cannot be removed is no failure.
func sweepBegun(parent string) {
	const young = time.Hour
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), begunPrefix) {
			continue
		}
		dir := filepath.Join(parent, e.Name())
		info, err := e.Info()
		if err != nil || time.Since(info.ModTime()) < young || Locked(dir) {
			continue
		}
		_ = os.RemoveAll(dir)
	}
}

// Open returns a writer for the folder of a run that is resumed. unlock, from [Lock], must hold the
// folder. Half-written files are removed. The run's own files stay as they are until SetEpochs.
func Open(dir string, unlock func()) (*Writer, error) {
	if err := disk.Sweep(dir, temporary); err != nil {
		unlock()
		return nil, explain(dir, err)
	}
	return &Writer{dir: dir, unlock: unlock}, nil
}

// temporary matches the names of a run's files while they are written.
var temporary = regexp.MustCompile(`^\..+\.(csv|json|html)\d+$`)

// Dir returns the run's folder.
func (w *Writer) Dir() string { return w.dir }

// Close releases the folder's lock.
func (w *Writer) Close() {
	if w.unlock != nil {
		w.unlock()
		w.unlock = nil
	}
}

// SetEpochs replaces epochs.csv by the rows of the epochs so far, and removes a result.csv of an
// earlier end of the run.
func (w *Writer) SetEpochs(rows []Epoch) error {
	if err := w.Write(EpochsFile, EpochColumns.csv(true, rows...)); err != nil {
		return err
	}
	if err := disk.Remove(filepath.Join(w.dir, ResultFile)); err != nil {
		return explain(w.dir, err)
	}
	return nil
}

// AddEpoch appends a row to epochs.csv.
func (w *Writer) AddEpoch(row Epoch) error { return w.append(EpochsFile, EpochColumns.csv(false, row)) }

// Finish writes result.csv.
func (w *Writer) Finish(r *Result) error { return w.Write(ResultFile, encode(split(r.Cells()))) }

// makeParents makes the missing folders of a path and remembers them.
func (w *Writer) makeParents(path string) error {
	var missing []string
	for p := path; ; p = filepath.Dir(p) {
		if _, err := os.Stat(p); !errors.Is(err, fs.ErrNotExist) || p == filepath.Dir(p) {
			break
		}
		missing = append(missing, p)
	}
	if err := os.MkdirAll(path, 0o777); err != nil {
		for _, p := range missing {
			_ = os.Remove(p) // those that were made; the error above counts
		}
		return err
	}
	for i := len(missing) - 1; i >= 0; i-- {
		w.made = append(w.made, missing[i])
	}
	return nil
}

// Discard closes the run and removes the folders that Create made, as far as they are empty then: the
// run ended before it began.
func (w *Writer) Discard() {
	if w.made != nil {
		for _, name := range []string{EpochsFile, RunFile, lockFile} {
			_ = os.Remove(filepath.Join(w.dir, name)) // any other file keeps the folder
		}
		for i := len(w.made) - 1; i >= 0 && os.Remove(w.made[i]) == nil; i-- {
		}
	}
	w.Close()
}

// Write writes or replaces a file of the run.
func (w *Writer) Write(name string, text []byte) error {
	if err := disk.WriteFile(filepath.Join(w.dir, name), text); err != nil {
		return explain(w.dir, err)
	}
	return nil
}

// append adds lines to a file of the run, so that the time for a row does not grow with the file.
func (w *Writer) append(name string, lines []byte) error {
	if err := disk.Append(filepath.Join(w.dir, name), lines); err != nil {
		return explain(w.dir, err)
	}
	return nil
}

// ErrWrite says that results cannot be written.
var ErrWrite = errors.New("results cannot be written")

// explain returns one sentence with the reason why dir cannot be written, and the remedy.
func explain(dir string, err error) error {
	const another = "name another folder with -out"
	otherwise := another
	if errors.Is(err, fs.ErrNotExist) {
		otherwise = "it was removed or renamed meanwhile: give it its name back and resume the run, or start a new one"
	}
	return fault.New(ErrWrite, err, "%s.", disk.WriteFault("results cannot be written to "+dir, err, ", or "+another, otherwise))
}
