package loaders

import (
	"errors"
	"fmt"

	"mdfa/internal/shards"
)

// Kinds of errors, for errors.Is.
var (
	// ErrUsage is an error in the arguments, not in
	// the files: a program ends with its exit code for wrong usage.
	ErrUsage = errors.New("wrong usage")
	// ErrUnknownDataset is an ErrUsage: no data set has that name.
	ErrUnknownDataset = fmt.Errorf("%w: unknown data set", ErrUsage)
	// ErrClasses is an ErrUsage: an impossible choice of classes.
	ErrClasses = fmt.Errorf("%w: impossible choice of classes", ErrUsage)
	// ErrOption is an ErrUsage: an option that the data set does not have.
	ErrOption = fmt.Errorf("%w: option of other data sets", ErrUsage)
	// ErrSeed is an ErrUsage: a seed outside 0..2^32-1.
	ErrSeed = fmt.Errorf("%w: seed out of range", ErrUsage)

	// ErrNotFound: files of the data set are missing and could not be fetched.
	ErrNotFound = shards.ErrAbsent
	// ErrTruncated: a file ends before its content does, or is empty.
	ErrTruncated = errors.New("truncated file")
	// ErrCorrupt: a compressed stream is damaged.
	ErrCorrupt = errors.New("corrupt file")
	// ErrFormat: a file is sound but has another content than expected.
	ErrFormat = shards.ErrFormat
	// ErrChecksum: the checksum of a file differs from the expected one.
	ErrChecksum = shards.ErrChecksum
)
