package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"mdfa/internal/disk"
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
	why   string // the file's name and what is wrong with it, of a damaged one
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

// OpenError says why a file of a run cannot be opened, in a sentence.
func OpenError(path string, err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return &Error{Kind: ErrAbsent, Cause: err, Text: fmt.Sprintf("%s: there is no such file or folder: expected a checkpoint (*%s) or the folder of a run.", path, Suffix)}
	}
	return &Error{Kind: ErrAbsent, Cause: err, Text: fmt.Sprintf("%s cannot be read (%v): check the disk and its permissions.", path, disk.Reason(err))}
}

// damaged says what is wrong with a file.
func damaged(path string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return OpenError(path, err)
	}
	text := strings.NewReplacer("model: ", "", ": "+safetensors.ErrFormat.Error(), "").Replace(err.Error())
	return &Error{
		Kind: ErrDamaged, Cause: err, why: filepath.Base(path) + ": " + text,
		Text: fmt.Sprintf("%s is damaged or no checkpoint (%s): use another one.", path, text),
	}
}

// allFailed says what is wrong with the checkpoints of a folder, of which none can be used.
func allFailed(dir string, failures []error) error {
	if len(failures) == 1 {
		return failures[0]
	}
	var list []string
	for _, err := range failures {
		var fault *Error
		if !errors.As(err, &fault) || fault.why == "" {
			return err
		}
		list = append(list, fault.why)
	}
	return &Error{
		Kind: ErrDamaged, Cause: errors.Join(failures...),
		Text: fmt.Sprintf("no checkpoint in %s can be used (%s): copy them again from where they are whole, or train anew.", dir, strings.Join(list, "; ")),
	}
}

// writeFault says why a checkpoint cannot be written, and what to do.
func writeFault(path string, err error) error {
	const kept = "; the checkpoints before it are kept"
	otherwise := "check the disk, or name another folder with -out" + kept
	if errors.Is(err, fs.ErrNotExist) {
		otherwise = "its folder was removed or renamed meanwhile; give it its name back and go on with -resume, or start a new run"
	}
	text := disk.WriteFault("the checkpoint "+path+" cannot be written", err, " and go on with -resume"+kept, otherwise)
	return &Error{Kind: ErrWrite, Cause: err, Text: text + "."}
}
