package results

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// lockFile is locked while a process trains in a run's folder. It stays when the process
// ends: a new file of that name would be another lock.
const lockFile = ".lock"

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
	lock := flock.New(filepath.Join(dir, lockFile), flock.SetPermissions(0o666))
	ctx, stop := context.WithTimeout(context.Background(), lookTime)
	defer stop()
	_, err = lock.TryLockContext(ctx, lookTime/10)
	if err != nil {
		_ = lock.Close()
	}
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return nil, lockedError{dir}
	case err != nil:
		return nil, explain(dir, err)
	}
	return func() { _ = lock.Close() }, nil
}

// Locked says whether a process trains in a run's folder. Nothing is written for the answer.
func Locked(dir string) bool {
	path := filepath.Join(dir, lockFile)
	if _, err := os.Stat(path); err != nil {
		return false
	}
	lock := flock.New(path, flock.SetFlag(os.O_RDONLY))
	held, err := lock.TryRLock()
	_ = lock.Close()
	return err == nil && !held
}
