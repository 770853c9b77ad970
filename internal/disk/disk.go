// Package disk has what everything that reads and writes files needs beside the standard
// library.
package disk

import (
	"errors"
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

// Absolute returns a path that means the same from any folder. "" stays "", as does every path where the
// working folder is gone.
func Absolute(path string) string {
	if full, err := filepath.Abs(path); err == nil && path != "" {
		return full
	}
	return path
}

// Remedy says what to do about a failure to write, as a clause; "" where nothing is known
// that would help.
func Remedy(err error) string {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
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
