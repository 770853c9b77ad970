package loaders

import (
	"context"
	"fmt"
	"sync"

	"mdfa/internal/disk"
)

func init() {
	register(definition{
		name: "mnist", height: mnistSide, width: mnistSide, channels: 1, classes: mnistClasses,
		read: func(ctx context.Context, opt Options) (contents, error) {
			paths, place, err := findIDX("mnist", opt.Dir, idxNames, false)
			if err != nil {
				return contents{}, err
			}
			if paths != nil {
				return readMNIST(ctx, paths, place)
			}
			if paths, place, err = moduleMNIST(ctx); err != nil {
				return contents{}, err
			}
			held, err := readMNIST(ctx, paths, place)
			held.official = true // moduleMNIST has compared their checksums
			return held, err
		},
	})
}

// MNIST and every data set made in its image share these.
const (
	mnistSide       = 28
	mnistClasses    = 10
	mnistTrainCount = 60000
	mnistTestCount  = 10000
)

// idxNames are the four files, without ".gz".
var idxNames = []string{
	"train-images-idx3-ubyte",
	"train-labels-idx1-ubyte",
	"t10k-images-idx3-ubyte",
	"t10k-labels-idx1-ubyte",
}

// readMNIST reads the four files of a data set in MNIST's format, in the order
// of idxNames.
func readMNIST(ctx context.Context, paths []string, source string) (contents, error) {
	// Unzipping is most of the time, so the files are read side by side. The
	// first error in file order counts, so that a fault reads the same on
	// every run.
	var content [4][]uint8
	var faults [4]error
	var readers sync.WaitGroup
	for i, path := range paths {
		want := idxWant{images: i%2 == 0, height: mnistSide, width: mnistSide}
		readers.Go(func() { content[i], faults[i] = readIDXFile(ctx, path, want) })
	}
	readers.Wait()
	for _, err := range faults {
		if err != nil {
			return contents{}, err
		}
	}

	if len(content[1]) == mnistTestCount && len(content[3]) == mnistTrainCount {
		return contents{}, &fault{kind: ErrFormat, text: fmt.Sprintf(
			"%s holds %d labels and %s %d: the train and t10k files are exchanged; give them each other's names.",
			paths[1], mnistTestCount, paths[3], mnistTrainCount)}
	}
	train, err := pairMNIST(paths[0], content[0], paths[1], content[1])
	if err != nil {
		return contents{}, err
	}
	test, err := pairMNIST(paths[2], content[2], paths[3], content[3])
	if err != nil {
		return contents{}, err
	}
	return contents{train: train, test: test, source: source}, nil
}

func readIDXFile(ctx context.Context, path string, want idxWant) ([]uint8, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("loaders: reading %s: %w", path, err)
	}
	file, _, err := disk.Open(path)
	if err != nil {
		return nil, openFault(path, err)
	}
	defer file.Close()
	return readIDX(disk.Reader(ctx, file), path, want)
}

// pairMNIST checks that an images and a labels file belong together.
func pairMNIST(imagesPath string, images []uint8, labelsPath string, labels []uint8) (rawSplit, error) {
	if count := len(images) / (mnistSide * mnistSide); count != len(labels) {
		return rawSplit{}, &fault{kind: ErrFormat, text: fmt.Sprintf(
			"%s holds %d images but %s %d labels: is one of them from another set, or a train file exchanged with a t10k file? Put the two that belong together there.",
			imagesPath, count, labelsPath, len(labels))}
	}
	split := rawSplit{images: images, labels: make([]int32, len(labels))}
	for row, label := range labels {
		if label >= mnistClasses {
			return rawSplit{}, &fault{kind: ErrFormat, text: fmt.Sprintf(
				"%s: label %d in row %d; 0 to %d were expected: is it a file of another data set?",
				labelsPath, label, row, mnistClasses-1)}
		}
		split.labels[row] = int32(label)
	}
	return split, nil
}
