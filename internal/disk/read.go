package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/dustin/go-humanize"
)

// ErrNotFile is a name that stands for something else than a file with a beginning and an end.
var ErrNotFile = errors.New("not a regular file")

// notFile is an ErrNotFile, with what there is.
type notFile struct{ text string }

func (e notFile) Error() string        { return e.text }
func (e notFile) Is(target error) bool { return target == ErrNotFile }

// Open opens a regular file for reading. Everything else is refused at once, where opening
// a named pipe would wait for its writer and a device might have no end. A folder is an
// EISDIR.
func Open(path string) (*os.File, fs.FileInfo, error) { return OpenFile(path, os.O_RDONLY) }

// OpenPart opens a regular file for reading and writing, and makes it where it is missing. A
// link is refused: whoever may put one there would choose what is written to.
func OpenPart(path string) (*os.File, fs.FileInfo, error) {
	link := &fs.PathError{Op: "open", Path: path, Err: notFile{"it is a link; remove it"}}
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return nil, nil, link
	}
	file, info, err := OpenFile(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, nil, err
	}
	if named, err := os.Lstat(path); err != nil || !os.SameFile(info, named) { // a link was put there just now
		file.Close()
		return nil, nil, link
	}
	return file, info, nil
}

// Create makes a file that must not exist: a link that was put there is not followed.
func Create(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
}

// Replace makes a file anew: what has its name is removed first, a link as such.
func Replace(path string) (*os.File, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return Create(path)
}

// OpenFile is Open with the flags of [os.OpenFile].
func OpenFile(path string, flag int) (*os.File, fs.FileInfo, error) {
	file, err := os.OpenFile(path, flag|syscall.O_NONBLOCK, 0o666)
	switch {
	case errors.Is(err, syscall.ENXIO): // a socket, or a pipe that nobody reads
		return nil, nil, &fs.PathError{Op: "open", Path: path, Err: notFile{"it is no regular file"}}
	case err != nil:
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = &fs.PathError{Op: "open", Path: path, Err: kind(info.Mode())}
	}
	if err != nil {
		file.Close()
		return nil, nil, err
	}
	return file, info, nil
}

// kind says what a name stands for that is no regular file.
func kind(mode fs.FileMode) error {
	switch {
	case mode.IsDir():
		return syscall.EISDIR
	case mode&fs.ModeNamedPipe != 0:
		return notFile{"it is a named pipe: expected a regular file"}
	case mode&fs.ModeDevice != 0:
		return notFile{"it is a device: expected a regular file"}
	}
	return notFile{"it is no regular file"}
}

// ReadFile reads a regular file of at most most bytes, until ctx ends.
func ReadFile(ctx context.Context, path string, most int64) ([]byte, error) {
	file, info, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info.Size() > most {
		return nil, &fs.PathError{Op: "read", Path: path, Err: TooLong(info.Size(), most)}
	}
	// A file that grows meanwhile is cut at most; one of /proc has no size.
	return io.ReadAll(Reader(ctx, io.LimitReader(file, most)))
}

// TooLong says that a file is longer than what is read of one.
func TooLong(size, most int64) error {
	return fmt.Errorf("it has %s; up to %s are read", humanize.IBytes(uint64(size)), humanize.IBytes(uint64(most)))
}

// Reader reads from r until ctx ends; then every Read is ctx's error.
func Reader(ctx context.Context, r io.Reader) io.Reader { return reader{ctx, r} }

type reader struct {
	ctx context.Context
	r   io.Reader
}

// atOnce bounds a read, so that ctx is asked often also where a disk is slow.
const atOnce = 1 << 20

func (r reader) Read(data []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(data[:min(len(data), atOnce)])
}

// Writer writes to w until ctx ends; then every Write is ctx's error.
func Writer(ctx context.Context, w io.Writer) io.Writer { return writer{ctx, w} }

type writer struct {
	ctx context.Context
	w   io.Writer
}

func (w writer) Write(data []byte) (int, error) {
	for from := 0; from < len(data); {
		if err := w.ctx.Err(); err != nil {
			return from, err
		}
		n, err := w.w.Write(data[from:min(from+atOnce, len(data))])
		if from += n; err != nil {
			return from, err
		}
	}
	return len(data), nil
}

// Copy is io.Copy until ctx ends.
func Copy(ctx context.Context, to io.Writer, from io.Reader) (int64, error) {
	return io.Copy(to, Reader(ctx, from))
}
