package shards

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"

	"mdfa/internal/disk"
	"mdfa/internal/fault"
	"mdfa/internal/foreign"
)

// Verify reads every byte of the folder and compares all checksums. It calls progress with the
// bytes so far and in total, and stops at the first difference or when ctx ends.
func (s *Set) Verify(ctx context.Context, progress func(done, total int64)) error {
	total, done := int64(0), int64(0)
	for _, name := range Splits {
		total += int64(s.Manifest.Split(name).Images) * int64(s.Manifest.RecordBytes())
	}
	for _, name := range Splits {
		for number := range s.Manifest.Split(name).Shards {
			shard := &s.Manifest.Split(name).Shards[number]
			if err := s.verifyShard(ctx, shard, func(n int) { done += int64(n); progress(done, total) }); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Set) verifyShard(ctx context.Context, shard *Shard, read func(n int)) error {
	index, err := checkedIndex(ctx, s.dir, s.Manifest, shard)
	if err != nil {
		return err
	}
	path := filepath.Join(s.dir, shard.File)
	file, _, err := disk.Open(path)
	if err != nil {
		return readFault(path, err)
	}
	defer file.Close()
	record := make([]byte, s.Manifest.RecordBytes())
	sum := sha256.New()
	for k, want := range index.Sums {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := file.ReadAt(record, int64(k)*int64(len(record))); err != nil {
			return readFault(path, err)
		}
		if checksum(record) != want {
			return fault.New(ErrChecksum, nil, "%s is damaged: image %d (%s) is not as it was written (its CRC32C differs): copy the file again, or prepare the images again.",
				path, k, foreign.Text(index.Names[k]))
		}
		sum.Write(record)
		read(len(record))
	}
	if hex.EncodeToString(sum.Sum(nil)) != shard.SHA256 {
		return fault.New(ErrChecksum, nil, "%s is damaged: its SHA-256 differs: copy the file again, or prepare the images again.", path)
	}
	return nil
}
