package predict

import (
	"strings"

	"mdfa/cmd/internal/cli"
	"mdfa/internal/wording"
	"mdfa/run/checkpoint"
	"mdfa/run/settings"
)

// The values of -split and -show.
const (
	splitTrain = "train"
	splitValid = "valid"
	splitTest  = "test"

	showAll   = "all"
	showWrong = "wrong"
	showNone  = "none"
)

// options holds the flags.
type options struct {
	path                        string   // of the checkpoint or the run
	images                      []string // files and folders
	weights, split, data        string
	show, device                string
	top, batch                  int
	json, logits, invert, quiet bool
}

// newFlags defines every flag.
func newFlags(o *options) *cli.Flags {
	f := cli.New(cli.Program{
		Name:      "predict",
		Summary:   "predict classifies images with a trained network.",
		Arguments: "RUN_OR_CHECKPOINT [IMAGES...]",
		Description: "The first argument is the folder of a run or a checkpoint file. IMAGES are JPEG and PNG files, idx files (.gz as well), " +
			"files of CIFAR's binary version, and folders of these. Images of another size or colour are fitted as they are for training: the centre " +
			"square, resized; grey by luminance, or grey in all three channels.\n\n" +
			"Where true classes are known, accuracy, top-5 and the confusion matrix follow. They are known of -split, of CIFAR files, of idx images whose " +
			"file of labels is named too, and of folders that are called like the classes.\n\n" +
			"With -json each line is one JSON object. `{\"image\": …, \"predictions\": [{\"class\": 7, \"name\": \"7\", \"probability\": 0.98}, …]}` is an image, with " +
			"`label` (the true class, counted as the network does) where it is known and `logits` where they were asked for; " +
			"`{\"image\": …, \"error\": …}` is a file that could not be read; the last line is `{\"summary\": …}`.",
		Examples: []string{
			"predict results/mnist/mdfa-dense-c10-s0-… digit.png photos/",
			"predict results/mnist/mdfa-dense-c10-s0-… -split test",
			"predict best.safetensors t10k-images-idx3-ubyte.gz t10k-labels-idx1-ubyte.gz -show wrong",
		},
		Closing: "A file that cannot be read is named, the others are classified, and the exit code is 1.",
	})
	f.Topic("Network")
	f.Text(&o.weights, "weights", "NAME", checkpoint.Best, "weights of the best epoch, or the last ones: best or last").Only(checkpoint.Best, checkpoint.Last)
	f.Text(&o.device, "device", "NAME", "auto", strings.Join(settings.Devices, ", ")+"; cuda:1 is the second GPU").Among(settings.Devices...)
	f.Integer(&o.batch, "batch_size", "N", 0, 1, "images at a time (default as in training)")
	f.Topic("Images")
	f.Text(&o.split, "split", "NAME", "", "a part of the run's own data set: train, valid or test").Only(splitTrain, splitValid, splitTest)
	f.Text(&o.data, "data", "DIR", "", "with -split: folder of the data set's files (default as in training)").File()
	f.Bool(&o.invert, "invert", "exchange black and white of photographs, as for ink on paper")
	f.Topic("Output")
	f.Integer(&o.top, "top", "K", 5, 1, "name the K most likely classes")
	f.Text(&o.show, "show", "NAME", "", "lines of all images, of wrong ones, or none (default all, with -split none)").Only(showAll, showWrong, showNone)
	f.Bool(&o.json, "json", "print a JSON object a line, for programs")
	f.Bool(&o.logits, "logits", "with -json: the logits of each image")
	f.Bool(&o.quiet, "quiet", "leave out the lines about network and device")
	return f
}

// parse reads the command line.
func parse(args []string) (options, error) {
	var o options
	f := newFlags(&o)
	rest, err := f.Parse(args)
	if err != nil {
		return o, err
	}
	if len(rest) == 0 {
		return o, cli.Usagef("what network? Name the folder of a run or a checkpoint, as in predict results/mnist/RUN image.png.")
	}
	o.path, o.images = rest[0], rest[1:]
	if o.show == "" {
		o.show = showAll
		if o.split != "" && !o.logits {
			o.show = showNone
		}
	}
	switch {
	case o.split == "" && len(o.images) == 0:
		return o, cli.Usagef("no images: name files or folders behind %s, or a part of its data set with -split test.", wording.Shown(o.path))
	case o.split != "" && len(o.images) > 0:
		return o, cli.Usagef("-split %s and the images %s: leave one of them out.", o.split, strings.Join(o.images, ", "))
	case o.split == "" && o.data != "":
		return o, cli.Usagef("-data goes with -split: it says where the data set is.")
	case o.logits && !o.json:
		return o, cli.Usagef("-logits goes with -json.")
	}
	return o, nil
}
