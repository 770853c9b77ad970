package loaders

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"github.com/dustin/go-humanize"

	"mdfa/internal/disk"
	"mdfa/internal/fault"
	"mdfa/internal/fetch"
)

// CIFAR-10 and CIFAR-100 are read in the publisher's "binary version", which is fetched, and in its Python
// version (cifar_python.go).
const (
	cifarSide     = 32
	cifarChannels = 3
	cifarPlane    = cifarSide * cifarSide // one colour of an image
	cifarImage    = cifarPlane * cifarChannels

	// maxCIFARRecords bounds what one file may hold: twice what the largest of the
	// published ones does.
	maxCIFARRecords = 100_000
	// publishedRecords is what room is made for on the word of a file's size.
	publishedRecords = 50000
	// maxNames bounds a file of class names, in bytes.
	maxNames = 1 << 16
)

// cifarSet is one of the two sets: its files, and what a record holds. A record
// is a byte for each kind of label and then the planes of red, green and blue,
// row by row.
type cifarSet struct {
	name    string
	archive fetch.File
	folder  string   // of the files within the archive
	train   []string // files, in the order of their rows
	test    string
	labels  []cifarLabel
	pickled bool      // this is the Python version
	python  *cifarSet // the Python version; nil for itself
}

// cifarLabel is one label of a record.
type cifarLabel struct {
	classes int
	names   string // the file that says what the labels mean
	keys    cifarKeys
}

func (set cifarSet) definition() definition {
	def := definition{
		name: set.name, height: cifarSide, width: cifarSide, channels: cifarChannels,
		classes: set.labels[len(set.labels)-1].classes, read: set.read,
	}
	if len(set.labels) > 1 {
		def.coarse = set.labels[0].classes
	}
	return def
}

// files are all that must be there, the training files first.
func (set cifarSet) files() []string { return append(slices.Clone(set.train), set.test) }

// record is the length of one record in bytes.
func (set cifarSet) record() int { return len(set.labels) + cifarImage }

// label says which label of a record counts.
func (set cifarSet) label(coarse bool) int {
	if coarse {
		return 0
	}
	return len(set.labels) - 1
}

// read finds, or fetches, and reads the set.
func (set cifarSet) read(ctx context.Context, opt Options) (contents, error) {
	set, at, err := set.find(opt.Dir)
	if err == nil && at == (cifarPlace{}) {
		var paths []string
		paths, _, err = fetchSet(ctx, set.name, cifarAddress, []fetch.File{set.archive}, opt)
		if err == nil {
			at.archive = paths[0]
		}
	}
	if err != nil {
		return contents{}, err
	}
	use := set.label(opt.Coarse)
	if at.archive == "" {
		return set.readFolder(ctx, at.folder, use)
	}
	published := set.archive
	if info, err := os.Stat(at.archive); err == nil && set.python != nil && info.Size() == set.python.archive.Size {
		published = set.python.archive // under whatever name
	}
	same := compareLater(ctx, []string{at.archive}, []fetch.File{published})
	held, err := set.readArchive(ctx, at.archive, use)
	held.official = same()
	return held, err
}

// readFolder reads the unpacked files; use says which label of a record counts.
func (set cifarSet) readFolder(ctx context.Context, dir string, use int) (contents, error) {
	names := set.files()
	parts, err := sideBySide(len(names), func(i int) (rawSplit, error) {
		return set.readFile(ctx, filepath.Join(dir, names[i]), use)
	})
	if err != nil {
		return contents{}, err
	}
	held := set.join(parts)
	held.source = sourceOf(dir)

	path := filepath.Join(dir, set.labels[use].names)
	text, err := disk.ReadFile(ctx, path, maxNames)
	switch {
	case absent(err):
		return held, nil
	case err != nil:
		return contents{}, openFault(path, err)
	}
	held.classNames, err = set.readNames(text, path, use)
	return held, err
}

func (set cifarSet) readFile(ctx context.Context, path string, use int) (rawSplit, error) {
	file, info, err := disk.Open(path)
	if err != nil {
		return rawSplit{}, openFault(path, err)
	}
	defer file.Close()
	return set.readPart(ctx, disk.Reader(ctx, file), path, info.Size(), use)
}

// readPart reads one file of the set, to the end of the stream.
func (set cifarSet) readPart(ctx context.Context, r io.Reader, path string, size int64, use int) (rawSplit, error) {
	if set.pickled {
		return set.readBatch(ctx, r, path, use)
	}
	return set.readRecords(ctx, r, path, size, use)
}

// readNames reads what the labels mean.
func (set cifarSet) readNames(text []byte, path string, use int) ([]string, error) {
	if set.pickled {
		return set.readMeta(text, path, use)
	}
	return readClassNames(text, path, set.labels[use].classes)
}

// readRecords reads records to the end of the stream, and turns each image from
// planes of colour, [3, 32, 32], into pixels, [32, 32, 3]. size is how long the
// stream is likely to be; path only serves the messages.
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

// labelWord names a label of a record.
func (set cifarSet) labelWord(i int) string {
	switch {
	case len(set.labels) == 1:
		return "label"
	case i == 0:
		return "coarse label"
	}
	return "fine label"
}

// appendPixels appends an image of planes, [3, 32*32], as pixels, [32*32, 3].
func appendPixels(to, planes []uint8) []uint8 {
	red, green, blue := planes[:cifarPlane], planes[cifarPlane:2*cifarPlane], planes[2*cifarPlane:cifarImage]
	begin := len(to)
	to = slices.Grow(to, cifarImage)[:begin+cifarImage]
	image := to[begin:]
	for i := range cifarPlane {
		pixel := image[3*i : 3*i+3 : 3*i+3]
		pixel[0], pixel[1], pixel[2] = red[i], green[i], blue[i]
	}
	return to
}

// join strings the training files together; the last part is the test file.
func (set cifarSet) join(parts []rawSplit) contents {
	last := len(parts) - 1
	held := contents{test: parts[last]}
	if last == 1 {
		held.train = parts[0]
		return held
	}
	count := 0
	for _, part := range parts[:last] {
		count += len(part.labels)
	}
	held.train = rawSplit{images: make([]uint8, 0, count*cifarImage), labels: make([]int32, 0, count)}
	for i, part := range parts[:last] {
		held.train.images = append(held.train.images, part.images...)
		held.train.labels = append(held.train.labels, part.labels...)
		parts[i] = rawSplit{} // lets its memory go
	}
	return held
}

// readClassNames reads one name a line; empty lines do not count.
func readClassNames(text []byte, path string, classes int) ([]string, error) {
	var names []string
	for line := range strings.Lines(string(text[:min(len(text), maxNames)])) {
		if line = strings.TrimSpace(line); line != "" {
			names = append(names, line)
		}
	}
	unprintable := func(r rune) bool { return r == unicode.ReplacementChar || !unicode.IsPrint(r) }
	if slices.ContainsFunc(names, func(name string) bool { return strings.ContainsFunc(name, unprintable) }) {
		return nil, fault.New(ErrFormat, nil,
			"%s is not a text of class names: put the data set's own file there, or remove it.", path)
	}
	if len(names) != classes {
		return nil, fault.New(ErrFormat, nil,
			"%s holds %d class names; %d were expected: put the data set's own file there, or remove it.", path, len(names), classes)
	}
	return names, nil
}
