package shards

import (
	"context"
	"os"
	"path/filepath"
	"strings"

	"mdfa/internal/disk"
)

// partPrefix marks unfinished files: hidden, and never read as a shard. One
// process at a time writes a folder (see Lock), so the names need not be random.
const partPrefix = ".part-"

// createPart opens the temporary file of name.
func createPart(dir, name string) (*os.File, error) {
	file, err := disk.Replace(filepath.Join(dir, partPrefix+name))
	if err != nil {
		return nil, WriteFault(dir, err)
	}
	return file, nil
}

// commitPart gives a temporary file its name, once its content is on the disk.
func commitPart(dir, name string, file *os.File) error {
	if err := disk.Commit(file, filepath.Join(dir, name)); err != nil {
		return WriteFault(dir, err)
	}
	return nil
}

// writeFile writes a file, complete or not at all.
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

// removeParts removes the temporary files of interrupted work.
func removeParts(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return readFault(dir, err)
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), partPrefix) && !entry.IsDir() {
			if err := os.Remove(filepath.Join(dir, entry.Name())); err != nil {
				return WriteFault(dir, err)
			}
		}
	}
	return nil
}

const lockFile = ".lock"

// Lock makes dir if it is missing and keeps other processes from writing it. While
// another holds it, waiting is called once and Lock waits, until ctx ends. The lock
// ends with the process at the latest.
func Lock(ctx context.Context, dir string, waiting func()) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, WriteFault(dir, err)
	}
	held, err := disk.Lock(ctx, filepath.Join(dir, lockFile), waiting)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, WriteFault(dir, err)
	}
	return held.Release, nil
}
