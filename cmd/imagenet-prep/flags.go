package imagenetprep

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"strings"

	"mdfa/cmd/internal/cli"
	"mdfa/internal/fault"
	"mdfa/internal/imageprep"
	"mdfa/internal/shards"
	"mdfa/internal/shards/prepare"
	"mdfa/loaders"
)

// options are the flags as they were typed, their ranges checked.
type options struct {
	from, train, val       string
	truth, ids, synsets    string
	out                    string
	size, shardMB, workers int
	strict, stats, verify  bool
}

// about describes the program for its help.
var about = cli.Program{
	Name: "imagenet-prep",
	Summary: "imagenet-prep turns ImageNet as it is downloaded, or photographs in a folder for each\n" +
		"class, into the prepared folder that train -dataset imagenet reads.",
	Description: "[imagenet.md](imagenet.md) describes the prepared folder.",
	Examples: []string{
		"imagenet-prep -from ~/Downloads/imagenet",
		"imagenet-prep -train ILSVRC2012_img_train.tar -val ILSVRC2012_img_val.tar " +
			"-truth ILSVRC2012_validation_ground_truth.txt -ids synsets-by-id.txt",
		"imagenet-prep -stats -verify",
	},
	Environment: append(cli.DataVariables(), cli.TerminalVariables()...),
	Closing:     "The same command resumes interrupted work.",
}

func newFlags(o *options) *cli.Flags {
	f := cli.New(about)
	f.Topic("Where the photographs are")
	f.Text(&o.from, "from", "DIR", "", "a folder with any of: ILSVRC2012_img_train.tar or training/ (train/), "+
		"ILSVRC2012_img_val.tar or validation/ (val/, test/), and the text files ILSVRC2012_validation_ground_truth.txt, "+
		"LOC_val_solution.csv, LOC_synset_mapping.txt and synset_words.txt; or Kaggle's archive, unpacked").Folder()
	f.Text(&o.train, "train", "PATH", "", "training images: the tar of tars, or a folder with a folder for each class").File()
	f.Text(&o.val, "val", "PATH", "", "validation images, which become the test set: a tar, such a folder, or one of images alone").File()
	f.Text(&o.truth, "truth", "FILE", "", `classes of validation images without folders: lines of "file synset", or of one synset, or of one ILSVRC2012_ID, which needs -ids`).File()
	f.Text(&o.ids, "ids", "FILE", "", "line N has the synset of ILSVRC2012_ID N").File()
	f.Text(&o.synsets, "synsets", "FILE", "", `names of the classes: lines such as "n01440764 tench"`).File()

	f.Topic("How they are prepared")
	f.Text(&o.out, "out", "DIR", "", "the prepared folder (default $MDFA_DATA/imagenet, or else mdfa/imagenet in the user's cache folder)").Folder()
	f.Integer(&o.size, "size", "N", 224, math.MinInt, "height and width of an image in pixels")
	f.Integer(&o.shardMB, "shard", "MB", shards.DefaultShardBytes>>20, math.MinInt, "size of a shard file at most")
	f.Bool(&o.strict, "strict", "fail at an image that cannot be read, instead of leaving it out")
	f.Integer(&o.workers, "workers", "N", 0, math.MinInt, "photographs decoded at a time (default one for each processor)")

	f.Topic("A prepared folder")
	f.Bool(&o.stats, "stats", "print what -out holds")
	f.Bool(&o.verify, "verify", "compare every checksum of -out")
	return f
}

// parse reads the command line. The error is a usage error, or an answer such as the help
// text.
func parse(args []string) (options, error) {
	var o options
	f := newFlags(&o)
	if _, err := f.Parse(args); err != nil {
		return o, err
	}
	return o, o.check(f.Given)
}

// Limits of -shard and -workers that no sensible use passes.
const (
	maxShardMB = 64 << 10
	maxWorkers = 4096
)

func (opt *options) check(given map[string]bool) error {
	switch {
	case opt.size < imageprep.MinSize || opt.size > imageprep.MaxSize:
		return cli.Usagef("-size %d: expected %d to %d pixels.", opt.size, imageprep.MinSize, imageprep.MaxSize)
	case opt.shardMB < 1 || opt.shardMB > maxShardMB:
		return cli.Usagef("-shard %d: expected 1 to %d MB.", opt.shardMB, maxShardMB)
	case given["workers"] && (opt.workers < 1 || opt.workers > maxWorkers):
		return cli.Usagef("-workers %d: expected 1 to %d.", opt.workers, maxWorkers)
	case opt.from != "" && (opt.train != "" || opt.val != ""):
		return cli.Usagef("-from looks for the images by itself: leave it out, or -train and -val.")
	case opt.val != "" && opt.train == "":
		return cli.Usagef("-val needs -train: the classes are those of the training images.")
	case !opt.prepares() && !opt.stats && !opt.verify:
		return cli.Usagef("nothing to do: name the images with -from or -train, or ask for -stats or -verify (imagenet-prep -h lists the flags).")
	}
	if !opt.prepares() {
		for _, name := range []string{"truth", "ids", "synsets", "size", "shard", "strict", "workers"} {
			if given[name] {
				return cli.Usagef("-%s needs -from or -train: it says how to prepare images.", name)
			}
		}
	}
	if opt.out == "" {
		var err error
		if opt.out, err = loaders.ImageNetFolder(); err != nil {
			return cli.Usagef("-out is needed: %v.", err)
		}
	}
	return nil
}

// prepares reports whether the flags ask for a preparation.
func (opt *options) prepares() bool { return opt.from != "" || opt.train != "" }

// inputs are the paths of the images and of the texts about them; "" for missing ones.
type inputs struct{ train, val, truth, ids, synsets string }

// inputs finds the inputs below -from.
func (opt *options) inputs() (inputs, error) {
	in := inputs{opt.train, opt.val, opt.truth, opt.ids, opt.synsets}
	if opt.from == "" {
		return in, nil
	}
	from := opt.from
	if below := filepath.Join(from, kaggleFolder); exists(below) {
		from = below
	}
	// first returns a path that was given, or else the first one that exists.
	first := func(dir, given string, names ...string) string {
		for _, name := range names {
			if path := filepath.Join(dir, name); given == "" && exists(path) {
				given = path
			}
		}
		return given
	}
	in.train = first(from, "", "ILSVRC2012_img_train.tar", "training", "train")
	in.val = first(from, "", "ILSVRC2012_img_val.tar", "validation", "val", "test")
	in.synsets = first(from, in.synsets, "LOC_synset_mapping.txt", "synset_words.txt")
	if in.needsTruth() {
		in.truth = first(from, in.truth, "LOC_val_solution.csv", "ILSVRC2012_validation_ground_truth.txt")
	}
	if root, ok := kaggleRoot(from); ok {
		in.synsets = first(root, in.synsets, "LOC_synset_mapping.txt")
		if in.needsTruth() {
			in.truth = first(root, in.truth, "LOC_val_solution.csv")
		}
	}
	if !exists(opt.from) {
		return in, fault.New(shards.ErrAbsent, nil, "-from %s: there is no such folder.", opt.from)
	}
	if in.train == "" {
		return in, fault.New(shards.ErrAbsent, nil,
			"%s has neither ILSVRC2012_img_train.tar nor a folder training or train: name the folder that has, or the images themselves with -train.", opt.from)
	}
	return in, nil
}

// kaggleFolder is the folder of the photographs in Kaggle's archive. The tables of their classes
// are at the archive's root.
var kaggleFolder = filepath.Join("ILSVRC", "Data", "CLS-LOC")

// kaggleRoot returns the root of the archive that a folder of photographs belongs to.
func kaggleRoot(folder string) (root string, ok bool) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return "", false
	}
	return strings.CutSuffix(folder, string(filepath.Separator)+kaggleFolder)
}

// needsTruth reports whether the validation images have no folder for each class.
func (in inputs) needsTruth() bool {
	return isFile(in.val) || in.val != "" && prepare.IsFlat(in.val)
}

// open opens the source of the photographs.
func (in inputs) open(ctx context.Context) (*prepare.Source, error) {
	if in.truth != "" && !in.needsTruth() {
		return nil, cli.Usagef("-truth goes with a validation tar or one folder of images; in folders of classes, the folder's name is the class.")
	}
	if in.ids != "" && in.truth == "" {
		return nil, cli.Usagef("-ids goes with -truth.")
	}
	if in.needsTruth() && in.truth == "" {
		return nil, cli.Usagef("%s needs -truth FILE, which says the classes of its images.", in.val)
	}
	train, err := prepare.Open(ctx, in.train, nil, false)
	if err != nil {
		return nil, err
	}
	if in.val == "" {
		return prepare.NewSource(train, nil)
	}
	var truth *prepare.Truth
	if in.truth != "" {
		if truth, err = prepare.ReadTruth(ctx, in.truth, in.ids); err != nil {
			return nil, err
		}
	}
	val, err := prepare.Open(ctx, in.val, truth, false)
	if err != nil {
		return nil, err
	}
	return prepare.NewSource(train, val)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}
