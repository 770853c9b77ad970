package disk

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"syscall"

	"github.com/google/renameio/v2"
)

// Every change to a run's files goes through this file and calls inject first: the build tag
// "faults" makes a chosen change fail.

// Save makes or replaces a file, which is complete or absent at every moment: write fills
// a temporary file beside path, which is synced and renamed to path, and then the folder is synced.
// Ready, if not nil, is called before the renaming, when the new content is on
// the disk. After an error the file is unchanged, unless only the last sync failed.
func Save(path string, write func(io.Writer) error, ready func() error) error {
	if err := inject("create", path); err != nil {
		return err
	}
	file, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)),
		renameio.WithPermissions(0o666), renameio.WithExistingPermissions())
	if err != nil {
		return err
	}
	defer func() { _ = file.Cleanup() }() // removes an unfinished file
	out := bufio.NewWriterSize(checked{file, path}, 1<<20)
	if err := write(out); err != nil {
		return err
	}
	if err := out.Flush(); err != nil {
		return err
	}
	if err := syncFile(file.File, path); err != nil {
		return err
	}
	if ready != nil {
		if err := ready(); err != nil {
			return err
		}
	}
	if err := inject("rename", path); err != nil {
		return err
	}
	if err := file.CloseAtomicallyReplace(); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(path))
}

// Commit gives a temporary file its name when its content is on the disk, and closes it.
func Commit(file *os.File, path string) error {
	if err := file.Sync(); err != nil {
		return err
	}
	if err := file.Close(); err != nil {
		return err
	}
	if err := os.Rename(file.Name(), path); err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(path))
}

// WriteFile saves a file with the given content.
func WriteFile(path string, content []byte) error {
	return Save(path, func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	}, nil)
}

// Append adds to the end of an existing file with one write and syncs it. After an error it
// restores the file, as far as the disk allows.
func Append(path string, content []byte) error {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	before, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	if _, err = (checked{file, path}).Write(content); err == nil {
		err = syncFile(file, path)
	}
	if err != nil {
		_ = file.Truncate(before) // the first error counts
	}
	return err
}

// Mkdir makes a folder, whose parent must exist, and syncs the parent. An existing folder is no error.
func Mkdir(dir string) error {
	if err := inject("mkdir", dir); err != nil {
		return err
	}
	err := os.Mkdir(dir, 0o777)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return SyncFolder(filepath.Dir(dir))
}

// Link gives a file another name.
func Link(from, to string) error {
	if err := inject("link", to); err != nil {
		return err
	}
	return os.Link(from, to)
}

// Rename renames a file or folder.
func Rename(from, to string) error {
	if err := inject("rename", to); err != nil {
		return err
	}
	return os.Rename(from, to)
}

// Remove removes a file or an empty folder. An absent one is no error.
func Remove(path string) error {
	if err := inject("remove", path); err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Sweep removes the files of a folder whose names match, such as those that a killed process was
// writing. An absent folder is no error.
func Sweep(dir string, names *regexp.Regexp) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if err == nil && names.MatchString(e.Name()) {
			err = Remove(filepath.Join(dir, e.Name()))
		}
	}
	return err
}

// SyncFolder writes the names in a folder to the disk, so that they survive a loss of power. A file system
// that cannot sync a folder is no error. The caller must sync the content of the files.
func SyncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer folder.Close()
	if err := syncFile(folder, dir); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return err
	}
	return nil
}

func syncFile(file *os.File, path string) error {
	if err := inject("fsync", path); err != nil {
		return err
	}
	return file.Sync()
}

// checked is a file that calls inject before each write.
type checked struct {
	file io.Writer
	path string
}

func (c checked) Write(content []byte) (int, error) {
	if err := inject("write", c.path); err != nil {
		n, _ := c.file.Write(content[:len(content)/2]) // a full disk accepts a part
		return n, err
	}
	return c.file.Write(content)
}
