package shards

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// partPrefix marks what is being written: hidden, and never taken for a shard. One
// process at a time writes a folder (see Lock), so the names need not be random.
const partPrefix = ".part-"

// createPart opens the temporary file of name.
func createPart(dir, name string) (*os.File, error) {
	file, err := os.OpenFile(filepath.Join(dir, partPrefix+name), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return nil, WriteFault(dir, err)
	}
	return file, nil
}

// commitPart gives a temporary file its name, once its content is on the disk.
func commitPart(dir, name string, file *os.File) error {
	if err := file.Sync(); err != nil {
		return WriteFault(dir, err)
	}
	if err := file.Close(); err != nil {
		return WriteFault(dir, err)
	}
	if err := os.Rename(file.Name(), filepath.Join(dir, name)); err != nil {
		return WriteFault(dir, err)
	}
	return syncFolder(dir)
}

// writeFile puts a file into a folder, complete or not at all.
func writeFile(dir, name string, data []byte) error {
	file, err := createPart(dir, name)
	if err != nil {
		return err
	}
	if _, err := file.Write(data); err != nil {
		file.Close()
		os.Remove(file.Name())
		return WriteFault(dir, err)
	}
	return commitPart(dir, name, file)
}

// syncFolder makes new names last through a loss of power.
func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return WriteFault(dir, err)
	}
	defer folder.Close()
	// Some file systems cannot sync a folder; the files themselves are synced in any case.
	if err := folder.Sync(); err != nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
		return WriteFault(dir, err)
	}
	return nil
}

// removeParts removes what work that was broken off has left under temporary names.
func removeParts(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return readFault(dir, err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), partPrefix) && entry.Type().IsRegular() {
			if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil {
				return WriteFault(dir, err)
			}
		}
	}
	return nil
}
