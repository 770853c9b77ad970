package disk

import (
	"context"
	"io/fs"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// lockPause lies between two looks at a lock that another process holds.
const lockPause = 20 * time.Millisecond

// Held is a lock of this process. It ends with the process at the latest.
type Held struct{ lock *flock.Flock }

// Lock locks the file path, which is made where it is missing, for all users that the umask
// lets in. While another process holds the lock, waiting (unless nil) is called once and Lock
// waits, until ctx ends: the error is then that of ctx.
func Lock(ctx context.Context, path string, waiting func()) (*Held, error) {
	for {
		if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // a pipe would be waited for
			return nil, &fs.PathError{Op: "lock", Path: path, Err: kind(info.Mode())}
		}
		lock := flock.New(path, flock.SetPermissions(0o666))
		got, err := lock.TryLock()
		if err == nil && !got {
			if waiting != nil {
				waiting()
				waiting = nil
			}
			_, err = lock.TryLockContext(ctx, lockPause)
		}
		if err != nil {
			_ = lock.Close()
			return nil, err
		}
		// Its holder may have removed the file: a lock counts only while it has its name.
		mine, err := lock.Stat()
		named, nameErr := os.Stat(path)
		if err == nil && nameErr == nil && os.SameFile(mine, named) {
			return &Held{lock}, nil
		}
		_ = lock.Close()
	}
}

// Release lets others have the lock. Its file stays.
func (h *Held) Release() { _ = h.lock.Close() }

// Remove is Release that removes the file, too.
func (h *Held) Remove() {
	_ = os.Remove(h.lock.Path()) // where open files cannot be removed it stays, and does no harm
	_ = h.lock.Close()
}

// Locked says whether a process holds the lock path. Nothing is written for the answer.
func Locked(path string) bool {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return false
	}
	lock := flock.New(path, flock.SetFlag(os.O_RDONLY))
	held, err := lock.TryRLock()
	_ = lock.Close()
	return err == nil && !held
}
