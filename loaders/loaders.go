// Package loaders brings a data set into memory: it finds (or fetches) the
// files, checks every byte of their format, takes the class subset and cuts
// the train, validation and test splits exactly as the paper's own code does
// for the same seed.
//
// It is a leaf: it knows nothing of devices, models or learning rules. Pixels
// stay uint8, as the files hold them; scaling to [0, 1] happens on the device.
//
// A data set is one file of this package that registers a definition.
package loaders

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Split is one part of a data set. All three slices run over the same n
// images, in the order in which training or evaluation should see them.
type Split struct {
	Images []uint8 // [n, height*width*channels], row-major NHWC, 0..255
	Labels []int32 // [n], 0..Classes-1
	Rows   []int   // [n], the image's row in the source file: the training files for Train and Valid, the test files for Test
}

// Len is the number of images.
func (s *Split) Len() int { return len(s.Labels) }

// Dataset is a data set in memory, ready to upload.
type Dataset struct {
	Name                    string   // as in Options and Names, e.g. "mnist"
	Height, Width, Channels int      // of one image
	Classes                 int      // number of labels in use, at least 2
	ClassOrder              []int    // [Classes], the label in the files of each label here
	ClassNames              []string // [Classes], what the labels mean, in the order of ClassOrder; nil when the names are just the digits
	Train, Valid, Test      Split    // Valid may be empty when there are under seven training images
	Source                  string   // where the files came from, for people to read, e.g. "~/.cache/mdfa/mnist"
}

// Options says what to load. The zero value is every class, seed 0, from the
// default places.
type Options struct {
	// Dir is the folder that holds the files (flag -data). When it is empty
	// they are looked for in $MDFA_DATA/<name>, then in mdfa/<name> under the
	// user's cache folder, then where the data set itself knows of a source.
	Dir string
	// Classes is the number of classes to keep (flag -classes); 0 keeps all,
	// and is the same as naming their number.
	Classes int
	// Seed picks the classes and shuffles the images (flag -seed), 0 to
	// 2^32-1 as numpy.random.RandomState takes it.
	Seed int64
}

// definition describes one data set of the registry.
type definition struct {
	name                    string
	height, width, channels int
	classes                 int
	classNames              []string // [classes], or nil

	// read returns the training and test images in file order and tells where
	// they came from. dir is Options.Dir.
	read func(ctx context.Context, dir string) (train, test rawSplit, source string, err error)
}

// rawSplit is what a pair of files holds, in file order.
type rawSplit struct {
	images []uint8 // [n, height*width*channels]
	labels []int32 // [n], the labels of the files
}

var registry = map[string]definition{}

// register adds a data set; each calls it once, from an init function.
func register(d definition) { registry[d.name] = d }

// Names lists the known data sets in alphabetical order.
func Names() []string {
	names := make([]string, 0, len(registry))
	for name := range registry {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Load reads a data set and cuts its splits.
//
// What the caller asked for wrongly is an ErrUsage (more closely
// ErrUnknownDataset, ErrClasses or ErrSeed) and is found before any file is
// touched. Files that are absent or unfit are ErrNotFound, ErrTruncated,
// ErrCorrupt, ErrFormat or ErrChecksum; anything else comes from the operating
// system or from ctx. The text of each is one or two whole sentences for the
// user: what was wrong, what was expected, what to do.
func Load(ctx context.Context, name string, opt Options) (*Dataset, error) {
	def, ok := registry[name]
	if !ok {
		return nil, &fault{kind: ErrUnknownDataset, text: fmt.Sprintf(
			"-dataset %q: unknown; the data sets are %s.", name, strings.Join(Names(), ", "))}
	}
	classes, err := checkClasses(def, opt.Classes)
	if err != nil {
		return nil, err
	}
	seed, err := checkSeed(opt.Seed)
	if err != nil {
		return nil, err
	}
	train, test, source, err := def.read(ctx, opt.Dir)
	if err != nil {
		return nil, err
	}
	data, err := arrange(def, train, test, classes, seed)
	if err != nil {
		return nil, err
	}
	data.Source = source
	return data, nil
}

func checkClasses(def definition, classes int) (int, error) {
	switch {
	case classes == 0:
		return def.classes, nil
	case classes < 2:
		return 0, &fault{kind: ErrClasses, text: fmt.Sprintf(
			"-classes %d: a classifier needs at least 2 classes; %s has %d (leave the flag out to use all).",
			classes, def.name, def.classes)}
	case classes > def.classes:
		return 0, &fault{kind: ErrClasses, text: fmt.Sprintf(
			"-classes %d: %s has only %d classes; give 2 to %d (leave the flag out to use all).",
			classes, def.name, def.classes, def.classes)}
	}
	return classes, nil
}

func checkSeed(seed int64) (uint32, error) {
	if seed < 0 || seed > maxSeed {
		return 0, &fault{kind: ErrSeed, text: fmt.Sprintf(
			"-seed %d: the data split needs a seed from 0 to %d.", seed, int64(maxSeed))}
	}
	return uint32(seed), nil
}
