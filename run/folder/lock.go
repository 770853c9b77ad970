package folder

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"mdfa/internal/disk"
)

// lockFile is locked while a process trains in a run's folder. It stays when the process
// ends: a new file of that name would be another lock.
const lockFile = ".lock"

// LogLock is locked by writers of the log of all runs, in the results folder. The log itself
// cannot serve: it is replaced when columns are added. Create locks it, too.
const LogLock = ".runs.csv.lock"

// lookTime is longer than Locked of another process holds a lock.
const lookTime = 200 * time.Millisecond

// ErrLocked says that another process trains in a folder.
var ErrLocked = errors.New("results: locked")

// lockedError is ErrLocked as a sentence for the user.
type lockedError struct{ dir string }

func (e lockedError) Error() string {
	return fmt.Sprintf("a process trains in %s at this moment: wait for its end, or stop it.", e.dir)
}
func (e lockedError) Unwrap() error { return ErrLocked }

// Lock keeps other processes from training in a run's folder, until unlock or the end of
// this process. The error is a sentence; where another one does, it is ErrLocked.
func Lock(dir string) (unlock func(), err error) {
	ctx, stop := context.WithTimeout(context.Background(), lookTime)
	defer stop()
	held, err := disk.Lock(ctx, filepath.Join(dir, lockFile), nil)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, lockedError{dir}
	case err != nil:
		return nil, explain(dir, err)
	}
	return held.Release, nil
}

// Locked says whether a process trains in a run's folder. Nothing is written for the answer.
func Locked(dir string) bool { return disk.Locked(filepath.Join(dir, lockFile)) }
