package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"mdfa/internal/disk"
	"mdfa/internal/fault"
	"mdfa/internal/safetensors"
)

// The kinds of errors, for errors.Is.
var (
	// ErrAbsent: there is no checkpoint.
	ErrAbsent = errors.New("no checkpoint")
	// ErrDamaged: a file is not a checkpoint, or some of its bytes have changed.
	ErrDamaged = errors.New("damaged checkpoint")
	// ErrWrite: a checkpoint cannot be written.
	ErrWrite = errors.New("checkpoint cannot be written")
)

// OpenError says in a sentence why a file of a run cannot be opened.
func OpenError(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(ErrAbsent, err, "%s: there is no such file or folder: expected a checkpoint (*%s) or the folder of a run.", path, Suffix)
	}
	return fault.New(ErrAbsent, err, "%s cannot be read (%v): check the disk and its permissions.", path, disk.Reason(err))
}

// flaw is the cause of an ErrDamaged.
type flaw struct {
	file, why string
	cause     error
}

func (f flaw) Error() string { return f.file + ": " + f.why }
func (f flaw) Unwrap() error { return f.cause }

// damaged explains why a file cannot be used.
func damaged(path string, err error) error {
	if at := (*fs.PathError)(nil); errors.As(err, &at) {
		return OpenError(path, err)
	}
	why := strings.ReplaceAll(err.Error(), ": "+safetensors.ErrFormat.Error(), "")
	return fault.New(ErrDamaged, flaw{filepath.Base(path), why, err}, "%s is damaged or no checkpoint (%s): use another one.", path, why)
}

// allFailed explains why none of a folder's checkpoints can be used.
func allFailed(dir string, failures []error) error {
	if len(failures) == 1 {
		return failures[0]
	}
	var list []string
	for _, err := range failures {
		var f flaw
		if !errors.As(err, &f) {
			return err
		}
		list = append(list, f.Error())
	}
	return fault.New(ErrDamaged, errors.Join(failures...),
		"no checkpoint in %s can be used (%s): copy them again from where they are whole, or train anew.", dir, strings.Join(list, "; "))
}

// writeFault explains why a checkpoint cannot be written, and names the remedy.
func writeFault(path string, err error) error {
	const kept = "; the checkpoints before it are kept"
	otherwise := "check the disk, or name another folder with -out" + kept
	if errors.Is(err, fs.ErrNotExist) {
		otherwise = "its folder was removed or renamed meanwhile; give it its name back and resume the run, or start a new one"
	}
	return fault.New(ErrWrite, err, "%s.", disk.WriteFault(fmt.Sprintf("the checkpoint %s cannot be written", path), err, " and resume the run"+kept, otherwise))
}
