package loaders

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/dustin/go-humanize"

	"mdfa/internal/fault"
)

// readRecords reads records to the end of the stream and turns each image from
// planes of colour, [3, 32, 32], into pixels, [32, 32, 3]. size is the likely length of the
// stream; path only serves the messages.
func (set cifarSet) readRecords(ctx context.Context, r io.Reader, path string, size int64, use int) (rawSplit, error) {
	in := bufio.NewReaderSize(r, 1<<16)
	record := make([]uint8, set.record())
	likely := int(min(size/int64(len(record)), publishedRecords))
	split := rawSplit{images: make([]uint8, 0, likely*cifarImage), labels: make([]int32, 0, likely)}
	for row := 0; ; row++ {
		if row%1024 == 0 && ctx.Err() != nil {
			return rawSplit{}, fmt.Errorf("reading %s: %w", path, ctx.Err())
		}
		got, err := io.ReadFull(in, record)
		switch {
		case err == io.EOF && row == 0:
			return rawSplit{}, fault.New(ErrTruncated, nil,
				"%s is empty: copy or download the file again.", path)
		case err == io.EOF:
			return split, nil
		case errors.Is(err, io.ErrUnexpectedEOF):
			return rawSplit{}, fault.New(ErrTruncated, err,
				"%s is cut off: record %d has %s of its %s bytes; copy or download the file again.",
				path, row, humanize.Comma(int64(got)), humanize.Comma(int64(len(record))))
		case err != nil:
			return rawSplit{}, readFault(err, path, fmt.Sprintf("within record %d", row))
		case row == maxCIFARRecords:
			return rawSplit{}, fault.New(ErrFormat, nil,
				"%s holds more than %s images: is it a file of another data set?", path, humanize.Comma(maxCIFARRecords))
		}
		for i, label := range set.labels {
			if int(record[i]) >= label.classes {
				return rawSplit{}, fault.New(ErrFormat, nil,
					"%s: %s %d in record %d; 0 to %d were expected: is it a file of another data set?",
					path, set.labelWord(i), record[i], row, label.classes-1)
			}
		}
		split.labels = append(split.labels, int32(record[use]))
		split.images = appendPixels(split.images, record[len(set.labels):])
	}
}
