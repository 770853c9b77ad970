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

// Index is what is known of the images of one shard. Its file is, little-endian:
//
//	magic "MDFAIDX1"
//	plan [32]byte, SHA-256 of the shard's images [32]byte
//	position after the shard's last image: items, member, inner    3 x int64
//	record length, number of images n                               2 x uint32
//	label [n]uint32, CRC32C of the record [n]uint32
//	file name of each image: length uvarint, bytes
//	number of skipped images uvarint; of each: file name, reason    as above
//	CRC32C of all before                                            uint32
type Index struct {
	Plan        [sha256.Size]byte // what the images depend on
	SHA256      [sha256.Size]byte // of the shard's images
	Next        Position          // where in the source the work goes on after this shard
	RecordBytes int
	Labels      []uint32
	Sums        []uint32 // CRC32C of each record
	Names       []string
	Skipped     []Skipped // met before the end of this shard
}

// Position is a place in a source of images. Only the source knows what Member and
// Inner mean; Items counts what came before, skipped images included.
type Position struct{ Items, Member, Inner int64 }

const (
	indexMagic = "MDFAIDX1"
	indexHead  = len(indexMagic) + 2*sha256.Size + 3*8 + 2*4
	sumBytes   = 4
	// maxIndex bounds a file; it holds the names of some ten million images.
	maxIndex = 1 << 30
	// maxName bounds a file name or a reason; no file system allows longer names.
	maxName = 1 << 16
)

// castagnoli is the polynomial of CRC32C, which processors compute by themselves.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// checksum is the CRC32C of a record.
func checksum(record []byte) uint32 { return crc32.Checksum(record, castagnoli) }

// encode writes the index as its file holds it.
func (x *Index) encode() []byte {
	out := make([]byte, 0, indexHead+len(x.Labels)*(8+24)+sumBytes)
	out = append(out, indexMagic...)
	out = append(out, x.Plan[:]...)
	out = append(out, x.SHA256[:]...)
	for _, v := range []int64{x.Next.Items, x.Next.Member, x.Next.Inner} {
		out = binary.LittleEndian.AppendUint64(out, uint64(v))
	}
	out = binary.LittleEndian.AppendUint32(out, uint32(x.RecordBytes))
	out = binary.LittleEndian.AppendUint32(out, uint32(len(x.Labels)))
	for _, words := range [][]uint32{x.Labels, x.Sums} {
		for _, w := range words {
			out = binary.LittleEndian.AppendUint32(out, w)
		}
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

// parseIndex reads an index file. With names false the names and the skipped images
// are checked but not kept.
func parseIndex(file []byte, names bool) (*Index, error) {
	if !bytes.HasPrefix(file, []byte(indexMagic)) {
		return nil, errors.New("it is no index")
	}
	if len(file) < indexHead+sumBytes {
		return nil, errIndexShort
	}
	body, sum := file[:len(file)-sumBytes], binary.LittleEndian.Uint32(file[len(file)-sumBytes:])
	if checksum(body) != sum {
		return nil, errIndexSum
	}
	x := new(Index)
	rest := body[len(indexMagic):]
	rest = rest[copy(x.Plan[:], rest):]
	rest = rest[copy(x.SHA256[:], rest):]
	for _, v := range []*int64{&x.Next.Items, &x.Next.Member, &x.Next.Inner} {
		*v = int64(binary.LittleEndian.Uint64(rest))
		if *v < 0 {
			return nil, fmt.Errorf("position %d", *v)
		}
		rest = rest[8:]
	}
	x.RecordBytes = int(binary.LittleEndian.Uint32(rest))
	n := int(binary.LittleEndian.Uint32(rest[4:]))
	rest = rest[8:]
	if n > len(rest)/9 { // label, checksum and at least the length of a name
		return nil, errIndexShort
	}
	for _, words := range []*[]uint32{&x.Labels, &x.Sums} {
		*words = make([]uint32, n)
		for i := range *words {
			(*words)[i] = binary.LittleEndian.Uint32(rest[4*i:])
		}
		rest = rest[4*n:]
	}
	return x, x.parseTexts(rest, n, names)
}

// parseTexts reads what follows the checksums.
func (x *Index) parseTexts(rest []byte, n int, keep bool) error {
	text := func() (string, error) {
		length, used := binary.Uvarint(rest)
		if used <= 0 || length > maxName || uint64(len(rest)-used) < length {
			return "", errIndexShort
		}
		s := rest[used : used+int(length)]
		rest = rest[used+int(length):]
		if !keep {
			return "", nil
		}
		return string(s), nil
	}
	if keep {
		x.Names = make([]string, 0, n)
	}
	for range n {
		name, err := text()
		if err != nil {
			return err
		}
		if keep {
			x.Names = append(x.Names, name)
		}
	}
	skipped, used := binary.Uvarint(rest)
	if used <= 0 || skipped > uint64(len(rest)-used) {
		return errIndexShort
	}
	rest = rest[used:]
	for range skipped {
		file, err := text()
		if err != nil {
			return err
		}
		why, err := text()
		if err != nil {
			return err
		}
		if keep {
			x.Skipped = append(x.Skipped, Skipped{File: file, Reason: why})
		}
	}
	if len(rest) > 0 {
		return errors.New("something follows its end")
	}
	return nil
}

// readIndex reads the index file at path and the SHA-256 of the file.
func readIndex(ctx context.Context, path string, names bool) (*Index, [sha256.Size]byte, error) {
	file, err := disk.ReadFile(ctx, path, maxIndex)
	if err != nil {
		return nil, [sha256.Size]byte{}, err
	}
	x, err := parseIndex(file, names)
	if err != nil {
		return nil, [sha256.Size]byte{}, err
	}
	return x, sha256.Sum256(file), nil
}
