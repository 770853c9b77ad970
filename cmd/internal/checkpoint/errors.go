package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"syscall"

	"mdfa/internal/safetensors"
)

// The kinds of an Error, for errors.Is.
var (
	// ErrAbsent: there is no checkpoint.
	ErrAbsent = errors.New("no checkpoint")
	// ErrDamaged: a file is not, byte for byte, a checkpoint that was written.
	ErrDamaged = errors.New("damaged checkpoint")
	// ErrWrite: a checkpoint cannot be written.
	ErrWrite = errors.New("checkpoint cannot be written")
)

// Error is a fault of a checkpoint; its text is a whole sentence for the user.
type Error struct {
	Kind  error
	Cause error
	Text  string
}

// Error is the sentence.
func (e *Error) Error() string { return e.Text }

// Unwrap gives kind and cause.
func (e *Error) Unwrap() []error {
	under := []error{e.Kind}
	if e.Cause != nil {
		under = append(under, e.Cause)
	}
	return under
}

// openFault says why a file cannot be opened.
func openFault(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &Error{ErrAbsent, err, fmt.Sprintf("%s: there is no such file or folder: expected a checkpoint (*%s) or the folder of a run.", path, Suffix)}
	}
	return &Error{ErrAbsent, err, fmt.Sprintf("%s cannot be read (%v): check the disk and its permissions.", path, reason(err))}
}

// damaged says what is wrong with a file.
func damaged(path string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return openFault(path, err)
	}
	text := strings.NewReplacer("safetensors: ", "", "model: ", "", ": "+safetensors.ErrFormat.Error(), "").Replace(err.Error())
	return &Error{ErrDamaged, err, fmt.Sprintf("%s is damaged or no checkpoint (%s): use another one.", path, text)}
}

// writeFault says why a checkpoint cannot be written, and what to do.
func writeFault(path string, err error) error {
	remedy := "check the disk, or name another folder with -out"
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		remedy = "the disk is full: free some space and go on with -resume"
	case errors.Is(err, syscall.EFBIG):
		remedy = "files may not grow that large here: raise the limit and go on with -resume"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		remedy = "writing is not permitted there: allow it and go on with -resume"
	}
	return &Error{ErrWrite, err, fmt.Sprintf("the checkpoint %s cannot be written (%v): %s; the checkpoints before it are kept.", path, reason(err), remedy)}
}

// reason strips the operation and the path that an os error repeats.
func reason(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
