// Package fetch downloads published files over HTTP into a folder. A file appears
// under its name complete and checked, or not at all. The part that an interrupted
// download has brought stays in the folder, and the next download resumes
// from it. Several processes may ask for the same file at once: one fetches it,
// the others wait and find it.
package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"mdfa/internal/disk"
	"mdfa/internal/fault"
)

const (
	// tries is the number of breaks in a row that end a download.
	tries = 4
	// advance is the number of bytes after which the count of tries starts again.
	advance = 1 << 20
	// longestPause bounds the wait that a server may ask for with Retry-After.
	longestPause = 30 * time.Second
)

// Get makes sure that dir holds the file and returns its path. It makes dir if
// it is missing, and fetches the file unless dir has it. Another file
// of that name is an ErrContent and stays as it is.
//
// An error is one of this package's kinds or wraps ctx.Err(). The text of a kind is a clause without a
// full stop, such as "the server answered 404 Not Found".
func (f *Fetcher) Get(ctx context.Context, dir string, file File) (path string, err error) {
	path = filepath.Join(dir, file.Name)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return "", storageError(err)
	}
	unlock, err := f.lock(ctx, dir, file)
	if err != nil {
		return "", err
	}
	defer unlock()
	there, err := present(ctx, path, file)
	if err == nil && !there {
		err = f.download(ctx, path, file)
	}
	if err != nil {
		return "", err
	}
	f.report(Progress{Name: file.Name, From: file.URL, Done: file.Size, Total: file.Size, Finished: true})
	return path, nil
}

// lock waits until no other process, and no other goroutine, fetches the file.
func (f *Fetcher) lock(ctx context.Context, dir string, file File) (unlock func(), err error) {
	path := filepath.Join(dir, "."+file.Name+".lock")
	held, err := disk.Lock(ctx, path, func() {
		f.report(Progress{Name: file.Name, From: file.URL, Total: file.Size, Waiting: true})
	})
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("waiting for %s: %w", path, ctx.Err())
	case err != nil:
		return nil, storageError(err)
	}
	return held.Remove, nil
}

// present reports whether the file is there already; it must be the published one.
func present(ctx context.Context, path string, file File) (bool, error) {
	size, sum, err := measure(ctx, path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case ctx.Err() != nil:
		return false, fmt.Errorf("reading %s: %w", path, ctx.Err())
	case err != nil:
		return false, storageError(err)
	}
	if err := file.check(size, sum); err != nil {
		return false, fault.New(ErrContent, err, "%s is there but is not the published file: %v", path, err)
	}
	return true, nil
}

// download tries until the file is complete or further tries make no sense.
func (f *Fetcher) download(ctx context.Context, path string, file File) error {
	part, err := openPartial(ctx, path+".partial")
	if err != nil {
		return err
	}
	defer part.close()
	var (
		kept   = part.size // before the first try
		best   = part.size // the most that there has been
		failed = 0         // tries in a row
		pause  = f.Pause
	)
	if pause == 0 {
		pause = time.Second
	}
	for {
		resumed := part.size > 0
		err := f.transfer(ctx, part, file, &kept)
		if ctx.Err() != nil {
			return fmt.Errorf("%s: %w", file.URL, ctx.Err())
		}
		if err == nil {
			wrong := file.check(part.size, part.sum.Sum(nil))
			if wrong == nil {
				return part.finish(path)
			}
			err = fault.New(ErrContent, wrong, "what arrived is not the published file: %v", wrong)
			if restartErr := part.restart(); restartErr != nil {
				return restartErr
			}
			if resumed { // the kept part may be at fault: once more, from the beginning
				kept = 0
				continue
			}
			part.remove()
			return err
		}
		var again *transient
		if !errors.As(err, &again) || unreached(again.cause) && part.size == kept {
			return asError(err, part.size, file.Size)
		}
		if failed++; part.size >= best+advance {
			failed, best = 1, part.size
		}
		if failed == tries {
			return asError(err, part.size, file.Size)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", file.URL, ctx.Err())
		case <-time.After(min(max(pause<<(failed-1), again.after), longestPause)):
		}
	}
}
