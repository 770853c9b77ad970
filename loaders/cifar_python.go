package loaders

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"mdfa/internal/fault"
	"mdfa/internal/foreign"
)

// The publisher's Python version of the two sets, which torchvision and Keras fetch: the
// same images in the same order, in pickles of a numpy array [n, 3*32*32] of planes and
// lists of labels.

// readBatch reads a file of the Python version.
func (set cifarSet) readBatch(ctx context.Context, r io.Reader, path string, use int) (rawSplit, error) {
	const rest = 64 << 20 // bytes of everything but the images, mostly the names of the original files
	value, err := readPickle(r, maxCIFARRecords*cifarImage+rest)
	if err != nil {
		return rawSplit{}, pickleFault(err, path)
	}
	batch, _ := value.(pickleDict)
	images, _ := batch["data"].(*pickleArray)
	if images == nil || images.kind != "u1" || len(images.shape) != 2 || images.shape[1] != cifarImage ||
		images.shape[0] < 1 || images.shape[0] > maxCIFARRecords || int64(len(images.data)) != images.shape[0]*cifarImage {
		return rawSplit{}, fault.New(ErrFormat, nil,
			"%s holds no images of CIFAR: an array \"data\" of 1 to %d rows of %d bytes was expected; copy or download the file again.", path, maxCIFARRecords, cifarImage)
	}
	n := int(images.shape[0])
	split := rawSplit{images: images.data, labels: make([]int32, n)}
	for i, label := range set.labels {
		list, _ := batch[label.keys.labels].(*pickleList)
		if list == nil || len(list.items) != n {
			return rawSplit{}, fault.New(ErrFormat, nil,
				"%s holds %d images and no list %q with a label for each: copy or download the file again.", path, n, label.keys.labels)
		}
		for row, item := range list.items {
			number, ok := item.(int64)
			if !ok || number < 0 || number >= int64(label.classes) {
				return rawSplit{}, fault.New(ErrFormat, nil,
					"%s: %s %v in record %d; 0 to %d were expected: is it a file of another data set?",
					path, set.labelWord(i), number, row, label.classes-1)
			}
			if i == use {
				split.labels[row] = int32(number)
			}
		}
	}
	if images.columns {
		split.images = transposed(images.data, n)
	}
	var row []uint8
	for i := range n {
		if i%1024 == 0 && ctx.Err() != nil {
			return rawSplit{}, fmt.Errorf("reading %s: %w", path, ctx.Err())
		}
		image := split.images[i*cifarImage : (i+1)*cifarImage]
		row = appendPixels(row[:0], image)
		copy(image, row)
	}
	return split, nil
}

// transposed turns an array in Fortran's order, all first bytes first, into rows.
func transposed(columns []byte, n int) []byte {
	rows := make([]byte, len(columns))
	for i := range n {
		for k := range cifarImage {
			rows[i*cifarImage+k] = columns[k*n+i]
		}
	}
	return rows
}

// readMeta reads the names of classes.
func (set cifarSet) readMeta(text []byte, path string, use int) ([]string, error) {
	value, err := readPickle(bytes.NewReader(text), maxNames)
	if err != nil {
		return nil, pickleFault(err, path)
	}
	label := set.labels[use]
	meta, _ := value.(pickleDict)
	list, _ := meta[label.keys.names].(*pickleList)
	var names []byte
	for i := range list.len() {
		name, _ := list.items[i].([]byte)
		names = append(append(names, name...), '\n')
	}
	return readClassNames(names, path, label.classes)
}

// pickleFault turns an error of readPickle into a sentence.
func pickleFault(err error, path string) error {
	if errors.Is(err, errPickle) {
		return fault.New(ErrFormat, err,
			"%s is no file of CIFAR's Python version (%v): copy or download the file again.", foreign.Text(path), err)
	}
	return readFault(err, path, "within a value")
}
