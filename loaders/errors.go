package loaders

import (
	"errors"
	"fmt"
)

// What a caller may want to tell apart with errors.Is.
var (
	// ErrUsage is any error in what the caller asked for, as against one in
	// the files: a program ends with its exit code for wrong usage.
	ErrUsage = errors.New("wrong usage")
	// ErrUnknownDataset is an ErrUsage: no data set has that name.
	ErrUnknownDataset = fmt.Errorf("%w: unknown data set", ErrUsage)
	// ErrClasses is an ErrUsage: an impossible number of classes.
	ErrClasses = fmt.Errorf("%w: impossible number of classes", ErrUsage)
	// ErrOption is an ErrUsage: an option that the data set does not have.
	ErrOption = fmt.Errorf("%w: option of other data sets", ErrUsage)
	// ErrSeed is an ErrUsage: a seed outside 0..2^32-1.
	ErrSeed = fmt.Errorf("%w: seed out of range", ErrUsage)

	// ErrNotFound: files of the data set are missing and could not be fetched.
	ErrNotFound = errors.New("data set not found")
	// ErrTruncated: a file ends before its content does, or is empty.
	ErrTruncated = errors.New("truncated file")
	// ErrCorrupt: a compressed stream is damaged.
	ErrCorrupt = errors.New("corrupt file")
	// ErrFormat: a file is sound but does not hold what it should.
	ErrFormat = errors.New("unexpected content")
	// ErrChecksum: a file is not, byte for byte, the one it should be.
	ErrChecksum = errors.New("checksum differs")
)

// fault is an error whose text is a finished sentence for the user; the
// sentinel and the cause are there for errors.Is and errors.As only.
type fault struct {
	kind  error // one of the sentinels, or nil
	cause error // what the standard library said, or nil
	text  string
}

func (f *fault) Error() string { return f.text }

func (f *fault) Unwrap() []error {
	var under []error
	if f.kind != nil {
		under = append(under, f.kind)
	}
	if f.cause != nil {
		under = append(under, f.cause)
	}
	return under
}
