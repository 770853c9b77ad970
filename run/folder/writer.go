package folder

import (
	"bytes"
	"context"
	"encoding/csv"
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
	"mdfa/internal/foreign"
)

// The files of a run's folder.
const (
	ResultFile = "result.csv" // header and one row, once the run has ended
	EpochsFile = "epochs.csv" // header and one row for each epoch so far

	// ReportFile is the page about the run.
	ReportFile = "report.html"
	// ProfileFile is there for runs that were profiled.
	ProfileFile = "profile.json"
)

// Cell is one value under its column's name.
type Cell struct{ Column, Value string }

// Writer writes the folder of one run. While a process has it open, no other can open it.
type Writer struct {
	dir     string
	made    []string // folders that Create made, the outermost first
	columns []string // of epochs.csv
	unlock  func()
}

// File is a file of a run's folder.
type File struct {
	Name string
	Text []byte
}

// Create makes the folder root/group/name-<start>, with an epochs.csv that has just its
// header and the given files in it, so that a place which cannot be written shows before any
// work is done. The folder appears with all of them or not at all. When the name is taken, as
// by a run started in the same second, -2, -3, … is added.
//
// Check, if not nil, is called before the folder gets its name, by one process at a time. Its
// error is returned as it is, and there is no folder.
func Create(root, group, name string, start time.Time, epochColumns []string, check func() error, files ...File) (*Writer, error) {
	r := &Writer{columns: epochColumns}
	parent := filepath.Join(root, group)
	if err := r.makeParents(parent); err != nil {
		return nil, explain(root, err)
	}
	sweepBegun(parent)
	stem := filepath.Join(parent, name+"-"+start.Format("20060102T150405"))
	if err := r.name(root, parent, stem, check, files); err != nil {
		r.Discard()
		return nil, err
	}
	return r, nil
}

// name makes the folder and gives it its name once check passes.
func (r *Writer) name(root, parent, stem string, check func() error, files []File) error {
	if err := r.begin(parent, files); err != nil {
		if fault := (*fault.Error)(nil); errors.As(err, &fault) && fault.Kind == ErrWrite {
			return explain(stem, fault.Cause) // the user knows the folder by its name to be
		}
		return explain(root, err)
	}
	if check != nil {
		held, err := lockLog(context.Background(), root)
		if err != nil {
			return explain(root, err)
		}
		defer held.Release()
		if err := check(); err != nil {
			return err
		}
	}
	if err := r.rename(stem); err != nil {
		return explain(root, err)
	}
	return nil
}

// begunPrefix is of folders that have no name yet. A process that is killed may leave one.
const begunPrefix = ".new-"

// begin makes the folder without a name, locked and with its files.
func (r *Writer) begin(parent string, files []File) error {
	dir := filepath.Join(parent, fmt.Sprintf("%s%d-%d", begunPrefix, os.Getpid(), rand.Uint64()))
	if err := disk.Mkdir(dir); err != nil {
		return err
	}
	r.dir, r.made = dir, append(r.made, dir)
	var err error
	if r.unlock, err = Lock(dir); err != nil {
		return err
	}
	for _, f := range files {
		if err := r.write(f.Name, f.Text); err != nil {
			return err
		}
	}
	return r.SetEpochs(nil)
}

// rename gives the folder its name, or the first number behind it that is free: a folder
// with something in it is never replaced.
func (r *Writer) rename(stem string) error {
	for n, to := 2, stem; ; n++ {
		err := disk.Rename(r.dir, to)
		if err == nil {
			r.dir, r.made[len(r.made)-1] = to, to
			return disk.SyncFolder(filepath.Dir(to))
		}
		if !errors.Is(err, fs.ErrExist) && !errors.Is(err, syscall.ENOTEMPTY) {
			return err
		}
		to = fmt.Sprintf("%s-%d", stem, n)
	}
}

// sweepBegun removes folders without a name whose process has ended. A young one may be
// about to be locked. It is no failure if one stays.
func sweepBegun(parent string) {
	const young = time.Hour
	entries, err := os.ReadDir(parent)
	if err != nil {
		return
	}
	for _, e := range entries {
		dir := filepath.Join(parent, e.Name())
		info, err := e.Info()
		if !strings.HasPrefix(e.Name(), begunPrefix) || err != nil || time.Since(info.ModTime()) < young || Locked(dir) {
			continue
		}
		_ = os.RemoveAll(dir)
	}
}

// Open takes up the folder of an earlier run that goes on, which lock (of [Lock]) keeps for
// this process. What is left over of files that were being written is removed. The run's
// own files stay as they are until the run is known to go on: see SetEpochs.
func Open(dir string, lock func(), epochColumns []string) (*Writer, error) {
	r := &Writer{dir: dir, columns: epochColumns, unlock: lock}
	if err := disk.Sweep(dir, temporary); err != nil {
		return nil, explain(dir, err)
	}
	return r, nil
}

// temporary matches the names that files of a run have while they are written.
var temporary = regexp.MustCompile(`^\..+\.(csv|json|html)\d+$`)

// Close lets others have the folder.
func (r *Writer) Close() {
	if r.unlock != nil {
		r.unlock()
		r.unlock = nil
	}
}

// SetEpochs makes epochs.csv anew, of the rows of the epochs so far. A result.csv of an
// earlier end of the run is removed: it has not ended.
func (r *Writer) SetEpochs(rows [][]Cell) error {
	lines := [][]string{r.columns}
	for _, cells := range rows {
		_, values := split(cells)
		lines = append(lines, values)
	}
	text, err := encode(lines...)
	if err != nil {
		return err
	}
	if err := r.write(EpochsFile, text); err != nil {
		return err
	}
	if err := disk.Remove(filepath.Join(r.dir, ResultFile)); err != nil {
		return explain(r.dir, err)
	}
	return nil
}

// WriteRun writes run.json.
func (r *Writer) WriteRun(text []byte) error { return r.write(RunFile, text) }

// makeParents makes the missing folders of a path and remembers them.
func (r *Writer) makeParents(path string) error {
	var missing []string
	for p := path; ; p = filepath.Dir(p) {
		if _, err := os.Stat(p); !errors.Is(err, fs.ErrNotExist) || p == filepath.Dir(p) {
			break
		}
		missing = append(missing, p)
	}
	if err := os.MkdirAll(path, 0o777); err != nil {
		for _, p := range missing {
			_ = os.Remove(p) // those that were made; the error that counts is above
		}
		return err
	}
	for i := len(missing) - 1; i >= 0; i-- {
		r.made = append(r.made, missing[i])
	}
	return nil
}

// removeMade removes the folders that Create made, as far as they are empty.
func (r *Writer) removeMade() {
	for i := len(r.made) - 1; i >= 0; i-- {
		if os.Remove(r.made[i]) != nil {
			return
		}
	}
}

// Dir is the run's folder.
func (r *Writer) Dir() string { return r.dir }

// AddEpoch appends a row to epochs.csv. The cells are in the order of the columns.
func (r *Writer) AddEpoch(cells []Cell) error {
	names, values := split(cells)
	if strings.Join(names, ",") != strings.Join(r.columns, ",") {
		return fmt.Errorf("an epoch's row has the columns %v instead of %v", names, r.columns)
	}
	line, err := encode(values)
	if err != nil {
		return err
	}
	return r.append(EpochsFile, line)
}

// Finish writes result.csv.
func (r *Writer) Finish(cells []Cell) error {
	names, values := split(cells)
	text, err := encode(names, values)
	if err != nil {
		return err
	}
	return r.write(ResultFile, text)
}

// WriteProfile writes profile.json.
func (r *Writer) WriteProfile(text []byte) error { return r.write(ProfileFile, text) }

// Discard closes the run and removes it if Create made it: for one that ended before it
// began.
func (r *Writer) Discard() {
	if r.made != nil {
		for _, name := range []string{EpochsFile, RunFile, lockFile} {
			_ = os.Remove(filepath.Join(r.dir, name)) // what is left then keeps the folder
		}
		r.removeMade()
	}
	r.Close()
}

func split(cells []Cell) (names, values []string) {
	for _, c := range cells {
		names, values = append(names, c.Column), append(values, c.Value)
	}
	return names, values
}

// encode is lines of a CSV, safe for a spreadsheet.
func encode(lines ...[]string) ([]byte, error) {
	var b bytes.Buffer
	cells := make([][]string, len(lines))
	for i, line := range lines {
		cells[i] = foreign.Cells(line)
	}
	if err := csv.NewWriter(&b).WriteAll(cells); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// write replaces a file of the run.
func (r *Writer) write(name string, data []byte) error {
	if err := disk.WriteFile(filepath.Join(r.dir, name), data); err != nil {
		return explain(r.dir, err)
	}
	return nil
}

// append adds lines to a file of the run, so that the time for a row does not grow with the
// file.
func (r *Writer) append(name string, data []byte) error {
	if err := disk.Append(filepath.Join(r.dir, name), data); err != nil {
		return explain(r.dir, err)
	}
	return nil
}

// ErrWrite says that results cannot be written.
var ErrWrite = errors.New("results cannot be written")

// explain says why dir cannot be written and what to do, in one sentence.
func explain(dir string, err error) error {
	const another = "name another folder with -out"
	otherwise := another
	if errors.Is(err, fs.ErrNotExist) {
		otherwise = "it was removed or renamed meanwhile: give it its name back and go on with -resume, or start a new run"
	}
	return fault.New(ErrWrite, err, "%s.", disk.WriteFault("results cannot be written to "+dir, err, ", or "+another, otherwise))
}
