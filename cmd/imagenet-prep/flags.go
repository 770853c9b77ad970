package main

import (
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"

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

const usageText = `imagenet-prep turns ImageNet as it is downloaded, or photographs in a folder for each
class, into the prepared folder that train -dataset imagenet reads.

Examples
  imagenet-prep -from ~/Downloads/imagenet
  imagenet-prep -train ILSVRC2012_img_train.tar -val ILSVRC2012_img_val.tar \
      -truth ILSVRC2012_validation_ground_truth.txt -ids synsets-by-id.txt
  imagenet-prep -stats -verify

Where the photographs are
  -from DIR      a folder with any of: ILSVRC2012_img_train.tar or training/ (train/),
                 ILSVRC2012_img_val.tar or validation/ (val/, test/), and the text files
                 ILSVRC2012_validation_ground_truth.txt, LOC_val_solution.csv,
                 LOC_synset_mapping.txt and synset_words.txt
  -train PATH    training images: the tar of tars, or a folder with a folder for each class
  -val PATH      validation images, which become the test set: a tar, or such a folder
  -truth FILE    classes of a validation tar: lines of "file synset", or of one synset, or
                 of one ILSVRC2012_ID, which needs -ids
  -ids FILE      the synset of ILSVRC2012_ID 1, 2, … in its lines
  -synsets FILE  names of the classes: lines such as "n01440764 tench"

What becomes of them
  -out DIR       the prepared folder (default $MDFA_DATA/imagenet, or else mdfa/imagenet in
                 the user's cache folder)
  -size N        height and width of an image in pixels (default 224)
  -shard MB      size of a shard file at most (default 256)
  -strict        fail at an image that cannot be read, instead of leaving it out
  -workers N     photographs decoded at a time (default one for each processor)

A folder that is prepared
  -stats         print what -out holds
  -verify        compare every checksum of -out

Work that is broken off goes on when the same command is given again.
Exit codes: 0 done, 1 failed, 2 wrong usage, 130 ended by Ctrl-C.
`

func printUsage(w io.Writer) error {
	_, err := io.WriteString(w, usageText)
	return err
}

func parse(args []string) (options, error) {
	var opt options
	f := flag.NewFlagSet("imagenet-prep", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	f.StringVar(&opt.from, "from", "", "")
	f.StringVar(&opt.train, "train", "", "")
	f.StringVar(&opt.val, "val", "", "")
	f.StringVar(&opt.truth, "truth", "", "")
	f.StringVar(&opt.ids, "ids", "", "")
	f.StringVar(&opt.synsets, "synsets", "", "")
	f.StringVar(&opt.out, "out", "", "")
	f.IntVar(&opt.size, "size", 224, "")
	f.IntVar(&opt.shardMB, "shard", shards.DefaultShardBytes>>20, "")
	f.IntVar(&opt.workers, "workers", 0, "")
	f.BoolVar(&opt.strict, "strict", false, "")
	f.BoolVar(&opt.stats, "stats", false, "")
	f.BoolVar(&opt.verify, "verify", false, "")
	if err := f.Parse(args); err != nil {
		if err == flag.ErrHelp {
			return opt, err
		}
		text := strings.Replace(err.Error(), "flag provided but not defined:", "there is no flag", 1)
		return opt, usagef("%s (imagenet-prep -h lists the flags).", text)
	}
	return opt, opt.check(f)
}

// Limits of -shard and -workers that no sensible use passes.
const (
	maxShardMB = 64 << 10
	maxWorkers = 4096
)

func (opt *options) check(f *flag.FlagSet) error {
	given := map[string]bool{}
	f.Visit(func(f *flag.Flag) { given[f.Name] = true })
	switch {
	case f.NArg() > 0:
		return usagef("unexpected argument %q: imagenet-prep takes flags only, such as -from DIR.", f.Arg(0))
	case opt.size < imageprep.MinSize || opt.size > imageprep.MaxSize:
		return usagef("-size %d: expected %d to %d pixels.", opt.size, imageprep.MinSize, imageprep.MaxSize)
	case opt.shardMB < 1 || opt.shardMB > maxShardMB:
		return usagef("-shard %d: expected 1 to %d MB.", opt.shardMB, maxShardMB)
	case given["workers"] && (opt.workers < 1 || opt.workers > maxWorkers):
		return usagef("-workers %d: expected 1 to %d.", opt.workers, maxWorkers)
	case opt.from != "" && (opt.train != "" || opt.val != ""):
		return usagef("-from looks for the images by itself: leave it out, or -train and -val.")
	case opt.val != "" && opt.train == "":
		return usagef("-val needs -train: the classes are those of the training images.")
	case !opt.prepares() && !opt.stats && !opt.verify:
		return usagef("nothing to do: name the images with -from or -train, or ask for -stats or -verify (imagenet-prep -h lists the flags).")
	}
	if !opt.prepares() {
		for _, name := range []string{"truth", "ids", "synsets", "size", "shard", "strict", "workers"} {
			if given[name] {
				return usagef("-%s needs -from or -train: it says how to prepare images.", name)
			}
		}
	}
	if opt.out == "" {
		var err error
		if opt.out, err = loaders.ImageNetFolder(); err != nil {
			return usagef("-out is needed: %v.", err)
		}
	}
	return nil
}

// prepares says whether there is something to prepare.
func (opt *options) prepares() bool { return opt.from != "" || opt.train != "" }

// inputs are the paths of what is prepared; "" for what there is not.
type inputs struct{ train, val, truth, ids, synsets string }

// inputs finds what -from did not name.
func (opt *options) inputs() (inputs, error) {
	in := inputs{opt.train, opt.val, opt.truth, opt.ids, opt.synsets}
	if opt.from == "" {
		return in, nil
	}
	first := func(given string, names ...string) string {
		for _, name := range names {
			if given != "" {
				break
			}
			if path := filepath.Join(opt.from, name); exists(path) {
				given = path
			}
		}
		return given
	}
	in.train = first("", "ILSVRC2012_img_train.tar", "training", "train")
	in.val = first("", "ILSVRC2012_img_val.tar", "validation", "val", "test")
	in.synsets = first(in.synsets, "LOC_synset_mapping.txt", "synset_words.txt")
	if isFile(in.val) {
		in.truth = first(in.truth, "LOC_val_solution.csv", "ILSVRC2012_validation_ground_truth.txt")
	}
	if !exists(opt.from) {
		return in, &shards.Error{Kind: shards.ErrAbsent, Text: "-from " + opt.from + ": there is no such folder."}
	}
	if in.train == "" {
		return in, &shards.Error{Kind: shards.ErrAbsent, Text: opt.from +
			" has neither ILSVRC2012_img_train.tar nor a folder training or train: name the folder that has, or the images themselves with -train."}
	}
	return in, nil
}

// open opens the source of the photographs.
func (in inputs) open() (*prepare.Source, error) {
	if in.truth != "" && !isFile(in.val) {
		return nil, usagef("-truth goes with a validation tar; in folders, the folder's name is the class.")
	}
	if in.ids != "" && in.truth == "" {
		return nil, usagef("-ids goes with -truth.")
	}
	if isFile(in.val) && in.truth == "" {
		return nil, usagef("%s needs -truth FILE, which says the classes of its images.", in.val)
	}
	var train, val prepare.Part
	var err error
	if isFile(in.train) {
		train, err = prepare.OpenClassTars(in.train)
	} else {
		train, err = prepare.OpenFolder(in.train, false)
	}
	if err != nil {
		return nil, err
	}
	switch {
	case in.val == "":
		return prepare.NewSource(train, nil)
	case isFile(in.val):
		var truth *prepare.Truth
		if truth, err = prepare.ReadTruth(in.truth, in.ids); err == nil {
			val, err = prepare.OpenFlatTar(in.val, truth)
		}
	default:
		val, err = prepare.OpenFolder(in.val, false)
	}
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
