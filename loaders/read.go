package loaders

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"
	"syscall"

	"github.com/dustin/go-humanize"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip" // unzips twice as fast as the standard library, with its errors but for flate.InternalError

	"mdfa/internal/disk"
	"mdfa/internal/fault"
)

// sideBySide calls read for 0 to n-1 at once. The error is the first in this order, so that it reads the
// same on every run.
func sideBySide[T any](n int, read func(i int) (T, error)) ([]T, error) {
	parts, faults := make([]T, n), make([]error, n)
	var readers sync.WaitGroup
	for i := range n {
		readers.Go(func() { parts[i], faults[i] = read(i) })
	}
	readers.Wait()
	for _, err := range faults {
		if err != nil {
			return nil, err
		}
	}
	return parts, nil
}

// unzip looks at the first bytes of a stream and unzips it if it is gzipped.
func unzip(r io.Reader, path string) (in *bufio.Reader, zipped bool, err error) {
	const room = 1 << 16
	in = bufio.NewReaderSize(r, room)
	begin, err := in.Peek(2)
	switch {
	case len(begin) == 0 && err == io.EOF:
		return nil, false, fault.New(ErrTruncated, nil, "%s is empty: copy or download the file again.", path)
	case len(begin) < 2 || begin[0] != 0x1f || begin[1] != 0x8b:
		return in, false, nil
	}
	unzipped, err := gzip.NewReader(in)
	if err != nil {
		return nil, true, readFault(err, path, "in its gzip header")
	}
	return bufio.NewReaderSize(unzipped, room), true, nil
}

// maxArchive bounds an archive, unzipped: five times the size of the published ones. A test sets it lower.
var maxArchive int64 = 1 << 30

// errLong ends the reading of a longer archive.
var errLong = errors.New("longer than any archive of the data set")

// bounded reads no more than left bytes.
type bounded struct {
	in   io.Reader
	left int64
}

func (b *bounded) Read(data []byte) (int, error) {
	if b.left <= 0 {
		return 0, errLong
	}
	n, err := b.in.Read(data[:min(int64(len(data)), b.left)])
	b.left -= int64(n)
	return n, err
}

// absent reports whether an error only means that there is no such file.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR)
}

// openFault says that a file cannot be opened.
func openFault(path string, err error) error {
	if fault.Stopped(err) {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return fault.New(nil, err,
		"%s cannot be read (%v): check its permissions or name another folder with -data.", path, disk.Reason(err))
}

// readFault turns an error of reading or unzipping into a sentence; place is
// the place that the reader had reached.
func readFault(err error, path, place string) error {
	var damaged flate.CorruptInputError
	var impossible flate.InternalError // of a code that no writer makes
	switch {
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return fault.New(ErrTruncated, err,
			"%s is cut off: it ends %s; copy or download the file again.", path, place)
	case errors.Is(err, gzip.ErrChecksum) || errors.Is(err, gzip.ErrHeader) || errors.As(err, &damaged) || errors.As(err, &impossible):
		return fault.New(ErrCorrupt, err,
			"%s is damaged: its gzip stream is wrong %s (%v); copy or download the file again.", path, place, err)
	case fault.Stopped(err):
		return fmt.Errorf("reading %s: %w", path, err)
	case errors.Is(err, errLong):
		return fault.New(ErrFormat, err,
			"%s is not the data set's own archive: it goes on after %s; copy or download the file again.", path, humanize.IBytes(uint64(maxArchive)))
	}
	return fault.New(nil, err,
		"reading %s failed %s (%v): check the disk or name another folder with -data.", path, place, err)
}
