// Package shards stores images that are ready for training, also more than fit into memory, in
// a folder of files with fixed-size records, and reads them through memory mappings.
//
// The folder, format version 1:
//
//	manifest.json     the content of the folder; written last, so a folder without one is
//	                  not complete and is never read
//	train-00000.bin   the images of the split, one after the other: image i of the split
//	                  is record i % n of file i / n, where every file but the last has
//	                  the same number n of records of size*size*3 bytes (RGB, row-major)
//	train-00000.idx   labels, checksums and file names of these images, see shardIndex
//	…
//	test-00000.bin
//	valid-00000.bin   only if the source has validation images
//
// A file appears under its name complete or not at all: it is written under a temporary
// name, synced and renamed. A shard counts once its index is there, so interrupted work
// resumes after the last complete shard, and the result has the same bytes.
package shards

import (
	"errors"
	"fmt"

	"mdfa/internal/disk"
	"mdfa/internal/fault"
)

// The splits of a prepared folder.
const (
	Train = "train"
	Test  = "test"
	Valid = "valid" // only if the source has validation images
)

// MaxShardImages bounds the images of one shard, so that its index stays readable.
const MaxShardImages = 8 << 20

// Splits lists them in the order in which they are written.
var Splits = []string{Train, Test, Valid}

// DefaultShardBytes is large enough for fast reading, and small enough that an interrupted preparation
// loses little.
const DefaultShardBytes = 256 << 20

// The kinds of errors, for errors.Is. The text of each is a whole sentence for the user.
var (
	// ErrAbsent: the folder holds no prepared images, or not all of them.
	ErrAbsent = errors.New("not prepared")
	// ErrFormat: the content of a file does not fit its name.
	ErrFormat = errors.New("unexpected content")
	// ErrChecksum: a file has changed since it was written.
	ErrChecksum = errors.New("checksum differs")
	// ErrOther is an ErrFormat: the folder holds the beginning of something else.
	ErrOther = fmt.Errorf("%w: other contents", ErrFormat)
	// ErrWrite: the folder cannot be written.
	ErrWrite = errors.New("cannot be written")
)

// readFault says that a file cannot be read.
func readFault(path string, err error) error {
	return fault.New(nil, err, "%s cannot be read (%v): check the disk and its permissions.", path, disk.Reason(err))
}

// WriteFault says why dir cannot be written and how to mend it.
func WriteFault(dir string, err error) error {
	return fault.New(ErrWrite, err, "%s.", disk.WriteFault(dir+" cannot be written", err,
		" and start again, or name another folder; what is complete is kept", "check the disk, or name another folder"))
}

// fileName returns the name of a shard's file: ".bin" for its images, ".idx" for its index.
func fileName(split string, number int, ext string) string {
	return fmt.Sprintf("%s-%05d%s", split, number, ext)
}
