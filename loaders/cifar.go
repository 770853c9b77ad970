package loaders

import (
	"slices"
	"strings"
	"unicode"

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

	// maxCIFARRecords bounds the records of a file: twice those of the largest
	// published one.
	maxCIFARRecords = 100_000
	// publishedRecords bounds the memory that a file's size alone may allocate.
	publishedRecords = 50000
	// maxNames bounds a file of class names, in bytes.
	maxNames = 1 << 16
)

// cifarSet is one of the two sets: its files and the labels of a record. A record
// is a byte for each kind of label and then the planes of red, green and blue,
// row by row.
type cifarSet struct {
	name    string
	address string // of the publisher, ends with a slash
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
	names   string // the file with the names of the labels
	keys    cifarKeys
}

// cifarKeys are the keys of the labels and of their names in the dictionaries.
type cifarKeys struct{ labels, names string }

// files returns the names of all needed files, the training files first.
func (set cifarSet) files() []string { return append(slices.Clone(set.train), set.test) }

// record returns the length of one record in bytes.
func (set cifarSet) record() int { return len(set.labels) + cifarImage }

// label returns the index of the label that counts in a record.
func (set cifarSet) label(coarse bool) int {
	if coarse {
		return 0
	}
	return len(set.labels) - 1
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

// join joins the training files; the last part is the test file.
func (set cifarSet) join(parts []rawSplit) contents {
	last := len(parts) - 1
	held := contents{test: parts[last]}
	if last == 1 {
		held.train = parts[0]
		return held
	}
	var images [][]uint8
	var labels [][]int32
	for _, part := range parts[:last] {
		images, labels = append(images, part.images), append(labels, part.labels)
	}
	held.train = rawSplit{images: slices.Concat(images...), labels: slices.Concat(labels...)}
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
