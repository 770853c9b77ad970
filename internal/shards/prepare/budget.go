package prepare

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"syscall"

	"golang.org/x/sync/semaphore"

	"mdfa/internal/disk"
)

const (
	// maxFile bounds the file of one photo; the largest of ImageNet has 15 MB.
	maxFile = 256 << 20
	// maxFiles bounds the files of all waiting photos together.
	maxFiles = 512 << 20
)

// budget is the memory for the files of photos that wait to be decoded.
type budget struct{ free *semaphore.Weighted }

func newBudget() budget { return budget{semaphore.NewWeighted(maxFiles)} }

// loader is [Photo.Load].
type loader func(ctx context.Context) (file []byte, free func(), err error)

// take waits for the memory of a file.
func (b budget) take(ctx context.Context, size int64) (free func(), err error) {
	if err := b.free.Acquire(ctx, size); err != nil {
		return nil, err
	}
	return func() { b.free.Release(size) }, nil
}

// read reads a file of an archive.
func (b budget) read(ctx context.Context, in io.Reader, size int64) (loader, error) {
	free, err := b.take(ctx, size)
	if err != nil {
		return nil, err
	}
	content := make([]byte, size)
	if _, err := io.ReadFull(disk.Reader(ctx, in), content); err != nil {
		free()
		return nil, err
	}
	return func(context.Context) ([]byte, func(), error) { return content, free, nil }, nil
}

// load reads a file of a folder, when its turn comes.
func (b budget) load(path string) loader {
	return func(ctx context.Context) ([]byte, func(), error) {
		file, info, err := disk.Open(path)
		switch {
		case errors.Is(err, disk.ErrNotFile), errors.Is(err, syscall.EISDIR):
			return nil, nil, unfit{disk.Reason(err)}
		case err != nil:
			return nil, nil, err
		}
		defer file.Close()
		if info.Size() > maxFile {
			return nil, nil, unfit{disk.TooLong(info.Size(), maxFile)}
		}
		free, err := b.take(ctx, info.Size())
		if err != nil {
			return nil, nil, err
		}
		content, err := io.ReadAll(disk.Reader(ctx, io.LimitReader(file, info.Size())))
		if err != nil {
			free()
			return nil, nil, err
		}
		return content, free, nil
	}
}

// unfit returns the loader of a file that is not read.
func (b budget) unfit(why error) loader {
	return func(context.Context) ([]byte, func(), error) { return nil, nil, unfit{why} }
}

// unfit is the reason why a file cannot be a photograph. The file counts as missing.
type unfit struct{ reason error }

func (u unfit) Error() string        { return fmt.Sprint(u.reason) }
func (u unfit) Is(target error) bool { return target == fs.ErrNotExist }
