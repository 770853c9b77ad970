package loaders

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"syscall"

	"mdfa/internal/disk"
	"mdfa/internal/fault"
)

// Pictures are the images of one file, in its order.
type Pictures struct {
	Height, Width, Channels int
	Images                  []uint8 // [n, height, width, channels]
	Labels                  []int32 // [n]; nil for a file without labels
}

// Kind is the kind of a file of many images or of their labels.
type Kind int

// The kinds of files.
const (
	NoPictures Kind = iota // any other file
	IDXImages
	IDXLabels
	CIFARBatch
)

// KindOf returns the kind of a file by its content. A CIFAR batch has no magic number: a file counts as one
// if its size is that of whole records of one of the sets.
func KindOf(path string) (Kind, error) {
	header, err := idxHeader(path)
	if err != nil {
		return NoPictures, err
	}
	if header[0] == 0 && header[1] == 0 && header[2] == idxUint8 {
		switch header[3] {
		case idxImageDims:
			return IDXImages, nil
		case idxLabelDims:
			return IDXLabels, nil
		}
	}
	info, err := os.Stat(path)
	if err != nil {
		return NoPictures, openFault(path, err)
	}
	if info.Size() > 0 && cifarOfSize(info.Size(), "") != nil {
		return CIFARBatch, nil
	}
	return NoPictures, nil
}

// idxHeader returns the first bytes of a file, gzipped or not. They are 0 past its end and if its gzip
// stream is wrong: reading all of it will say how.
func idxHeader(path string) (header [16]byte, err error) {
	file, _, err := disk.Open(path)
	if errors.Is(err, syscall.EISDIR) {
		return header, fault.New(ErrFormat, nil, "%s is a folder: a file was expected.", path)
	}
	if err != nil {
		return header, openFault(path, err)
	}
	defer file.Close()
	if in, _, err := unzip(file, path); err == nil {
		_, _ = io.ReadFull(in, header[:])
	}
	return header, nil
}

// ReadIDXImages reads an idx file of grey images of any size, gzipped or not.
func ReadIDXImages(ctx context.Context, path string) (*Pictures, error) {
	header, err := idxHeader(path)
	if err != nil {
		return nil, err
	}
	height, width := binary.BigEndian.Uint32(header[8:]), binary.BigEndian.Uint32(header[12:])
	if header[3] == idxImageDims && (height == 0 || width == 0 || height > maxSide || width > maxSide) {
		return nil, fault.New(ErrFormat, nil,
			"%s announces images of %dx%d; 1 to %d pixels a side are read: copy or download the file again.", path, height, width, maxSide)
	}
	p := &Pictures{Height: int(height), Width: int(width), Channels: 1}
	p.Images, err = readIDXFile(ctx, path, idxWant{images: true, height: p.Height, width: p.Width})
	return p, err
}

// maxSide bounds the sides of an image in an idx file's header.
const maxSide = 1 << 14

// ReadIDXLabels reads an idx file of labels, gzipped or not.
func ReadIDXLabels(ctx context.Context, path string) ([]int32, error) {
	read, err := readIDXFile(ctx, path, idxWant{})
	labels := make([]int32, len(read))
	for i, l := range read {
		labels[i] = int32(l)
	}
	return labels, err
}

// ReadCIFARBatch reads a file of records of CIFAR-10 or CIFAR-100. If its size fits
// both, likely ("cifar10", "cifar100") decides. The labels of CIFAR-100 are the fine ones,
// or with coarse the coarse ones.
func ReadCIFARBatch(ctx context.Context, path, likely string, coarse bool) (*Pictures, error) {
	file, info, err := disk.Open(path)
	if err != nil {
		return nil, openFault(path, err)
	}
	defer file.Close()
	fits := cifarOfSize(info.Size(), likely)
	if fits == nil {
		return nil, fault.New(ErrFormat, nil,
			"%s is no file of CIFAR's binary version: its %d bytes are no whole number of records of %d or %d.",
			path, info.Size(), cifarSets[0].record(), cifarSets[1].record())
	}
	split, err := fits.readRecords(ctx, disk.Reader(ctx, file), path, info.Size(), fits.label(coarse))
	if err != nil {
		return nil, err
	}
	return &Pictures{Height: cifarSide, Width: cifarSide, Channels: cifarChannels, Images: split.images, Labels: split.labels}, nil
}

// cifarOfSize returns the set whose records fill a file of a size, or nil. If both do, likely decides.
func cifarOfSize(size int64, likely string) (fits *cifarSet) {
	for i, set := range cifarSets {
		if size%int64(set.record()) == 0 && (fits == nil || set.name == likely) {
			fits = &cifarSets[i]
		}
	}
	return fits
}
