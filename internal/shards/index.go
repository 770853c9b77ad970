package shards

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"mdfa/internal/disk"
)

// shardIndex describes the images of one shard. Its file is, little-endian:
//
//	magic "MDFAIDX1"
//	the fields of indexHead in their order
//	label [n]uint32, CRC32C of the record [n]uint32
//	file name of each image: length uvarint, bytes
//	number of skipped images uvarint; of each: file name, reason    as above
//	CRC32C of all before                                            uint32
type shardIndex struct {
	indexHead
	Labels  []uint32
	Sums    []uint32 // CRC32C of each record
	Names   []string
	Skipped []Skipped // before the end of this shard
}

// indexHead is the part of an index with a fixed length.
type indexHead struct {
	Plan        [sha256.Size]byte // of the writer's Plan
	SHA256      [sha256.Size]byte // of the shard's images
	Next        Position          // after the shard's last image: the place where the work continues
	RecordBytes uint32
	Images      uint32
}

// Skipped is an image that was left out.
type Skipped struct {
	File   string `json:"file"`
	Reason string `json:"reason"`
}

// Position is a place in a source of images. Items counts the images before it, skipped ones included. Member
// and Inner have a meaning for the source alone.
type Position struct{ Items, Member, Inner int64 }

const (
	indexMagic = "MDFAIDX1"
	headBytes  = len(indexMagic) + 2*sha256.Size + 3*8 + 2*4
	sumBytes   = 4
	// maxIndex bounds a file; it holds the names of some ten million images.
	maxIndex = 1 << 30
	// maxName bounds a file name or a reason; no file system allows longer names.
	maxName = 1 << 16
)

// castagnoli is the polynomial of CRC32C, for which processors have an instruction.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum returns the CRC32C of a record.
func checksum(record []byte) uint32 { return crc32.Checksum(record, castagnoli) }

// encode writes the index as its file holds it.
func (x *shardIndex) encode() []byte {
	x.Images = uint32(len(x.Labels))
	out := append(make([]byte, 0, headBytes+len(x.Labels)*(8+24)+sumBytes), indexMagic...)
	for _, part := range []any{x.indexHead, x.Labels, x.Sums} {
		out, _ = binary.Append(out, binary.LittleEndian, part) // fails for other types only
	}
	text := func(s string) {
		out = binary.AppendUvarint(out, uint64(len(s)))
		out = append(out, s...)
	}
	for _, name := range x.Names {
		text(name)
	}
	out = binary.AppendUvarint(out, uint64(len(x.Skipped)))
	for _, s := range x.Skipped {
		text(s.File)
		text(s.Reason)
	}
	return binary.LittleEndian.AppendUint32(out, checksum(out))
}

var (
	errIndexShort = errors.New("it is cut off")
	errIndexSum   = errors.New("its checksum differs")
)

// parseIndex reads an index file.
func parseIndex(file []byte) (*shardIndex, error) {
	if !bytes.HasPrefix(file, []byte(indexMagic)) {
		return nil, errors.New("it is no index")
	}
	if len(file) < headBytes+sumBytes {
		return nil, errIndexShort
	}
	body, sum := file[:len(file)-sumBytes], binary.LittleEndian.Uint32(file[len(file)-sumBytes:])
	if checksum(body) != sum {
		return nil, errIndexSum
	}
	x, rest := new(shardIndex), body[len(indexMagic):]
	take := func(part any) {
		n, _ := binary.Decode(rest, binary.LittleEndian, part) // the length is checked before
		rest = rest[n:]
	}
	take(&x.indexHead)
	if least := min(x.Next.Items, x.Next.Member, x.Next.Inner); least < 0 {
		return nil, fmt.Errorf("position %d", least)
	}
	n := int(x.Images)
	if n > len(rest)/9 { // label, checksum and at least the length of a name
		return nil, errIndexShort
	}
	x.Labels, x.Sums = make([]uint32, n), make([]uint32, n)
	take(x.Labels)
	take(x.Sums)
	return x, x.parseTexts(rest)
}

// parseTexts reads the names and the skipped images, which end the index.
func (x *shardIndex) parseTexts(rest []byte) (err error) {
	number := func(most int) int {
		n, used := binary.Uvarint(rest)
		if used <= 0 || n > uint64(min(most, len(rest)-used)) {
			err = errIndexShort
			return 0
		}
		rest = rest[used:]
		return int(n)
	}
	text := func() string {
		n := number(maxName)
		s := string(rest[:n])
		rest = rest[n:]
		return s
	}
	x.Names = make([]string, x.Images)
	for i := range x.Names {
		x.Names[i] = text()
	}
	for range number(len(rest)) {
		if err != nil {
			return err
		}
		x.Skipped = append(x.Skipped, Skipped{File: text(), Reason: text()})
	}
	if err == nil && len(rest) > 0 {
		err = errors.New("something follows its end")
	}
	return err
}

// readIndex reads the index file at path and the SHA-256 of the file.
func readIndex(ctx context.Context, path string) (*shardIndex, [sha256.Size]byte, error) {
	file, err := disk.ReadFile(ctx, path, maxIndex)
	if err != nil {
		return nil, [sha256.Size]byte{}, err
	}
	x, err := parseIndex(file)
	if err != nil {
		return nil, [sha256.Size]byte{}, err
	}
	return x, sha256.Sum256(file), nil
}
