// Package disk reads, writes and locks files. A written file is complete or absent, the work can be stopped, and
// an error gives its reason in one sentence.
package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// Reason strips the operation and the path that an os error repeats. Nil stays nil.
func Reason(err error) error {
	var at *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &at):
		return at.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}

// Absolute returns a path that means the same from any folder. "" stays "". If the working folder is gone,
// every path stays as it is.
func Absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil && path != "" {
		return full
	}
	return path
}

// Full reports whether a failure to write comes from a full disk or a used-up quota.
func Full(err error) bool { return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) }

// WriteFault says in one sentence that something failed, the reason and the remedy: "FAILURE (REASON): REMEDY".
// The remedy is the one that is known for the reason, followed by then, or else otherwise.
func WriteFault(failure string, err error, then, otherwise string) string {
	if known := remedy(err); known != "" {
		otherwise = known + then
	}
	return fmt.Sprintf("%s (%v): %s", failure, Reason(err), otherwise)
}

// remedy returns the remedy for a failure to write, as a clause, or "" if none is known.
func remedy(err error) string {
	switch {
	case Full(err):
		return "the disk is full: free some space"
	case errors.Is(err, syscall.EFBIG):
		return "files may not grow that large here: raise the limit"
	case errors.Is(err, syscall.ENOTDIR), errors.Is(err, fs.ErrExist):
		return "a file is where a folder should be: move it"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return "writing is not permitted there: allow it"
	}
	return ""
}
