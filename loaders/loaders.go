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
	Rows   []int       // [n], the image's row in the source file: the training files for Train and, unless it has files of its own, for Valid, the test files for Test
}

// Len is the number of images.
func (s *Split) Len() int { return len(s.Labels) }

// ImageSource hands out images that are too many for memory.
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
	Coarse                  bool     // the labels are the coarse ones, as Options.Coarse asked
	ClassOrder              []int    // [Classes], the label in the files of each label here
	ClassNames              []string // [Classes], what the labels mean, in the order of ClassOrder; nil when the names are just the digits or not known
	Train, Valid, Test      Split    // Valid may be empty when there are under seven training images
	Source                  string   // where the files came from, for people to read, e.g. "~/.cache/mdfa/mnist"
	LeftOut                 LeftOut  // photographs that could not be read
	Notes                   []string // what the user should know about the files
	Official                bool     // a checksum has shown that the files are, byte for byte, the published ones; false where nothing could show it
}

// LeftOut says which files of a data set could not be read.
type LeftOut struct {
	Files, Of int           // how many, of how many
	Examples  []LeftOutFile // the first few
}

// LeftOutFile is one of them.
type LeftOutFile struct{ File, Reason string }

// maxExamples is how many files that were left out are named.
const maxExamples = 5

// Options says what to load. The zero value is every class, seed 0, from the
// default places.
type Options struct {
	// Dir is the folder that holds the files (flag -data); for a data set that
	// is published as one archive it may be the archive itself. When it is
	// empty they are looked for in $MDFA_DATA/<name>, then in mdfa/<name>
	// under the user's cache folder, then where the data set itself knows of a
	// source. What is fetched goes into the first of these folders that can be
	// written.
	Dir string
	// Classes is the number of classes to keep (flag -classes); 0 keeps all,
	// and is the same as naming their number.
	Classes int
	// Coarse takes the 20 coarse labels of cifar100 in place of its 100 fine
	// ones (flag -coarse). Other data sets have none.
	Coarse bool
	// Size is the height and width in pixels that images are brought to (flag
	// -size), 0 for the data set's default. Only data sets of loose pictures
	// take it.
	Size int
	// Seed picks the classes and shuffles the images (flag -seed), 0 to
	// 2^32-1 as numpy.random.RandomState takes it.
	Seed int64
	// Progress, when set, is told how far a long step has come, such as a
	// download. It is called often, from one goroutine at a time.
	Progress func(Progress)

	via http.RoundTripper // how tests reach the publishers; nil for the network
}

// Progress is how far a long step of Load has come.
type Progress = fetch.Progress

// definition describes one data set of the registry.
type definition struct {
	name                    string
	height, width, channels int      // 0 where only the files tell
	classes                 int      // 0 where only the files tell
	coarse                  int      // number of coarse classes; 0 where the set has none
	sized                   bool     // Options.Size counts
	classNames              []string // [classes], or nil

	// read returns what the files hold.
	read func(ctx context.Context, opt Options) (contents, error)
}

// contents is what the files of a data set hold, in file order.
type contents struct {
	train, test rawSplit
	valid       rawSplit // without labels where it is cut from train
	source      string   // for people to read
	leftOut     LeftOut
	notes       []string
	official    bool // as in Dataset

	// What the files tell beyond the definition; zero values leave that as it is.
	height, width, channels, classes int
	classNames                       []string // [classes]
}

// rawSplit is what the files of one split hold, in file order.
type rawSplit struct {
	images []uint8     // [n, height*width*channels]; nil when there is a source
	source ImageSource // set when images is nil
	labels []int32     // [n], the labels of the files
}
