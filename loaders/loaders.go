// Package loaders brings a data set into memory: it finds (or fetches) the
// files, checks every byte of their format, takes the class subset and cuts
// the train, validation and test splits exactly as the paper's own code does
// for the same seed.
//
// It imports no package of devices, models or learning rules. Pixels
// stay uint8, as in the files; the device scales them to [0, 1].
//
// sets.go lists the data sets.
package loaders

import (
	"context"
	"net/http"

	"mdfa/internal/fetch"
)

// Split is one part of a data set. Images (or Source), Labels and Rows run over
// the same n images, in the order in which training or evaluation should see
// them.
type Split struct {
	Images []uint8     // [n, height*width*channels], row-major NHWC, 0..255; nil when there is a Source
	Source ImageSource // set when Images is nil: the images stay in files
	Labels []int32     // [n], 0..Classes-1
	Rows   []int       // [n], the image's row in the files: the test files for Test, the training files for Train, and for Valid its own files or else the training files
}

// Len returns the number of images.
func (s *Split) Len() int { return len(s.Labels) }

// ImageSource reads images that stay in files.
type ImageSource interface {
	// Image copies image i of the split into dst, [height*width*channels],
	// row-major HWC. It is safe for concurrent use.
	Image(i int, dst []uint8) error
}

// Dataset is a data set ready to upload.
type Dataset struct {
	Name                    string   // as in Options and Names, e.g. "mnist"
	Height, Width, Channels int      // of one image
	Classes                 int      // number of labels in use, at least 2
	Named                   string   // Options.Classes in the one spelling of this data set, if it had names; "" otherwise
	Coarse                  bool     // the labels are the coarse ones (Options.Coarse)
	ClassOrder              []int    // [Classes], the label in the files of each label here
	ClassNames              []string // [Classes], the names of the labels, in the order of ClassOrder; nil for digits and for unknown names
	Train, Valid, Test      Split    // Valid may be empty if there are fewer than seven training images
	Source                  string   // the origin of the files, for messages, e.g. "~/.cache/mdfa/mnist"
	LeftOut                 LeftOut  // photographs that could not be read
	Notes                   []string // remarks about the files for the user
	Official                bool     // a checksum shows that the files are, byte for byte, the published ones; false for sets without published checksums
}

// LeftOut counts the files of a data set that could not be read.
type LeftOut struct {
	Files, Of int           // unreadable files, all files
	Examples  []LeftOutFile // the first few
}

// LeftOutFile is a file that could not be read.
type LeftOutFile struct{ File, Reason string }

// maxExamples bounds the examples of files that were left out.
const maxExamples = 5

// Options are the settings of Load. The zero value loads every class, with seed 0, from the
// default places.
type Options struct {
	// Dir is the folder that holds the files (flag -data); for a data set that
	// is published as one archive it may be the archive itself. If it is
	// empty, Load looks in $MDFA_DATA/<name> and then in mdfa/<name>
	// under the user's cache folder, and fetches missing files into the first of these
	// folders that can be written.
	Dir string
	// Classes says which classes to keep, in the form of the flag -classes: a
	// number of them, which are picked, or names such as "3+8"; "" keeps all.
	Classes string
	// ClassSeed picks the classes in the place of Seed (flag -class_seed).
	ClassSeed *int64
	// ClassOrder, if set, keeps the classes of these labels in this order, in the place of
	// Classes: it loads a data set again as it was.
	ClassOrder []int
	// Coarse takes the 20 coarse labels of cifar100 in place of its 100 fine
	// ones (flag -coarse). Other data sets have no coarse labels.
	Coarse bool
	// Size is the height and width in pixels to which images are scaled (flag
	// -size), 0 for the data set's default. Only data sets of photographs
	// have it.
	Size int
	// Seed picks the classes, without a ClassSeed, and shuffles the images (flag -seed), 0 to
	// 2^32-1 as numpy.random.RandomState takes it.
	Seed int64
	// Progress, if set, is called with the progress of a long step, such as a
	// download: often, from one goroutine at a time.
	Progress func(Progress)

	via http.RoundTripper // stands for the network in tests; nil for the network
}

// Progress is the progress of a long step of Load.
type Progress = fetch.Progress

// definition describes one data set of the registry.
type definition struct {
	name                    string
	height, width, channels int      // 0 if they depend on the files
	classes                 int      // 0 if it depends on the files
	coarse                  int      // number of coarse classes, or 0
	sized                   bool     // Options.Size is allowed
	classNames              []string // [classes], or nil
	classIDs                []string // [classes], the names of the classes in the files, or nil if they are classNames
	namesInFiles            bool     // classNames are known once the files are read

	// read returns the content of the files.
	read func(ctx context.Context, opt Options) (contents, error)
}

// contents is the content of the files of a data set, in file order.
type contents struct {
	train, test rawSplit
	valid       rawSplit // without labels if it is cut from train
	source      string   // as in Dataset
	leftOut     LeftOut
	notes       []string
	official    bool // as in Dataset

	// Values that replace those of the definition, unless they are zero.
	height, width, channels, classes int
	classNames                       []string // [classes]
	classIDs                         []string // [classes]
}

// rawSplit is the content of the files of one split, in file order.
type rawSplit struct {
	images []uint8     // [n, height*width*channels]; nil if there is a source
	source ImageSource // set if images is nil
	labels []int32     // [n], the labels of the files
}
