package folder

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"mdfa/internal/disk"
	"mdfa/internal/fault"
)

// lockFile is locked while a process trains in a run's folder. It stays when the process
// ends: a new file of that name would be another lock.
const lockFile = ".lock"

// LogLock is locked by writers of the log of all runs, in the results folder, and by Create. The
// log itself cannot be locked: it is replaced when columns are added.
const LogLock = ".runs.csv.lock"

// patience is how long a process waits for LogLock, which others hold for milliseconds.
const patience = 10 * time.Second

// lockLog locks the log of a results folder. The error is a sentence and ErrLocked if another process holds the
// lock for too long.
func lockLog(ctx context.Context, root string) (*disk.Held, error) {
	waiting, stop := context.WithTimeout(ctx, patience)
	defer stop()
	path := filepath.Join(root, LogLock)
	held, err := disk.Lock(waiting, path, nil)
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		err = fault.New(ErrLocked, nil, "another process has held %s for %v: wait for its end, or stop it.", path, patience)
	}
	return held, err
}

// lookTime is longer than another process holds a lock in Locked.
const lookTime = 200 * time.Millisecond

// ErrLocked says that another process trains in a folder, or holds the log.
var ErrLocked = errors.New("locked")

// Lock keeps other processes from training in a run's folder, until unlock or the end of
// this process. The error is a sentence; it is ErrLocked while another process trains there.
func Lock(dir string) (unlock func(), err error) {
	ctx, stop := context.WithTimeout(context.Background(), lookTime)
	defer stop()
	held, err := disk.Lock(ctx, filepath.Join(dir, lockFile), nil)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fault.New(ErrLocked, nil, "a process trains in %s at this moment: wait for its end, or stop it.", dir)
	case err != nil:
		return nil, explain(dir, err)
	}
	return held.Release, nil
}

// Locked says whether a process trains in a run's folder. It writes nothing.
func Locked(dir string) bool { return disk.Locked(filepath.Join(dir, lockFile)) }
