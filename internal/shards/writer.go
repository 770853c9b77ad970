package shards

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"mdfa/internal/fault"
)

// Plan determines the bytes of a prepared folder. Interrupted work resumes only under the same plan.
type Plan struct {
	ID          [sha256.Size]byte // of the plan and of the source's contents
	RecordBytes int
	ShardImages int // records in a shard
	Classes     int
	// Again reports whether an image that was left out can be read by now; nil if none can.
	Again func(Skipped) bool
}

// Writer writes the shards of one split, in order. It is for one goroutine.
type Writer struct {
	dir, split string
	plan       Plan

	done    Split     // of the shards that are complete
	at      Position  // after the last image that was added or skipped
	skipped []Skipped // in all shards
	sealed  int       // of skipped: those in complete shards

	// The shard that is being written.
	number int // in the split
	file   *os.File
	out    *bufio.Writer
	sum    hash.Hash
	index  shardIndex
}

const writeBuffer = 1 << 20

// NewWriter resumes or begins the work on a split. It removes the leftovers of
// an incomplete shard, and all shards from the first one that left out an image
// which can be read by now. ErrOther means that the folder holds shards of
// another plan. The caller must hold the folder's Lock.
func NewWriter(dir, split string, plan Plan) (*Writer, error) {
	w := &Writer{dir: dir, split: split, plan: plan, done: Split{
		PerClass: make([]int, plan.Classes), Shards: []Shard{}, // empty, but not null in JSON
	}, skipped: []Skipped{}}
	if err := removeParts(dir); err != nil {
		return nil, err
	}
	for {
		complete, err := w.takeShard()
		if err != nil {
			return nil, err
		}
		if !complete {
			return w, w.removeFrom(w.number)
		}
	}
}

// takeShard counts the next shard in if it is complete.
func (w *Writer) takeShard() (bool, error) {
	name := fileName(w.split, w.number, ".idx")
	path := filepath.Join(w.dir, name)
	index, sum, err := readIndex(context.Background(), path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		var at *fs.PathError
		if errors.As(err, &at) {
			return false, readFault(path, err)
		}
		return false, nil // damaged: written again
	case index.Plan != w.plan.ID:
		return false, fault.New(ErrOther, nil,
			"%s holds the beginning of another preparation (from other images, of another size or with other classes): remove it, or name another folder.", w.dir)
	}
	if w.plan.Again != nil && slices.ContainsFunc(index.Skipped, w.plan.Again) {
		return false, nil
	}
	n := len(index.Labels)
	info, err := os.Stat(filepath.Join(w.dir, fileName(w.split, w.number, ".bin")))
	if err != nil || info.Size() != int64(n)*int64(w.plan.RecordBytes) ||
		int(index.RecordBytes) != w.plan.RecordBytes || n > w.plan.ShardImages || !w.inRange(index.Labels) {
		return false, nil
	}
	w.skipped = append(w.skipped, index.Skipped...)
	w.count(index, sum)
	return true, nil
}

func (w *Writer) inRange(labels []uint32) bool {
	return !slices.ContainsFunc(labels, func(l uint32) bool { return l >= uint32(w.plan.Classes) })
}

// count adds a complete shard to the finished ones.
func (w *Writer) count(index *shardIndex, indexSum [sha256.Size]byte) {
	for _, label := range index.Labels {
		w.done.PerClass[label]++
	}
	w.done.Images += len(index.Labels)
	w.sealed += len(index.Skipped)
	w.done.Shards = append(w.done.Shards, Shard{
		File: fileName(w.split, w.number, ".bin"), Images: len(index.Labels),
		SHA256: hex.EncodeToString(index.SHA256[:]), IndexSHA256: hex.EncodeToString(indexSum[:]),
	})
	w.at = index.Next
	w.number++
}

// removeFrom removes all files of shards from a number on: an incomplete one and those after it.
func (w *Writer) removeFrom(number int) error {
	for _, ext := range []string{".idx", ".bin"} {
		paths, err := filepath.Glob(filepath.Join(w.dir, w.split+"-*"+ext))
		if err != nil {
			return err
		}
		for _, path := range paths {
			if filepath.Base(path) < fileName(w.split, number, ext) {
				continue
			}
			if err := os.Remove(path); err != nil {
				return WriteFault(w.dir, err)
			}
		}
	}
	return nil
}

// At returns the place in the source after the last image that was added or skipped.
func (w *Writer) At() Position { return w.at }

// Images returns the number of images so far.
func (w *Writer) Images() int { return w.done.Images + len(w.index.Labels) }

// Skipped returns the images left out so far.
func (w *Writer) Skipped() []Skipped { return w.skipped }

// Add appends an image. at is the place in the source after it.
func (w *Writer) Add(record []byte, label int, name string, at Position) error {
	if len(record) != w.plan.RecordBytes || label < 0 || label >= w.plan.Classes {
		return fmt.Errorf("a record of %d bytes with label %d; %d bytes and fewer than %d classes were expected",
			len(record), label, w.plan.RecordBytes, w.plan.Classes)
	}
	// A full shard is sealed only now, so that images skipped after it belong to it:
	// its content then does not depend on the moment of an interruption.
	if len(w.index.Labels) == w.plan.ShardImages {
		if err := w.seal(); err != nil {
			return err
		}
	}
	if w.file == nil {
		if err := w.begin(); err != nil {
			return err
		}
	}
	if _, err := w.out.Write(record); err != nil {
		return WriteFault(w.dir, err)
	}
	w.sum.Write(record)
	w.index.Labels = append(w.index.Labels, uint32(label))
	w.index.Sums = append(w.index.Sums, checksum(record))
	w.index.Names = append(w.index.Names, name)
	w.at = at
	return nil
}

// Skip records an image that is left out.
func (w *Writer) Skip(image Skipped, at Position) {
	w.skipped = append(w.skipped, image)
	w.at = at
}

func (w *Writer) begin() error {
	file, err := createPart(w.dir, fileName(w.split, w.number, ".bin"))
	if err != nil {
		return err
	}
	w.file, w.out, w.sum = file, bufio.NewWriterSize(file, writeBuffer), sha256.New()
	return nil
}

// seal completes the present shard: first its images, then its index.
func (w *Writer) seal() error {
	if w.file == nil { // only skipped images
		if err := w.begin(); err != nil {
			return err
		}
	}
	if err := w.out.Flush(); err != nil {
		return WriteFault(w.dir, err)
	}
	if err := commitPart(w.dir, fileName(w.split, w.number, ".bin"), w.file); err != nil {
		return err
	}
	w.file = nil
	w.sum.Sum(w.index.SHA256[:0])
	w.index.Plan, w.index.RecordBytes = w.plan.ID, uint32(w.plan.RecordBytes)
	w.index.Skipped, w.index.Next = w.skipped[w.sealed:], w.at
	encoded := w.index.encode()
	if err := writeFile(w.dir, fileName(w.split, w.number, ".idx"), encoded); err != nil {
		return err
	}
	w.count(&w.index, sha256.Sum256(encoded))
	w.index = shardIndex{}
	return nil
}

// Finish completes the last shard and returns the content of the split.
func (w *Writer) Finish() (Split, error) {
	if len(w.index.Labels) > 0 || len(w.skipped) > w.sealed {
		if err := w.seal(); err != nil {
			return Split{}, err
		}
	}
	w.done.Skipped = w.skipped
	return w.done, nil
}

// Close drops the unfinished shard; complete ones stay.
func (w *Writer) Close() {
	if w.file != nil {
		w.file.Close()
		os.Remove(w.file.Name())
		w.file = nil
	}
}
