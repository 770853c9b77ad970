package loaders

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"

	"mdfa/internal/disk"
	"mdfa/internal/fault"
)

// The idx format (described on the MNIST page of Y. LeCun): two zero bytes, a
// type byte, the number of dimensions, each dimension as a big-endian uint32,
// then the elements in row-major order.
const (
	idxUint8     = 0x08 // the type byte of unsigned bytes
	idxLabelDims = 1
	idxImageDims = 3

	// maxIDXBytes bounds the bytes that a header may claim; MNIST's largest file holds
	// 47 MB, so a claim of 2 GiB is a damaged header.
	maxIDXBytes = 1<<31 - 1

	// firstRead is the memory that a header alone may allocate; from there
	// the buffer at most doubles each time that it has been filled.
	firstRead = 1 << 20
)

// idxNames are the four files, without ".gz".
var idxNames = []string{
	"train-images-idx3-ubyte",
	"train-labels-idx1-ubyte",
	"t10k-images-idx3-ubyte",
	"t10k-labels-idx1-ubyte",
}

// gzNames returns the published names of files.
func gzNames(names []string) []string {
	zipped := make([]string, len(names))
	for i, name := range names {
		zipped[i] = name + ".gz"
	}
	return zipped
}

// idxWant is the expected content of a file: labels, or images of one
// size.
type idxWant struct {
	images        bool
	height, width int
}

func (w idxWant) noun() string {
	if w.images {
		return "images"
	}
	return "labels"
}

// readIDX reads a whole idx file of unsigned bytes, gzipped or not, and
// returns its elements: [n, height*width] for images, [n] for labels. It is
// strict: type, dimensions, length and the gzip checksum must all be right and
// nothing may follow. path only serves the messages. Memory stays within twice
// the bytes that the stream really delivers, whatever the header claims.
func readIDX(r io.Reader, path string, want idxWant) ([]uint8, error) {
	in, zipped, err := unzip(r, path)
	if err != nil {
		return nil, err
	}
	end := "at its end"
	if zipped {
		end = "within its gzip trailer"
	}
	n, err := readIDXHeader(in, path, want)
	if err != nil {
		return nil, err
	}
	data, err := readExactly(in, n)
	if err != nil {
		return nil, readFault(err, path, fmt.Sprintf(
			"after %d of the %d bytes of %s that its header announces", len(data), n, want.noun()))
	}
	// One more read shows whether the stream ends here, and lets gzip compare
	// its checksum.
	switch _, err := in.ReadByte(); err {
	case io.EOF:
		return data, nil
	case nil:
		return nil, fault.New(ErrFormat, nil,
			"%s goes on after the %d bytes of %s that its header announces: copy or download the file again.", path, n, want.noun())
	default:
		return nil, readFault(err, path, end)
	}
}

// readIDXFile is readIDX for a file.
func readIDXFile(ctx context.Context, path string, want idxWant) ([]uint8, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	file, _, err := disk.Open(path)
	if err != nil {
		return nil, openFault(path, err)
	}
	defer file.Close()
	return readIDX(disk.Reader(ctx, file), path, want)
}

// readIDXHeader checks the header and returns the number of bytes that follow.
func readIDXHeader(in io.Reader, path string, want idxWant) (int, error) {
	format := func(text string, args ...any) error {
		return fault.New(ErrFormat, nil, "%s", path+" "+fmt.Sprintf(text, args...))
	}

	var magic [4]byte
	if _, err := io.ReadFull(in, magic[:]); err != nil {
		return 0, readFault(err, path, "within its idx header")
	}
	if magic[0] != 0 || magic[1] != 0 {
		return 0, format("is not an idx file (it begins with the bytes % x; 00 00 was expected): put the data set's own file there.", magic)
	}
	if magic[2] != idxUint8 {
		return 0, format("is an idx file of type 0x%02x; unsigned bytes (0x%02x) were expected: put the data set's own file there.", magic[2], idxUint8)
	}
	dims := int(magic[3])
	switch {
	case want.images && dims == idxLabelDims:
		return 0, format("holds labels where images were expected: swap the images and the labels file.")
	case !want.images && dims == idxImageDims:
		return 0, format("holds images where labels were expected: swap the images and the labels file.")
	case want.images && dims != idxImageDims:
		return 0, format("has %d dimensions; images have 3 (number, height, width): put the data set's own file there.", dims)
	case !want.images && dims != idxLabelDims:
		return 0, format("has %d dimensions; labels have 1 (number): put the data set's own file there.", dims)
	}

	var sizes [idxImageDims]uint32
	if err := binary.Read(in, binary.BigEndian, sizes[:dims]); err != nil {
		return 0, readFault(err, path, "within its idx header")
	}
	count, pixels := uint64(sizes[0]), uint64(1)
	if want.images {
		if sizes[1] != uint32(want.height) || sizes[2] != uint32(want.width) {
			return 0, format("holds images of %dx%d; %dx%d was expected: is it a file of another data set?",
				sizes[1], sizes[2], want.height, want.width)
		}
		pixels = uint64(want.height) * uint64(want.width)
	}
	if count == 0 {
		return 0, format("holds no %s: copy or download the file again.", want.noun())
	}
	if count > maxIDXBytes/pixels {
		return 0, format("announces %d %s, more than 2 GiB: its header is damaged; copy or download the file again.", count, want.noun())
	}
	return int(count * pixels), nil
}

// readExactly reads n bytes, growing the buffer only as they arrive. On an
// error it returns the bytes that it got.
func readExactly(in io.Reader, n int) ([]uint8, error) {
	data := make([]uint8, 0, min(n, firstRead))
	for {
		got, err := io.ReadFull(in, data[len(data):cap(data)])
		data = data[:len(data)+got]
		if err != nil || len(data) == n {
			return data, err
		}
		grown := make([]uint8, len(data), min(n, 2*len(data)))
		copy(grown, data)
		data = grown
	}
}
