package shards

import (
	"context"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

const (
	lockFile = ".lock"
	// lockPause lies between two looks at a lock that another process holds.
	lockPause = 100 * time.Millisecond
)

// Lock makes dir where it is missing and keeps other processes from writing it. While
// another holds it, waiting is called once and Lock waits, until ctx ends. The lock
// ends with the process at the latest.
func Lock(ctx context.Context, dir string, waiting func()) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, WriteFault(dir, err)
	}
	lock := flock.New(filepath.Join(dir, lockFile), flock.SetPermissions(0o666))
	held, err := lock.TryLock()
	if err == nil && !held {
		waiting()
		_, err = lock.TryLockContext(ctx, lockPause)
	}
	switch {
	case ctx.Err() != nil:
		_ = lock.Close()
		return nil, ctx.Err()
	case err != nil:
		_ = lock.Close()
		return nil, WriteFault(dir, err)
	}
	// The lock file stays: removing it would let a process that has it open and one
	// that makes it anew both believe that they hold the lock.
	return func() { _ = lock.Close() }, nil
}
