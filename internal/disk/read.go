package disk

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"

	"mdfa/internal/fault"

	"github.com/dustin/go-humanize"
)

// ErrNotFile marks a path that is no regular file.
var ErrNotFile = errors.New("not a regular file")

// Open opens a regular file for reading. It refuses anything else at once: opening
// a named pipe would wait for its writer, and a device might have no end. A folder is an
// EISDIR.
func Open(path string) (*os.File, fs.FileInfo, error) { return OpenFile(path, os.O_RDONLY) }

// OpenPart opens a regular file for reading and writing, and makes it if it is missing. It refuses a
// link: whoever put it there would choose the file that is written.
func OpenPart(path string) (*os.File, fs.FileInfo, error) {
	link := &fs.PathError{Op: "open", Path: path, Err: fault.New(ErrNotFile, nil, "it is a link; remove it")}
	if info, err := os.Lstat(path); err == nil && info.Mode()&fs.ModeSymlink != 0 {
		return nil, nil, link
	}
	file, info, err := OpenFile(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, nil, err
	}
	if named, err := os.Lstat(path); err != nil || !os.SameFile(info, named) { // a link has replaced it just now
		file.Close()
		return nil, nil, link
	}
	return file, info, nil
}

// Create makes a file, whose name must not exist. It follows no link.
func Create(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o666)
}

// Replace makes a new file. It first removes a file or link of that name.
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
	case errors.Is(err, syscall.ENXIO): // a socket, or a pipe without a reader
		return nil, nil, &fs.PathError{Op: "open", Path: path, Err: fault.New(ErrNotFile, nil, "it is no regular file")}
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

// kind returns the error for a path that is no regular file.
func kind(mode fs.FileMode) error {
	switch {
	case mode.IsDir():
		return syscall.EISDIR
	case mode&fs.ModeNamedPipe != 0:
		return fault.New(ErrNotFile, nil, "it is a named pipe: expected a regular file")
	case mode&fs.ModeDevice != 0:
		return fault.New(ErrNotFile, nil, "it is a device: expected a regular file")
	}
	return fault.New(ErrNotFile, nil, "it is no regular file")
}

// ReadFile reads a regular file of up to most bytes. It stops when ctx ends.
func ReadFile(ctx context.Context, path string, most int64) ([]byte, error) {
	file, info, err := Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if info.Size() > most {
		return nil, &fs.PathError{Op: "read", Path: path, Err: TooLong(info.Size(), most)}
	}
	// The limit also holds for a file that grows meanwhile, or of /proc, which shows no size.
	return io.ReadAll(Reader(ctx, io.LimitReader(file, most)))
}

// TooLong says that a file is longer than the limit.
func TooLong(size, most int64) error {
	return fmt.Errorf("it has %s; up to %s are read", humanize.IBytes(uint64(size)), humanize.IBytes(uint64(most)))
}

// Reader reads from r until ctx ends; then every Read returns ctx's error.
func Reader(ctx context.Context, r io.Reader) io.Reader { return reader{ctx, r} }

type reader struct {
	ctx context.Context
	r   io.Reader
}

// atOnce bounds a read or write, so that ctx is checked often even on a slow disk.
const atOnce = 1 << 20

func (r reader) Read(data []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(data[:min(len(data), atOnce)])
}

// Writer writes to w until ctx ends; then every Write returns ctx's error.
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

// Copy is io.Copy that stops when ctx ends.
func Copy(ctx context.Context, to io.Writer, from io.Reader) (int64, error) {
	return io.Copy(to, Reader(ctx, from))
}
