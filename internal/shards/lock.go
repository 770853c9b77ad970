package shards

import (
	"context"
	"os"
	"path/filepath"

	"mdfa/internal/disk"
)

const lockFile = ".lock"

// Lock makes dir where it is missing and keeps other processes from writing it. While
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
