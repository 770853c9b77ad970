package disk

import (
	"context"
	"io/fs"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// lockPause is the time between two tries of a lock that another process holds.
const lockPause = 20 * time.Millisecond

// Held is a lock that this process holds, until its end at the latest.
type Held struct{ lock *flock.Flock }

// Lock locks the file path and makes it if it is missing, with the permissions that the umask
// allows. While another process holds the lock, waiting (unless nil) is called once and Lock
// waits, until ctx ends: the error is then that of ctx.
func Lock(ctx context.Context, path string, waiting func()) (*Held, error) {
	for {
		if info, err := os.Stat(path); err == nil && !info.Mode().IsRegular() { // a pipe would block
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
		// The former holder may have removed the file: a lock counts only while the file has its name.
		mine, err := lock.Stat()
		named, nameErr := os.Stat(path)
		if err == nil && nameErr == nil && os.SameFile(mine, named) {
			return &Held{lock}, nil
		}
		_ = lock.Close()
	}
}

// Release gives the lock up. Its file stays.
func (h *Held) Release() { _ = h.lock.Close() }

// Remove gives the lock up and removes its file.
func (h *Held) Remove() {
	_ = os.Remove(h.lock.Path()) // a system that cannot remove open files keeps it, which does no harm
	_ = h.lock.Close()
}

// Locked reports whether a process holds the lock path. It writes nothing.
func Locked(path string) bool {
	if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
		return false
	}
	lock := flock.New(path, flock.SetFlag(os.O_RDONLY))
	held, err := lock.TryRLock()
	_ = lock.Close()
	return err == nil && !held
}
