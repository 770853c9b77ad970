package shards

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/edsrzf/mmap-go"

	"mdfa/internal/disk"
	"mdfa/internal/fault"
	"mdfa/internal/foreign"
)

// Set is a prepared folder, open for reading.
type Set struct {
	Manifest           *Manifest
	Train, Test, Valid *Images
	dir                string
}

// Images are the images of one split. All methods are safe for concurrent use.
type Images struct {
	dir         string
	recordBytes int
	perShard    int
	shards      []mapped
	labels      []int32 // [n]
	sums        []uint32
	checked     []atomic.Uint32 // a bit for each image, set once its checksum was compared
}

// mapped is a shard's images in the address space.
type mapped struct {
	name   string
	images mmap.MMap // nil for no images
}

// Open opens a prepared folder: it reads the manifest and every index, compares their
// checksums, and maps the shards. The images themselves are compared when they are read
// for the first time.
func Open(ctx context.Context, dir string) (*Set, error) {
	m, err := ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	s := &Set{Manifest: m, dir: dir}
	for _, part := range []struct {
		name string
		to   **Images
	}{{Train, &s.Train}, {Test, &s.Test}, {Valid, &s.Valid}} {
		if *part.to, err = openImages(ctx, dir, m, m.Split(part.name)); err != nil {
			s.Close()
			return nil, err
		}
	}
	return s, nil
}

func openImages(ctx context.Context, dir string, m *Manifest, split *Split) (*Images, error) {
	// The manifest alone allocates nothing: the indexes are read first.
	r := &Images{dir: dir, recordBytes: m.RecordBytes(), perShard: m.ShardImages}
	for number := range split.Shards {
		if err := r.openShard(ctx, m, &split.Shards[number]); err != nil {
			r.unmap()
			return nil, err
		}
	}
	r.checked = make([]atomic.Uint32, (len(r.labels)+31)/32)
	return r, nil
}

func (r *Images) openShard(ctx context.Context, m *Manifest, shard *Shard) error {
	index, err := checkedIndex(ctx, r.dir, m, shard)
	if err != nil {
		return err
	}
	r.labels = slices.Grow(r.labels, len(index.Labels))
	for i, label := range index.Labels {
		if label >= uint32(len(m.Classes)) {
			return fault.New(ErrFormat, nil, "%s: label %d of image %d; there are %d classes: prepare the images again.",
				filepath.Join(r.dir, shard.File), label, i, len(m.Classes))
		}
		r.labels = append(r.labels, int32(label))
	}
	r.sums = append(r.sums, index.Sums...)
	images, err := mapFile(filepath.Join(r.dir, shard.File), int64(shard.Images)*int64(r.recordBytes))
	if err != nil {
		return err
	}
	r.shards = append(r.shards, mapped{name: shard.File, images: images})
	return nil
}

// indexName returns the name of a shard's index.
func indexName(shard string) string { return strings.TrimSuffix(shard, ".bin") + ".idx" }

// checkedIndex reads the index of a shard and checks it against the manifest.
func checkedIndex(ctx context.Context, dir string, m *Manifest, shard *Shard) (*shardIndex, error) {
	name := indexName(shard.File)
	path := filepath.Join(dir, name)
	index, sum, err := readIndex(ctx, path)
	var at *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fault.New(ErrAbsent, err,
			"%s is missing from %s: copy it there again, or prepare the images again.", name, dir)
	case fault.Stopped(err):
		return nil, err
	case errors.As(err, &at):
		return nil, readFault(path, err)
	case err != nil:
		return nil, fault.New(ErrChecksum, err,
			"%s is damaged (%v): copy it again, or prepare the images again.", path, err)
	case hex.EncodeToString(sum[:]) != shard.IndexSHA256:
		return nil, fault.New(ErrChecksum, nil, "%s is not the index that %s means (its SHA-256 differs): copy it again, or prepare the images again.", path, ManifestFile)
	case len(index.Labels) != shard.Images || int(index.RecordBytes) != m.RecordBytes():
		return nil, fault.New(ErrFormat, nil, "%s is about %d images of %d bytes; %d of %d were expected: prepare the images again.",
			path, len(index.Labels), index.RecordBytes, shard.Images, m.RecordBytes())
	}
	return index, nil
}

// mapFile maps a file that must have the given length.
func mapFile(path string, length int64) (mmap.MMap, error) {
	file, info, err := disk.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fault.New(ErrAbsent, err,
			"%s is missing from %s: copy it there again, or prepare the images again.", filepath.Base(path), filepath.Dir(path))
	}
	if err != nil {
		return nil, readFault(path, err)
	}
	defer file.Close() // a mapping does not need its file open
	if info.Size() != length {
		return nil, fault.New(ErrChecksum, nil, "%s has %d bytes; %d were expected: copy it again, or prepare the images again.", path, info.Size(), length)
	}
	if length == 0 {
		return nil, nil // there is nothing to map
	}
	images, err := mmap.Map(file, mmap.RDONLY, 0)
	if err != nil {
		return nil, readFault(path, err)
	}
	return images, nil
}

// Close ends the mappings. No image may be read afterwards.
func (s *Set) Close() {
	for _, r := range []*Images{s.Train, s.Test, s.Valid} {
		if r != nil {
			r.unmap()
		}
	}
}

func (r *Images) unmap() {
	for i := range r.shards {
		_ = r.shards[i].images.Unmap() // fails only without a mapping
	}
	r.shards = nil
}

// Len returns the number of images.
func (r *Images) Len() int { return len(r.labels) }

// Labels returns the labels of the images, [n]; they must not be changed.
func (r *Images) Labels() []int32 { return r.labels }

// RecordBytes returns the length of one image.
func (r *Images) RecordBytes() int { return r.recordBytes }

// Sum returns the checksum of image i from its index: different images have different ones, accidents aside.
func (r *Images) Sum(i int) uint32 { return r.sums[i] }

// Image copies image i to dst, [size, size, 3] bytes of RGB. The first time that an
// image is read its CRC32C is compared; a difference is an ErrChecksum, and so is a file
// that has become shorter while it is open.
func (r *Images) Image(i int, dst []uint8) error {
	if r.shards == nil {
		return errors.New("an image was asked for after Close, or of no images")
	}
	if i < 0 || i >= len(r.labels) || len(dst) != r.recordBytes {
		return fmt.Errorf("image %d to %d bytes; there are %d images of %d bytes", i, len(dst), len(r.labels), r.recordBytes)
	}
	shard := &r.shards[i/r.perShard]
	if err := r.copyRecord(shard, i%r.perShard, dst); err != nil {
		return err
	}
	word, bit := &r.checked[i/32], uint32(1)<<(i%32)
	if word.Load()&bit != 0 {
		return nil
	}
	if checksum(dst) != r.sums[i] {
		return fault.New(ErrChecksum, nil, "%s is damaged: image %d%s is not as it was written (its CRC32C differs): copy the file again, or prepare the images again.",
			filepath.Join(r.dir, shard.name), i%r.perShard, r.named(shard, i%r.perShard))
	}
	word.Or(bit)
	return nil
}

// copyRecord copies record k of a shard. Reading a mapped page that its file no longer
// has, or that the disk cannot deliver, raises a signal that would end the
// program; here it becomes an error.
func (r *Images) copyRecord(shard *mapped, k int, dst []uint8) (err error) {
	before := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(before)
		if recover() != nil {
			err = fault.New(ErrChecksum, nil, "%s cannot be read at image %d: the file was cut off while in use, or the disk fails.",
				filepath.Join(r.dir, shard.name), k)
		}
	}()
	copy(dst, shard.images[k*r.recordBytes:(k+1)*r.recordBytes])
	return nil
}

// named returns " (n01440764/n01440764_10026.JPEG)", or "" if the index cannot be read.
func (r *Images) named(shard *mapped, k int) string {
	path := filepath.Join(r.dir, indexName(shard.name))
	index, _, err := readIndex(context.Background(), path)
	if err != nil || k >= len(index.Names) {
		return ""
	}
	return " (" + foreign.Text(index.Names[k]) + ")"
}
