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

// SyncFolder makes new names in a folder last through a loss of power. Some file systems
// cannot sync a folder, which is no error; what its files hold is the caller's to sync.
func SyncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err
	}
	return nil
}
